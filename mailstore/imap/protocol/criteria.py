"""What a search asks of each message, as values.

Source: RFC 3501 §6.4.4, RFC 5032 (WITHIN), RFC 7162 §3.1.5 (MODSEQ).
"""

from dataclasses import dataclass, field
from datetime import date
from enum import Enum

from mailstore.imap.protocol.sequence import Target

EMAIL_ID_PREFIX = "M"
"""What stands before a message's id on the wire: RFC 8474 §4 ids may begin with a letter or a digit, ours do with M."""


class DateField(Enum):
    """Which date a search compares."""

    INTERNAL = "internal"
    SENT = "sent"
    SAVED = "saved"


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
    """BEFORE, ON, SINCE, SENT…, SAVED…; `comparison` is "<", "=" or ">=", both sides without time and zone."""

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
class AgeIs:
    """OLDER, or YOUNGER when not `older`: INTERNALDATE against now, in seconds (RFC 5032)."""

    older: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class ModseqIs:
    """MODSEQ: changed at that modseq or later."""

    modseq: int


@dataclass(frozen=True, slots=True)
class IdIs:
    """EMAILID (RFC 8474 §5.3), or THREADID with no message at all, since no thread ids are given."""

    message_id: str | None


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


SearchKey = (
    Everything | HasFlag | InSet | DateIs | SizeIs | AgeIs | ModseqIs | IdIs | HeaderHas | TextHas | Both | Either | Not
)
