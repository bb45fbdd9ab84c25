"""The catalogue: SQLAlchemy Core on SQLite or PostgreSQL, in units of work.

A unit of work is a plain function of a `Transaction`. Reads run in a small thread pool; writes go to the one
writer thread of the process, which commits whatever is waiting together (`writer.py`). A unit must be
re-runnable and keep its effects in the transaction.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

import sqlalchemy
from sqlalchemy import BigInteger, Connection, CursorResult, Dialect, Executable, MetaData, Table, TypeDecorator
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.util import find_tables

from vaguemestre.kernel.engines import build_reader, build_writer, translated_errors
from vaguemestre.kernel.writer import GroupCommitWriter, Publish, Writer

T = TypeVar("T")
Row = Mapping[str, Any]
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


class Transaction:
    """One open transaction, as a unit of work sees it."""

    __slots__ = ("_collected", "_pending", "connection", "topics")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.topics: set[str] = set()
        self._pending: dict[tuple[Table, tuple[str, ...]], list[dict[str, Any]]] = {}
        self._collected: dict[Callable[[Transaction, list[Any]], None], list[Any]] = {}

    def execute(self, statement: Executable, parameters: Any = None) -> CursorResult[Any]:
        """Run a statement; rows added to the tables that it touches are written first."""
        if self._pending and not _tables_of(statement).isdisjoint(table for table, _ in self._pending):
            self.flush()
        result: CursorResult[Any] = self.connection.execute(statement, parameters)
        return result

    def add(self, table: Table, row: dict[str, Any]) -> None:
        """Insert ROW before COMMIT, together with the group's other rows of that table."""
        self._pending.setdefault((table, tuple(row)), []).append(row)

    def collect(self, handler: "Callable[[Transaction, list[Any]], None]", item: object) -> None:
        """Have HANDLER called once before COMMIT with this item and those of the group's other units."""
        self._collected.setdefault(handler, []).append(item)

    def wake(self, topic: str) -> None:
        """Publish TOPIC on the bus once the transaction is durable."""
        self.topics.add(topic)

    def flush(self) -> None:
        """Write the rows that were added so far, tables that others refer to first."""
        pending, self._pending = self._pending, {}
        for (table, _), rows in sorted(pending.items(), key=lambda item: _rank(item[0][0])):
            self.connection.execute(_insert(table), rows)

    def prepare_commit(self) -> None:
        """Run the collected handlers and write every added row; the writer calls it before COMMIT."""
        while self._collected:
            collected, self._collected = self._collected, {}
            for handler, items in collected.items():
                handler(self, items)
        self.flush()


def insert_ignoring(tx: Transaction, table: Table, row: Row) -> bool:
    """Insert ROW unless a unique constraint already holds such a row; returns whether it was inserted."""
    dialect = tx.connection.dialect.name
    statement = _ignoring_inserts.get((table, dialect))
    if statement is None:
        build: Any = postgresql.insert if dialect == "postgresql" else sqlite.insert
        statement = build(table).on_conflict_do_nothing().returning(sqlalchemy.literal(1))
        _ignoring_inserts[table, dialect] = statement
    return tx.execute(statement, dict(row)).first() is not None


class Database:
    """The catalogue of an instance.

    Args:
        url: SQLAlchemy URL, `sqlite:///path` or `postgresql+psycopg://…`.
        publish: receives the topics that committed units woke (see `Transaction.wake`); any thread.
    """

    def __init__(self, url: str, *, publish: Publish | None = None) -> None:
        self._reading = build_reader(url)
        self._writing: Writer = GroupCommitWriter(build_writer(url), Transaction, publish or _publish_nowhere)
        self._threads = ThreadPoolExecutor(READER_THREADS, thread_name_prefix="catalogue-reader")
        self.dialect = self._reading.dialect.name

    async def read(self, work: Callable[[Transaction], T]) -> T:
        """Run WORK in a read-only transaction, on a reader thread.

        Raises:
            TemporaryFailure: the database is away, full or locked for too long.
        """
        return await asyncio.get_running_loop().run_in_executor(self._threads, self.read_now, work)

    async def write(self, work: Callable[[Transaction], T]) -> T:
        """Run WORK in the writer; returns its result once it is durable.

        Raises:
            TemporaryFailure: the database is away, full or locked for too long; nothing was kept.
        """
        return await self._writing.submit(work)

    def read_now(self, work: Callable[[Transaction], T]) -> T:
        """Do as `read` does, in the calling thread."""
        with translated_errors(), self._reading.connect() as connection:
            return work(Transaction(connection))

    def write_now(self, work: Callable[[Transaction], T]) -> T:
        """Do as `write` does, blocking the calling thread."""
        return self._writing.submit_now(work)

    def create_all(self) -> None:
        """Create every declared table that is missing (tests; instances are migrated instead)."""
        metadata.create_all(self._reading)

    def close(self) -> None:
        """Finish the waiting units, then close every connection."""
        self._writing.close()
        self._threads.shutdown()
        self._reading.dispose()


_inserts: dict[Table, sqlalchemy.Insert] = {}
_ignoring_inserts: dict[tuple[Table, str], Executable] = {}
_ranks: dict[Table, int] = {}
_touched: dict[int, tuple[Executable, frozenset[Table]]] = {}
TOUCHED_LIMIT = 1_000


def _insert(table: Table) -> sqlalchemy.Insert:
    statement = _inserts.get(table)
    if statement is None:
        statement = _inserts[table] = sqlalchemy.insert(table)
    return statement


def _rank(table: Table) -> int:
    """Return the place of TABLE in the order in which foreign keys allow insertion."""
    if table not in _ranks:
        _ranks.update({each: place for place, each in enumerate(table.metadata.sorted_tables)})
    return _ranks[table]


def _tables_of(statement: Executable) -> frozenset[Table]:
    """Return the tables that a statement names; statements kept as constants are looked at once."""
    known = _touched.get(id(statement))
    if known is not None and known[0] is statement:
        return known[1]
    if not isinstance(statement, sqlalchemy.ClauseElement):
        return frozenset()
    found = find_tables(
        statement, check_columns=True, include_aliases=True, include_joins=True, include_selects=True, include_crud=True
    )
    tables = frozenset(element for element in found if isinstance(element, Table))
    if len(_touched) >= TOUCHED_LIMIT:
        _touched.clear()
    _touched[id(statement)] = (statement, tables)
    return tables


def _publish_nowhere(topics: Iterable[str]) -> None:
    """Stand for the bus of a process that wakes nobody."""
