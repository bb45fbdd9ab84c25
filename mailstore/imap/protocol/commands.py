"""What a client may ask, as values. One class a command; the grammar makes them, the handlers take them."""

from dataclasses import dataclass, field
from datetime import date, datetime
from enum import Enum, StrEnum

from mailstore.imap.protocol.sequence import SequenceSet


@dataclass(frozen=True, slots=True)
class Capability:
    """RFC 9051 §6.1.1."""


@dataclass(frozen=True, slots=True)
class Noop:
    """RFC 9051 §6.1.2."""


@dataclass(frozen=True, slots=True)
class Logout:
    """RFC 9051 §6.1.3."""


@dataclass(frozen=True, slots=True)
class StartTls:
    """RFC 9051 §6.2.1."""


@dataclass(frozen=True, slots=True)
class Authenticate:
    """RFC 9051 §6.2.2; `initial` is the decoded initial response of SASL-IR (RFC 4959), None when absent."""

    mechanism: str
    initial: bytes | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Login:
    """RFC 9051 §6.2.3."""

    login: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE when `read_only` (RFC 9051 §6.3.2, §6.3.3)."""

    mailbox: str
    read_only: bool


@dataclass(frozen=True, slots=True)
class Create:
    """RFC 9051 §6.3.4; `special_use` (RFC 6154 §5.3) keeps its backslash."""

    mailbox: str
    special_use: str | None


@dataclass(frozen=True, slots=True)
class Delete:
    """RFC 9051 §6.3.5."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class Rename:
    """RFC 9051 §6.3.6."""

    mailbox: str
    new_name: str


@dataclass(frozen=True, slots=True)
class Subscribe:
    """SUBSCRIBE, or UNSUBSCRIBE when `wanted` is false (RFC 9051 §6.3.7, §6.3.8)."""

    mailbox: str
    wanted: bool


class StatusItem(StrEnum):
    """What STATUS may tell (RFC 9051 §6.3.11; SIZE from RFC 8438)."""

    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    SIZE = "SIZE"


@dataclass(frozen=True, slots=True)
class Status:
    """RFC 9051 §6.3.11."""

    mailbox: str
    items: tuple[StatusItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMailboxes:
    """LIST with the options of RFC 5258, or LSUB when `legacy_subscribed` (RFC 3501 §6.3.9)."""

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[str] = frozenset()
    return_: frozenset[str] = frozenset()
    status: tuple[StatusItem, ...] = ()
    legacy_subscribed: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """RFC 2342."""


@dataclass(frozen=True, slots=True)
class Identify:
    """ID (RFC 2971); what the client says of itself is not kept."""


@dataclass(frozen=True, slots=True)
class Append:
    """RFC 9051 §6.3.12, up to the message, which is streamed after it."""

    mailbox: str
    flags: frozenset[str]
    internal_date: datetime | None


@dataclass(frozen=True, slots=True)
class Idle:
    """RFC 2177."""


@dataclass(frozen=True, slots=True)
class Check:
    """RFC 3501 §6.4.1."""


@dataclass(frozen=True, slots=True)
class Close:
    """CLOSE, or UNSELECT (RFC 3691) when `expunge` is false."""

    expunge: bool


@dataclass(frozen=True, slots=True)
class Expunge:
    """EXPUNGE, or UID EXPUNGE of a set (RFC 4315 §2.1)."""

    uids: SequenceSet | None


@dataclass(frozen=True, slots=True)
class Target:
    """The messages that a command is about: sequence numbers, or UIDs when `uid`."""

    numbers: SequenceSet
    uid: bool


class Attribute(StrEnum):
    """What FETCH gives without opening the message."""

    FLAGS = "FLAGS"
    UID = "UID"
    INTERNALDATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"


class SectionText(StrEnum):
    """The last word of a body section; ALL when there is none."""

    ALL = ""
    HEADER = "HEADER"
    TEXT = "TEXT"
    MIME = "MIME"
    FIELDS = "HEADER.FIELDS"
    FIELDS_NOT = "HEADER.FIELDS.NOT"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A piece of a message: BODY[1.2.HEADER]<0.2048>, and RFC822 and its kin.

    `part` is the path of part numbers; `partial` the first octet and the count; `label` what the answer repeats.
    """

    part: tuple[int, ...] = ()
    text: SectionText = SectionText.ALL
    fields: tuple[bytes, ...] = ()
    partial: tuple[int, int] | None = None
    sets_seen: bool
    label: bytes


@dataclass(frozen=True, slots=True)
class Fetch:
    """RFC 9051 §6.4.5; `attributes` and `sections` keep the client's order."""

    target: Target
    attributes: tuple[Attribute, ...]
    sections: tuple[Section, ...]


class FlagOperation(StrEnum):
    """What STORE does with the flags; the values are those of `mailstore.store.FlagChange`."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Store:
    """RFC 9051 §6.4.6."""

    target: Target
    operation: FlagOperation
    flags: frozenset[str]
    silent: bool


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY, or MOVE (RFC 6851) when `move`."""

    target: Target
    mailbox: str
    move: bool


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


@dataclass(frozen=True, slots=True)
class Search:
    """RFC 3501 §6.4.4; `unknown_charset` when the texts cannot be read."""

    key: SearchKey
    uid: bool
    unknown_charset: bool = False


Command = (
    Capability
    | Noop
    | Logout
    | StartTls
    | Authenticate
    | Login
    | Select
    | Create
    | Delete
    | Rename
    | Subscribe
    | Status
    | ListMailboxes
    | Namespace
    | Identify
    | Append
    | Idle
    | Check
    | Close
    | Expunge
    | Fetch
    | Store
    | Copy
    | Search
)


@dataclass(frozen=True, slots=True)
class Request:
    """A command with the tag that its answer repeats."""

    tag: bytes
    command: Command
