"""One HTTP connection with a budget: time and bytes for the head, time for the body and for the answer.

uvicorn waits for ever for a request that has begun; whoever opens connections and dribbles would keep them all.
Every deadline of a connection is armed here.
"""

import asyncio
from collections import Counter
from typing import ClassVar

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HEAD_S = 20.0
HEAD_BYTES = 65_536
BODY_S = 600.0
ANSWER_S = 600.0
PER_ADDRESS = 200


class BudgetedConnection(HttpToolsProtocol):
    """uvicorn's connection, closed when it is too slow, too long or one too many of its address."""

    open_by_address: ClassVar[Counter[str]] = Counter()
    _deadline: asyncio.TimerHandle | None = None
    _address = ""
    _in_head = True
    _head_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Count the connection and wait for the head of its first request."""
        super().connection_made(transport)
        self._address = self.client[0] if self.client else ""
        self.open_by_address[self._address] += 1
        if self.open_by_address[self._address] > PER_ADDRESS:
            transport.abort()
            return
        self._arm(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._disarm()
        self.open_by_address[self._address] -= 1
        if self.open_by_address[self._address] <= 0:
            del self.open_by_address[self._address]
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; those of a head are counted."""
        if self._in_head:
            self._head_bytes += len(data)
        super().data_received(data)
        if not self._in_head or self.transport.is_closing():
            return
        if self._head_bytes > HEAD_BYTES:
            self.transport.abort()
        elif self._deadline is None:
            self._arm(HEAD_S)

    def on_headers_complete(self) -> None:
        """Wait for the body."""
        self._in_head = False
        self._arm(BODY_S)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Wait until the answer is taken; the next head starts with a fresh budget."""
        self._in_head, self._head_bytes = True, 0
        self._arm(ANSWER_S)
        super().on_message_complete()

    def on_response_complete(self) -> None:
        """Leave the connection to uvicorn's keep-alive timer."""
        self._disarm()
        super().on_response_complete()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._deadline = self.loop.call_later(seconds, self.transport.abort)

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None
