"""Copy, move and expunge: entries appear and disappear, messages are never copied.

A removed entry leaves its UID in the log of expunged UIDs and its message among the orphans to look at
(`garbage.py`); its wrapped key is gone with it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from mailstore import blocks, expunged_log, member_seen, tables
from mailstore.counters import take
from mailstore.entries import CHUNK, select_wanted
from mailstore.flags import DELETED_BIT
from mailstore.folders import folder_by_id
from mailstore.keyring import Keyring
from mailstore.model import Folder, FolderId
from vaguemestre.kernel.database import Transaction

_entry = tables.entry
_whole = select(_entry).where(_entry.c.folder_id == bindparam("folder_id")).order_by(_entry.c.uid)
_whole_named = _whole.where(_entry.c.uid.in_(bindparam("uids", expanding=True)))
_whole_between = _whole.where(_entry.c.uid.between(bindparam("low"), bindparam("high")))
_doomed = (
    select(_entry.c.uid, _entry.c.message_id)
    .where(_entry.c.folder_id == bindparam("folder_id"), _entry.c.flags.bitwise_and(DELETED_BIT) != 0)
    .order_by(_entry.c.uid)
)
_insert_entries = sqlalchemy.insert(_entry)
_delete_entries = delete(_entry).where(
    _entry.c.folder_id == bindparam("folder_id"), _entry.c.uid.in_(bindparam("uids", expanding=True))
)
_insert_orphans: dict[str, Any] = {
    "sqlite": sqlite.insert(tables.orphan).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(tables.orphan).on_conflict_do_nothing(),
}


@dataclass(frozen=True, slots=True)
class Transfer:
    """Copies and moves entries in one unit of work."""

    tx: Transaction
    keyring: Keyring
    now: datetime

    def copy(self, source_id: FolderId, uids: Collection[int], target_id: FolderId) -> list[tuple[int, int]]:
        """Copy entries with their flags and dates; returns (UID, new UID) in UID order.

        Between mailboxes the messages' keys are wrapped anew.

        Raises:
            FolderRefused: NONEXISTENT - a folder is gone.
            IntegrityError: the key of a message that goes to another mailbox was changed.
        """
        return self._copied(source_id, uids, target_id)[1]

    def move(self, source_id: FolderId, uids: Collection[int], target_id: FolderId) -> list[tuple[int, int]]:
        """Move entries (RFC 6851); returns and raises as `copy`."""
        rows, pairs = self._copied(source_id, uids, target_id)
        remove(self.tx, source_id, [(row.uid, row.message_id) for row in rows], self.now)
        return pairs

    def _copied(
        self, source_id: FolderId, uids: Collection[int], target_id: FolderId
    ) -> tuple[Sequence[Any], list[tuple[int, int]]]:
        source, target = _locked(self.tx, source_id, target_id)
        where = {"folder_id": source_id}
        rows = list(select_wanted(self.tx, where, uids, named=_whole_named, between=_whole_between))
        if not rows:
            return (), []
        counters = take(self.tx, target_id, len(rows))
        first = counters.uidnext - len(rows)
        changed = {"folder_id": target_id, "modseq": counters.highest_modseq, "saved_at": self.now}
        copies = [row._asdict() | changed | {"uid": first + place} for place, row in enumerate(rows)]
        if source.mailbox_id != target.mailbox_id:
            for copied in copies:
                copied["wrapped_key"] = self._wrapped_anew(copied, source.mailbox_id, counters)
        self.tx.execute(_insert_entries, copies)
        pairs = [(row.uid, first + place) for place, row in enumerate(rows)]
        if source.mailbox_id == target.mailbox_id:
            member_seen.carry(self.tx, source_id, target_id, pairs)
        blocks.schedule(self.tx, counters.mailbox_id, target_id, range(first, first + len(rows)), self.now)
        self.tx.wake(f"mailbox:{counters.mailbox_id}")
        return rows, pairs

    def _wrapped_anew(self, copied: Mapping[str, Any], source_mailbox_id: str, counters: Any) -> bytes:
        message_id: str = copied["message_id"]
        key = self.keyring.unwrap(self.tx, source_mailbox_id, message_id, copied["wrapped_key"])
        return self.keyring.wrap(self.tx, counters.mailbox_id, counters.key_id, (message_id, key))


def expunge(tx: Transaction, folder_id: FolderId, uids: Collection[int] | None, now: datetime) -> list[int]:
    r"""Remove the entries flagged `\Deleted`, of UIDS only when given (RFC 4315); returns their UIDs, ascending.

    Raises:
        FolderRefused: NONEXISTENT - the folder was deleted.
    """
    folder_by_id(tx, folder_id, lock=True)
    chosen = None if uids is None else set(uids)
    doomed = [
        (row.uid, row.message_id)
        for row in tx.execute(_doomed, {"folder_id": folder_id})
        if chosen is None or row.uid in chosen
    ]
    remove(tx, folder_id, doomed, now)
    return [uid for uid, _ in doomed]


def remove(tx: Transaction, folder_id: FolderId, doomed: Sequence[tuple[int, str]], now: datetime) -> None:
    """Remove the entries DOOMED (UID, message id) and log their UIDs under the folder's next modseq."""
    if not doomed:
        return
    counters = take(tx, folder_id)
    for start in range(0, len(doomed), CHUNK):
        chunk = [uid for uid, _ in doomed[start : start + CHUNK]]
        tx.execute(_delete_entries, {"folder_id": folder_id, "uids": chunk})
    member_seen.forget(tx, folder_id, (uid for uid, _ in doomed))
    expunged_log.log(tx, folder_id, counters.highest_modseq, [uid for uid, _ in doomed], now)
    blocks.erase(tx, counters.mailbox_id, folder_id, (uid for uid, _ in doomed), now)
    note_orphans(tx, {message_id for _, message_id in doomed})
    tx.wake(f"mailbox:{counters.mailbox_id}")


def note_orphans(tx: Transaction, message_ids: Collection[str]) -> None:
    """Record messages that lost an entry, for `garbage.collect`."""
    if message_ids:
        statement = _insert_orphans[tx.connection.dialect.name]
        tx.execute(statement, [{"message_id": message_id} for message_id in sorted(message_ids)])


def _locked(tx: Transaction, source_id: FolderId, target_id: FolderId) -> tuple[Folder, Folder]:
    """Lock both folders, always in the same order, so that a message cannot be expunged while it is copied."""
    locked = {each: folder_by_id(tx, each, lock=True) for each in sorted({source_id, target_id})}
    return locked[source_id], locked[target_id]
