"""The words of the store: folders, entries, deliveries, results. Values only, no behaviour.

`Entry` is a msgspec structure rather than a dataclass because a listing makes hundreds of thousands of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Literal

import msgspec

from mailstore.mime.index import MessageIndex
from vaguemestre.kernel.errors import PermanentFailure

FolderId = int
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

SEEN, ANSWERED, FLAGGED, DELETED, DRAFT = "\\Seen", "\\Answered", "\\Flagged", "\\Deleted", "\\Draft"
INBOX = "INBOX"
HOLDER = "held"
"""Id of the mailbox of held messages (`holding.py`); no account has it, ids of accounts being 32 characters long."""
SEPARATOR = "/"


class FolderProblem(StrEnum):
    """Why an operation on folders is refused; each has a response code in RFC 5530 or RFC 9051."""

    NONEXISTENT = "NONEXISTENT"
    ALREADY_EXISTS = "ALREADYEXISTS"
    CANNOT = "CANNOT"
    HAS_CHILDREN = "HASCHILDREN"


class FolderRefused(PermanentFailure):
    """An operation on folders that the rules do not allow; the mailbox is as before."""

    def __init__(self, problem: FolderProblem) -> None:
        super().__init__(f"folder: {problem.lower()}")
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Folder:
    """A folder of a mailbox; NAME is Unicode, levels separated by "/", INBOX in capitals."""

    id: FolderId
    mailbox_id: str
    name: str
    special_use: str | None
    """RFC 6154 attribute such as `\\Sent`."""
    uidvalidity: int
    uidnext: int
    highest_modseq: int
    recent_from: int
    """The first UID that no read-write session was told of yet."""
    subscribed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FolderStatus:
    """The counters of a folder, counted from its entries."""

    messages: int
    unseen: int
    deleted: int
    """Those flagged `\\Deleted`."""
    deleted_bytes: int
    recent: int
    uidnext: int
    uidvalidity: int
    highest_modseq: int
    size_bytes: int


class Entry(msgspec.Struct, frozen=True, gc=False):
    """A message in a folder."""

    uid: int
    message_id: str
    modseq: int
    flags: frozenset[str]
    """`\\Seen`, `\\Answered`, `\\Flagged`, `\\Deleted`, `\\Draft` and keywords; never `\\Recent`."""
    internal_us: int
    """INTERNALDATE in microseconds since 1970-01-01 UTC."""
    size_bytes: int
    saved_us: int
    """When it came into this folder, in microseconds as well."""

    @property
    def internal_date(self) -> datetime:
        """INTERNALDATE, aware, in UTC."""
        return _EPOCH + timedelta(microseconds=self.internal_us)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One place into which a message goes."""

    mailbox_id: str
    internal_date: datetime
    folder: str = INBOX
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Placement:
    """Where a delivery ended: what UIDPLUS answers."""

    mailbox_id: str
    folder_id: FolderId
    uidvalidity: int
    uid: int
    modseq: int


@dataclass(frozen=True, slots=True)
class Changes:
    """What happened in a folder after a modification sequence."""

    entries: list[Entry]
    """New and changed, in UID order."""
    expunged: Sequence[int]
    """UIDs, ascending; all that do not exist when the log of expunged UIDs does not reach back so far."""
    highest_modseq: int


@dataclass(frozen=True, slots=True, kw_only=True)
class FlagChange:
    """A STORE: which flags, how, and the condition of RFC 7162 §3.1.3."""

    op: Literal["add", "remove", "replace"]
    flags: frozenset[str]
    unchanged_since: int | None = None
    untouched: frozenset[str] = frozenset()
    """System flags that stay as they are whatever the operation."""


@dataclass(frozen=True, slots=True)
class FlagResult:
    """What a STORE did."""

    changed: list[Entry]
    """Every entry concerned and its flags now, in UID order, those that were so already included."""
    modified: list[int]
    """UIDs left alone because they changed after `unchanged_since`."""
    modseq_before: int
    """The folder's highest modseq before this STORE."""
    modseq: int
    """The same now."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SealedMessage:
    """A message ready for `deliver`; durable only once delivered.

    The key exists in clear in this object alone: rows hold it wrapped by mailbox keys.
    """

    message_id: str
    key: bytes
    header: bytes
    """As stored, blank line included."""
    index: MessageIndex
    sealed_header: bytes
    sealed_index: bytes
    sealed_body: bytes | None
    """One segment, for a small body; None when `blob_ref` names the body."""
    blob_ref: str | None = field(default=None)

    @property
    def size_bytes(self) -> int:
        """Octets of the whole message as it was received or composed."""
        return self.index.size_bytes

    def __repr__(self) -> str:
        return f"SealedMessage({self.message_id}, {self.size_bytes} bytes)"
