"""The outbox: slow or remote work that a transaction leaves behind, done by workers.

A task is recorded in the transaction that causes it, leased by a worker, retried with backoff, and ends in exactly
one final state (done, failed); what the law obliges to is retried without end. A handler does its slow work outside any
transaction and returns the closing unit of work, which commits together with the task's end; so a worker killed at any
instant repeats at most the slow part, and handlers must be idempotent.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

import msgspec
import sqlalchemy
from sqlalchemy import Column, Index, Integer, String, Table, Text, and_, bindparam, case, func, or_, select, update

from vaguemestre.kernel.bus import Bus
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Instant, Transaction, insert_ignoring, metadata
from vaguemestre.kernel.errors import PermanentFailure, TemporaryFailure
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.log import get_logger

TOPIC = "outbox"
LEASE_S = 300
BATCH = 16
POLL_S = 5.0
MAX_ATTEMPTS = 20
BACKOFF_FIRST_S = 2
BACKOFF_LONGEST_S = 3_600
log = get_logger(__name__)

Value = str | int | bool | None


class TaskState(StrEnum):
    """Where a task stands; done and failed are final."""

    WAITING = "waiting"
    DONE = "done"
    FAILED = "failed"


task = Table(
    "task",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("kind", String(40), nullable=False, comment="which handler"),
    Column("key", String(200), nullable=False, comment="same kind and key: same work, recorded once"),
    Column("payload", Text, nullable=False, comment="JSON object of ids and codes; no health data"),
    Column("state", String(10), nullable=False),
    Column("due_at", Instant, nullable=False, comment="not before; while leased: when the lease ends"),
    Column("attempts", Integer, nullable=False),
    Column("lease", String(32), nullable=True, comment="id of the worker that holds it"),
    Column("error", String(80), nullable=True, comment="class of the last failure"),
    Column("ended_at", Instant, nullable=True),
    sqlalchemy.UniqueConstraint("kind", "key"),
    Index("ix_task_due", "state", "due_at"),
)


@dataclass(frozen=True, slots=True)
class Task:
    """One piece of work, as its handler sees it; ATTEMPTS counts this one."""

    id: str
    kind: str
    key: str
    payload: Mapping[str, Value]
    attempts: int


Closing = Callable[[Transaction], None]
Handler = Callable[[Task], Awaitable[Closing | None]]


def enqueue(tx: Transaction, kind: str, key: str, payload: Mapping[str, Value], *, due_at: datetime) -> bool:
    """Record a task in the transaction that causes it.

    Args:
        tx: the transaction of the act.
        kind: names the handler.
        key: identifies the work; recording it twice leaves one task.
        payload: ids and codes, never health data.
        due_at: when it may first run.

    Returns:
        Whether it was recorded now.
    """
    row = {
        "id": new_id(),
        "kind": kind,
        "key": key,
        "payload": msgspec.json.encode(payload).decode(),
        "state": TaskState.WAITING,
        "due_at": due_at,
        "attempts": 0,
        "lease": None,
        "error": None,
        "ended_at": None,
    }
    recorded = insert_ignoring(tx, task, row)
    if recorded:
        tx.wake(TOPIC)
    return recorded


def rearm(tx: Transaction, kind: str, key: str, *, due_at: datetime) -> bool:
    """Have a task done again as if it had never been tried, whatever became of it; False when there is none."""
    values = {"state": TaskState.WAITING, "due_at": due_at, "attempts": 0, "lease": None, "ended_at": None}
    found = (task.c.kind == bindparam("of_kind")) & (task.c.key == bindparam("of_key"))
    result = tx.execute(update(task).where(found).values(values), {"of_kind": kind, "of_key": key})
    if result.rowcount:
        tx.wake(TOPIC)
    return bool(result.rowcount)


def backoff(attempts: int) -> timedelta:
    """Return the delay after the given number of failed attempts: 2 s, 4 s, 8 s … at most an hour."""
    return timedelta(seconds=min(BACKOFF_FIRST_S * 2 ** min(attempts - 1, 20), BACKOFF_LONGEST_S))


@dataclass(frozen=True, slots=True)
class Trouble:
    """Tasks of one kind that do not get done: FAILED were given up, STRUGGLING are still tried after many attempts."""

    kind: str
    failed: int
    struggling: int


_TROUBLES = (
    select(
        task.c.kind,
        func.count(case((task.c.state == TaskState.FAILED, 1))).label("failed"),
        func.count(case((task.c.state == TaskState.WAITING, 1))).label("struggling"),
    )
    .where(
        or_(
            task.c.state == TaskState.FAILED,
            and_(task.c.state == TaskState.WAITING, task.c.attempts >= MAX_ATTEMPTS),
        )
    )
    .group_by(task.c.kind)
    .order_by(task.c.kind)
)


def troubles(tx: Transaction) -> list[Trouble]:
    """List the kinds of task that somebody has to look at."""
    return [Trouble(row.kind, row.failed, row.struggling) for row in tx.execute(_TROUBLES)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How often a task that fails is tried before it is given up; never for the kinds in ENDLESS."""

    max_attempts: int = MAX_ATTEMPTS
    endless: Collection[str] = frozenset()

    def ends(self, task: Task, error: Exception) -> bool:
        """Tell whether this failure is the last one."""
        last = isinstance(error, PermanentFailure) or task.attempts >= self.max_attempts
        return last and task.kind not in self.endless


