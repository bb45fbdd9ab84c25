"""Opening messages and indexes, by the wrapped key of an entry of the asking mailbox and by nothing else."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import bindparam, select

from mailstore.entries import CHUNK, ENTRY_COLUMNS, entry_of, select_wanted
from mailstore.keyring import Keyring
from mailstore.mime.index import MessageIndex
from mailstore.model import Entry, FolderId
from mailstore.reader import MessageReader, SealedRow, open_index
from mailstore.seal import MessageCipher
from mailstore.tables import entry, folder, message
from vaguemestre.kernel.blobs import BlobStore
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)
_in_mailbox = entry.join(folder, folder.c.id == entry.c.folder_id).join(message, message.c.id == entry.c.message_id)
_select_message = (
    select(
        entry.c.wrapped_key,
        message.c.sealed_header,
        message.c.sealed_index,
        message.c.sealed_body,
        message.c.blob_ref,
    )
    .select_from(_in_mailbox)
    .where(entry.c.message_id == bindparam("message_id"), folder.c.mailbox_id == bindparam("owner"))
    .limit(1)
)
_of_folder = (
    select(
        *ENTRY_COLUMNS,
        entry.c.wrapped_key,
        message.c.sealed_header,
        message.c.sealed_index,
        message.c.sealed_body,
        message.c.blob_ref,
    )
    .select_from(_in_mailbox)
    .where(entry.c.folder_id == bindparam("folder_id"), folder.c.mailbox_id == bindparam("owner"))
    .order_by(entry.c.uid)
)
_between = _of_folder.where(entry.c.uid.between(bindparam("low"), bindparam("high")))
_named = _of_folder.where(entry.c.uid.in_(bindparam("uids", expanding=True)))
_select_indexes = (
    select(entry.c.message_id, entry.c.wrapped_key, message.c.sealed_index)
    .select_from(_in_mailbox)
    .where(entry.c.message_id.in_(bindparam("message_ids", expanding=True)), folder.c.mailbox_id == bindparam("owner"))
)


def open_message(
    tx: Transaction, mailbox_id: str, message_id: str, *, keyring: Keyring, blobs: BlobStore
) -> MessageReader:
    """Open a message that a folder of the mailbox holds.

    Raises:
        PermanentFailure: no folder of that mailbox holds it.
        IntegrityError: its key or its index was changed.
    """
    row = tx.execute(_select_message, {"message_id": message_id, "owner": mailbox_id}).one_or_none()
    if row is None:
        raise PermanentFailure("message: unknown in this mailbox")
    return Opener(tx, mailbox_id, keyring, blobs).open(message_id, row)


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens rows that hold a wrapped key and the sealed columns of a message of one mailbox."""

    tx: Transaction
    mailbox_id: str
    keyring: Keyring
    blobs: BlobStore

    def open(self, message_id: str, row: Any) -> MessageReader:
        """Return the reader of a row's message.

        Raises:
            IntegrityError: its key or its index was changed.
        """
        key = self.keyring.unwrap(self.tx, self.mailbox_id, message_id, row.wrapped_key)
        sealed = SealedRow(
            header=row.sealed_header, index=row.sealed_index, body=row.sealed_body, blob_ref=row.blob_ref
        )
        return MessageReader(message_id, key, sealed, self.blobs)

    def each(self, folder_id: FolderId, uids: Collection[int]) -> Iterator[tuple[Entry, MessageReader | None]]:
        """Yield the entries of UIDS in their order, each with its message, None for a damaged one, which is logged.

        Rows are read as they are asked for: whoever stops early reads no more of them.
        """
        where = {"folder_id": folder_id, "owner": self.mailbox_id}
        for row in select_wanted(self.tx, where, uids, named=_named, between=_between):
            found = entry_of(row)
            try:
                yield found, self.open(found.message_id, row)
            except IntegrityError as error:
                log.error("message_corrupted", mailbox_id=self.mailbox_id, message_id=found.message_id, error=error)
                yield found, None


def open_indexes(
    tx: Transaction, mailbox_id: str, message_ids: Collection[str], keyring: Keyring
) -> dict[str, MessageIndex]:
    """Open the indexes of messages that the mailbox holds, by message id.

    A corrupted one is left out and logged, so that the others can still be listed.
    """
    found: dict[str, MessageIndex] = {}
    wanted = list(message_ids)
    for start in range(0, len(wanted), CHUNK):
        names = {"message_ids": wanted[start : start + CHUNK], "owner": mailbox_id}
        for row in tx.execute(_select_indexes, names).all():
            message_id = row.message_id
            if message_id in found:
                continue
            try:
                cipher = MessageCipher(keyring.unwrap(tx, mailbox_id, message_id, row.wrapped_key))
                found[message_id] = open_index(cipher, row.sealed_index)
            except IntegrityError as error:
                log.error("message_corrupted", mailbox_id=mailbox_id, message_id=message_id, error=error)
    return found
