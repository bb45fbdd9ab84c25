"""Statements that come back are run by the driver, and give what SQLAlchemy gives."""

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import (
    Boolean,
    Column,
    Date,
    Executable,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    bindparam,
    delete,
    func,
    insert,
    select,
    text,
    union_all,
    update,
)

from vaguemestre.kernel.database import Database, Instant, Transaction
from vaguemestre.kernel.prepared import KEPT, DriverResult

tables = MetaData()
thing = Table(
    "thing",
    tables,
    Column("id", Integer, primary_key=True),
    Column("name", String(40), nullable=True),
    Column("data", LargeBinary, nullable=True),
    Column("at", Instant, nullable=True),
    Column("day", Date, nullable=True),
    Column("wanted", Boolean, nullable=True),
)
AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
ROWS = [
    {"id": 1, "name": "a", "data": b"\0\xff", "at": AT, "day": date(2026, 3, 1), "wanted": True},
    {"id": 2, "name": None, "data": None, "at": None, "day": None, "wanted": False},
]
BY_ID = select(thing).where(thing.c.id == bindparam("which"))


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = Database(f"sqlite:///{tmp_path}/catalogue.db")
    made.write_now(lambda tx: tables.create_all(tx.connection))
    made.write_now(lambda tx: tx.execute(insert(thing), [dict(row) for row in ROWS]))
    yield made
    made.close()


def twice(database: Database, statement: Executable, parameters: Any, read: Callable[[Any], Any]) -> tuple[Any, Any]:
    """Run a statement by SQLAlchemy, then by the driver, each from the same state; returns what was read."""
    found: list[Any] = []

    def work(tx: Transaction) -> None:
        for run in (tx.connection.execute, tx.execute, tx.execute):  # the last is by the driver, whatever came before
            savepoint = tx.connection.begin_nested()
            result = run(statement, parameters)
            found.append(read(result))
            savepoint.rollback()
        assert isinstance(result, DriverResult)

    database.write_now(work)
    return found[0], found[-1]


def rows(result: Any) -> list[dict[str, Any]]:
    return [dict(row._mapping) for row in result]


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (BY_ID, {"which": 1}),
        (BY_ID, {"which": 2}),
        (BY_ID, {"which": 3}),
        (select(thing.c.id, thing.c.at).order_by(thing.c.id), None),
        (select(func.count(thing.c.id).label("n"), func.max(thing.c.at).label("last")), None),
        (select(thing.c.id).where(thing.c.at == bindparam("when")), {"when": AT}),
        (select(thing.c.id, thing.c.id.label("again")).where(thing.c.wanted.is_(True)).limit(1), None),
        (union_all(select(thing.c.id, thing.c.day), select(thing.c.id, thing.c.day)), None),
        (update(thing).values(name="b").where(thing.c.id == bindparam("which")).returning(thing), {"which": 1}),
        (delete(thing).where(thing.c.id == bindparam("which")).returning(thing.c.data, thing.c.day), {"which": 1}),
    ],
)
def test_rows_are_the_same_by_the_driver(database: Database, statement: Executable, parameters: Any):
    by_sqlalchemy, by_driver = twice(database, statement, parameters, rows)

    assert by_driver == by_sqlalchemy


@pytest.mark.parametrize(
    ("statement", "parameters", "changed"),
    [
        (update(thing).where(thing.c.id == bindparam("which")), {"which": 1, "name": "x"}, 1),
        (update(thing).values(name="y"), None, 2),
        (delete(thing).where(thing.c.id == bindparam("which")), {"which": 9}, 0),
        (insert(thing), {"id": 7, "at": AT, "data": b"x"}, 1),
        (insert(thing), [{"id": 8, "day": date(2026, 1, 1)}, {"id": 9, "day": None}], 2),
        (insert(thing), ({"id": 8, "name": "x"}, {"id": 9, "name": "y"}), 2),
    ],
)
def test_changed_rows_are_counted_the_same(database: Database, statement: Executable, parameters: Any, changed: int):
    counts = twice(database, statement, parameters, lambda result: result.rowcount)

    assert counts == (changed, changed)


def test_the_names_of_parameters_choose_the_form(database: Database):
    rename = update(thing).where(thing.c.id == bindparam("which"))

    def work(tx: Transaction) -> list[Any]:
        for values in ({"name": "n"}, {"name": "m"}, {"wanted": True}, {"name": "o", "wanted": None}):
            tx.execute(rename, {"which": 2, **values})
        return rows(tx.execute(BY_ID, {"which": 2}))

    [found] = database.write_now(work)

    assert (found["name"], found["wanted"]) == ("o", None)


@pytest.mark.parametrize(
    ("statement", "parameters"),
    [
        (select(thing.c.id).where(thing.c.id.in_(bindparam("some", expanding=True))), {"some": [1, 2]}),
        (text("SELECT id FROM thing WHERE id < :top"), {"top": 3}),
    ],
)
def test_what_the_driver_cannot_run_goes_the_usual_way(database: Database, statement: Executable, parameters: Any):
    found = [database.read_now(lambda tx: sorted(tx.execute(statement, parameters).scalars())) for _ in range(3)]

    assert found == [[1, 2]] * 3


def test_a_parameter_that_is_missing_is_refused_every_time(database: Database):
    statement = select(thing.c.id).where(thing.c.id == bindparam("which"))

    for _ in range(3):
        with pytest.raises(Exception, match="which"):
            database.read_now(lambda tx: tx.execute(statement, {}).all())


def test_a_read_sees_one_state_from_its_first_statement_on(database: Database):
    def work(tx: Transaction) -> list[int]:
        counts = [tx.execute(BY_ID, {"which": 1}).one().id]
        database.write_now(lambda other: other.execute(delete(thing)))
        return [*counts, len(tx.execute(BY_ID, {"which": 1}).all())]

    assert database.read_now(lambda tx: len(tx.execute(BY_ID, {"which": 1}).all())) == 1
    assert database.read_now(work) == [1, 1]
    assert database.read_now(lambda tx: tx.execute(BY_ID, {"which": 1}).all()) == []


def test_statements_made_for_one_use_do_not_push_out_those_that_come_back(database: Database):
    kept = select(thing.c.name).where(thing.c.id == 1)

    def work(tx: Transaction) -> bool:
        for _ in range(2):
            tx.execute(kept).all()
        for number in range(2 * KEPT):
            tx.execute(select(thing.c.id).where(thing.c.id == number)).all()
        return isinstance(tx.execute(kept), DriverResult)

    assert database.read_now(work)
