"""The connections that all workers together may hold to one destination: numbered slots, leased like recipients.

A worker connects only while it holds a slot; whoever finds none free leaves the destination to those who hold them.
A slot whose worker died is free again when its lease ends. Numbers make the limit exact on both catalogues: two
workers that want the same slot meet on its primary key.
"""

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import delete as delete_rows
from sqlalchemy import func, select, update

from smtp_gateway.queue.entries import TOPIC, Lease
from smtp_gateway.tables import queue_lane
from vaguemestre.kernel.database import Transaction, insert_ignoring

_L = queue_lane.c


def saturated(tx: Transaction, now: datetime, limit: int) -> list[str]:
    """Return the destinations at which LIMIT connections are held just now."""
    live = select(_L.destination).where(_L.until > now).group_by(_L.destination).having(func.count() >= limit)
    return list(tx.execute(live).scalars())


def take(tx: Transaction, destination: str, lease: Lease, *, wanted: int, limit: int) -> int:
    """Take up to WANTED of the LIMIT slots of a destination; returns how many."""
    rows = tx.execute(select(_L.slot, _L.until).where(_L.destination == destination)).all()
    until = {row.slot: row.until for row in rows}
    free = [slot for slot in range(limit) if slot not in until or until[slot] <= lease.now]
    return sum(_take(tx, destination, slot, lease, known=slot in until) for slot in free[:wanted])


def _take(tx: Transaction, destination: str, slot: int, lease: Lease, *, known: bool) -> bool:
    if not known:
        row = {"destination": destination, "slot": slot, "holder": lease.holder, "until": lease.until}
        return insert_ignoring(tx, queue_lane, row)
    free = (_L.destination == destination) & (_L.slot == slot) & (_L.until <= lease.now)
    values = {"holder": lease.holder, "until": lease.until}
    return tx.execute(update(queue_lane).where(free).values(values)).rowcount == 1


def extend(tx: Transaction, destination: str, holder: str, until: datetime) -> None:
    """Hold the slots of a destination longer."""
    tx.execute(update(queue_lane).where(_L.destination == destination, _L.holder == holder).values(until=until))


def release(tx: Transaction, holder: str, destinations: Collection[str]) -> None:
    """Give slots back; workers that found none look again."""
    tx.execute(delete_rows(queue_lane).where(_L.holder == holder, _L.destination.in_(destinations)))
    tx.wake(TOPIC)
