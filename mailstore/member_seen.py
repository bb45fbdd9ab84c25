r"""Who has seen what in a mailbox that several share, when each member has a `\Seen` of her own.

The entry's own `\Seen` is then that of the mailbox's account; a member's is a row here. Whatever a member sets moves
the modseq of the entry on, so that her other sessions hear of it like of any change.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

import msgspec
from sqlalchemy import bindparam, delete, func, insert, select

from mailstore import flagging
from mailstore.entries import CHUNK, entries
from mailstore.folders import folder_by_id
from mailstore.model import SEEN, Changes, Entry, FlagChange, FlagResult, FolderId, FolderStatus
from mailstore.tables import member_seen
from vaguemestre.kernel.database import Transaction

_hers = member_seen.c.folder_id == bindparam("in_folder"), member_seen.c.account_id == bindparam("viewer")
_named = member_seen.c.uid.in_(bindparam("uids", expanding=True))
_select = select(member_seen.c.uid).where(*_hers)
_select_named = _select.where(_named)
_count = select(func.count()).select_from(member_seen).where(*_hers)
_insert = insert(member_seen)
_delete = delete(member_seen).where(*_hers, _named)
_everybody = select(member_seen.c.account_id, member_seen.c.uid).where(
    member_seen.c.folder_id == bindparam("in_folder"), _named
)
_forget = delete(member_seen).where(member_seen.c.folder_id == bindparam("in_folder"), _named)


def as_seen_by(tx: Transaction, folder_id: FolderId, viewer: str, found: Sequence[Entry]) -> list[Entry]:
    """Return entries with a member's Seen flag instead of their own."""
    names = {"in_folder": folder_id, "viewer": viewer}
    if len(found) > CHUNK:
        seen = frozenset(tx.execute(_select, names).scalars())
    else:
        seen = frozenset(tx.execute(_select_named, names | {"uids": [entry.uid for entry in found]}).scalars())
    return [_with_seen(entry, seen=entry.uid in seen) for entry in found]


def changes_seen_by(tx: Transaction, folder_id: FolderId, viewer: str, changes: Changes) -> Changes:
    """Do the same for what changed."""
    return replace(changes, entries=as_seen_by(tx, folder_id, viewer, changes.entries))


def status_seen_by(tx: Transaction, folder_id: FolderId, viewer: str, status: FolderStatus) -> FolderStatus:
    """Return a folder's counters with what a member has not seen."""
    seen = int(tx.execute(_count, {"in_folder": folder_id, "viewer": viewer}).scalar_one())
    return replace(status, unseen=status.messages - seen)


def change_flags(
    tx: Transaction, folder_id: FolderId, viewer: str, uids: Collection[int], change: FlagChange
) -> FlagResult:
    """Do as `flagging.change_flags` does; the Seen flag is the member's own.

    Raises:
        FolderRefused: NONEXISTENT - the folder was deleted.
        ProtocolError: a flag that cannot be kept.
    """
    folder_by_id(tx, folder_id, lock=True)
    limit = change.unchanged_since
    allowed = [each for each in entries(tx, folder_id, uids) if limit is None or each.modseq <= limit]
    before = {entry.uid for entry in as_seen_by(tx, folder_id, viewer, allowed) if SEEN in entry.flags}
    touched = _change_seen(tx, folder_id, viewer, {entry.uid for entry in allowed}, (before, change))
    common = replace(change, flags=change.flags - {SEEN}, untouched=frozenset({SEEN}))
    result = flagging.change_flags(tx, folder_id, uids, common, touched=touched)
    return replace(result, changed=as_seen_by(tx, folder_id, viewer, result.changed))


def carry(tx: Transaction, source_id: FolderId, target_id: FolderId, pairs: Iterable[tuple[int, int]]) -> None:
    """Take what members have seen along with messages that are copied within their mailbox, as (UID, new UID)."""
    goal = dict(pairs)
    for chunk in _chunks(goal):
        rows = tx.execute(_everybody, {"in_folder": source_id, "uids": chunk}).all()
        if rows:
            copies = [{"folder_id": target_id, "account_id": row.account_id, "uid": goal[row.uid]} for row in rows]
            tx.execute(_insert, copies)


def forget(tx: Transaction, folder_id: FolderId, uids: Iterable[int]) -> None:
    """Forget who saw messages that are expunged."""
    for chunk in _chunks(uids):
        tx.execute(_forget, {"in_folder": folder_id, "uids": chunk})


def _change_seen(
    tx: Transaction, folder_id: FolderId, viewer: str, uids: set[int], wanted: tuple[set[int], FlagChange]
) -> frozenset[int]:
    """Set or clear a member's Seen flag; returns the UIDs where that changed something."""
    before, change = wanted
    if SEEN in change.flags and change.op != "remove":
        fresh = sorted(uids - before)
        if fresh:
            tx.execute(_insert, [{"folder_id": folder_id, "account_id": viewer, "uid": uid} for uid in fresh])
        return frozenset(fresh)
    gone = sorted(uids & before) if SEEN in change.flags or change.op == "replace" else []
    for chunk in _chunks(gone):
        tx.execute(_delete, {"in_folder": folder_id, "viewer": viewer, "uids": chunk})
    return frozenset(gone)


def _with_seen(entry: Entry, *, seen: bool) -> Entry:
    if seen is (SEEN in entry.flags):
        return entry
    return msgspec.structs.replace(entry, flags=entry.flags | {SEEN} if seen else entry.flags - {SEEN})


def _chunks(uids: Iterable[int]) -> Iterable[list[int]]:
    ordered = sorted(uids)
    return (ordered[start : start + CHUNK] for start in range(0, len(ordered), CHUNK))
