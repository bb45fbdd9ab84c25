"""An open transaction as a unit of work sees it: statements at once, added rows and collected items before COMMIT.

Rows that several units add to the same table are written together (executemany), tables that others refer to first.
"""

from collections.abc import Callable, Mapping
from typing import Any

import sqlalchemy
from sqlalchemy import Connection, Executable, Table
from sqlalchemy.dialects import postgresql, sqlite

from vaguemestre.kernel.prepared import Rows, driver_of, known

Row = Mapping[str, Any]


class Transaction:
    """One open transaction, as a unit of work sees it."""

    __slots__ = ("_collected", "_driver", "_pending", "connection", "topics")

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._driver = driver_of(connection)
        self.topics: dict[str, int] = {}
        """How many times each topic was woken."""
        self._pending: dict[tuple[Table, tuple[str, ...]], list[dict[str, Any]]] = {}
        self._collected: dict[Callable[[Transaction, list[Any]], None], list[Any]] = {}

    def execute(self, statement: Executable, parameters: Any = None) -> Rows:
        """Run a statement, which is worth keeping as a constant; rows added to the tables it names are written first.

        Args:
            statement: what to run.
            parameters: by name; a list of such sets runs the statement for each.

        Returns:
            SQLAlchemy's `Result`, with `rowcount` after a change.
        """
        statement_known = known(statement)
        if self._pending and not statement_known.tables.isdisjoint(table for table, _ in self._pending):
            self.flush()
        return statement_known.run(self.connection, self._driver, parameters)

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
            known(_insert(table)).run(self.connection, self._driver, rows)

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
