"""The worker role as services: the outbox and the queue are its work, and it has no listener."""

import asyncio
import signal
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)


class Loop(Protocol):
    """Work without end."""

    async def run(self) -> None:
        """Work until `drain` is called or the task is cancelled."""

    def drain(self) -> None:
        """End `run` after what is under way."""


class WorkerService:
    """A loop of work as the supervisor sees it (`vaguemestre.kernel.service.Service`)."""

    def __init__(self, name: str, worker: Loop, *, reload_parts: Sequence[Callable[[], object]] = ()) -> None:
        self.name = name
        self._worker = worker
        self._reload_parts = reload_parts
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, int]:
        """Begin to work; there is no port to tell."""
        self._running = asyncio.create_task(self._worker.run(), name=self.name)
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
        """Read certificates and lists again, by the functions given; each keeps its old state when it fails."""
        for reload_part in self._reload_parts:
            reload_part()


def _end_process_on_failure(running: asyncio.Task[None]) -> None:
    """Have the supervisor start the role afresh when the loop itself broke."""
    if not running.cancelled() and (error := running.exception()) is not None:
        log.error("worker_stopped", kind=running.get_name(), error=error)
        signal.raise_signal(signal.SIGTERM)