class OutboxWorker:
    """Runs due tasks, a few at a time, until cancelled."""

    def __init__(
        self,
        database: Database,
        bus: Bus,
        clock: Clock,
        handlers: Mapping[str, Handler],
        patience: Patience = Patience(),
    ) -> None:
        self._patience = patience
        self._database = database
        self._bus = bus
        self._clock = clock
        self._handlers = handlers
        self._id = new_id()
        self._wake = asyncio.Event()
        self._draining = False

    async def run(self) -> None:
        """Work until `drain` is called or the task is cancelled."""
        unsubscribe = self._bus.subscribe(TOPIC, self._wake.set)
        try:
            while not self._draining:
                self._wake.clear()
                if not await self._round():
                    with contextlib.suppress(TimeoutError):
                        await asyncio.wait_for(self._wake.wait(), POLL_S)
        finally:
            unsubscribe()

    def drain(self) -> None:
        """End `run` after the tasks under way."""
        self._draining = True
        self._wake.set()

    async def run_due(self) -> int:
        """Run what is due now, once; returns how many tasks ran (tests, commands)."""
        total = 0
        while ran := await self._round():
            total += ran
        return total

    async def _round(self) -> int:
        try:
            leased = await self._database.write(self._lease)
        except TemporaryFailure as error:
            log.warning("outbox_unavailable", error=error)
            return 0
        await asyncio.gather(*(self._perform(each) for each in leased))
        return len(leased)

    def _lease(self, tx: Transaction) -> list[Task]:
        now = self._clock.now()
        due = (
            select(task.c.id)
            .where(task.c.state == TaskState.WAITING, task.c.due_at <= now, task.c.kind.in_(self._handlers))
            .order_by(task.c.due_at)
            .limit(BATCH)
            .with_for_update(skip_locked=True)
        )
        statement = (
            update(task)
            .where(task.c.id.in_(due.scalar_subquery()))
            .values(lease=self._id, due_at=now + timedelta(seconds=LEASE_S), attempts=task.c.attempts + 1)
            .returning(task.c.id, task.c.kind, task.c.key, task.c.payload, task.c.attempts)
        )
        rows = tx.execute(statement).all()
        return [Task(row.id, row.kind, row.key, msgspec.json.decode(row.payload), row.attempts) for row in rows]

    async def _perform(self, each: Task) -> None:
        try:
            closing = await self._handlers[each.kind](each)
            await self._database.write(lambda tx: self._end(tx, each, TaskState.DONE, None, closing))
        except Exception as error:  # noqa: BLE001 - a bug in a handler must not stop the others, nor lose the task
            if self._patience.ends(each, error):
                await self._give_up(each, error)
            else:
                await self._postpone(each, error)

    async def _give_up(self, each: Task, error: Exception) -> None:
        log.error("task_failed", task_id=each.id, kind=each.kind, attempts=each.attempts, error=error)
        await self._settle(lambda tx: self._end(tx, each, TaskState.FAILED, type(error).__name__, None))

    async def _postpone(self, each: Task, error: Exception) -> None:
        delay = backoff(each.attempts)
        log.warning(
            "task_postponed",
            task_id=each.id,
            kind=each.kind,
            attempts=each.attempts,
            error=error,
            delay_s=delay.total_seconds(),
        )
        values = {"lease": None, "due_at": self._clock.now() + delay, "error": type(error).__name__}
        await self._settle(lambda tx: self._change(tx, each, values))

    async def _settle(self, work: Callable[[Transaction], object]) -> None:
        """Write the outcome; when the database is away the lease ends by itself and the task runs again."""
        with contextlib.suppress(TemporaryFailure):
            await self._database.write(work)

    def _end(self, tx: Transaction, each: Task, state: TaskState, error: str | None, closing: Closing | None) -> None:
        values = {"state": state, "lease": None, "error": error, "ended_at": self._clock.now()}
        if self._change(tx, each, values) and closing is not None:
            closing(tx)

    def _change(self, tx: Transaction, each: Task, values: Mapping[str, object]) -> bool:
        """Change the task while it is still ours; a lease that ran out may have gone to another worker."""
        ours = (task.c.id == bindparam("task_id")) & (task.c.lease == bindparam("holder"))
        result = tx.execute(update(task).where(ours).values(values), {"task_id": each.id, "holder": self._id})
        return result.rowcount == 1
