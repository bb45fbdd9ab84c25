"""The age of majority in force in this process, from which nobody is represented as a minor any more.

Bootstrap says it (`[access] majority_years`); the engine receives it as a fact of each case (`majorite`).
"""

from typing import Final


class AgeOfMajority:
    """Holds the age, in whole years; 18 while bootstrap said nothing else (code civil, art. 414)."""

    def __init__(self) -> None:
        self._years = 18

    def choose(self, years: int) -> None:
        """Set the age."""
        self._years = years

    def years(self) -> int:
        """Return the age."""
        return self._years


MAJORITY: Final = AgeOfMajority()
