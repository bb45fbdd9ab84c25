"""The listeners of a role as a service of the kernel: start, drain, reload.

`mx` listens on one port with STARTTLS and client certificates; submission on two, STARTTLS (`submission`) and
implicit TLS (`submissions`).
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from ssl import SSLContext
from typing import Any

from smtp_gateway.config import SmtpSettings
from smtp_gateway.connection import TLS_FAREWELL_S, SmtpConnection
from smtp_gateway.esmtp import EsmtpProtocol
from smtp_gateway.session import Door, Steps
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger

BACKLOG = 512
HANDSHAKE_S = 10.0
log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Listener:
    """One port to open; PORT 0 takes a free one."""

    name: str
    host: str
    port: int
    tls: SSLContext
    implicit_tls: bool = False
    shared: bool = False
    """Whether other processes of this user may serve the same port (SO_REUSEPORT)."""
    end_point: Callable[[], bytes | None] = lambda: None


class SmtpService:
    """One SMTP role (implements `vaguemestre.kernel.service.Service`)."""

    def __init__(
        self,
        name: str,
        listeners: Sequence[Listener],
        steps: Steps,
        settings: SmtpSettings,
        *,
        reload_parts: Sequence[Callable[[], object]] = (),
    ) -> None:
        self.name = name
        self._reload_parts = reload_parts
        self._doors = [
            (each, Door(steps, settings, each.tls, implicit_tls=each.implicit_tls, end_point=each.end_point))
            for each in listeners
        ]
        self._servers: list[asyncio.Server] = []

    async def start(self) -> Mapping[str, int]:
        """Open the listeners; returns name -> port.

        Raises:
            ConfigurationError: a port is taken.
        """
        ports: dict[str, int] = {}
        for listener, door in self._doors:
            server = await self._listen(listener, door)
            self._servers.append(server)
            ports[listener.name] = server.sockets[0].getsockname()[1]
        return ports

    async def _listen(self, listener: Listener, door: Door) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        tls: dict[str, Any] = {}
        if listener.implicit_tls:
            # Nobody is counted before TLS is there, so that it must be there soon.
            handshake_s = min(door.settings.before_trust_s, HANDSHAKE_S)
            tls = {
                "ssl": listener.tls,
                "ssl_handshake_timeout": handshake_s,
                "ssl_shutdown_timeout": TLS_FAREWELL_S,
            }
        try:
            return await loop.create_server(
                lambda: EsmtpProtocol(door, loop),
                listener.host,
                listener.port,
                backlog=BACKLOG,
                reuse_port=listener.shared,
                **tls,
            )
        except OSError as error:
            raise ConfigurationError(f"{listener.name}: port {listener.port} cannot be opened: {error}") from None

    async def drain(self, grace_s: float) -> None:
        """Accept nothing new, end idle sessions with 421, let messages under way end for at most GRACE_S seconds."""
        for server in self._servers:
            server.close()
        sessions = [session for _, door in self._doors for session in self._draining(door)]
        tasks = [session.ended for session in sessions if session.ended is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=grace_s)
        for session in sessions:
            session.abort()
        unfinished = [task for task in tasks if not task.done()]
        for task in unfinished:
            task.cancel()
        await asyncio.gather(*unfinished, return_exceptions=True)
        log.info("smtp_drained", count=len(tasks))

    @staticmethod
    def _draining(door: Door) -> list[SmtpConnection]:
        door.draining = True
        sessions = list(door.connections)
        for session in sessions:
            session.drain()
        return sessions

    def reload(self) -> None:
        """Read certificates and lists again, by the functions given; each keeps its old state when it fails."""
        for reload_part in self._reload_parts:
            reload_part()
