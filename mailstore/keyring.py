"""Keys of mailboxes: instance key → mailbox key → message key.

A wrapped message key names the mailbox key that wraps it and is bound to mailbox and message, so that it opens
nowhere else. A mailbox key never changes under its id, hence the cache of this process cannot be stale; deleting
the row of a mailbox key erases all that it wraps.
"""

import os
from datetime import datetime

import sqlalchemy
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from sqlalchemy import bindparam, select

from mailstore.seal import KEY_BYTES, NONCE_BYTES
from mailstore.tables import mailbox_key
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

ID_BYTES = 16
CACHED_KEYS = 20_000
_select_key = select(mailbox_key.c.sealed_key).where(
    mailbox_key.c.id == bindparam("key_id"), mailbox_key.c.mailbox_id == bindparam("mailbox_id")
)
_select_current = (
    select(mailbox_key.c.id)
    .where(mailbox_key.c.mailbox_id == bindparam("mailbox_id"))
    .order_by(mailbox_key.c.id.desc())
    .limit(1)
)
_insert_key = sqlalchemy.insert(mailbox_key)


class Keyring:
    """Wraps and unwraps message keys; safe to use from several threads."""

    def __init__(self, instance_key: InstanceKey) -> None:
        self._instance_key = instance_key
        self._opened: dict[tuple[str, str], AESGCM] = {}

    def create(self, tx: Transaction, mailbox_id: str, now: datetime) -> str:
        """Make a fresh key for a mailbox and return its id; it serves from now on."""
        key_id = new_id()
        sealed = self._instance_key.seal(os.urandom(KEY_BYTES), _context(mailbox_id, key_id))
        row = {"id": key_id, "mailbox_id": mailbox_id, "sealed_key": sealed, "created_at": now}
        tx.execute(_insert_key, row)
        return key_id

    def current(self, tx: Transaction, mailbox_id: str) -> str:
        """Return the id of the mailbox's youngest key.

        Raises:
            PermanentFailure: no such mailbox, or erased.
        """
        key_id: str | None = tx.execute(_select_current, {"mailbox_id": mailbox_id}).scalar()
        if key_id is None:
            raise PermanentFailure("mailbox: unknown or erased")
        return key_id

    def wrap(self, tx: Transaction, mailbox_id: str, key_id: str, secret: tuple[str, bytes]) -> bytes:
        """Return the message key of SECRET (message id, key), wrapped: key id, nonce, ciphertext, tag."""
        message_id, key = secret
        nonce = os.urandom(NONCE_BYTES)
        sealed = self._mailbox_key(tx, mailbox_id, key_id).encrypt(nonce, key, _binding(mailbox_id, message_id))
        return bytes.fromhex(key_id) + nonce + sealed

    def unwrap(self, tx: Transaction, mailbox_id: str, message_id: str, wrapped: bytes) -> bytes:
        """Return the message key.

        Raises:
            IntegrityError: changed, of another mailbox or message, or its mailbox key is gone.
        """
        opening = self._mailbox_key(tx, mailbox_id, wrapped[:ID_BYTES].hex())
        nonce, sealed = wrapped[ID_BYTES : ID_BYTES + NONCE_BYTES], wrapped[ID_BYTES + NONCE_BYTES :]
        try:
            return opening.decrypt(nonce, sealed, _binding(mailbox_id, message_id))
        except (InvalidTag, ValueError):
            raise IntegrityError("message: its wrapped key does not open") from None

    def forget(self, mailbox_id: str) -> None:
        """Drop the opened keys of a mailbox from memory."""
        for known in [known for known in list(self._opened) if known[0] == mailbox_id]:
            self._opened.pop(known, None)

    def _mailbox_key(self, tx: Transaction, mailbox_id: str, key_id: str) -> AESGCM:
        known = self._opened.get((mailbox_id, key_id))
        if known is not None:
            return known
        sealed = tx.execute(_select_key, {"key_id": key_id, "mailbox_id": mailbox_id}).scalar()
        if sealed is None:
            raise IntegrityError("message: the mailbox key that wraps its key is gone")
        opened = AESGCM(self._instance_key.open(sealed, _context(mailbox_id, key_id)))
        if len(self._opened) >= CACHED_KEYS:
            self._opened.clear()
        self._opened[mailbox_id, key_id] = opened
        return opened


def _context(mailbox_id: str, key_id: str) -> bytes:
    return f"mailstore/mailbox-key/{mailbox_id}/{key_id}".encode()


def _binding(mailbox_id: str, message_id: str) -> bytes:
    return f"{mailbox_id}/{message_id}".encode()
