"""The catalogue: SQLAlchemy Core on SQLite or PostgreSQL, in units of work.

A unit of work is a plain function of a `Transaction`. Reads run in a small thread pool, brief ones of a local
SQLite file where they are asked for; writes go to the one writer thread of the process, which commits whatever is
waiting together (`writer.py`). A unit must be re-runnable and keep its effects in the transaction.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from sqlalchemy import BigInteger, Connection, Dialect, Integer, MetaData, TypeDecorator

from vaguemestre.kernel.brief_writer import BriefWriter
from vaguemestre.kernel.engines import DATABASE_ERRORS, build_reader, build_writer, translated_errors
from vaguemestre.kernel.transaction import Transaction, insert_ignoring
from vaguemestre.kernel.writer import GroupCommitWriter, Publish

__all__ = ["DATABASE_ERRORS", "ROW_NUMBER", "Database", "Instant", "Transaction", "insert_ignoring", "metadata"]

T = TypeVar("T")
READER_THREADS = 4

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)
"""All tables of all packages; each package declares its own in its `tables.py`."""

ROW_NUMBER = BigInteger().with_variant(Integer, "sqlite")
"""Integer of 64 bits as a primary key, by which SQLite finds the row itself."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class Instant(TypeDecorator[datetime]):
    """An aware datetime, kept as whole microseconds since 1970-01-01 UTC."""

    impl = BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> int | None:
        """Turn an aware datetime into microseconds; a naive one is a bug and raises TypeError."""
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: Dialect) -> datetime | None:
        """Turn microseconds into an aware datetime in UTC."""
        return None if value is None else _EPOCH + timedelta(microseconds=value)


class Database:
    """The catalogue of an instance.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://…`.
        publish: receives the topics that committed units woke (see `Transaction.wake`); any thread.
    """

    def __init__(self, url: str, *, publish: Publish | None = None) -> None:
        self._reading = build_reader(url)
        publish = publish or _publish_nowhere
        self._writing = GroupCommitWriter(build_writer(url), publish)
        self._writing_briefly = BriefWriter(url, publish) if url.startswith("sqlite") else None
        self._threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="catalogue-reader")
        self._brief = threading.local()
        self._brief_connections: list[Connection] = []
        self.dialect = self._reading.dialect.name

    async def read(self, work: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run WORK in a read-only transaction, on a reader thread.

        Args:
            work: the unit of work.
            brief: it looks a few rows up by their keys. On SQLite such a unit runs in the calling thread, since
                handing it to another would cost several times as much as the unit itself.

        Raises:
            TemporaryFailure: the database is away, full or locked for too long.
        """
        if brief and self.dialect == "sqlite":
            return self._read_here(work)
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, work)

    async def write(self, work: Callable[[Transaction], T], *, brief: bool = False) -> T:
        """Run WORK in the writer; returns its result once it is durable.

        Args:
            work: the unit of work.
            brief: it changes a few rows that may be lost with the power of the machine, though never with the end of
                a process (`brief_writer.py`). On SQLite such a unit runs in the calling thread when nobody else is
                writing, and is answered before the disk has it.

        Raises:
            TemporaryFailure: the database is away, full or locked for too long; nothing was kept.
        """
        if brief and (done := self.write_at_once(work)) is not None:
            return done[0]
        return await self._writing.submit(work)

    def write_at_once(self, work: Callable[[Transaction], T]) -> tuple[T] | None:
        """Run a brief unit of work (see `write`) in the calling thread; None, and nothing done, when it cannot be now.

        Raises:
            TemporaryFailure: as `write`.
        """
        return None if self._writing_briefly is None else self._writing_briefly.attempt(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """Do as `read` does, in the calling thread."""
        with translated_errors(), self._reading.connect() as connection:
            connection.begin()
            return work(Transaction(connection))

    def _read_here(self, work: Callable[[Transaction], T]) -> T:
        """Do as `read_now` does, on a connection that the calling thread keeps."""
        with translated_errors():
            connection: Connection | None = getattr(self._brief, "connection", None)
            if connection is None:
                connection = self._brief.connection = self._begun()
            driver: Any = connection.connection.driver_connection
            driver.execute("BEGIN")
            try:
                return work(Transaction(connection))
            finally:
                driver.rollback()

    def _begun(self) -> Connection:
        """Return a connection that has begun for good, so that only the driver is asked to begin and end a unit."""
        connection = self._reading.connect()
        self._brief_connections.append(connection)
        connection.begin()
        connection.connection.driver_connection.rollback()  # type: ignore[union-attr]
        return connection

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """Do as `write` does, blocking the calling thread."""
        return self._writing.submit_now(work)

    def create_all(self) -> None:
        """Create every declared table that is missing (tests; instances are migrated instead)."""
        metadata.create_all(self._reading)

    def close(self) -> None:
        """Finish the waiting units, then close every connection."""
        self._writing.close()
        if self._writing_briefly is not None:
            self._writing_briefly.close()
        self._threads.shutdown()
        for connection in self._brief_connections:
            connection.close()
        self._reading.dispose()


def _publish_nowhere(topics: Iterable[str]) -> None:
    """Stand for the bus of a process that wakes nobody."""
