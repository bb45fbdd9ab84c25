"""The log of expunged UIDs, by which clients learn what vanished while they were away (RFC 7162 §3.2), kept bounded.

What is too old, or beyond the number kept of a folder, is pruned from its oldest end, by whole modification sequences;
the folder remembers up to which. A client that comes back from before that gets an answer that is complete all the
same: every UID that was given and is no more, as RFC 7162 §3.2.5 allows, instead of those of the log.
"""

from array import array
from datetime import datetime

import sqlalchemy
from sqlalchemy import bindparam, delete, func, select, update

from mailstore.model import FolderId
from mailstore.tables import expunged, folder
from vaguemestre.kernel.database import Database, Transaction

BATCH_FOLDERS = 100
BATCH_ROWS = 10_000
_here = expunged.c.folder_id == bindparam("in_folder")
_since = select(expunged.c.uid).where(_here, expunged.c.modseq > bindparam("modseq")).order_by(expunged.c.uid)
_any_since = _since.order_by(None).limit(1)
_insert = sqlalchemy.insert(expunged)
_horizon = select(folder.c.pruned_modseq).where(folder.c.id == bindparam("in_folder"))
_too_old = (
    select(expunged.c.folder_id, func.max(expunged.c.modseq).label("modseq"))
    .select_from(expunged.join(folder, folder.c.id == expunged.c.folder_id))
    .where(expunged.c.removed_at < bindparam("before"), expunged.c.modseq > folder.c.pruned_modseq)
    .group_by(expunged.c.folder_id)
    .limit(BATCH_FOLDERS)
)
_too_many = (
    select(expunged.c.folder_id)
    .select_from(expunged.join(folder, folder.c.id == expunged.c.folder_id))
    .where(expunged.c.modseq > folder.c.pruned_modseq)
    .group_by(expunged.c.folder_id)
    .having(func.count() > bindparam("keep"))
    .limit(BATCH_FOLDERS)
)
_last_beyond = (
    select(expunged.c.modseq).where(_here).order_by(expunged.c.modseq.desc()).offset(bindparam("keep")).limit(1)
)
_raise_horizon = (
    update(folder)
    .where(folder.c.id == bindparam("in_folder"), folder.c.pruned_modseq < bindparam("upto"))
    .values(pruned_modseq=bindparam("upto"))
)
_forgettable = (
    select(expunged.c.folder_id, expunged.c.modseq)
    .select_from(expunged.join(folder, folder.c.id == expunged.c.folder_id))
    .where(expunged.c.modseq <= folder.c.pruned_modseq)
    .order_by(expunged.c.folder_id, expunged.c.modseq)
    .limit(BATCH_ROWS)
)
_delete = delete(expunged).where(_here, expunged.c.modseq <= bindparam("upto"))


def log(tx: Transaction, folder_id: FolderId, modseq: int, uids: list[int], now: datetime) -> None:
    """Note that UIDs were expunged under a modification sequence."""
    tx.execute(_insert, [{"folder_id": folder_id, "modseq": modseq, "uid": uid, "removed_at": now} for uid in uids])


def expunged_since(tx: Transaction, folder_id: FolderId, modseq: int) -> list[int]:
    """Return the UIDs of the log that were expunged after MODSEQ, ascending."""
    return list(tx.execute(_since, {"in_folder": folder_id, "modseq": modseq}).scalars())


def missing(existing: "array[int]", uidnext: int) -> "array[int]":
    """Return every UID below UIDNEXT that is not among those EXISTING, both ascending."""
    gone, expected = array("I"), 1
    for uid in existing:
        if uid > expected:
            gone.extend(range(expected, uid))
        expected = uid + 1
    gone.extend(range(expected, uidnext))
    return gone


def has_expunged(tx: Transaction, folder_id: FolderId, modseq: int) -> bool:
    """Say whether anything was expunged after MODSEQ, or may have been: the log does not reach back so far."""
    since = {"in_folder": folder_id, "modseq": modseq}
    if tx.execute(_any_since, since).first() is not None:
        return True
    pruned = tx.execute(_horizon, since).scalar()
    return pruned is not None and pruned > modseq


def prune(tx: Transaction, *, before: datetime, keep: int) -> int:
    """Prune a batch: what was logged before an instant, and of each folder what exceeds KEEP UIDs.

    The horizon of a folder moves first, so that the rows below it may go batch by batch.

    Returns:
        How many horizons were moved and rows removed; 0 when nothing is left to prune.
    """
    horizons = [(row.folder_id, row.modseq) for row in tx.execute(_too_old, {"before": before})]
    for folder_id in tx.execute(_too_many, {"keep": keep}).scalars().all():
        beyond = tx.execute(_last_beyond, {"in_folder": folder_id, "keep": keep}).scalar_one()
        horizons.append((folder_id, beyond))
    for folder_id, modseq in horizons:
        tx.execute(_raise_horizon, {"in_folder": folder_id, "upto": modseq})
    removable = {row.folder_id: row.modseq for row in tx.execute(_forgettable)}
    removed = 0
    for folder_id, modseq in removable.items():
        removed += tx.execute(_delete, {"in_folder": folder_id, "upto": modseq}).rowcount
    return len(horizons) + removed


def prune_all(database: Database, *, before: datetime, keep: int) -> int:
    """Prune everything, batch by batch; returns as `prune`.

    Raises:
        TemporaryFailure: the catalogue is away; what was pruned so far stays so.
    """
    total = 0
    while done := database.write_now(lambda tx: prune(tx, before=before, keep=keep)):
        total += done
    return total
