"""Whether stored messages still open: every sealed segment of a message is decrypted, nothing is kept or shown."""

from collections.abc import Iterator, Mapping

from sqlalchemy import func, select

from mailstore.store import MailStore
from mailstore.tables import entry, folder, message
from vaguemestre.app.bootstrap import Instance
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError
from vaguemestre.kernel.log import get_logger

SAMPLE = 200
PIECE_BYTES = 1 << 20
log = get_logger(__name__)

_NEWEST = (
    select(entry.c.message_id, func.min(folder.c.mailbox_id).label("mailbox_id"))
    .join_from(entry, folder, folder.c.id == entry.c.folder_id)
    .group_by(entry.c.message_id)
    .order_by(entry.c.message_id.desc())
)


_REFERENCES = select(message.c.blob_ref).where(message.c.blob_ref.is_not(None))


def missing_segments(instance: Instance) -> Mapping[str, int]:
    """Return the segment files that are absent or too short, each with how many messages lose their body by it.

    Looks at every message, but only at the sizes of files; a bucket (S3) is not asked.
    """
    blobs = instance.blobs
    if not isinstance(blobs, LocalBlobs):
        return {}
    return instance.database.read_now(lambda tx: blobs.missing(tx.execute(_REFERENCES).scalars()))


def unreadable_messages(instance: Instance, *, limit: int | None) -> Iterator[str | None]:
    """Open messages, the newest first; yield for each None, or its id when it does not open.

    Args:
        limit: how many to open, None for all.

    Raises:
        TemporaryFailure: the catalogue or the blobs are away.
    """
    rows = instance.database.read_now(lambda tx: tx.execute(_NEWEST.limit(limit)).all())
    for row in rows:
        yield _open(instance, row.mailbox_id, row.message_id)


def _open(instance: Instance, mailbox_id: str, message_id: str) -> str | None:
    def work(tx: Transaction) -> None:
        _read_all(tx, instance.mail_store, mailbox_id, message_id)

    try:
        instance.database.read_now(work)
    except IntegrityError as error:
        log.error("message_unreadable", message_id=message_id, error=error)
        return message_id
    return None


def _read_all(tx: Transaction, store: MailStore, mailbox_id: str, message_id: str) -> None:
    reader = store.open(tx, mailbox_id, message_id)
    for offset in range(0, reader.size_bytes, PIECE_BYTES):
        reader.read(offset, PIECE_BYTES)
