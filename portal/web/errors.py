"""What is wrong in a form, said next to the field and in the summary on top."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FieldError:
    """One sentence that says what to do, and the id of its field ("" when it is about the whole form)."""

    field: str
    text: str
