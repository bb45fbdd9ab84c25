"""Group commit: one writer thread gathers the units of work that are waiting and commits them together.

The batch is whatever waits when the writer may write, without a timer; one fsync covers it. Where processes take
turns, the group is gathered once the turn is ours, since more comes while another process commits. There is no
savepoint per unit: when a unit fails, the whole group is rolled back and each unit is run again in a transaction
of its own, so that only the faulty one fails. Hence units must be re-runnable.
"""

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError

from vaguemestre.kernel.engines import WriteTurn, translated_errors
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.transaction import Transaction

T = TypeVar("T")
Work = Callable[[Transaction], Any]
Publish = Callable[[Iterable[str]], None]
GROUP_LIMIT = 200
TRIES = 5
RESTED_S = 1.0
DEADLOCKS = frozenset({"40001", "40P01"})  # PostgreSQL: serialization_failure, deadlock_detected


class _Unit:
    """One waiting unit of work and where its outcome goes."""

    __slots__ = ("error", "future", "loop", "result", "work")

    def __init__(self, work: Work, future: Any, loop: asyncio.AbstractEventLoop | None) -> None:
        self.work = work
        self.future = future
        self.loop = loop
        self.result: Any = None
        self.error: BaseException | None = None

    def settle(self) -> None:
        """Hand the outcome over; on the loop's thread when there is a loop."""
        if self.future.done():
            return  # its waiter was cancelled; what it asked for is durable all the same
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.result)


class GroupCommitWriter:
    """The only thread of the process that writes to the catalogue."""

    def __init__(self, engine: Engine, publish: Publish) -> None:
        self._engine = engine
        self._publish = publish
        self._turn = WriteTurn(engine)
        self._gathered: dict[asyncio.AbstractEventLoop, list[_Unit]] = {}
        self._waiting: deque[_Unit] = deque()
        self._condition = threading.Condition()
        self._closing = False
        self._connection: Connection | None = None
        self._used_at = 0.0
        self._committing = False  # a connection lost from then on leaves open whether the group is durable
        self._thread = threading.Thread(target=self._run, name="catalogue-writer", daemon=True)
        self._thread.start()

    async def submit(self, work: Callable[[Transaction], T]) -> T:
        """Run WORK and return its result once durable.

        Raises:
            TemporaryFailure: the database is away, full or locked; nothing was kept.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        gathered = self._gathered.setdefault(loop, [])
        gathered.append(_Unit(work, future, loop))
        if len(gathered) == 1:
            loop.call_soon(self._put_gathered, loop)  # one hand-over for all that this turn of the loop submits
        return await future

    def submit_now(self, work: Callable[[Transaction], T]) -> T:
        """Do as `submit` does, blocking the calling thread."""
        future: Future[T] = Future()
        self._put([_Unit(work, future, None)])
        return future.result()

    def close(self) -> None:
        """Finish what waits, then end the thread and close the connection."""
        with self._condition:
            self._closing = True
            self._condition.notify()
        self._thread.join()
        self._disconnect()
        self._engine.dispose()
        self._turn.close()

    def _put_gathered(self, loop: asyncio.AbstractEventLoop) -> None:
        self._put(self._gathered.pop(loop))

    def _put(self, units: Sequence[_Unit]) -> None:
        with self._condition:
            if not self._closing:
                self._waiting.extend(units)
                self._condition.notify()
                return
        for unit in units:
            unit.error = TemporaryFailure("catalogue: closing")
            unit.settle()

    def _run(self) -> None:
        while self._wait():
            with self._turn:
                group = self._take()
                topics = self._commit(group)
            if topics:
                self._publish(topics)
            _settle_all(group)

    def _wait(self) -> bool:
        """Wait for work; False ends the thread."""
        with self._condition:
            while not self._waiting and not self._closing:
                self._condition.wait()
            return bool(self._waiting)

    def _take(self) -> list[_Unit]:
        with self._condition:
            return [self._waiting.popleft() for _ in range(min(len(self._waiting), GROUP_LIMIT))]

    def _commit(self, group: Sequence[_Unit]) -> set[str]:
        """Commit the group, or what of it can be committed; returns the topics to wake."""
        try:
            return self._attempt(group)
        except Exception as error:  # noqa: BLE001 - it reaches the caller of the unit
            if len(group) == 1:
                group[0].error = error
                return set()
            return set().union(*(self._commit([unit]) for unit in group))

    def _attempt(self, group: Sequence[_Unit]) -> set[str]:
        """Run the group in one transaction; again when PostgreSQL rolled it back and a new try may succeed."""
        attempt = 1
        while True:
            try:
                with translated_errors():
                    return self._transact(group)
            except TemporaryFailure as error:
                if attempt == TRIES or self._committing or not _was_rolled_back(error.__cause__):
                    raise
            attempt += 1

    def _transact(self, group: Sequence[_Unit]) -> set[str]:
        self._committing = False
        connection = self._connected()
        try:
            with connection.begin():
                tx = Transaction(connection)
                for unit in group:
                    unit.result = unit.work(tx)
                tx.prepare_commit()
                self._committing = True
        except BaseException:
            self._disconnect()  # whatever state it is in, the next group begins with a fresh one
            raise
        self._used_at = time.monotonic()
        return set(tx.topics)

    def _connected(self) -> Connection:
        """Return the connection in use; one that rested a while goes through the pool, which tries it first."""
        if self._connection is not None and time.monotonic() - self._used_at > RESTED_S:
            self._disconnect()
        if self._connection is None:
            self._connection = self._engine.connect()
        return self._connection

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _was_rolled_back(error: BaseException | None) -> bool:
    """Say whether the server dropped the transaction for a reason of the moment: a deadlock, a lost connection."""
    if not isinstance(error, DBAPIError):
        return False
    return error.connection_invalidated or getattr(error.orig, "sqlstate", None) in DEADLOCKS


def _settle_all(group: Sequence[_Unit]) -> None:
    """Hand the outcomes over, with one wake-up for each event loop."""
    by_loop: dict[asyncio.AbstractEventLoop | None, list[_Unit]] = {}
    for unit in group:
        by_loop.setdefault(unit.loop, []).append(unit)
    for loop, units in by_loop.items():
        if loop is None:
            _settle_each(units)
        else:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile: nobody waits any more
                loop.call_soon_threadsafe(_settle_each, units)


def _settle_each(units: Sequence[_Unit]) -> None:
    for unit in units:
        unit.settle()
