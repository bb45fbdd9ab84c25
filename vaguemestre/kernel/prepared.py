"""Statements that the program keeps as constants: SQLAlchemy compiles each once, SQLite's driver runs it.

The way through SQLAlchemy costs three to eight times what SQLite needs for a row by its key. A statement that comes
back is therefore kept as text, with the types of its parameters and columns; the results are SQLAlchemy's own. What
cannot be kept so (lists in IN, texts, PostgreSQL) takes the usual way and gives the same.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, CursorResult, Dialect, Executable, Insert, IteratorResult, Table
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.sql import ClauseElement
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.util import find_tables

KEPT = 1_000
Process = Callable[[Any], Any]
Parameters = Mapping[str, Any]
Place = tuple[str | None, Process | None, Any]
"""Of one `?`: the name of its parameter, what turns the value into the driver's; without a name the value itself."""


class DriverResult(IteratorResult[Any]):
    """Rows that the driver read; ROWCOUNT counts those that a statement changed."""

    def __init__(self, metadata: SimpleResultMetaData, rows: Iterator[Any], rowcount: int) -> None:
        super().__init__(metadata, rows)
        self.rowcount = rowcount

    def scalar(self) -> Any:
        """Return the first value of the first row, None without rows: as SQLAlchemy does, in a quarter of the time."""
        row = next(self.iterator, None)
        self.iterator = iter(())
        return None if row is None else row[0]


Rows = CursorResult[Any] | DriverResult


class Prepared:
    """A statement with the names of its parameters, as the driver takes it."""

    __slots__ = ("_changes", "_columns", "_metadata", "_places", "_processes", "_text")

    def __init__(self, compiled: SQLCompiler, places: Iterable[Place], columns: Sequence[Process | None]) -> None:
        self._text = str(compiled)
        self._places = tuple(places)
        self._changes = compiled.isinsert or compiled.isupdate or compiled.isdelete
        self._columns = columns
        self._processes = [(place, process) for place, process in enumerate(columns) if process is not None]
        self._metadata: SimpleResultMetaData | None = None

    @property
    def returns(self) -> bool:
        """Whether it gives rows."""
        return bool(self._columns)

    def run(self, driver: Any, parameters: Parameters) -> DriverResult:
        """Run the statement once."""
        cursor = driver.execute(self._text, self._bind(parameters))
        if cursor.description is None:
            return DriverResult(_NO_COLUMNS, iter(()), cursor.rowcount)
        if self._metadata is None:
            names = [described[0] for described, _ in zip(cursor.description, self._columns, strict=True)]
            self._metadata = SimpleResultMetaData(names)
        # A change is over once its rows are read (sqlite3 counts it then); a selection is read as it is asked for.
        rows: Iterable[Any] = cursor.fetchall() if self._changes else cursor
        return DriverResult(self._metadata, self._processed(rows) if self._processes else iter(rows), cursor.rowcount)

    def run_each(self, driver: Any, parameters: Iterable[Parameters]) -> DriverResult:
        """Run the statement, which returns no rows, once for each set of parameters."""
        cursor = driver.executemany(self._text, [self._bind(each) for each in parameters])
        return DriverResult(_NO_COLUMNS, iter(()), cursor.rowcount)

    def _bind(self, parameters: Parameters) -> list[Any]:
        return [
            value if name is None else parameters[name] if process is None else process(parameters[name])
            for name, process, value in self._places
        ]

    def _processed(self, rows: Iterable[Sequence[Any]]) -> Iterator[Sequence[Any]]:
        for row in rows:
            values = list(row)
            for place, process in self._processes:
                values[place] = process(values[place])
            yield values


class Known:
    """What is known of a statement that may come back."""

    __slots__ = ("_forms", "_tables", "_was_met", "came_back", "statement")

    def __init__(self, statement: Executable) -> None:
        self.statement = statement
        self.came_back = False
        self._was_met = False
        self._forms: dict[tuple[str, ...], Prepared | None] = {}
        self._tables: frozenset[Table] | None = None

    @property
    def tables(self) -> frozenset[Table]:
        """The tables that it names."""
        if self._tables is None:
            self._tables = _tables_of(self.statement)
        return self._tables

    def run(self, connection: Connection, driver: Any, parameters: Any) -> Rows:
        """Run the statement: from its second time on by the driver, where it has such a form."""
        if driver is None or not self._was_met:
            self._was_met = True
            return connection.execute(self.statement, parameters)
        self.came_back = True
        many = parameters is not None and not isinstance(parameters, Mapping)
        first: Parameters | None = next(iter(parameters), None) if many else parameters or {}
        form = self._form(connection.dialect, tuple(first)) if first is not None else None
        if form is None or first is None or (many and form.returns):
            return connection.execute(self.statement, parameters)
        return form.run_each(driver, parameters) if many else form.run(driver, first)

    def _form(self, dialect: Dialect, names: tuple[str, ...]) -> Prepared | None:
        try:
            return self._forms[names]
        except KeyError:
            form = self._forms[names] = _prepare(self.statement, dialect, names)
            return form


_known: dict[int, Known] = {}
_NO_COLUMNS = SimpleResultMetaData([])


def known(statement: Executable) -> Known:
    """Return what is known of a statement."""
    found = _known.get(id(statement))
    if found is None or found.statement is not statement:
        if len(_known) >= KEPT:
            _forget_passers()
        found = _known[id(statement)] = Known(statement)
    return found


def _forget_passers() -> None:
    """Make room: statements that were made for one use go first."""
    for key, each in list(_known.items()):
        if not each.came_back:
            _known.pop(key, None)
    if len(_known) >= KEPT:
        _known.clear()


def driver_of(connection: Connection) -> Any:
    """Return the driver's connection where statements can be prepared for it, else None."""
    return connection.connection.driver_connection if connection.dialect.driver == "pysqlite" else None


def _prepare(statement: Executable, dialect: Dialect, names: tuple[str, ...]) -> Prepared | None:
    """Return the form of a statement with those parameters; None when only SQLAlchemy can run it."""
    plain_insert = isinstance(statement, Insert) and not statement.returning_column_descriptions
    if not isinstance(statement, ClauseElement):
        return None
    compiled = statement.compile(dialect=dialect, column_keys=list(names), for_executemany=plain_insert)
    columns = getattr(statement, "exported_columns", None)
    if (
        not isinstance(compiled, SQLCompiler)
        or columns is None
        or compiled.positiontup is None
        or compiled.post_compile_params
        or compiled.literal_execute_params
        or compiled.insert_prefetch
        or compiled.update_prefetch
    ):
        return None
    places: list[Place] = []
    for name in compiled.positiontup:
        bind = compiled.binds[name]
        process = bind.type.dialect_impl(dialect).bind_processor(dialect)
        if bind.key in names:
            places.append((bind.key, process, None))
        elif bind.required or bind.callable is not None:
            return None
        else:
            places.append((None, None, bind.value if process is None else process(bind.value)))
    readers = [column.type.dialect_impl(dialect).result_processor(dialect, None) for column in columns]
    return Prepared(compiled, places, readers)


def _tables_of(statement: Executable) -> frozenset[Table]:
    """Return the tables that a statement names."""
    if not isinstance(statement, ClauseElement):
        return frozenset()
    found = find_tables(
        statement, check_columns=True, include_aliases=True, include_joins=True, include_selects=True, include_crud=True
    )
    return frozenset(element for element in found if isinstance(element, Table))
