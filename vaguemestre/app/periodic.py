"""The worker's companions: what is done at intervals beside the outbox, such as checkpoints of the trace."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from vaguemestre.kernel.errors import VaguemestreError
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Chore:
    """What to do, in a thread, every EVERY_S seconds; it returns how many things it did.

    `at_start` and `at_end`: also when the program starts, and once more when it is drained.
    """

    name: str
    run: Callable[[], int]
    every_s: int
    at_start: bool = False
    at_end: bool = False


class PeriodicService:
    """Does one chore for as long as the role runs (`vaguemestre.kernel.service.Service`)."""

    def __init__(self, chore: Chore) -> None:
        self.name = chore.name
        self._chore = chore
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, int]:
        """Begin; there is no port to tell."""
        self._running = asyncio.create_task(self._work(), name=self.name)
        return {}

    async def drain(self, grace_s: float) -> None:
        """Stop, and do the chore a last time if that is wanted and GRACE_S seconds are enough for it."""
        if self._running is None:
            return
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        if self._chore.at_end and grace_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._once(), grace_s)

    def reload(self) -> None:
        """Nothing here was read from a file."""

    async def _work(self) -> None:
        if self._chore.at_start:
            await self._once()
        while True:
            await asyncio.sleep(self._chore.every_s)
            await self._once()

    async def _once(self) -> None:
        """Do the chore; what fails is told and tried again at the next interval."""
        try:
            count = await asyncio.to_thread(self._chore.run)
        except (VaguemestreError, OSError) as error:
            log.error("chore_failed", kind=self.name, error=error)
        else:
            if count:
                log.info("chore_done", kind=self.name, count=count)
