"""The catalogue: group commit, isolation of a faulty unit, buffered rows, collected handlers, wake-ups."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
import sqlalchemy
from sqlalchemy import Column, ForeignKey, Integer, String, Table, select

from tests.standins.postgres import PostgresServer
from vaguemestre.kernel.database import DATABASE_ERRORS, Database, Instant, Transaction, insert_ignoring, metadata
from vaguemestre.kernel.errors import TemporaryFailure

parent = Table("kernel_parent", metadata, Column("id", Integer, primary_key=True), Column("at", Instant))
child = Table(
    "kernel_child",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("parent_id", ForeignKey(parent.c.id), nullable=False),
    Column("name", String(20)),
)


def count(database: Database, table: Table) -> int:
    return database.read_now(lambda tx: tx.execute(select(sqlalchemy.func.count()).select_from(table)).scalar_one())


async def test_units_that_wait_are_committed_together(database: Database):
    groups: list[int] = []
    hold = threading.Event()

    def note(_tx: Transaction, items: list[int]) -> None:
        groups.append(len(items))

    def unit(number: int):
        def work(tx: Transaction) -> int:
            tx.add(parent, {"id": number, "at": None})
            tx.collect(note, number)
            return number

        return work

    blocker = asyncio.ensure_future(database.write(lambda tx: hold.wait(10)))
    await asyncio.sleep(0)
    units = [asyncio.ensure_future(database.write(unit(number))) for number in range(1, 21)]
    await asyncio.sleep(0)
    hold.set()

    assert await asyncio.gather(*units) == list(range(1, 21))
    assert await blocker is True
    assert sum(groups) == 20
    assert len(groups) <= 2
    assert count(database, parent) == 20


async def test_a_unit_that_comes_while_closing_is_refused(database_url: str):
    catalogue = Database(database_url)
    catalogue.close()

    with pytest.raises(TemporaryFailure):
        await catalogue.write(lambda tx: None)
    with pytest.raises(TemporaryFailure):
        catalogue.write_now(lambda tx: None)


async def test_a_unit_that_fails_takes_no_other_with_it(database: Database):
    hold = threading.Event()

    def failing(tx: Transaction) -> None:
        tx.add(parent, {"id": 1, "at": None})
        raise ValueError("faulty unit")

    def sound(tx: Transaction) -> None:
        tx.add(parent, {"id": 2, "at": None})

    blocker = asyncio.ensure_future(database.write(lambda tx: hold.wait(10)))
    await asyncio.sleep(0)
    outcomes = asyncio.gather(database.write(failing), database.write(sound), return_exceptions=True)
    await asyncio.sleep(0)
    hold.set()
    first, second = await outcomes
    await blocker

    assert isinstance(first, ValueError)
    assert second is None
    ids = database.read_now(lambda tx: tx.execute(select(parent.c.id)).scalars().all())
    assert ids == [2]


def test_added_rows_respect_foreign_keys_and_are_seen_by_later_statements(database: Database):
    def work(tx: Transaction) -> str | None:
        tx.add(child, {"id": 1, "parent_id": 7, "name": "before its parent"})
        tx.add(parent, {"id": 7, "at": None})
        name: str | None = tx.execute(select(child.c.name)).scalar_one()
        return name

    assert database.write_now(work) == "before its parent"
    assert count(database, parent) == 1


def test_a_constraint_error_reaches_its_caller_and_leaves_nothing(database: Database):
    def work(tx: Transaction) -> None:
        tx.add(parent, {"id": 3, "at": None})
        tx.add(child, {"id": 1, "parent_id": 99, "name": None})

    with pytest.raises(DATABASE_ERRORS):
        database.write_now(work)

    assert count(database, parent) == 0


def test_insert_ignoring_says_whether_the_row_is_new(database: Database):
    row = {"id": 5, "at": None}

    answers = [database.write_now(lambda tx: insert_ignoring(tx, parent, row)) for _ in range(2)]

    assert answers == [True, False]


def test_instants_come_back_as_they_were_in_utc(database: Database):
    paris = datetime(2026, 11, 23, 13, 0, 0, 123456, tzinfo=timezone(timedelta(hours=1)))
    database.write_now(lambda tx: tx.add(parent, {"id": 1, "at": paris}))

    read = database.read_now(lambda tx: tx.execute(select(parent.c.at)).scalar_one())

    assert read == paris
    assert read.tzinfo is UTC


def test_topics_are_published_after_commit(database_url: str):
    seen: list[tuple[set[str], int]] = []
    published = threading.Event()

    def publish(topics):
        seen.append((set(topics), count(catalogue, parent)))
        published.set()

    catalogue = Database(database_url, publish=publish)
    catalogue.create_all()

    def work(tx: Transaction) -> None:
        tx.add(parent, {"id": 1, "at": None})
        tx.wake("mailbox:1")

    catalogue.write_now(work)

    assert published.wait(5)
    assert seen == [({"mailbox:1"}, 1)]
    catalogue.close()


def test_the_writer_finds_its_way_back_after_the_server_dropped_it(postgres: PostgresServer):
    catalogue = Database(postgres.fresh_database())
    catalogue.create_all()
    catalogue.write_now(lambda tx: tx.add(parent, {"id": 1, "at": None}))
    drop = sqlalchemy.text(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE pid <> pg_backend_pid() AND datname = current_database()"
    )
    catalogue.read_now(lambda tx: tx.execute(drop).all())

    catalogue.write_now(lambda tx: tx.add(parent, {"id": 2, "at": None}))

    assert count(catalogue, parent) == 2
    catalogue.close()
