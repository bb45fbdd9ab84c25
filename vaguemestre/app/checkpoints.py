"""The worker's companion: signed checkpoints of the trace, at intervals and when the program ends."""

import asyncio
import contextlib
from collections.abc import Callable, Mapping

from vaguemestre.kernel.errors import VaguemestreError
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)


class CheckpointService:
    """Runs RUN every EVERY_S seconds, in a thread, and once more when drained.

    It is a `vaguemestre.kernel.service.Service`.
    """

    name = "checkpoints"

    def __init__(self, run: Callable[[], int], every_s: int) -> None:
        self._run = run
        self._every_s = every_s
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, int]:
        """Begin to sign; there is no port to tell."""
        self._running = asyncio.create_task(self._work(), name="checkpoints")
        return {}

    async def drain(self, grace_s: float) -> None:
        """Sign where the trace stands now, if GRACE_S seconds are enough for it."""
        if self._running is None:
            return
        self._running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._running
        if grace_s > 0:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._once(), grace_s)

    def reload(self) -> None:
        """Nothing here was read from a file."""

    async def _work(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            await self._once()

    async def _once(self) -> None:
        """Sign; what fails is told and tried again at the next interval."""
        try:
            written = await asyncio.to_thread(self._run)
        except (VaguemestreError, OSError) as error:
            log.error("checkpoint_failed", error=error)
        else:
            if written:
                log.info("checkpoint_written", count=written)
