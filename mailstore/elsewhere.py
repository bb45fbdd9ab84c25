"""A connection to an IMAP server elsewhere, over TLS: the only file that knows aioimaplib (extra `imap-client`).

Everything is bounded: each answer in time and in size. A server that says something else than what was asked is away,
as is one that cut the connection.
"""

import asyncio
import base64
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure

PIECE_BYTES = 1024 * 1024
"""Octets of a message that are asked for at a time."""
ANSWER_BYTES = 2 * PIECE_BYTES
_SLICE_BYTES = 8 * 1024
Lines = Sequence[Any]
"""An answer: lines as bytes, literals as bytearray."""


class ServerAway(TemporaryFailure):
    """The other server cannot be reached, refuses, or does not answer as IMAP says."""


class CommandRefused(ServerAway):
    """The other server does not do what was asked, and stays connected."""


class CertificateRefused(ServerAway):
    """No authority that is known stands behind the certificate of the other server, or it has another name."""


class SignInRefused(ServerAway):
    """The other server takes neither this login nor this password, or no password at all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where the other server is, and who signs in."""

    host: str
    """As its certificate names it."""
    login: str
    port: int = 993
    authority: Path | None = None
    """PEM certificates of the authorities of its server; None: those of the machine."""
    timeout_s: float = 60.0
    """Longest wait for one answer."""


class _Guard:
    """Cuts a server that answers more than was asked for: aioimaplib itself would keep whatever comes."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._receive = protocol.data_received
        self._left = ANSWER_BYTES
        protocol.data_received = self._received

    def begin(self, answer_bytes: int = ANSWER_BYTES) -> None:
        """Allow one more answer."""
        self._left = answer_bytes

    def _received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._protocol.transport.abort()
            return
        for start in range(0, len(data), _SLICE_BYTES):  # it calls itself once for each line of what it is given
            self._receive(data[start : start + _SLICE_BYTES])


class Connection:
    """A signed-in connection."""

    def __init__(self, client: Any) -> None:
        self.client = client
        self._guard = _Guard(client.protocol)

    def expect(self, answer_bytes: int = ANSWER_BYTES) -> None:
        """Allow the server one answer of so many octets."""
        self._guard.begin(answer_bytes)

    async def asked(self, command: Any, answer_bytes: int = ANSWER_BYTES) -> Lines:
        """Wait for the answer to a command of aioimaplib's.

        Raises:
            CommandRefused: it is not OK.
        """
        self.expect(answer_bytes)
        answer = await command
        if answer.result != "OK":
            raise CommandRefused(f"imap: the server answers {answer.result}")
        lines: Lines = answer.lines
        return lines

    async def examine(self, folder: str) -> Lines:
        """Open a folder for reading alone (EXAMINE)."""
        lines = await self.asked(self.client.examine(quoted(folder)))
        self.client.protocol.state = "SELECTED"  # aioimaplib knows EXAMINE, but not what it does
        return lines

    async def sign_in(self, login: str, password: str) -> None:
        """Sign in by AUTHENTICATE PLAIN (RFC 4616), or by LOGIN where the server does not know that.

        Raises:
            SignInRefused: the server says no.
        """
        protocol = self.client.protocol
        if "LOGINDISABLED" in protocol.capabilities and "AUTH=PLAIN" not in protocol.capabilities:
            raise SignInRefused("imap: the server takes no password")
        try:
            if {"AUTH=PLAIN", "SASL-IR"} <= protocol.capabilities:
                await self._plain(login, password)
            else:
                await self.asked(self.client.login(quoted(login), password))
        except (CommandRefused, ValueError):
            raise SignInRefused("imap: the server refuses the login or the password") from None
        self.expect()
        await protocol.capability()  # a server may offer more once it knows who asks

    async def _plain(self, login: str, password: str) -> None:
        from aioimaplib.aioimaplib import AUTH, Command

        protocol, proof = self.client.protocol, base64.b64encode(f"\0{login}\0{password}".encode()).decode()
        command = Command("AUTHENTICATE", protocol.new_tag(), "PLAIN", proof, loop=protocol.loop)
        await self.asked(asyncio.wait_for(protocol.execute(command, scrub=proof), self.client.timeout))
        protocol.state = AUTH


@contextlib.asynccontextmanager
async def open_connection(server: Server, password: str) -> AsyncIterator[Connection]:
    """Connect and sign in; whatever goes on inside ends as soon as the connection is lost.

    Raises:
        ServerAway: no connection, another certificate, sign-in refused, connection lost, answer too late or none.
    """
    import aioimaplib

    loop = asyncio.get_running_loop()
    owner, lost = asyncio.current_task(), loop.create_future()

    def on_loss(_error: Exception | None) -> None:
        for task in client.protocol.tasks:
            task.cancel()  # it may hold the lock that the owner's own command takes again before it ends
        if not lost.done():
            lost.set_result(None)
            assert owner is not None
            owner.cancel("connection lost")

    try:
        tls = ssl.create_default_context(cafile=None if server.authority is None else str(server.authority))
        client = aioimaplib.IMAP4(
            server.host, server.port, timeout=server.timeout_s, conn_lost_cb=on_loss, ssl_context=tls
        )
        try:
            connection = Connection(client)
            await _greeted(client, loop)
            await connection.sign_in(server.login, password)
            yield connection
        finally:
            lost.cancel()
            await _close(client)
    except asyncio.CancelledError:
        if lost.done() and not lost.cancelled():
            raise ServerAway("imap: the connection was lost") from None
        raise
    except ssl.SSLCertVerificationError as error:
        raise CertificateRefused(f"imap: {type(error).__name__}") from None
    except (OSError, TimeoutError, ssl.SSLError, aioimaplib.AioImapException, IndexError) as error:
        raise ServerAway(f"imap: {type(error).__name__}") from None


def read_password(path: Path) -> str:
    """Read the password of a mailbox, which only its owner may read.

    Raises:
        ConfigurationError: absent, empty, or readable by others.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise ConfigurationError(f"{path.name}: readable by others; chmod 600 it")
        password = path.read_text("utf-8").strip()
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    if not password:
        raise ConfigurationError(f"{path.name}: empty")
    return password


