"""The door of the store: every way to put messages in, to list, read, change and remove them.

All functions of `MailStore` that take a transaction are synchronous units (or parts of units) of work for
`Database.read` and `Database.write`; whatever changes a mailbox wakes the topic `mailbox:ID`.
"""

from array import array
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence

from mailstore import (
    blocks,
    content,
    delivery,
    entries,
    flagging,
    folders,
    garbage,
    holding,
    mailboxes,
    member_seen,
    opening,
    transfer,
)
from mailstore.annotations import Annotations
from mailstore.block_making import BlockMaker
from mailstore.blocks import Kind, Place, T
from mailstore.config import MailStoreSettings
from mailstore.draft import Draft
from mailstore.keyring import Keyring
from mailstore.mime.index import MessageIndex, Part
from mailstore.mime.scanner import Limits
from mailstore.model import (
    HOLDER,
    INBOX,
    SEPARATOR,
    Changes,
    Delivery,
    Entry,
    FlagChange,
    FlagResult,
    Folder,
    FolderId,
    FolderProblem,
    FolderRefused,
    FolderStatus,
    Placement,
    SealedMessage,
)
from mailstore.reader import MessageReader
from mailstore.transfer import Transfer
from vaguemestre.kernel.blobs import BlobStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey
from vaguemestre.kernel.outbox import Task

__all__ = [
    "INBOX",
    "SEPARATOR",
    "Changes",
    "Delivery",
    "Draft",
    "Entry",
    "FlagChange",
    "FlagResult",
    "Folder",
    "FolderId",
    "FolderProblem",
    "FolderRefused",
    "FolderStatus",
    "MailStore",
    "MailStoreSettings",
    "MessageIndex",
    "MessageReader",
    "Part",
    "Placement",
    "SealedMessage",
]
TaskHandler = Callable[[Task], Awaitable[Callable[[Transaction], None] | None]]


