"""Spaces against the clock: a worker that does what is due, and where the stores above would be."""

import asyncio
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from access_core.closing import Eraser
from access_core.config import LifeSettings
from access_core.profiles import Profile
from access_core.schedule import Schedule
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.outbox import OutboxWorker

Advance = Callable[[timedelta], None]


class Erasures:
    """Stands where the stores above are: remembers whose data it was asked to erase."""

    def __init__(self) -> None:
        self.accounts: list[str] = []
        self.away = False

    def __call__(self, tx: Transaction, closed: Profile) -> None:
        if self.away:
            raise TemporaryFailure("store: away")
        self.accounts.append(closed.account_id)


@pytest.fixture
def erasures() -> Erasures:
    """The erasures of this test."""
    return Erasures()


@pytest.fixture
def wait(database: Database, clock: ManualClock, erasures: Eraser, tmp_path: Path) -> Advance:
    """Let time pass, then let a worker that has just started do what is due."""

    async def work() -> None:
        bus = LocalBus(tmp_path / "bus")
        await OutboxWorker(database, bus, clock, Schedule(clock, LifeSettings(), erasures).handlers()).run_due()
        await bus.close()

    def advance(delay: timedelta) -> None:
        clock.advance(delay)
        asyncio.run(work())

    return advance
