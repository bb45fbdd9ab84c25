"""The IMAP role: two listeners, who may come in, and one sweep for all time-outs.

A session costs no timer of its own: every few seconds the sweep looks at all of them.
"""

import asyncio
from collections import Counter
from collections.abc import Mapping

from mailstore.imap.connection import ImapConnection
from mailstore.imap.known_entries import KnownEntries
from mailstore.imap.known_ready import KnownReady
from mailstore.imap.known_uids import KnownUids
from mailstore.imap.memory import keep_large_buffers_apart
from mailstore.imap.parts import ImapParts
from mailstore.imap.protocol.session import State
from mailstore.imap.securing import TlsListener
from mailstore.restarts import BOOT_ID, leave_gap_after_boot
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger

BACKLOG = 1_024
SWEEPS_PER_TIMEOUT = 12
DRAIN_STEP_S = 0.05
log = get_logger(__name__)


class ImapService:
    """Serves IMAP; a kernel `Service`.

    Args:
        parts: what the server is given.
        host: the address to listen on.
        port: for STARTTLS, 143 by custom; 0 lets the system choose.
        tls_port: for implicit TLS, 993 by custom; 0 lets the system choose.
    """

    name = "imap"

    def __init__(self, parts: ImapParts, *, host: str, port: int, tls_port: int) -> None:
        self.parts = parts
        self.known_uids = KnownUids(parts.store)
        self.known_entries = KnownEntries(parts.store)
        self.known_ready = KnownReady(parts.store)
        self._host = host
        self._ports = (port, tls_port)
        self._servers: list[asyncio.Server | TlsListener] = []
        self._connections: dict[ImapConnection, str] = {}
        self._by_address: Counter[str] = Counter()
        self._strangers: Counter[str] = Counter()
        self._unknown: set[ImapConnection] = set()
        self._by_account: Counter[str] = Counter()
        self._sweep_timer: asyncio.TimerHandle | None = None

    async def start(self) -> Mapping[str, int]:
        """Open the listeners; returns the ports of `imap` (STARTTLS) and `imaps` (implicit TLS).

        Raises:
            ConfigurationError: a port is taken.
            TemporaryFailure: the database is away.
        """
        keep_large_buffers_apart()
        if self.parts.database.dialect == "sqlite":  # elsewhere flags are durable as all else is
            boot_id = BOOT_ID.read_text().strip()
            await self.parts.database.write(lambda tx: leave_gap_after_boot(tx, boot_id))
        port, tls_port = self._ports
        try:
            clear = await self._listen(port)
            secured = self._listen_inside_tls(tls_port)
        except OSError as error:
            await self.drain(0)
            raise ConfigurationError(f"IMAP: cannot listen on {self._host}: {error.strerror}") from None
        self._sweep()
        return {"imap": clear, "imaps": secured}

    async def drain(self, grace_s: float) -> None:
        """Accept nothing new, let commands under way end for at most GRACE_S seconds, then close."""
        for server in self._servers:
            server.close()
        if self._sweep_timer is not None:
            self._sweep_timer.cancel()
        loop = asyncio.get_running_loop()
        deadline = loop.time() + grace_s
        while self._connections:
            late = loop.time() >= deadline
            for connection in tuple(self._connections):
                if late or not connection.is_busy:
                    connection.close_saying("Le service s'arrete, reconnectez-vous.", b"UNAVAILABLE")
                if late:
                    connection.abort()
            await asyncio.sleep(0 if late else DRAIN_STEP_S)
        self._servers.clear()

    def reload(self) -> None:
        """Load the certificates again; sessions that are open keep the old ones."""
        self.parts.reload_tls()

    # What connections ask (connection.House)

    def enter(self, connection: ImapConnection, address: str) -> bool:
        """Count a connection, unless there are too many in all, from its address, or waiting to sign in."""
        settings = self.parts.settings
        crowded = (
            len(self._connections) >= settings.connections
            or self._by_address[address] >= settings.connections_per_address
            or self._strangers[address] >= settings.unauthenticated_per_address
        )
        if crowded:
            log.warning("imap_connection_refused", reason="limit", count=self._by_address[address])
            return False
        self._connections[connection] = address
        self._by_address[address] += 1
        self._strangers[address] += 1
        self._unknown.add(connection)
        return True

    def leave(self, connection: ImapConnection) -> None:
        """Forget a connection."""
        address = self._connections.pop(connection, None)
        if address is None:
            return
        _decrement(self._by_address, address)
        if connection in self._unknown:
            self._unknown.discard(connection)
            _decrement(self._strangers, address)

    def signed_in(self, connection: ImapConnection) -> None:
        """Count a connection among those that have signed in."""
        self._unknown.discard(connection)
        _decrement(self._strangers, self._connections[connection])

    def admit(self, account_id: str) -> bool:
        """Count one more session of an account, unless there are too many."""
        if self._by_account[account_id] >= self.parts.settings.sessions_per_account:
            return False
        self._by_account[account_id] += 1
        return True

    def release(self, account_id: str) -> None:
        """Count one session less of an account."""
        _decrement(self._by_account, account_id)

    async def _listen(self, port: int) -> int:
        server = await asyncio.get_running_loop().create_server(
            lambda: ImapConnection(self, inside_tls=False), self._host, port, backlog=BACKLOG
        )
        self._servers.append(server)
        chosen: int = server.sockets[0].getsockname()[1]
        return chosen

    def _listen_inside_tls(self, port: int) -> int:
        listener = TlsListener(self.parts, lambda: ImapConnection(self, inside_tls=True))
        self._servers.append(listener)
        return listener.open(self._host, port, backlog=BACKLOG)

    def _sweep(self) -> None:
        """Close who waited too long, wake who was idle for a while, and come back."""
        loop, settings = asyncio.get_running_loop(), self.parts.settings
        now = loop.time()
        for connection in tuple(self._connections):
            self._look_at(connection, now)
        shortest = min(settings.login_timeout_s, settings.idle_timeout_s, settings.write_timeout_s, settings.recheck_s)
        self._sweep_timer = loop.call_later(shortest / SWEEPS_PER_TIMEOUT, self._sweep)

    def _look_at(self, connection: ImapConnection, now: float) -> None:
        settings = self.parts.settings
        if connection.is_stalled and now - connection.heard_at > settings.write_timeout_s:
            connection.abort()
        elif connection.core.state is State.NOT_AUTHENTICATED:
            if now - connection.opened_at > settings.login_timeout_s:
                connection.close_saying("Delai d'identification depasse.")
        elif now - connection.heard_at > settings.idle_timeout_s and not connection.is_working:
            connection.close_saying("Session inactive.")
        else:
            connection.session.recheck(now - settings.recheck_s)


def _decrement(counter: Counter[str], key: str) -> None:
    counter[key] -= 1
    if counter[key] <= 0:
        del counter[key]