class MailStore:
    """The messages of an instance. Safe to share between threads: it keeps nothing but opened mailbox keys."""

    def __init__(
        self, *, blobs: BlobStore, instance_key: InstanceKey, clock: Clock, settings: MailStoreSettings
    ) -> None:
        self._blobs = blobs
        self._flush_before_commit = delivery.flusher(blobs)
        self._clock, self._settings = clock, settings
        self._keyring = Keyring(instance_key)
        self.annotations = Annotations(self._keyring)
        self._limits = Limits(depth=settings.mime_depth, parts=settings.mime_parts)

    # Mailboxes and folders

    def create_mailbox(self, tx: Transaction, mailbox_id: str) -> None:
        """Make a mailbox with a fresh key and the standard folders.

        Raises:
            PermanentFailure: the id serves, or served, already.
        """
        mailboxes.create_mailbox(tx, mailbox_id, keyring=self._keyring, now=self._clock.now())

    def delete_mailbox(self, tx: Transaction, mailbox_id: str) -> None:
        """Erase a mailbox for ever, by destroying its keys (crypto-erasure); unknown: nothing happens."""
        mailboxes.delete_mailbox(tx, mailbox_id, keyring=self._keyring, now=self._clock.now())
        self._schedule_garbage(tx)

    def folders(self, tx: Transaction, mailbox_id: str) -> list[Folder]:
        """Return the folders of a mailbox, INBOX first, then by name; empty for an unknown mailbox."""
        return folders.folders(tx, mailbox_id)

    def folder(self, tx: Transaction, mailbox_id: str, name: str) -> Folder | None:
        """Return the folder of that name (INBOX in any letter case), None when there is none."""
        return folders.folder_named(tx, mailbox_id, name)

    def folder_by_id(self, tx: Transaction, folder_id: FolderId) -> Folder:
        """Return a folder with its counters now.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        return folders.folder_by_id(tx, folder_id)

    def create_folder(self, tx: Transaction, mailbox_id: str, name: str) -> Folder:
        """Create a folder and the parents that it lacks, subscribed.

        Raises:
            FolderRefused: ALREADY_EXISTS, or CANNOT - the name is not allowed.
            PermanentFailure: no such mailbox, or erased.
        """
        kept = folders.canonical_name(name)
        self._add_levels(tx, mailbox_id, kept)
        return self._named(tx, mailbox_id, kept)

    def rename_folder(self, tx: Transaction, mailbox_id: str, old: str, new: str) -> Folder:
        """Rename a folder with those below it; renaming INBOX moves its messages out instead (RFC 3501 §6.3.5).

        Raises:
            FolderRefused: NONEXISTENT, ALREADY_EXISTS, or CANNOT - a special folder, or a name below itself.
        """
        source, kept = self._named(tx, mailbox_id, old), folders.canonical_name(new)
        existing = folders.folders(tx, mailbox_id)
        if source.name == INBOX:
            target = self.create_folder(tx, mailbox_id, kept)
            self.move(tx, source.id, entries.uids(tx, source.id), target.id)
            return self._named(tx, mailbox_id, kept)
        if any(folder.name == kept for folder in existing):
            raise FolderRefused(FolderProblem.ALREADY_EXISTS)
        if source.special_use is not None or kept.startswith(source.name + SEPARATOR):
            raise FolderRefused(FolderProblem.CANNOT)
        parent = kept.rpartition(SEPARATOR)[0]
        if parent and not any(folder.name == parent for folder in existing):
            self._add_levels(tx, mailbox_id, parent)
        folders.rename(tx, existing, source, kept)
        tx.wake(f"mailbox:{mailbox_id}")
        return self._named(tx, mailbox_id, kept)

    def delete_folder(self, tx: Transaction, mailbox_id: str, name: str) -> None:
        """Delete a folder and the entries in it.

        Raises:
            FolderRefused: NONEXISTENT, HAS_CHILDREN, or CANNOT - INBOX or a folder with a special use.
        """
        folder = self._named(tx, mailbox_id, name)
        if folder.name == INBOX or folder.special_use is not None:
            raise FolderRefused(FolderProblem.CANNOT)
        inside = folder.name + SEPARATOR
        if any(each.name.startswith(inside) for each in folders.folders(tx, mailbox_id)):
            raise FolderRefused(FolderProblem.HAS_CHILDREN)
        mailboxes.delete_folder(tx, folder.id)
        self._schedule_garbage(tx)
        tx.wake(f"mailbox:{mailbox_id}")

    def subscribe(self, tx: Transaction, mailbox_id: str, name: str, *, subscribed: bool = True) -> None:
        """Subscribe to a folder, or end the subscription.

        Raises:
            FolderRefused: NONEXISTENT.
        """
        folders.set_subscribed(tx, self._named(tx, mailbox_id, name).id, wanted=subscribed)
        tx.wake(f"mailbox:{mailbox_id}")

    def status(self, tx: Transaction, folder_id: FolderId, *, viewer: str = "") -> FolderStatus:
        """Count what a folder holds.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        found = entries.status(tx, folder_id)
        if found is None:
            raise FolderRefused(FolderProblem.NONEXISTENT)
        return member_seen.status_seen_by(tx, folder_id, viewer, found) if viewer else found

    def usage_bytes(self, tx: Transaction, mailbox_id: str) -> int:
        """Return the octets of every entry of a mailbox; a message in two folders counts twice."""
        return entries.usage_bytes(tx, mailbox_id)

    def claim_recent(self, tx: Transaction, folder_id: FolderId) -> int:
        r"""Return the first UID that is `\Recent` to the read-write session that asks, and to no later one.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        return folders.claim_recent(tx, folder_id)

    # Messages in

    def draft(self) -> Draft:
        """Begin a message; write it, seal it, then `deliver`, or discard it."""
        return Draft(self._blobs, inline_bytes=self._settings.inline_body_bytes, limits=self._limits)

    def deliver(self, tx: Transaction, message: SealedMessage, deliveries: Sequence[Delivery]) -> list[Placement]:
        """Store a message once and put it in every place named; durable when the transaction is.

        Returns:
            One placement for each delivery, in their order.

        Raises:
            FolderRefused: NONEXISTENT - a mailbox or folder; nothing of this unit of work is kept.
            ProtocolError: a flag that cannot be kept.
            PermanentFailure: no delivery at all.
        """
        self._flush_before_commit(tx, message)
        return delivery.deliver(tx, message, deliveries, keyring=self._keyring, now=self._clock.now())

    def holding_place(self, tx: Transaction) -> Delivery:
        """Return where a message is held that waits to leave; the UID of its placement releases it."""
        return holding.holding_place(tx, keyring=self._keyring, now=self._clock.now())

    def open_held(self, tx: Transaction, message_id: str) -> MessageReader:
        """Open a held message.

        Raises:
            PermanentFailure: it is not held.
            IntegrityError: its key or index was changed.
        """
        return self.open(tx, HOLDER, message_id)

    def release(self, tx: Transaction, uid: int) -> None:
        """Let go of a held message; unknown: nothing happens."""
        if holding.release(tx, uid):
            self._schedule_garbage(tx)

    # Messages out

    def uids(self, tx: Transaction, folder_id: FolderId) -> "array[int]":
        """Return the UIDs of a folder, ascending, in an array of type code `I`."""
        return entries.uids(tx, folder_id)

    def entries(
        self,
        tx: Transaction,
        folder_id: FolderId,
        uids: Collection[int] | None = None,
        *,
        since_modseq: int = 0,
        viewer: str = "",
    ) -> list[Entry]:
        """Return entries in UID order: all, or those of UIDS; only those changed after SINCE_MODSEQ.

        VIEWER, here and below, names a member of a shared mailbox who has a Seen flag of her own.
        """
        found = entries.entries(tx, folder_id, uids, since_modseq=since_modseq)
        return member_seen.as_seen_by(tx, folder_id, viewer, found) if viewer else found

    def changes(self, tx: Transaction, folder_id: FolderId, modseq: int, *, viewer: str = "") -> Changes:
        """Return the entries that are new or changed, and the UIDs expunged, after MODSEQ.

        Raises:
            FolderRefused: NONEXISTENT - the folder was deleted.
        """
        found = entries.changes(tx, folder_id, modseq)
        return member_seen.changes_seen_by(tx, folder_id, viewer, found) if viewer and found.entries else found

    def indexes(self, tx: Transaction, mailbox_id: str, message_ids: Collection[str]) -> dict[str, MessageIndex]:
        """Return the indexes of messages of a mailbox; corrupted ones are logged and absent from the answer."""
        return opening.open_indexes(tx, mailbox_id, message_ids, self._keyring)

    def open(self, tx: Transaction, mailbox_id: str, message_id: str) -> MessageReader:
        """Open a message that a folder of the mailbox holds; the reader may be used after the transaction.

        Raises:
            PermanentFailure: no folder of that mailbox holds it.
            IntegrityError: its key or index was changed.
        """
        return opening.open_message(tx, mailbox_id, message_id, keyring=self._keyring, blobs=self._blobs)

    def open_entries(
        self, tx: Transaction, place: Place, uids: Collection[int], *, viewer: str = ""
    ) -> Iterator[tuple[Entry, MessageReader | None]]:
        """Yield entries of a folder in UID order, each with its opened message, None for a damaged one.

        Rows are read as they are asked for. UIDs that do not exist are left out; at most some hundreds are named.
        """
        opener = opening.Opener(tx, place.mailbox_id, self._keyring, self._blobs)
        for entry, message in opener.each(place.folder_id, uids):
            seen = member_seen.as_seen_by(tx, place.folder_id, viewer, [entry])[0] if viewer else entry
            yield seen, message

    def blocks(self, tx: Transaction, place: Place, numbers: Collection[int], kind: Kind[T]) -> Mapping[int, T]:
        """Return those of the blocks NUMBERS that are there, some hundreds at most (`blocks.py`)."""
        return blocks.open_blocks(tx, self._keyring, place, numbers, kind)

    # Changes

    def change_flags(
        self, tx: Transaction, folder_id: FolderId, uids: Collection[int], change: FlagChange, *, viewer: str = ""
    ) -> FlagResult:
        """Add, remove or replace flags; entries that the change leaves as they were keep their modseq.

        Raises:
            FolderRefused: NONEXISTENT - the folder was deleted.
            ProtocolError: a flag that cannot be kept.
        """
        if viewer:
            return member_seen.change_flags(tx, folder_id, viewer, uids, change)
        return flagging.change_flags(tx, folder_id, uids, change)

    def copy(
        self, tx: Transaction, folder_id: FolderId, uids: Collection[int], target_folder_id: FolderId
    ) -> list[tuple[int, int]]:
        """Copy entries, to another mailbox too; returns (UID, new UID) in UID order, for COPYUID.

        Raises:
            FolderRefused: NONEXISTENT.
            IntegrityError: the key of a message that goes to another mailbox was changed.
        """
        return Transfer(tx, self._keyring, self._clock.now()).copy(folder_id, uids, target_folder_id)

    def move(
        self, tx: Transaction, folder_id: FolderId, uids: Collection[int], target_folder_id: FolderId
    ) -> list[tuple[int, int]]:
        """Move entries; returns and raises as `copy`."""
        return Transfer(tx, self._keyring, self._clock.now()).move(folder_id, uids, target_folder_id)

    def expunge(self, tx: Transaction, folder_id: FolderId, uids: Collection[int] | None = None) -> list[int]:
        r"""Remove the entries flagged `\Deleted`, only those of UIDS when given; returns their UIDs, ascending.

        Raises:
            FolderRefused: NONEXISTENT - the folder was deleted.
        """
        gone = transfer.expunge(tx, folder_id, uids, self._clock.now())
        if gone:
            self._schedule_garbage(tx)
        return gone

    # Contents that are not messages

    def seal_content(self, tx: Transaction, mailbox_id: str, data: bytes) -> str:
        """Keep a document sealed under the key of a mailbox; returns its id.

        Raises:
            PermanentFailure: no such mailbox, or erased.
        """
        return content.seal_content(tx, self._keyring, mailbox_id, data)

    def open_content(self, tx: Transaction, mailbox_id: str, content_id: str) -> bytes:
        """Return a document.

        Raises:
            PermanentFailure: unknown in that mailbox.
            IntegrityError: it was changed.
        """
        return content.open_content(tx, self._keyring, mailbox_id, content_id)

    def erase_content(self, tx: Transaction, mailbox_id: str, content_id: str) -> bool:
        """Erase a document with its key; returns whether it was there."""
        return content.erase_content(tx, mailbox_id, content_id)

    # Work of the outbox

    def collect_garbage(self, tx: Transaction) -> int:
        """Remove messages that no folder holds any more, some hundreds at a time; returns how many it looked at."""
        return garbage.collect(tx, self._clock.now())

    def handlers(self, database: Database) -> Mapping[str, TaskHandler]:
        """Return what the worker needs to do the store's own tasks."""
        return {
            **garbage.handlers(self._blobs, self._clock),
            blocks.MAKE_KIND: BlockMaker(database, self._keyring, self._blobs),
        }

    def _schedule_garbage(self, tx: Transaction) -> None:
        garbage.schedule(tx, self._clock.now(), self._settings.garbage_delay_s)

    def _add_levels(self, tx: Transaction, mailbox_id: str, name: str) -> None:
        missing = folders.missing_levels(folders.folders(tx, mailbox_id), name)
        if not missing:
            raise FolderRefused(FolderProblem.ALREADY_EXISTS)
        key_id = self._keyring.current(tx, mailbox_id)
        folders.add_folders(tx, mailbox_id, missing, key_id=key_id, now=self._clock.now())
        tx.wake(f"mailbox:{mailbox_id}")

    def _named(self, tx: Transaction, mailbox_id: str, name: str) -> Folder:
        found = folders.folder_named(tx, mailbox_id, name)
        if found is None:
            raise FolderRefused(FolderProblem.NONEXISTENT)
        return found
