"""What a client may ask, as values. One class a command; the grammar makes them, the handlers take them."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from mailstore.imap.protocol.criteria import SearchKey
from mailstore.imap.protocol.items import Attribute, Content
from mailstore.imap.protocol.metadata import GetMetadata, MetadataQuery, SetMetadata
from mailstore.imap.protocol.notify import Notify
from mailstore.imap.protocol.sequence import SequenceSet, Target


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
class Enable:
    """RFC 5161; `names` in upper case."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Resync:
    """The QRESYNC parameter of SELECT (RFC 7162 §3.2.5); `known` are the UIDs that the client has, None for all."""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE when `read_only` (RFC 9051 §6.3.2, §6.3.3), with the parameters of RFC 7162."""

    mailbox: str
    read_only: bool
    condstore: bool = False
    resync: Resync | None = None


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
    HIGHESTMODSEQ = "HIGHESTMODSEQ"
    MAILBOXID = "MAILBOXID"
    DELETED = "DELETED"
    DELETED_STORAGE = "DELETED-STORAGE"


@dataclass(frozen=True, slots=True)
class Status:
    """RFC 9051 §6.3.11."""

    mailbox: str
    items: tuple[StatusItem, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ListMailboxes:
    """LIST with the options of RFC 5258, RFC 5819 and RFC 9590, or LSUB when `legacy_subscribed` (RFC 3501 §6.3.9)."""

    reference: str
    patterns: tuple[str, ...]
    select: frozenset[str] = frozenset()
    return_: frozenset[str] = frozenset()
    status: tuple[StatusItem, ...] = ()
    metadata: MetadataQuery | None = None
    legacy_subscribed: bool = False


@dataclass(frozen=True, slots=True)
class Namespace:
    """RFC 2342."""


@dataclass(frozen=True, slots=True)
class Identify:
    """ID (RFC 2971); what the client says of itself is not kept."""


@dataclass(frozen=True, slots=True)
class Append:
    """RFC 9051 §6.3.12, up to the message, which is streamed after it.

    `utf8` for `UTF8 (~{…})` of RFC 6855; `replaces` for REPLACE (RFC 8508): the one message that goes away.
    """

    mailbox: str
    flags: frozenset[str]
    internal_date: datetime | None
    utf8: bool = False
    replaces: Target | None = None


@dataclass(frozen=True, slots=True)
class GetQuota:
    """RFC 9208 §4.2; the name of a root."""

    root: str


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """RFC 9208 §4.3."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota:
    """RFC 9208 §4.1.2; the limits asked for are read and not kept."""


@dataclass(frozen=True, slots=True)
class MyRights:
    """RFC 4314 §3.5."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class GetAcl:
    """RFC 4314 §3.3."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class ListRights:
    """RFC 4314 §3.4."""

    mailbox: str
    identifier: str


@dataclass(frozen=True, slots=True)
class SetAcl:
    """SETACL and DELETEACL (RFC 4314 §3.1, §3.2); whose rights, and which, is read and not kept."""

    mailbox: str


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
class Fetch:
    """RFC 9051 §6.4.5; `attributes` and `sections` keep the client's order.

    `changed_since` and `vanished` are the modifiers of RFC 7162 §3.1.4.1 and §3.2.6, `partial` that of RFC 9394.
    """

    target: Target
    attributes: tuple[Attribute, ...]
    sections: tuple[Content, ...]
    changed_since: int | None = None
    vanished: bool = False
    partial: tuple[int, int] | None = None


class FlagOperation(StrEnum):
    """What STORE does with the flags; the values are those of `mailstore.store.FlagChange`."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class Store:
    """RFC 9051 §6.4.6; `unchanged_since` is a modseq (RFC 7162 §3.1.3)."""

    target: Target
    operation: FlagOperation
    flags: frozenset[str]
    silent: bool
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY, or MOVE (RFC 6851) when `move`."""

    target: Target
    mailbox: str
    move: bool


@dataclass(frozen=True, slots=True)
class Returns:
    """RETURN of a search: MIN, MAX, ALL, COUNT, SAVE (RFC 4731, RFC 5182) and a page (RFC 9394)."""

    options: frozenset[str]
    partial: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """RFC 3501 §6.4.4; `unknown_charset` when the texts cannot be read; `returns` for the extended answer."""

    key: SearchKey
    uid: bool
    unknown_charset: bool = False
    returns: Returns | None = None


class SortField(StrEnum):
    """What SORT orders by (RFC 5256 §3)."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"


@dataclass(frozen=True, slots=True)
class SortKey:
    """One key of an order, REVERSE or not."""

    field: SortField
    reverse: bool


@dataclass(frozen=True, slots=True)
class Sort:
    """RFC 5256 §3; the first key is the most important."""

    order: tuple[SortKey, ...]
    search: Search


@dataclass(frozen=True, slots=True)
class Thread:
    """RFC 5256 §3; `algorithm` is REFERENCES or ORDEREDSUBJECT."""

    algorithm: str
    search: Search


Command = (
    Capability
    | Noop
    | Logout
    | Enable
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
    | GetQuota
    | GetQuotaRoot
    | SetQuota
    | MyRights
    | GetAcl
    | ListRights
    | SetAcl
    | Notify
    | GetMetadata
    | SetMetadata
    | Sort
    | Thread
)


@dataclass(frozen=True, slots=True)
class Request:
    """A command with the tag that its answer repeats."""

    tag: bytes
    command: Command
