"""The role `worker`: runs the tasks of the outbox; it has no listener."""

import asyncio
import signal
from collections.abc import Mapping

from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.outbox import OutboxWorker

log = get_logger(__name__)


class WorkerService:
    """The outbox worker as the supervisor sees it (`vaguemestre.kernel.service.Service`)."""

    name = "worker"

    def __init__(self, worker: OutboxWorker) -> None:
        self._worker = worker
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, int]:
        """Begin to work; there is no port to tell."""
        self._running = asyncio.create_task(self._worker.run(), name="outbox")
        self._running.add_done_callback(_end_process_on_failure)
        return {}

    async def drain(self, grace_s: float) -> None:
        """Let the tasks under way end for at most GRACE_S seconds; a task cut short is leased again later."""
        if self._running is None:
            return
        self._worker.drain()
        _, late = await asyncio.wait({self._running}, timeout=grace_s)
        for task in late:
            task.cancel()

    def reload(self) -> None:
        """Nothing here was read from a file."""


def _end_process_on_failure(running: asyncio.Task[None]) -> None:
    """Have the supervisor start the role afresh when the loop of tasks itself broke."""
    if not running.cancelled() and (error := running.exception()) is not None:
        log.error("outbox_stopped", error=error)
        signal.raise_signal(signal.SIGTERM)
