"""The rows of the queue: added with the message, leased by workers, each ended once.

A lease is a name and an end; whoever settles a recipient must still hold it, so that two workers never both end
one. The row of the message is locked first, so that its last recipient releases what the store holds.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Row, bindparam, delete, func, select, update

from smtp_gateway.queue.model import EntryState, Job, QueuedRecipient, ReportRequest, Waiting
from smtp_gateway.tables import queue_entry, queue_message
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

TOPIC = "queue"
_waiting = queue_entry.c.state == EntryState.WAITING
_joined = queue_entry.join(queue_message, queue_message.c.id == queue_entry.c.queue_id)
_lock = select(queue_message.c.held_uid).where(queue_message.c.id == bindparam("of_queue")).with_for_update()
_left = select(func.count()).where(queue_entry.c.queue_id == bindparam("of_queue"), _waiting)
_let_go = update(queue_message).where(queue_message.c.id == bindparam("of_queue")).values(held_uid=None)


@dataclass(frozen=True, slots=True)
class Lease:
    """Who takes recipients, when, until when."""

    holder: str
    now: datetime
    until: datetime


def add(
    tx: Transaction, message: Mapping[str, object], recipients: Sequence[QueuedRecipient], lifetime_s: float
) -> str:
    """Queue recipients of a message; MESSAGE has the columns of `queue_message` but its id. Returns that id."""
    queue_id, now = new_id(), message["accepted_at"]
    assert isinstance(now, datetime)
    tx.add(queue_message, {"id": queue_id, **message})
    for each in recipients:
        row = {
            "id": new_id(),
            "queue_id": queue_id,
            "recipient": each.address,
            "destination": each.destination,
            "notify": each.notify,
            "orcpt": each.orcpt,
            "state": EntryState.WAITING,
            "due_at": now,
            "lease": None,
            "attempts": 0,
            "expires_at": now + timedelta(seconds=lifetime_s),
            "delay_reported": False,
            "trouble": None,
            "status": None,
            "reply_code": None,
            "ended_at": None,
        }
        tx.add(queue_entry, row)
    tx.wake(TOPIC)
    return queue_id


def lease_due(tx: Transaction, lease: Lease, *, limit: int, without: Collection[str] = ()) -> list[Job]:
    """Take recipients that are due, oldest first, but for the destinations WITHOUT."""
    due = (
        select(queue_entry.c.id)
        .where(_waiting, queue_entry.c.due_at <= lease.now, queue_entry.c.destination.not_in(without))
        .order_by(queue_entry.c.due_at)
        .limit(limit)
        .with_for_update(skip_locked=True)
    )
    return _lease(tx, due, lease)


def lease_one(tx: Transaction, entry_id: str, lease: Lease) -> list[Job]:
    """Take one recipient that nobody holds, due or not; empty when it is held, ended or unknown."""
    free = queue_entry.c.lease.is_(None) | (queue_entry.c.due_at <= lease.now)
    chosen = select(queue_entry.c.id).where(queue_entry.c.id == entry_id, _waiting, free).with_for_update()
    return _lease(tx, chosen, lease)


def _lease(tx: Transaction, chosen: Any, lease: Lease) -> list[Job]:
    taken = (
        update(queue_entry)
        .where(queue_entry.c.id.in_(chosen.scalar_subquery()))
        .values(lease=lease.holder, due_at=lease.until, attempts=queue_entry.c.attempts + 1)
        .returning(queue_entry.c.id)
    )
    ids = tx.execute(taken).scalars().all()
    if not ids:
        return []
    rows = tx.execute(
        select(queue_entry, *(each for each in queue_message.c if each.name != "id"))
        .select_from(_joined)
        .where(queue_entry.c.id.in_(ids))
        .order_by(queue_message.c.id, queue_entry.c.id)
    )
    grouped: dict[tuple[str, str], list[Row[Any]]] = {}
    for row in rows:
        grouped.setdefault((row.queue_id, row.destination), []).append(row)
    return [_job(group, lease.now) for group in grouped.values()]


def _job(rows: Sequence[Row[Any]], now: datetime) -> Job:
    first = rows[0]
    return Job(
        queue_id=first.queue_id,
        message_id=first.message_id,
        destination=first.destination,
        reverse_path=first.reverse_path,
        reporter_id=first.reporter_id,
        message_id_header=first.message_id_header,
        request=ReportRequest(first.ret, first.envid),
        require_tls=first.require_tls,
        accepted_at=first.accepted_at,
        size_bytes=first.size_bytes,
        lease=first.lease,
        leased_at=now,
        waiting=tuple(
            Waiting(
                id=row.id,
                recipient=row.recipient,
                notify=row.notify,
                orcpt=row.orcpt,
                attempts=row.attempts,
                expires_at=row.expires_at,
                delay_reported=row.delay_reported,
            )
            for row in rows
        ),
    )


def _held(job_lease: str, ids: Sequence[str]) -> Any:
    return (queue_entry.c.id.in_(ids)) & (queue_entry.c.lease == job_lease) & _waiting


def renew(tx: Transaction, job: Job, until: datetime) -> bool:
    """Hold a job longer; False when some of it is no longer ours."""
    ids = [each.id for each in job.waiting]
    return tx.execute(update(queue_entry).where(_held(job.lease, ids)).values(due_at=until)).rowcount == len(ids)


def settle(tx: Transaction, job: Job, entry_id: str, values: Mapping[str, object]) -> bool:
    """Write what became of a recipient and give its lease back; False when it is no longer ours."""
    statement = update(queue_entry).where(_held(job.lease, [entry_id])).values(lease=None, **values)
    return tx.execute(statement).rowcount == 1


def hand_back(tx: Transaction, jobs: Sequence[Job]) -> None:
    """Leave jobs to others as if they had not been taken: there is no connection for them just now."""
    for job in jobs:
        untried = {"lease": None, "due_at": job.leased_at, "attempts": queue_entry.c.attempts - 1}
        ids = [each.id for each in job.waiting]
        tx.execute(update(queue_entry).where(_held(job.lease, ids)).values(untried))


def give_back(tx: Transaction, holder: str, now: datetime) -> int:
    """Let others take at once what HOLDER took and did not try; returns how many recipients."""
    untried = {"lease": None, "due_at": now, "attempts": queue_entry.c.attempts - 1}
    return tx.execute(update(queue_entry).where(queue_entry.c.lease == holder, _waiting).values(untried)).rowcount


def lock(tx: Transaction, queue_id: str) -> int | None:
    """Lock the message against other workers; returns what releases it from the store."""
    found: int | None = tx.execute(_lock, {"of_queue": queue_id}).scalar()
    return found


def close_when_empty(tx: Transaction, queue_id: str) -> bool:
    """Tell whether no recipient waits any more, and note that the store may let the message go."""
    if tx.execute(_left, {"of_queue": queue_id}).scalar_one():
        return False
    tx.execute(_let_go, {"of_queue": queue_id})
    return True


def hasten(tx: Transaction, now: datetime, entry_id: str | None = None) -> int:
    """Make waiting recipients (one, or all) due now, those being tried excepted; returns how many."""
    chosen = _waiting & queue_entry.c.lease.is_(None)
    if entry_id is not None:
        chosen &= queue_entry.c.id == entry_id
    tx.wake(TOPIC)
    return tx.execute(update(queue_entry).where(chosen).values(due_at=now)).rowcount


def listed(tx: Transaction, *, entry_id: str | None = None, limit: int = 1_000) -> list[dict[str, Any]]:
    """Return recipients that wait, oldest first; or one, whatever its state."""
    columns = (
        *queue_entry.c,
        queue_message.c.message_id,
        queue_message.c.message_id_header,
        queue_message.c.reverse_path,
        queue_message.c.accepted_at,
        queue_message.c.size_bytes,
    )
    chosen = queue_entry.c.id == entry_id if entry_id is not None else _waiting
    rows = tx.execute(select(*columns).select_from(_joined).where(chosen).order_by(queue_entry.c.id).limit(limit))
    return [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it


def forget(tx: Transaction, before: datetime, limit: int = 1_000) -> int:
    """Remove messages accepted BEFORE that wait for nobody any more; the trace keeps what became of them."""
    old = (
        select(queue_message.c.id)
        .where(queue_message.c.held_uid.is_(None), queue_message.c.accepted_at < before)
        .order_by(queue_message.c.id)
        .limit(limit)
    )
    ids = tx.execute(old).scalars().all()
    if ids:
        tx.execute(delete(queue_entry).where(queue_entry.c.queue_id.in_(ids)))
        tx.execute(delete(queue_message).where(queue_message.c.id.in_(ids)))
    return len(ids)
