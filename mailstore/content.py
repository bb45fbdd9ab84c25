"""Sealed contents that are not messages: documents of the health record, under the key of a mailbox."""

import sqlalchemy
from sqlalchemy import bindparam, delete, select

from mailstore.keyring import Keyring
from mailstore.seal import MessageCipher, Stream, new_key
from mailstore.tables import content
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.ids import new_id

_insert = sqlalchemy.insert(content)
_here = (content.c.id == bindparam("content_id")) & (content.c.mailbox_id == bindparam("owner"))
_select = select(content.c.wrapped_key, content.c.sealed_data).where(_here)
_delete = delete(content).where(_here)


def seal_content(tx: Transaction, keyring: Keyring, mailbox_id: str, data: bytes) -> str:
    """Keep DATA sealed and return its id.

    Raises:
        PermanentFailure: no such mailbox, or erased.
    """
    content_id, key = new_id(), new_key()
    row = {
        "id": content_id,
        "mailbox_id": mailbox_id,
        "size_bytes": len(data),
        "wrapped_key": keyring.wrap(tx, mailbox_id, keyring.current(tx, mailbox_id), (content_id, key)),
        "sealed_data": MessageCipher(key).seal_all(Stream.BODY, data),
    }
    tx.execute(_insert, row)
    return content_id


def open_content(tx: Transaction, keyring: Keyring, mailbox_id: str, content_id: str) -> bytes:
    """Return what was sealed.

    Raises:
        PermanentFailure: no such content in that mailbox.
        IntegrityError: it was changed.
    """
    row = tx.execute(_select, {"content_id": content_id, "owner": mailbox_id}).one_or_none()
    if row is None:
        raise PermanentFailure("content: unknown in this mailbox")
    key = keyring.unwrap(tx, mailbox_id, content_id, row.wrapped_key)
    return MessageCipher(key).open_all(Stream.BODY, row.sealed_data)


def erase_content(tx: Transaction, mailbox_id: str, content_id: str) -> bool:
    """Remove a content with its key; returns whether it was there."""
    return tx.execute(_delete, {"content_id": content_id, "owner": mailbox_id}).rowcount == 1
