"""Connections shared between workers: never more than the limit, free again when their holder died."""

from datetime import UTC, datetime, timedelta

import pytest

from smtp_gateway.queue import lanes
from smtp_gateway.queue.entries import Lease
from vaguemestre.kernel.database import Database, Transaction

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
PEER = "peer.mssante.fr"


def lease(holder: str, now: datetime = NOW) -> Lease:
    return Lease(holder, now, now + MINUTE)


def take(database: Database, holder: str, wanted: int, now: datetime = NOW, destination: str = PEER) -> int:
    def work(tx: Transaction) -> int:
        return lanes.take(tx, destination, lease(holder, now), wanted=wanted, limit=4)

    return database.write_now(work)


@pytest.mark.requirement("VGM:RELAY-04")
def test_all_workers_together_keep_to_the_limit(database: Database) -> None:
    assert [take(database, holder, 3) for holder in ("a", "b", "c")] == [3, 1, 0]
    assert take(database, "a", 9, destination="autre.mssante.fr") == 4
    assert database.read_now(lambda tx: set(lanes.saturated(tx, NOW, 4))) == {PEER, "autre.mssante.fr"}


def test_what_is_given_back_is_free_at_once(database: Database) -> None:
    take(database, "a", 4)

    database.write_now(lambda tx: lanes.release(tx, "a", [PEER]))

    assert database.read_now(lambda tx: lanes.saturated(tx, NOW, 4)) == []
    assert take(database, "b", 4) == 4


def test_what_a_dead_worker_held_is_free_after_its_lease_and_not_before(database: Database) -> None:
    take(database, "dead", 4)

    assert take(database, "b", 4, NOW + MINUTE / 2) == 0
    assert take(database, "b", 2, NOW + MINUTE) == 2
    assert take(database, "c", 4, NOW + MINUTE) == 2


def test_who_works_long_keeps_its_connections(database: Database) -> None:
    take(database, "a", 4)

    database.write_now(lambda tx: lanes.extend(tx, PEER, "a", NOW + 2 * MINUTE))

    assert take(database, "b", 4, NOW + MINUTE) == 0


def test_two_that_want_the_same_slot_share_none(database_url: str) -> None:
    first, second = Database(database_url), Database(database_url)
    first.create_all()
    try:
        took = [take(each, str(number), 1) for number in range(4) for each in (first, second)]
    finally:
        first.close()
        second.close()

    assert sum(took) == 4
