"""UIDs and modification sequences: taken from the folder's row by one statement, which also locks it.

Whoever changes a folder takes its next modseq here first and holds the row until COMMIT, so within a folder the
order of modseqs is the order of commits, which `changes` relies on (RFC 7162 §3.1.2).
"""

from typing import Any

from sqlalchemy import bindparam, select, update

from mailstore.model import FolderId, FolderProblem, FolderRefused
from mailstore.tables import folder
from vaguemestre.kernel.database import Transaction

_taken = (folder.c.id, folder.c.mailbox_id, folder.c.uidnext, folder.c.uidvalidity, folder.c.highest_modseq)
_step = {"uidnext": folder.c.uidnext + bindparam("uids"), "highest_modseq": folder.c.highest_modseq + 1}
_take_by_id = (
    update(folder).where(folder.c.id == bindparam("folder_id")).values(_step).returning(*_taken, folder.c.key_id)
)
_take_by_name = (
    update(folder)
    .where(folder.c.mailbox_id == bindparam("owner"), folder.c.name == bindparam("folder_name"))
    .values(_step)
    .returning(*_taken, folder.c.key_id)
)

_lock = select(folder.c.highest_modseq).where(folder.c.id == bindparam("folder_id")).with_for_update()


def lock(tx: Transaction, folder_id: FolderId) -> int:
    """Have other writers of a folder wait for the end of the transaction; returns its modseq.

    Raises:
        FolderRefused: NONEXISTENT - it was deleted.
    """
    modseq: int | None = tx.execute(_lock, {"folder_id": folder_id}).scalar()
    if modseq is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return modseq


def take(tx: Transaction, folder_id: FolderId, uids: int = 0) -> Any:
    """Advance a folder by UIDS and one modseq; the row returned holds its counters after that.

    Raises:
        FolderRefused: NONEXISTENT - it was deleted.
    """
    row = tx.execute(_take_by_id, {"folder_id": folder_id, "uids": uids}).one_or_none()
    if row is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return row


def take_named(tx: Transaction, mailbox_id: str, name: str, uids: int) -> Any:
    """Do the same for the folder of that name.

    Raises:
        FolderRefused: NONEXISTENT - no such folder or mailbox.
    """
    row = tx.execute(_take_by_name, {"owner": mailbox_id, "folder_name": name, "uids": uids}).one_or_none()
    if row is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return row
