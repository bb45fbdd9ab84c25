"""STORE: change the flags of several messages at once, with the condition of RFC 7162 §3.1.3."""

from collections.abc import Collection

import msgspec
from sqlalchemy import bindparam, update

from mailstore.counters import lock, take
from mailstore.entries import entries
from mailstore.flags import Stored, add_flags, decode_flags, encode_flags, remove_flags
from mailstore.model import Entry, FlagChange, FlagResult, FolderId
from mailstore.tables import entry
from vaguemestre.kernel.database import Transaction

_write = (
    update(entry)
    .where(entry.c.folder_id == bindparam("in_folder"), entry.c.uid == bindparam("of_uid"))
    .values(flags=bindparam("new_flags"), keywords=bindparam("new_keywords"), modseq=bindparam("new_modseq"))
)


def change_flags(
    tx: Transaction,
    folder_id: FolderId,
    uids: Collection[int],
    change: FlagChange,
    *,
    touched: frozenset[int] = frozenset(),
) -> FlagResult:
    """Apply a change; entries that it leaves as they were keep their modseq, except those of TOUCHED.

    Raises:
        FolderRefused: NONEXISTENT - the folder was deleted.
        ProtocolError: a flag that cannot be kept.
    """
    asked = encode_flags(change.flags)
    before = lock(tx, folder_id)
    concerned = entries(tx, folder_id, uids)
    limit = change.unchanged_since
    modified = [] if limit is None else [each.uid for each in concerned if each.modseq > limit]
    allowed = concerned if not modified else [each for each in concerned if each.modseq <= (limit or 0)]
    results = [(each, _apply(each, change, asked)) for each in allowed]
    changing = [(each, after) for each, after in results if decode_flags(*after) != each.flags or each.uid in touched]
    if not changing:
        return FlagResult(allowed, modified, before, before)
    modseq = _record(tx, folder_id, changing)
    written = {each.uid for each, _ in changing}
    now = [
        msgspec.structs.replace(each, flags=decode_flags(*after), modseq=modseq) if each.uid in written else each
        for each, after in results
    ]
    return FlagResult(now, modified, before, modseq)


def _apply(each: Entry, change: FlagChange, asked: Stored) -> Stored:
    if change.op == "replace":
        return add_flags(asked, encode_flags(each.flags & change.untouched))
    before = encode_flags(each.flags)
    return add_flags(before, asked) if change.op == "add" else remove_flags(before, asked)


def _record(tx: Transaction, folder_id: FolderId, changing: list[tuple[Entry, Stored]]) -> int:
    """Write the new flags under the folder's next modseq, which is returned."""
    counters = take(tx, folder_id)
    rows = [
        {
            "in_folder": folder_id,
            "of_uid": each.uid,
            "new_flags": bits,
            "new_keywords": keywords,
            "new_modseq": counters.highest_modseq,
        }
        for each, (bits, keywords) in changing
    ]
    tx.execute(_write, rows)
    tx.wake(f"mailbox:{counters.mailbox_id}")
    return int(counters.highest_modseq)
