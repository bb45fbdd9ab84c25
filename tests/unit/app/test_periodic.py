"""What the worker does at intervals: at once, again, at the end, and in spite of failures."""

import asyncio
import threading

from vaguemestre.app.periodic import Chore, PeriodicService
from vaguemestre.kernel.errors import TemporaryFailure


class Counted:
    """A chore that counts itself, and fails when told to."""

    def __init__(self, *, fails: bool = False) -> None:
        self.done = 0
        self.ran = threading.Event()
        self._fails = fails

    def __call__(self) -> int:
        self.done += 1
        self.ran.set()
        if self._fails:
            raise TemporaryFailure("no database")
        return self.done


async def run(chore: Chore, counted: Counted, *, wait: bool) -> None:
    service = PeriodicService(chore)
    assert await service.start() == {}
    if wait:
        assert await asyncio.to_thread(counted.ran.wait, 10)
    service.reload()
    await service.drain(10)


async def test_a_chore_is_done_at_the_start_and_at_the_end() -> None:
    counted = Counted()

    await run(Chore(name="x", run=counted, every_s=3_600, at_start=True, at_end=True), counted, wait=True)

    assert counted.done == 2


async def test_a_chore_that_fails_does_not_stop_the_service() -> None:
    counted = Counted(fails=True)

    await run(Chore(name="x", run=counted, every_s=3_600, at_start=True, at_end=True), counted, wait=True)

    assert counted.done == 2


async def test_what_is_not_wanted_is_not_done() -> None:
    counted = Counted()

    await run(Chore(name="x", run=counted, every_s=3_600), counted, wait=False)
    await PeriodicService(Chore(name="x", run=counted, every_s=1)).drain(1)

    assert counted.done == 0
