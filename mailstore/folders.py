"""Folders of a mailbox: names, creation with parents, renaming with children, deletion, subscription.

INBOX always exists, in capitals whatever its letter case in the request (RFC 3501 §5.1). Folders with a special use
are neither deleted nor renamed, since deliveries and mail programs rely on them; other names that programs have for
them lead to them (`aliases.py`). Every folder of a mailbox gets a
UIDVALIDITY greater than all before, so a name that comes back never returns to an old one.
"""

import unicodedata
from collections.abc import Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

import sqlalchemy
from sqlalchemy import bindparam, case, select, update

from mailstore import aliases, tables
from mailstore.model import INBOX, SEPARATOR, Folder, FolderId, FolderProblem, FolderRefused
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure

STANDARD_FOLDERS = (
    (INBOX, None),
    (aliases.DRAFTS, "\\Drafts"),
    (aliases.SENT, "\\Sent"),
    (aliases.TRASH, "\\Trash"),
    (aliases.JUNK, "\\Junk"),
    (aliases.ARCHIVE, "\\Archive"),
)
MAX_NAME_CHARACTERS = 255
MAX_LEVELS = 20
LEVELS_OF_PATHS = frozenset({".", ".."})
FORBIDDEN = frozenset('%*\\"')

_folder = tables.folder
_columns = (
    _folder.c.id,
    _folder.c.mailbox_id,
    _folder.c.name,
    _folder.c.special_use,
    _folder.c.uidvalidity,
    _folder.c.uidnext,
    _folder.c.highest_modseq,
    _folder.c.recent_from,
    _folder.c.subscribed,
)
_select_all = select(*_columns).where(_folder.c.mailbox_id == bindparam("mailbox_id")).order_by(_folder.c.name)
_select_named = select(*_columns).where(
    _folder.c.mailbox_id == bindparam("mailbox_id"), _folder.c.name == bindparam("name")
)
_select_by_id = select(*_columns).where(_folder.c.id == bindparam("folder_id"))
_lock_by_id = _select_by_id.with_for_update()
_insert = sqlalchemy.insert(_folder)
_rename = update(_folder).where(_folder.c.id == bindparam("folder_id")).values(name=bindparam("new_name"))
_subscribe = update(_folder).where(_folder.c.id == bindparam("folder_id")).values(subscribed=bindparam("wanted"))
_next_uidvalidity = (
    update(tables.mailbox)
    .where(tables.mailbox.c.id == bindparam("mailbox_id"))
    .values(
        last_uidvalidity=case(
            (tables.mailbox.c.last_uidvalidity >= bindparam("now_s"), tables.mailbox.c.last_uidvalidity + 1),
            else_=bindparam("now_s"),
        )
    )
    .returning(tables.mailbox.c.last_uidvalidity)
)
_claim_recent = update(_folder).where(_folder.c.id == bindparam("folder_id")).values(recent_from=_folder.c.uidnext)
_select_recent = select(_folder.c.recent_from).where(_folder.c.id == bindparam("folder_id")).with_for_update()


@lru_cache(maxsize=1_024)
def canonical_name(name: str) -> str:
    """Return the name as it is kept: NFC, INBOX in capitals, no separator at the end, special folders by their name.

    Raises:
        FolderRefused: CANNOT - empty; a level that is empty, `.` or `..` (programs write levels to disk); a
            character that is not allowed; too long or too deep.
    """
    levels = aliases.resolve(unicodedata.normalize("NFC", name).removesuffix(SEPARATOR).split(SEPARATOR))
    if levels[0].upper() == INBOX:
        levels[0] = INBOX
    kept = SEPARATOR.join(levels)
    readable = all(character.isprintable() and character not in FORBIDDEN for character in kept)
    if (
        not all(levels)
        or not LEVELS_OF_PATHS.isdisjoint(levels)
        or not readable
        or len(levels) > MAX_LEVELS
        or len(kept) > MAX_NAME_CHARACTERS
    ):
        raise FolderRefused(FolderProblem.CANNOT)
    return kept


def folders(tx: Transaction, mailbox_id: str) -> list[Folder]:
    """Return the folders of a mailbox, INBOX first, then by name."""
    found = [Folder(**row._asdict()) for row in tx.execute(_select_all, {"mailbox_id": mailbox_id})]
    return sorted(found, key=lambda folder: (folder.name != INBOX, folder.name))


def folder_named(tx: Transaction, mailbox_id: str, name: str) -> Folder | None:
    """Return the folder of that name, None when there is none."""
    try:
        kept = canonical_name(name)
    except FolderRefused:
        return None
    row = tx.execute(_select_named, {"mailbox_id": mailbox_id, "name": kept}).one_or_none()
    return None if row is None else Folder(**row._asdict())


def folder_by_id(tx: Transaction, folder_id: FolderId, *, lock: bool = False) -> Folder:
    """Return a folder; with LOCK, other writers of that folder wait for the end of the transaction.

    Raises:
        FolderRefused: NONEXISTENT - it was deleted.
    """
    row = tx.execute(_lock_by_id if lock else _select_by_id, {"folder_id": folder_id}).one_or_none()
    if row is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return Folder(**row._asdict())


def add_folders(
    tx: Transaction, mailbox_id: str, names: Sequence[tuple[str, str | None]], *, key_id: str, now: datetime
) -> None:
    """Add folders (name, special use) that do not exist yet, subscribed."""
    rows: list[dict[str, Any]] = []
    for name, special_use in names:
        uidvalidity = tx.execute(_next_uidvalidity, {"mailbox_id": mailbox_id, "now_s": int(now.timestamp())}).scalar()
        if uidvalidity is None:
            raise PermanentFailure("mailbox: unknown or erased")
        rows.append(
            {
                "mailbox_id": mailbox_id,
                "name": name,
                "special_use": special_use,
                "subscribed": True,
                "uidvalidity": uidvalidity,
                "uidnext": 1,
                "highest_modseq": 1,
                "pruned_modseq": 0,
                "recent_from": 1,
                "key_id": key_id,
            }
        )
    tx.execute(_insert, rows)


def missing_levels(existing: Sequence[Folder], name: str) -> list[tuple[str, None]]:
    """Return NAME and its parents, as far as they do not exist, outermost first."""
    known = {folder.name for folder in existing}
    levels = name.split(SEPARATOR)
    paths = [SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels) + 1)]
    return [(path, None) for path in paths if path not in known]


def rename(tx: Transaction, existing: Sequence[Folder], source: Folder, new_name: str) -> None:
    """Give a folder and those below it a new name."""
    inside = source.name + SEPARATOR
    changed = [
        {"folder_id": folder.id, "new_name": new_name + folder.name[len(source.name) :]}
        for folder in existing
        if folder.id == source.id or folder.name.startswith(inside)
    ]
    if any(len(each["new_name"]) > MAX_NAME_CHARACTERS for each in changed if isinstance(each["new_name"], str)):
        raise FolderRefused(FolderProblem.CANNOT)
    tx.execute(_rename, changed)


def set_subscribed(tx: Transaction, folder_id: FolderId, *, wanted: bool) -> None:
    """Record whether a folder is subscribed."""
    tx.execute(_subscribe, {"folder_id": folder_id, "wanted": wanted})


def claim_recent(tx: Transaction, folder_id: FolderId) -> int:
    r"""Return the first UID that is `\Recent` for the session that asks; no later session gets it."""
    first = tx.execute(_select_recent, {"folder_id": folder_id}).scalar()
    if first is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    tx.execute(_claim_recent, {"folder_id": folder_id})
    return int(first)
