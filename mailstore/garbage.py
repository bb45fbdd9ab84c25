"""Messages that no folder holds any more: their rows go, then their blobs, by tasks of the outbox.

Only messages that lost an entry are looked at. A foreign key from entries to messages makes sure that a message
which gained an entry meanwhile cannot go. Blobs that never got a row, because their process died first, are swept
apart, once a day.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, exists, select

from mailstore.tables import entry, message, orphan
from vaguemestre.kernel.blobs import BlobStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.outbox import Closing, Handler, Task, enqueue

COLLECT_KIND = "mailstore.collect"
ERASE_KIND = "mailstore.erase_blob"
BATCH = 500
UNCOMMITTED_FOR = timedelta(days=1)  # far longer than any message takes from its first byte to its row
_candidates = (
    select(
        orphan.c.message_id,
        message.c.blob_ref,
        exists().where(entry.c.message_id == orphan.c.message_id).label("in_use"),
    )
    .select_from(orphan.outerjoin(message, message.c.id == orphan.c.message_id))
    .order_by(orphan.c.message_id)
    .limit(BATCH)
)
_references = select(message.c.blob_ref).where(
    message.c.blob_ref.is_not(None), message.c.blob_ref.startswith(bindparam("prefix"), autoescape=False)
)
_delete_messages = delete(message).where(message.c.id.in_(bindparam("ids", expanding=True)))
_delete_orphans = delete(orphan).where(orphan.c.message_id.in_(bindparam("ids", expanding=True)))


def schedule(tx: Transaction, now: datetime, delay_s: int) -> None:
    """Have garbage collected within DELAY_S seconds; calls of the same period leave one task."""
    period = int(now.timestamp()) // delay_s
    due_at = datetime.fromtimestamp((period + 1) * delay_s, tz=now.tzinfo)
    enqueue(tx, COLLECT_KIND, f"{delay_s}/{period}", {}, due_at=due_at)


def collect(tx: Transaction, now: datetime) -> int:
    """Remove up to BATCH messages that are in no folder; returns how many candidates were looked at."""
    rows = tx.execute(_candidates).all()
    if not rows:
        return 0
    unused = [row for row in rows if not row.in_use]
    if unused:
        tx.execute(_delete_messages, {"ids": [row.message_id for row in unused]})
    tx.execute(_delete_orphans, {"ids": [row.message_id for row in rows]})
    for row in unused:
        if row.blob_ref is not None:
            enqueue(tx, ERASE_KIND, row.message_id, {"blob": row.blob_ref}, due_at=now)
    if len(rows) == BATCH:
        enqueue(tx, COLLECT_KIND, f"after/{rows[-1].message_id}", {}, due_at=now + timedelta(seconds=1))
    return len(rows)


def handlers(blobs: BlobStore, clock: Clock) -> Mapping[str, Handler]:
    """Return what does the tasks of this file."""

    async def collect_some(_task: Task) -> Closing:
        def close(tx: Transaction) -> None:
            collect(tx, clock.now())

        return close

    async def erase_blob(task: Task) -> None:
        await asyncio.to_thread(blobs.delete, str(task.payload["blob"]))

    return {COLLECT_KIND: collect_some, ERASE_KIND: erase_blob}


def sweep(database: Database, blobs: BlobStore, now: datetime) -> int:
    """Give back the space of blobs that never got a row; returns how many bytes.

    Raises:
        TemporaryFailure: the catalogue or the blobs are away.
    """

    def live(prefix: str) -> list[str]:
        return database.read_now(lambda tx: list(tx.execute(_references, {"prefix": prefix}).scalars()))

    return blobs.sweep(live, now - UNCOMMITTED_FOR)
