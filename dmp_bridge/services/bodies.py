"""Request bodies, read before a request takes its turn: whoever dribbles holds up nobody.

All requests of a process share a budget of bytes; one that would exceed it is told to come back, so that many large
requests at once cannot take the memory either.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from vaguemestre.kernel.errors import TemporaryFailure

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]


class BodyBudget:
    """Reads bodies; LIMIT is the longest of one, BUDGET that of all that are held, in bytes."""

    def __init__(self, limit: int, budget: int) -> None:
        self._limit = limit
        self._budget = budget
        self._held = 0

    @asynccontextmanager
    async def body(self, receive: Receive) -> AsyncIterator[bytes | None]:
        """Read a body and hold its share of the budget; None when it is too long, what exceeds it is dropped.

        Raises:
            TemporaryFailure: too much is held at present.
            ConnectionAbortedError: the caller went away.
        """
        chunks: list[bytes] = []
        size = held = 0
        try:
            while True:
                message = await receive()
                if message["type"] != "http.request":
                    raise ConnectionAbortedError("XDS: the caller went away")
                chunk = message.get("body", b"")
                size += len(chunk)
                if size > self._limit:
                    chunks.clear()
                else:
                    chunks.append(chunk)
                    held += self._hold(len(chunk))
                if not message.get("more_body", False):
                    break
            yield b"".join(chunks) if size <= self._limit else None
        finally:
            self._held -= held

    def _hold(self, size: int) -> int:
        if self._held + size > self._budget:
            raise TemporaryFailure("XDS: too many large requests at once")
        self._held += size
        return size
