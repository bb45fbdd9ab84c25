"""Delivery: one row for the message, one entry for each place it goes to, all in the caller's transaction."""

from collections.abc import Callable, Sequence
from datetime import datetime

from mailstore import blocks
from mailstore.counters import take_named
from mailstore.flags import encode_flags
from mailstore.folders import canonical_name
from mailstore.keyring import Keyring
from mailstore.model import INBOX, Delivery, Placement, SealedMessage
from mailstore.tables import entry, message
from vaguemestre.kernel.blobs import BlobStore
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure


def flusher(blobs: BlobStore) -> Callable[[Transaction, SealedMessage], None]:
    """Return what has the body of a message made durable before its row is, with those of its commit group."""

    def flush(_tx: Transaction, references: list[str]) -> None:
        blobs.flush(references)

    def flush_before_commit(tx: Transaction, sealed: SealedMessage) -> None:
        if sealed.blob_ref is not None:
            tx.collect(flush, sealed.blob_ref)

    return flush_before_commit


def deliver(
    tx: Transaction, sealed: SealedMessage, deliveries: Sequence[Delivery], *, keyring: Keyring, now: datetime
) -> list[Placement]:
    """Add the message and its entries; returns the placements in the order of DELIVERIES.

    Folders are taken in one order, so that two processes do not wait for each other.

    Raises:
        FolderRefused: a mailbox or folder does not exist; nothing of the unit is kept.
        PermanentFailure: no place at all, where nobody could ever open the message.
    """
    if not deliveries:
        raise PermanentFailure("delivery: no place to deliver to")
    tx.add(
        message,
        {
            "id": sealed.message_id,
            "stored_at": now,
            "size_bytes": sealed.size_bytes,
            "sealed_header": sealed.sealed_header,
            "sealed_index": sealed.sealed_index,
            "sealed_body": sealed.sealed_body,
            "blob_ref": sealed.blob_ref,
        },
    )
    placed = {}
    order = sorted(range(len(deliveries)), key=lambda place: (deliveries[place].mailbox_id, deliveries[place].folder))
    for place in order:
        placed[place] = _place(tx, sealed, deliveries[place], keyring, now)
        uid = placed[place].uid
        blocks.schedule(tx, placed[place].mailbox_id, placed[place].folder_id, range(uid, uid + 1), now)
    return [placed[place] for place in range(len(deliveries))]


def _place(tx: Transaction, sealed: SealedMessage, delivery: Delivery, keyring: Keyring, now: datetime) -> Placement:
    name = delivery.folder if delivery.folder == INBOX else canonical_name(delivery.folder)
    counters = take_named(tx, delivery.mailbox_id, name, 1)
    bits, keywords = encode_flags(delivery.flags)
    uid, modseq = counters.uidnext - 1, counters.highest_modseq
    secret = (sealed.message_id, sealed.key)
    tx.add(
        entry,
        {
            "folder_id": counters.id,
            "uid": uid,
            "message_id": sealed.message_id,
            "modseq": modseq,
            "flags": bits,
            "keywords": keywords,
            "internal_date": delivery.internal_date,
            "saved_at": now,
            "size_bytes": sealed.size_bytes,
            "wrapped_key": keyring.wrap(tx, delivery.mailbox_id, counters.key_id, secret),
        },
    )
    tx.wake(f"mailbox:{delivery.mailbox_id}")
    return Placement(
        mailbox_id=delivery.mailbox_id,
        folder_id=counters.id,
        uidvalidity=counters.uidvalidity,
        uid=uid,
        modseq=modseq,
    )
