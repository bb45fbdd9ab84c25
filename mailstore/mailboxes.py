"""Mailboxes: made with a key and the standard folders, erased by destroying the key.

An erased mailbox leaves its id and the instant of erasure: the id never serves again, and the erasure can be shown.
"""

from datetime import datetime

from sqlalchemy import bindparam, delete, select, update

from mailstore import tables
from mailstore.folders import STANDARD_FOLDERS, add_folders
from mailstore.keyring import Keyring
from mailstore.model import FolderId
from mailstore.transfer import note_orphans
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import PermanentFailure

_folder_ids = select(tables.folder.c.id).where(tables.folder.c.mailbox_id == bindparam("owner")).with_for_update()
_messages = select(tables.entry.c.message_id).where(tables.entry.c.folder_id == bindparam("of_folder")).distinct()
_erase_contents = delete(tables.content).where(tables.content.c.mailbox_id == bindparam("owner"))
_erase_imported = delete(tables.imported).where(tables.imported.c.mailbox_id == bindparam("owner"))
_erase_keys = delete(tables.mailbox_key).where(tables.mailbox_key.c.mailbox_id == bindparam("owner"))
_delete_entries = delete(tables.entry).where(tables.entry.c.folder_id == bindparam("of_folder"))
_delete_expunged = delete(tables.expunged).where(tables.expunged.c.folder_id == bindparam("of_folder"))
_delete_blocks = delete(tables.block).where(tables.block.c.folder_id == bindparam("of_folder"))
_delete_seen = delete(tables.member_seen).where(tables.member_seen.c.folder_id == bindparam("of_folder"))
_delete_annotations = delete(tables.annotation).where(tables.annotation.c.folder_id == bindparam("of_folder"))
_erase_annotations = delete(tables.annotation).where(tables.annotation.c.mailbox_id == bindparam("owner"))
_delete_folder = delete(tables.folder).where(tables.folder.c.id == bindparam("of_folder"))
_mark_erased = (
    update(tables.mailbox).where(tables.mailbox.c.id == bindparam("owner")).values(erased_at=bindparam("now"))
)


def create_mailbox(tx: Transaction, mailbox_id: str, *, keyring: Keyring, now: datetime) -> None:
    """Make a mailbox with a fresh key and the standard folders.

    Raises:
        PermanentFailure: the id serves, or served, already.
    """
    row = {"id": mailbox_id, "created_at": now, "erased_at": None, "last_uidvalidity": 0}
    if not insert_ignoring(tx, tables.mailbox, row):
        raise PermanentFailure("mailbox: exists already")
    key_id = keyring.create(tx, mailbox_id, now)
    add_folders(tx, mailbox_id, STANDARD_FOLDERS, key_id=key_id, now=now)
    tx.wake(f"mailbox:{mailbox_id}")


def delete_mailbox(tx: Transaction, mailbox_id: str, *, keyring: Keyring, now: datetime) -> None:
    """Erase a mailbox: its keys, entries, folders, annotations, contents. An unknown or erased one stays as it is."""
    folder_ids = tx.execute(_folder_ids, {"owner": mailbox_id}).scalars().all()
    if not folder_ids:
        return
    for folder_id in folder_ids:
        delete_folder(tx, folder_id)
    tx.execute(_erase_annotations, {"owner": mailbox_id})
    tx.execute(_erase_contents, {"owner": mailbox_id})
    tx.execute(_erase_imported, {"owner": mailbox_id})
    tx.execute(_erase_keys, {"owner": mailbox_id})
    tx.execute(_mark_erased, {"owner": mailbox_id, "now": now})
    keyring.forget(mailbox_id)
    tx.wake(f"mailbox:{mailbox_id}")


def delete_folder(tx: Transaction, folder_id: FolderId) -> None:
    """Delete a folder with its entries; messages that no folder holds then are garbage."""
    here = {"of_folder": folder_id}
    note_orphans(tx, tx.execute(_messages, here).scalars().all())
    what_it_holds = (_delete_entries, _delete_expunged, _delete_blocks, _delete_seen, _delete_annotations)
    for statement in (*what_it_holds, _delete_folder):
        tx.execute(statement, here)
