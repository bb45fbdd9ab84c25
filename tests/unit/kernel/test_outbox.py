"""The outbox: idempotent recording, retry with backoff, one final state, leases that end."""

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import Column, Integer, Table, select

from vaguemestre.kernel.bus import Bus, LocalBus
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction, metadata
from vaguemestre.kernel.errors import PermanentFailure, TemporaryFailure
from vaguemestre.kernel.outbox import (
    LEASE_S,
    MAX_ATTEMPTS,
    OutboxWorker,
    Patience,
    Task,
    Trouble,
    backoff,
    enqueue,
    task,
    troubles,
)

effect = Table("kernel_effect", metadata, Column("number", Integer, primary_key=True))


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[Bus]:
    local = LocalBus(tmp_path / "bus")
    await local.start()
    yield local
    await local.close()


def states(database: Database) -> list[tuple[str, int, str | None]]:
    query = select(task.c.state, task.c.attempts, task.c.error).order_by(task.c.id)
    return database.read_now(lambda tx: [tuple(row) for row in tx.execute(query)])


def record(database: Database, clock: ManualClock, key: str = "k") -> bool:
    return database.write_now(lambda tx: enqueue(tx, "filing", key, {"n": 1}, due_at=clock.now()))


async def test_the_same_work_is_recorded_and_done_once(database: Database, bus: Bus, clock: ManualClock):
    async def handler(each: Task):
        number = each.payload["n"]
        return lambda tx: tx.add(effect, {"number": number})

    recorded = [record(database, clock), record(database, clock)]
    worker = OutboxWorker(database, bus, clock, {"filing": handler})
    ran = await worker.run_due()

    assert recorded == [True, False]
    assert ran == 1
    assert await worker.run_due() == 0
    assert states(database) == [("done", 1, None)]
    assert database.read_now(lambda tx: tx.execute(select(effect.c.number)).scalars().all()) == [1]


async def test_a_temporary_failure_is_retried_later(database: Database, bus: Bus, clock: ManualClock):
    tries: list[int] = []

    async def handler(each: Task):
        tries.append(each.attempts)
        if each.attempts < 3:
            raise TemporaryFailure("away")

    record(database, clock)
    worker = OutboxWorker(database, bus, clock, {"filing": handler})
    for attempt in (1, 2, 3):
        await worker.run_due()
        clock.advance(backoff(attempt))

    assert tries == [1, 2, 3]
    assert states(database) == [("done", 3, None)]


async def test_a_permanent_failure_is_final(database: Database, bus: Bus, clock: ManualClock):
    async def handler(each: Task):
        raise PermanentFailure("never")

    record(database, clock)
    worker = OutboxWorker(database, bus, clock, {"filing": handler})
    await worker.run_due()
    clock.advance(timedelta(days=1))

    assert await worker.run_due() == 0
    assert states(database) == [("failed", 1, "PermanentFailure")]


async def test_the_work_of_a_dead_worker_goes_to_another_when_its_lease_ends(
    database: Database, bus: Bus, clock: ManualClock
):
    async def handler(each: Task):
        return lambda tx: tx.add(effect, {"number": each.attempts})

    record(database, clock)
    dead = OutboxWorker(database, bus, clock, {"filing": handler})
    await database.write(dead._lease)  # it took the task and was killed before doing anything
    heir = OutboxWorker(database, bus, clock, {"filing": handler})

    assert await heir.run_due() == 0
    clock.advance(timedelta(seconds=LEASE_S))
    assert await heir.run_due() == 1
    assert states(database)[0][0] == "done"


async def test_a_worker_whose_lease_went_to_another_has_no_effect(database: Database, bus: Bus, clock: ManualClock):
    async def slow(each: Task):
        clock.advance(timedelta(seconds=LEASE_S))
        await heir.run_due()
        return lambda tx: tx.add(effect, {"number": 100})

    async def quick(each: Task):
        return lambda tx: tx.add(effect, {"number": 200})

    record(database, clock)
    heir = OutboxWorker(database, bus, clock, {"filing": quick})
    await OutboxWorker(database, bus, clock, {"filing": slow}).run_due()

    assert database.read_now(lambda tx: tx.execute(select(effect.c.number)).scalars().all()) == [200]


def test_a_task_of_an_act_that_is_rolled_back_is_not_recorded(database: Database, clock: ManualClock):
    def work(tx: Transaction) -> None:
        enqueue(tx, "filing", "k", {}, due_at=clock.now())
        raise ValueError("the act fails")

    with pytest.raises(ValueError, match="the act fails"):
        database.write_now(work)

    assert states(database) == []


@pytest.mark.parametrize("error", [PermanentFailure("never"), TemporaryFailure("away"), ValueError("bug")])
async def test_an_endless_task_is_retried_until_it_is_done_and_shows_meanwhile(
    database: Database, bus: Bus, clock: ManualClock, error: Exception
):
    broken = [True]

    async def handler(each: Task):
        if broken[0]:
            raise error

    record(database, clock)
    worker = OutboxWorker(database, bus, clock, {"filing": handler}, Patience(endless=frozenset({"filing"})))
    for _ in range(MAX_ATTEMPTS + 5):
        assert await worker.run_due() == 1
        clock.advance(timedelta(hours=1))
    seen = database.read_now(troubles)
    broken[0] = False
    await worker.run_due()

    assert seen == [Trouble("filing", failed=0, struggling=1)]
    assert states(database) == [("done", MAX_ATTEMPTS + 6, None)]
    assert database.read_now(troubles) == []


async def test_a_task_that_was_given_up_shows(database: Database, bus: Bus, clock: ManualClock):
    async def handler(each: Task):
        raise TemporaryFailure("away")

    record(database, clock)
    worker = OutboxWorker(database, bus, clock, {"filing": handler})
    for _ in range(MAX_ATTEMPTS):
        await worker.run_due()
        clock.advance(timedelta(hours=1))

    assert states(database) == [("failed", MAX_ATTEMPTS, "TemporaryFailure")]
    assert database.read_now(troubles) == [Trouble("filing", failed=1, struggling=0)]