def literal(lines: Lines) -> bytes | None:
    """Return the literal of a FETCH answer, None when there is no FETCH in it."""
    found = next((bytes(each) for each in lines if isinstance(each, bytearray)), None)
    if found is None and any(b" FETCH " in each for each in lines):
        return b""  # sent as a quoted string or NIL: there was nothing
    return found


def number(pattern: re.Pattern[bytes], lines: Lines) -> int:
    """Return the first number that PATTERN finds.

    Raises:
        ServerAway: the server left it out.
    """
    matches = (pattern.search(each) for each in lines if isinstance(each, bytes))
    found = next((match for match in matches if match), None)
    if found is None:
        raise ServerAway("imap: the server leaves out what was asked for")
    return int(found[1])


def quoted(name: str) -> str:
    """Write a name as a quoted string (RFC 9051 §5.1); beyond ASCII, as the server lists it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'


async def _greeted(client: Any, loop: asyncio.AbstractEventLoop) -> None:
    """Wait for the greeting and what follows it; a server that stops there is cut, since no time-out ends that wait."""

    def cut() -> None:
        if client.protocol.transport is not None:
            client.protocol.transport.abort()

    overdue = loop.call_later(client.timeout, cut)
    try:
        await client.wait_hello_from_server()
    finally:
        overdue.cancel()


async def _close(client: Any) -> None:
    for task in (*client.tasks, *client.protocol.tasks, client._client_task):  # noqa: SLF001 - it has no close of its own
        task.cancel()
    if client.protocol.transport is not None:
        client.protocol.transport.abort()
