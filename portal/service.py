"""The role `portal`: uvicorn inside the event loop of the process, over TLS."""

import asyncio
import contextlib
import logging
import socket
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import uvicorn

from portal.app import create_app
from portal.connection import BudgetedConnection
from portal.services import PortalServices
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.tls import server_context

log = get_logger(__name__)
BACKLOG = 1024
KEEP_ALIVE_S = 30
CONNECTIONS = 2_000


@dataclass(frozen=True, slots=True)
class Listener:
    """Where the portal listens (port 0: any free one) and with which PEM files."""

    host: str
    port: int
    certificate: Path
    key: Path


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the supervisor has its own."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class PortalService:
    """The portal as the supervisor sees it (`vaguemestre.kernel.service.Service`)."""

    name = "portal"

    def __init__(self, services: PortalServices, listener: Listener) -> None:
        self._services = services
        self._listener = listener
        self._server: _Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self) -> Mapping[str, int]:
        """Open the listener; returns its port under the name "portal".

        Raises:
            ConfigurationError: the port is taken or the certificate cannot be read.
        """
        self._context = server_context(self._listener.certificate, self._listener.key)
        opened = _listen(self._listener)
        # Its messages hold addresses and tracebacks; what matters is logged by `limits.py`.
        logging.getLogger("uvicorn").setLevel(logging.CRITICAL + 1)
        config = uvicorn.Config(
            create_app(self._services),
            ssl_context_factory=lambda _config, _default: self._context,
            http=BudgetedConnection,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            limit_concurrency=CONNECTIONS,
            timeout_keep_alive=KEEP_ALIVE_S,
        )
        self._server = _Server(config)
        self._serving = asyncio.create_task(self._server.serve([opened]), name="portal")
        while not self._server.started:
            if self._serving.done():
                raise ConfigurationError("portal: the web server did not start")
            await asyncio.sleep(0.01)
        return {self.name: opened.getsockname()[1]}

    async def drain(self, grace_s: float) -> None:
        """Accept nothing new, let requests under way end for at most GRACE_S seconds, then close."""
        if self._server is None or self._serving is None:
            return
        self._server.config.timeout_graceful_shutdown = max(1, int(grace_s))
        self._server.should_exit = True
        _, late = await asyncio.wait({self._serving}, timeout=grace_s + 1)
        for task in late:
            task.cancel()

    def reload(self) -> None:
        """Read the certificate again; what cannot be read leaves the old one in force."""
        try:
            server_context(self._listener.certificate, self._listener.key)
            self._context.load_cert_chain(self._listener.certificate, self._listener.key)
        except (ConfigurationError, OSError) as error:
            log.warning("certificate_not_reloaded", listener=self.name, error=error)


def _listen(listener: Listener) -> socket.socket:
    family = socket.AF_INET6 if ":" in listener.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        opened.bind((listener.host, listener.port))
        opened.listen(BACKLOG)
    except OSError as error:
        opened.close()
        raise ConfigurationError(f"portal: cannot listen on port {listener.port}: {error.strerror}") from None
    opened.setblocking(False)
    return opened
