"""TLS at the door: handshakes are counted before they cost anything, in all and for each address.

A stranger who opens connections and leaves their handshakes unfinished holds a bounded number of them for a bounded
time; those beyond are closed unanswered.
"""

import asyncio
import socket
from collections import Counter
from collections.abc import Callable

from mailstore.imap.parts import ImapParts
from vaguemestre.kernel.log import get_logger

PAUSE_S = 0.1
log = get_logger(__name__)


class TlsListener:
    """Accepts connections, and hands them on once they are inside TLS.

    Args:
        parts: the TLS context and the limits.
        factory: makes the protocol of a connection.
    """

    def __init__(self, parts: ImapParts, factory: Callable[[], asyncio.BufferedProtocol]) -> None:
        self._parts = parts
        self._factory = factory
        self._accepting: dict[asyncio.Task[None], socket.socket] = {}
        self._under_way: dict[asyncio.Task[None], str] = {}
        self._by_address: Counter[str] = Counter()

    def open(self, host: str, port: int, *, backlog: int) -> int:
        """Begin to listen on every address that HOST has; returns the port.

        Raises:
            OSError: the port is taken.
        """
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        for family, address in dict.fromkeys((each[0], each[4][:2]) for each in found):
            listening = socket.create_server(address, family=family, backlog=backlog)
            listening.setblocking(False)
            self._accepting[asyncio.get_running_loop().create_task(self._accept(listening))] = listening
        chosen: int = next(iter(self._accepting.values())).getsockname()[1]
        return chosen

    def close(self) -> None:
        """Accept nothing new, give up the handshakes under way."""
        for task in (*self._under_way, *self._accepting):
            task.cancel()
        for listening in self._accepting.values():
            listening.close()

    async def _accept(self, listening: socket.socket) -> None:
        loop = asyncio.get_running_loop()
        while True:
            try:
                link, peer = await loop.sock_accept(listening)
            except OSError:  # too many open files: those waiting are taken when some have closed
                await asyncio.sleep(PAUSE_S)
                continue
            self._begin(link, str(peer[0]))

    def _begin(self, link: socket.socket, address: str) -> None:
        settings = self._parts.settings
        if (
            len(self._under_way) >= settings.handshakes
            or self._by_address[address] >= settings.unauthenticated_per_address
        ):
            log.warning("imap_connection_refused", reason="handshakes", count=self._by_address[address])
            link.close()
            return
        link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._by_address[address] += 1
        task = asyncio.get_running_loop().create_task(self._secure(link))
        self._under_way[task] = address
        task.add_done_callback(self._ended)

    async def _secure(self, link: socket.socket) -> None:
        timeout_s = self._parts.settings.handshake_timeout_s
        try:
            await asyncio.get_running_loop().connect_accepted_socket(
                self._factory, link, ssl=self._parts.tls, ssl_handshake_timeout=timeout_s
            )
        except (OSError, TimeoutError):
            link.close()

    def _ended(self, task: asyncio.Task[None]) -> None:
        address = self._under_way.pop(task)
        self._by_address[address] -= 1
        if self._by_address[address] <= 0:
            del self._by_address[address]


async def secured(
    transport: asyncio.Transport, protocol: asyncio.BufferedProtocol, parts: ImapParts
) -> asyncio.Transport | None:
    """Return a transport inside TLS over one that was not (STARTTLS), None when the client did not come so far."""
    settings = parts.settings
    try:
        inside = await asyncio.get_running_loop().start_tls(
            transport, protocol, parts.tls, server_side=True, ssl_handshake_timeout=settings.handshake_timeout_s
        )
    except (OSError, TimeoutError):
        transport.abort()
        return None
    if inside is not None:
        inside.set_write_buffer_limits(high=settings.write_buffer_bytes)
    return inside
