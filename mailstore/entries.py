"""Reading what folders hold: UIDs, entries, changes since a modseq, counters. Few statements, never one a message."""

from array import array
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from operator import itemgetter
from typing import Any

import msgspec
from sqlalchemy import BigInteger, Select, String, bindparam, case, cast, func, select, type_coerce

from mailstore import expunged_log
from mailstore.flags import DELETED_BIT, SEEN_BIT, decode_flags
from mailstore.model import Changes, Entry, FolderId, FolderProblem, FolderRefused, FolderStatus
from mailstore.tables import entry, folder
from vaguemestre.kernel.database import Transaction

CHUNK = 500
"""UIDs or ids named in one statement."""
ENTRY_COLUMNS = (
    entry.c.uid,
    entry.c.message_id,
    entry.c.modseq,
    entry.c.flags,
    entry.c.keywords,
    type_coerce(entry.c.internal_date, BigInteger).label("internal_us"),
    entry.c.size_bytes,
    type_coerce(entry.c.saved_at, BigInteger).label("saved_us"),
)
_here = entry.c.folder_id == bindparam("folder_id")
_since = entry.c.modseq > bindparam("modseq")
_uids = select(func.aggregate_strings(cast(entry.c.uid, String), ",")).where(_here)
"""One row for all UIDs: half the time of a row each. Unordered: the index of modseqs is an eighth of the entries."""
_all = select(*ENTRY_COLUMNS).where(_here).order_by(entry.c.uid)
_all_since = select(*ENTRY_COLUMNS).where(_here, _since)
"""Unordered: asked for the order of UIDs, SQLite would walk the whole folder instead of its modseq index."""
_between = _all.where(entry.c.uid.between(bindparam("low"), bindparam("high")))
_named = _all.where(entry.c.uid.in_(bindparam("uids", expanding=True)))
_counters = select(folder.c.highest_modseq, folder.c.pruned_modseq, folder.c.uidnext).where(
    folder.c.id == bindparam("folder_id")
)
_status = (
    select(
        folder.c.uidnext,
        folder.c.uidvalidity,
        folder.c.highest_modseq,
        func.count(entry.c.uid).label("messages"),
        func.coalesce(func.sum(1 - entry.c.flags.bitwise_and(SEEN_BIT)), 0).label("unseen"),
        func.coalesce(func.sum(case((entry.c.flags.bitwise_and(DELETED_BIT) != 0, 1), else_=0)), 0).label("deleted"),
        func.coalesce(
            func.sum(case((entry.c.flags.bitwise_and(DELETED_BIT) != 0, entry.c.size_bytes), else_=0)), 0
        ).label("deleted_bytes"),
        func.coalesce(func.sum(case((entry.c.uid >= folder.c.recent_from, 1), else_=0)), 0).label("recent"),
        func.coalesce(func.sum(entry.c.size_bytes), 0).label("size_bytes"),
    )
    .select_from(folder.outerjoin(entry, entry.c.folder_id == folder.c.id))
    .where(folder.c.id == bindparam("folder_id"))
    .group_by(folder.c.id)
)

_usage = (
    select(func.coalesce(func.sum(entry.c.size_bytes), 0))
    .select_from(folder.join(entry, entry.c.folder_id == folder.c.id))
    .where(folder.c.mailbox_id == bindparam("mailbox_id"))
)


def uids(tx: Transaction, folder_id: FolderId) -> "array[int]":
    """Return the UIDs of a folder, ascending, 4 bytes each."""
    written: str | None = tx.execute(_uids, {"folder_id": folder_id}).scalar()
    return array("I", sorted(msgspec.json.decode(f"[{written or ''}]", type=list[int])))


def entries(
    tx: Transaction, folder_id: FolderId, wanted: Collection[int] | None = None, *, since_modseq: int = 0
) -> list[Entry]:
    """Return entries in UID order: all, or those of the UIDs WANTED; those changed after SINCE_MODSEQ only."""
    parameters = {"folder_id": folder_id, "modseq": since_modseq}
    if wanted is None:
        rows: Iterable[Any] = tx.execute(_all_since if since_modseq else _all, parameters)
        rows = sorted(rows, key=itemgetter(0)) if since_modseq else rows
    else:
        rows = select_wanted(tx, {"folder_id": folder_id}, wanted, named=_named, between=_between)
    return [entry_of(row) for row in rows if row[2] > since_modseq]


def changes(tx: Transaction, folder_id: FolderId, modseq: int) -> Changes:
    """Return what happened in a folder after MODSEQ.

    Raises:
        FolderRefused: NONEXISTENT - the folder was deleted.
    """
    counters = tx.execute(_counters, {"folder_id": folder_id}).one_or_none()
    if counters is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    now = counters.highest_modseq
    if now <= modseq:
        return Changes([], [], now)
    if modseq < counters.pruned_modseq:
        gone: Sequence[int] = expunged_log.missing(uids(tx, folder_id), counters.uidnext)
    else:
        gone = expunged_log.expunged_since(tx, folder_id, modseq)
    return Changes(entries(tx, folder_id, since_modseq=modseq), gone, now)


def status(tx: Transaction, folder_id: FolderId) -> FolderStatus | None:
    """Count a folder's entries; None when it was deleted."""
    row = tx.execute(_status, {"folder_id": folder_id}).one_or_none()
    return None if row is None else FolderStatus(**{name: int(value) for name, value in row._asdict().items()})


def usage_bytes(tx: Transaction, mailbox_id: str) -> int:
    """Return the octets of every entry of a mailbox."""
    return int(tx.execute(_usage, {"mailbox_id": mailbox_id}).scalar_one())


def select_wanted(
    tx: Transaction, where: Mapping[str, Any], wanted: Collection[int], *, named: Select[Any], between: Select[Any]
) -> Iterator[Any]:
    """Yield the rows of the UIDs WANTED in UID order, by range when they follow each other or are many, else by name.

    Args:
        tx: the transaction.
        where: the parameters of both statements, except the UIDs.
        wanted: the UIDs.
        named: the statement that takes `uids`.
        between: the same with `low` and `high`.
    """
    ordered = sorted(set(wanted))
    if not ordered:
        return
    span = {**where, "low": ordered[0], "high": ordered[-1]}
    if len(ordered) == ordered[-1] - ordered[0] + 1:
        yield from tx.execute(between, span)
    elif len(ordered) <= CHUNK:
        yield from tx.execute(named, {**where, "uids": ordered})
    else:
        chosen = set(ordered)
        yield from (row for row in tx.execute(between, span) if row.uid in chosen)


def entry_of(row: Any) -> Entry:
    """Return the entry of a row that begins with ENTRY_COLUMNS."""
    uid, message_id, modseq, bits, keywords, internal_us, size_bytes, saved_us = row[:8]
    return Entry(uid, message_id, modseq, decode_flags(bits, keywords), internal_us, size_bytes, saved_us)
