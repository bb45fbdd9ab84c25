"""What a search asks of each message, as values.

Source: RFC 3501 §6.4.4, RFC 5032 (WITHIN), RFC 7162 §3.1.5 (MODSEQ).
"""

from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from mailstore.imap.protocol.sequence import Target


class DateField(Enum):
    """Which date a search compares."""

    INTERNAL = "internal"
    SENT = "sent"


@dataclass(frozen=True, slots=True)
class Everything:
    """ALL."""


@dataclass(frozen=True, slots=True)
class HasFlag:
    """A flag is set; Recent is the one of the session."""

    flag: str


@dataclass(frozen=True, slots=True)
class InSet:
    """A sequence set, or UID with one."""

    target: Target


@dataclass(frozen=True, slots=True)
class DateIs:
    """BEFORE, ON, SINCE and SENT…; `comparison` is "<", "=" or ">=", both sides without time and zone."""

    field: DateField
    comparison: str
    day: date


@dataclass(frozen=True, slots=True)
class SizeIs:
    """LARGER (`larger`) or SMALLER, in octets."""

    larger: bool
    size_bytes: int


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """HEADER name text, and SUBJECT, FROM, TO, CC, BCC; an empty text asks for the field's presence."""

    name: str
    text: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TextHas:
    """BODY text, or TEXT text when `header` counts too."""

    text: str = field(repr=False)
    header: bool


@dataclass(frozen=True, slots=True)
class Both:
    """Every key must hold; none holds for every message."""

    keys: tuple["SearchKey", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """OR."""

    first: "SearchKey"
    second: "SearchKey"


@dataclass(frozen=True, slots=True)
class Not:
    """NOT."""

    key: "SearchKey"


SearchKey = Everything | HasFlag | InSet | DateIs | SizeIs | HeaderHas | TextHas | Both | Either | Not
