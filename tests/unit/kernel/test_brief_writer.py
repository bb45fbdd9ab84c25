"""Small changes are committed at once by the thread that asks, unless somebody else writes; what is told is kept."""

import asyncio
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, bindparam, create_engine, insert, select, update

from vaguemestre.kernel.brief_writer import IN_A_ROW
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.engines import WriteTurn

tables = MetaData()
counter = Table("counter", tables, Column("id", Integer, primary_key=True), Column("value", Integer, nullable=False))
ADD = update(counter).where(counter.c.id == 1).values(value=counter.c.value + 1).returning(counter.c.value)
SET = update(counter).where(counter.c.id == 1).values(value=bindparam("to"))
READ = select(counter.c.value).where(counter.c.id == 1)
COUNT_FOR_EVER = """
import asyncio, sys
from sqlalchemy import text
from vaguemestre.kernel.database import Database

async def main():
    database = Database(sys.argv[1])
    statement = text("UPDATE counter SET value = value + 1 RETURNING value")
    while True:
        print(await database.write(lambda tx: tx.execute(statement).scalar(), brief=True), flush=True)

asyncio.run(main())
"""


@pytest.fixture
def url(tmp_path: Path) -> str:
    made = f"sqlite:///{tmp_path}/catalogue.db"
    database = Database(made)
    database.write_now(lambda tx: tables.create_all(tx.connection))
    database.write_now(lambda tx: tx.execute(insert(counter), {"id": 1, "value": 0}))
    database.close()
    return made


@pytest.fixture
def database(url: str, published: list[str]) -> Iterator[Database]:
    made = Database(url, publish=published.extend)
    yield made
    made.close()


@pytest.fixture
def published() -> list[str]:
    return []


def add(tx: Transaction) -> str:
    """Add one; returns the name of the thread that did."""
    tx.execute(ADD).scalar_one()
    tx.wake("counter")
    return threading.current_thread().name


def value(database: Database) -> int:
    return database.read_now(lambda tx: int(tx.execute(READ).scalar_one()))


async def test_a_brief_change_is_made_by_the_thread_that_asks_and_seen_by_all(database, published):
    threads = {await database.write(add, brief=True) for _ in range(5)}

    assert threads == {threading.current_thread().name}
    assert (value(database), published) == (5, ["counter"] * 5)


async def test_a_change_that_is_not_brief_is_made_by_the_writer(database):
    assert await database.write(add) == "catalogue-writer"


async def test_while_another_process_writes_the_loop_does_not_wait(url, database):
    turn = WriteTurn(create_engine(url))
    with turn:
        change = asyncio.create_task(database.write(add, brief=True))
        await asyncio.sleep(0.1)
        waiting = not change.done()

    assert waiting
    assert await change == "catalogue-writer"
    turn.close()


async def test_while_a_program_that_takes_no_turns_writes_the_loop_does_not_wait(url, database):
    await database.write(add, brief=True)
    other = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    change = asyncio.create_task(database.write(add, brief=True))
    await asyncio.sleep(0.1)
    waiting = not change.done()
    other.execute("ROLLBACK")

    assert waiting
    assert await change == "catalogue-writer"
    other.close()


async def test_after_many_in_a_row_one_goes_to_the_writer_which_makes_all_durable(database):
    threads = [await database.write(add, brief=True) for _ in range(IN_A_ROW + 2)]

    assert [place for place, name in enumerate(threads) if name == "catalogue-writer"] == [IN_A_ROW]
    assert value(database) == IN_A_ROW + 2


async def test_a_change_that_fails_leaves_nothing_and_hinders_no_other(database, published):
    def fail(tx: Transaction) -> None:
        tx.execute(SET, {"to": 99})
        raise LookupError

    await database.write(add, brief=True)
    with pytest.raises(LookupError):
        await database.write(fail, brief=True)
    await database.write(add, brief=True)

    assert (value(database), published) == (2, ["counter"] * 2)


def test_what_was_told_survives_the_sudden_end_of_the_process(url):
    enough = 2 * IN_A_ROW + 50
    arguments = [sys.executable, "-c", COUNT_FOR_EVER, url]
    with subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while int(process.stdout.readline()) < enough:
            pass
        process.send_signal(signal.SIGKILL)
        told = [int(line) for line in process.stdout.read().splitlines() if line]

    again = Database(url)
    assert value(again) >= max(told, default=enough)
    again.close()
