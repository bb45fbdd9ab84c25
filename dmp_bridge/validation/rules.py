"""Which files documents are judged by, and what parent and child agree on; loads nothing heavy."""

from dataclasses import dataclass
from pathlib import Path

NONE = "-"
"""Stands for an absent file among the arguments of the child."""
LENGTH_BYTES = 8
"""Each document follows its length, big-endian."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishedRules:
    """The files that a document is judged by; None: not judged by that.

    Attributes:
        schema: `CDA_extended.xsd` of CI-SIS, with the files that it imports beside it.
        schematron: a `.sch` of CI-SIS (`queryBinding="xslt2"`), with its `include` folder.
        seconds: of the child process.
    """

    schema: Path | None
    schematron: Path | None
    seconds: int
