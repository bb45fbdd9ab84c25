"""Copy, move and expunge: entries appear and disappear, messages are never copied.

A removed entry leaves its UID in the log of expunged UIDs and its message among the orphans to look at
(`garbage.py`); its wrapped key is gone with it.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects import postgresql, sqlite

from mailstore import blocks, tables
from mailstore.counters import take
from mailstore.entries import CHUNK, select_wanted
from mailstore.flags import DELETED_BIT
from mailstore.folders import folder_by_id
from mailstore.model import FolderId, FolderProblem, FolderRefused
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
_insert_expunged = sqlalchemy.insert(tables.expunged)
_insert_orphans: dict[str, Any] = {
    "sqlite": sqlite.insert(tables.orphan).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(tables.orphan).on_conflict_do_nothing(),
}


def copy(
    tx: Transaction, source_id: FolderId, uids: Collection[int], target_id: FolderId, now: datetime
) -> list[tuple[int, int]]:
    """Copy entries with their flags and dates; returns (UID, new UID) in UID order.

    Raises:
        FolderRefused: NONEXISTENT - a folder is gone; CANNOT - they belong to different mailboxes.
    """
    _lock(tx, source_id, target_id)
    rows = list(select_wanted(tx, source_id, uids, named=_whole_named, between=_whole_between))
    return _insert_copies(tx, rows, target_id, now)


def move(
    tx: Transaction, source_id: FolderId, uids: Collection[int], target_id: FolderId, now: datetime
) -> list[tuple[int, int]]:
    """Move entries (RFC 6851); returns (UID, new UID) in UID order.

    Raises:
        FolderRefused: as `copy`.
    """
    _lock(tx, source_id, target_id)
    rows = list(select_wanted(tx, source_id, uids, named=_whole_named, between=_whole_between))
    pairs = _insert_copies(tx, rows, target_id, now)
    remove(tx, source_id, [(row.uid, row.message_id) for row in rows], now)
    return pairs


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
    modseq = counters.highest_modseq
    tx.execute(_insert_expunged, [{"folder_id": folder_id, "modseq": modseq, "uid": uid} for uid, _ in doomed])
    blocks.erase(tx, counters.mailbox_id, folder_id, (uid for uid, _ in doomed), now)
    note_orphans(tx, {message_id for _, message_id in doomed})
    tx.wake(f"mailbox:{counters.mailbox_id}")


def note_orphans(tx: Transaction, message_ids: Collection[str]) -> None:
    """Record messages that lost an entry, for `garbage.collect`."""
    if message_ids:
        statement = _insert_orphans[tx.connection.dialect.name]
        tx.execute(statement, [{"message_id": message_id} for message_id in sorted(message_ids)])


def _lock(tx: Transaction, source_id: FolderId, target_id: FolderId) -> None:
    """Lock both folders, always in the same order, so that a message cannot be expunged while it is copied."""
    first, second = (folder_by_id(tx, each, lock=True) for each in sorted((source_id, target_id)))
    if first.mailbox_id != second.mailbox_id:
        raise FolderRefused(FolderProblem.CANNOT)


def _insert_copies(tx: Transaction, rows: Sequence[Any], target_id: FolderId, now: datetime) -> list[tuple[int, int]]:
    if not rows:
        return []
    counters = take(tx, target_id, len(rows))
    first = counters.uidnext - len(rows)
    changed = {"folder_id": target_id, "modseq": counters.highest_modseq, "saved_at": now}
    copies = [row._asdict() | changed | {"uid": first + place} for place, row in enumerate(rows)]
    tx.execute(_insert_entries, copies)
    blocks.schedule(tx, counters.mailbox_id, target_id, range(first, first + len(rows)), now)
    tx.wake(f"mailbox:{counters.mailbox_id}")
    return [(row.uid, first + place) for place, row in enumerate(rows)]
