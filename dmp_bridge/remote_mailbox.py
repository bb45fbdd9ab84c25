"""A mailbox elsewhere, by IMAP over TLS: the only file that knows aioimaplib (extra `imap-client`).

Everything is bounded: each answer in time, each message in size, fetched in pieces. A server that says something else
than what was asked is away, as is one that cut the connection: the caller connects again.
"""

import asyncio
import contextlib
import re
import ssl
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from dmp_bridge.watch_config import WatchSettings
from vaguemestre.kernel.errors import TemporaryFailure

PIECE_BYTES = 1024 * 1024
ANSWER_BYTES = 2 * PIECE_BYTES
_VALIDITY = re.compile(rb"UIDVALIDITY (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DESCRIPTION = "(RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID FROM)])"


class MailboxAway(TemporaryFailure):
    """The other server cannot be reached, refuses, or does not answer as IMAP says."""


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a message before it is fetched."""

    uid: int
    size_bytes: int
    header: bytes = field(repr=False)


class _Guard:
    """Cuts a server that answers more than was asked for: aioimaplib itself would keep whatever comes."""

    def __init__(self, protocol: Any) -> None:
        self._protocol = protocol
        self._receive = protocol.data_received
        self._left = ANSWER_BYTES
        protocol.data_received = self._received

    def begin(self) -> None:
        """Allow one more answer."""
        self._left = ANSWER_BYTES

    def _received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._protocol.transport.abort()
        else:
            self._receive(data)


class RemoteMailbox:
    """One connection to the watched folder."""

    def __init__(self, client: Any, settings: WatchSettings) -> None:
        self._client = client
        self._settings = settings
        self._guard = _Guard(client.protocol)

    async def select(self) -> int:
        """Open the folder; returns its UIDVALIDITY."""
        answer = await self._asked(self._client.select(_quoted(self._settings.folder)))
        return _number(_VALIDITY, answer)

    async def new_uids(self, after: int) -> list[int]:
        """Return the UIDs greater than AFTER, in ascending order."""
        lines = await self._asked(self._client.uid_search(f"UID {after + 1}:*", charset=None))
        found = lines[0].split() if lines else []
        if not all(each.isdigit() for each in found):
            return []  # no `SEARCH` line, only its end: nothing was found
        return sorted(uid for uid in map(int, found) if uid > after)

    async def describe(self, uid: int) -> Described | None:
        """Return size and header of a message; None when it is no longer there."""
        lines = await self._asked(self._client.uid("fetch", str(uid), _DESCRIPTION))
        header = _literal(lines)
        if header is None:
            return None
        return Described(uid, _number(_SIZE, lines), header)

    async def fetch(self, uid: int) -> bytes | None:
        """Return the bytes of a message, piece by piece; None when there are more than the settings allow."""
        pieces: list[bytes] = []
        for offset in range(0, self._settings.max_message_bytes + PIECE_BYTES, PIECE_BYTES):
            part = f"(BODY.PEEK[]<{offset}.{PIECE_BYTES}>)"
            piece = _literal(await self._asked(self._client.uid("fetch", str(uid), part)))
            if piece is None or len(piece) > PIECE_BYTES:
                raise MailboxAway("watch: a message does not come whole")
            pieces.append(piece)
            if len(piece) < PIECE_BYTES:  # the sizes that servers tell are not always true
                content = b"".join(pieces)
                return content if len(content) <= self._settings.max_message_bytes else None
        return None

    async def flag(self, uid: int) -> None:
        """Set the flag that says that a message was taken in; one that is gone is left alone."""
        await self._asked(self._client.uid("store", str(uid), f"+FLAGS.SILENT ({self._settings.flag})"))

    async def wait(self) -> None:
        """Wait for the server's word of something new (IDLE, RFC 2177), or until it is time to ask."""
        if not self._client.has_capability("IDLE"):
            await asyncio.sleep(min(self._settings.idle_s, 60))
            return
        self._guard.begin()
        idle = await self._client.idle_start(timeout=self._settings.idle_s)
        await self._client.wait_server_push(timeout=self._settings.idle_s + self._settings.timeout_s)
        self._client.idle_done()
        await asyncio.wait_for(idle, self._settings.timeout_s)

    async def _asked(self, command: Any) -> Sequence[Any]:
        self._guard.begin()
        answer = await command
        if answer.result != "OK":
            raise MailboxAway(f"watch: the server answers {answer.result}")
        lines: Sequence[Any] = answer.lines
        return lines


@contextlib.asynccontextmanager
async def open_mailbox(settings: WatchSettings, password: str) -> AsyncIterator[RemoteMailbox]:
    """Connect and sign in; whatever goes on inside ends as soon as the connection is lost.

    Raises:
        MailboxAway: no connection, another certificate, sign-in refused, connection lost, answer too late or none.
    """
    import aioimaplib

    loop = asyncio.get_running_loop()
    owner, lost = asyncio.current_task(), loop.create_future()

    def on_loss(_error: Exception | None) -> None:
        if not lost.done():
            lost.set_result(None)
            assert owner is not None
            owner.cancel("connection lost")

    try:
        client = aioimaplib.IMAP4(
            settings.host, settings.port, timeout=settings.timeout_s, conn_lost_cb=on_loss, ssl_context=_tls(settings)
        )
        try:
            mailbox = RemoteMailbox(client, settings)
            await client.wait_hello_from_server()
            await mailbox._asked(client.login(settings.login, password))  # noqa: SLF001 - the same concern
            await client.protocol.capability()  # a server may offer more once it knows who asks
            yield mailbox
        finally:
            lost.cancel()
            await _close(client)
    except asyncio.CancelledError:
        if lost.done() and not lost.cancelled():
            raise MailboxAway("watch: the connection was lost") from None
        raise
    except (OSError, TimeoutError, ssl.SSLError, aioimaplib.AioImapException, IndexError) as error:
        raise MailboxAway(f"watch: {type(error).__name__}") from None


async def _close(client: Any) -> None:
    for task in (*client.tasks, *client.protocol.tasks, client._client_task):  # noqa: SLF001 - it has no close of its own
        task.cancel()
    if client.protocol.transport is not None:
        client.protocol.transport.abort()


def _tls(settings: WatchSettings) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=None if settings.authority is None else str(settings.authority))


def _literal(lines: Sequence[Any]) -> bytes | None:
    """Return the literal of a FETCH answer, None when there is no FETCH in it."""
    literal = next((bytes(each) for each in lines if isinstance(each, bytearray)), None)
    if literal is None and any(b" FETCH " in each for each in lines):
        return b""  # sent as a quoted string or NIL: there was nothing
    return literal


def _number(pattern: re.Pattern[bytes], lines: Sequence[Any]) -> int:
    found = next(
        (match for match in (pattern.search(each) for each in lines if isinstance(each, bytes)) if match), None
    )
    if found is None:
        raise MailboxAway("watch: the server leaves out what was asked for")
    return int(found[1])


def _quoted(name: str) -> str:
    """Write a folder's name as a quoted string (RFC 9051 §5.1); beyond ASCII, as the server lists it."""
    return '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
