"""An open transaction as a unit of work sees it: statements at once, added rows and collected items before COMMIT.

Rows that several units add to the same table are written together (executemany), tables that others refer to first.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, CursorResult, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.util import find_tables

Row = Mapping[str, Any]


class Transaction:
    """One open transaction, as a unit of work sees it."""

    __slots__ = ("_collected", "_pending", "connection", "topics")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.topics: dict[str, int] = {}
        """How many times each topic was woken."""
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
        self.topics[topic] = self.topics.get(topic, 0) + 1

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
