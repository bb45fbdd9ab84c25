"""The watched folder of a mailbox elsewhere, by IMAP over TLS (`mailstore/elsewhere.py`).

Messages are fetched in pieces and bounded in size. Whatever goes wrong is `ServerAway`: the caller connects again.
"""

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

from dmp_bridge.watch_config import WatchSettings
from mailstore.elsewhere import PIECE_BYTES, Connection, Server, ServerAway, literal, number, open_connection, quoted

_VALIDITY = re.compile(rb"UIDVALIDITY (\d+)")
_SIZE = re.compile(rb"RFC822\.SIZE (\d+)")
_DESCRIPTION = "(RFC822.SIZE BODY.PEEK[HEADER.FIELDS (MESSAGE-ID FROM)])"


@dataclass(frozen=True, slots=True)
class Described:
    """What is known of a message before it is fetched."""

    uid: int
    size_bytes: int
    header: bytes = field(repr=False)


class RemoteMailbox:
    """One connection to the watched folder."""

    def __init__(self, connection: Connection, settings: WatchSettings) -> None:
        self._connection = connection
        self._client = connection.client
        self._settings = settings

    async def select(self) -> int:
        """Open the folder; returns its UIDVALIDITY."""
        answer = await self._connection.asked(self._client.select(quoted(self._settings.folder)))
        return number(_VALIDITY, answer)

    async def new_uids(self, after: int) -> list[int]:
        """Return the UIDs greater than AFTER, in ascending order."""
        lines = await self._connection.asked(self._client.uid_search(f"UID {after + 1}:*", charset=None))
        found = lines[0].split() if lines else []
        if not all(each.isdigit() for each in found):
            return []  # no `SEARCH` line, only its end: nothing was found
        return sorted(uid for uid in map(int, found) if uid > after)

    async def describe(self, uid: int) -> Described | None:
        """Return size and header of a message; None when it is no longer there."""
        lines = await self._connection.asked(self._client.uid("fetch", str(uid), _DESCRIPTION))
        header = literal(lines)
        if header is None:
            return None
        return Described(uid, number(_SIZE, lines), header)

    async def fetch(self, uid: int) -> bytes | None:
        """Return the bytes of a message, piece by piece; None when there are more than the settings allow."""
        pieces: list[bytes] = []
        for offset in range(0, self._settings.max_message_bytes + PIECE_BYTES, PIECE_BYTES):
            part = f"(BODY.PEEK[]<{offset}.{PIECE_BYTES}>)"
            piece = literal(await self._connection.asked(self._client.uid("fetch", str(uid), part)))
            if piece is None or len(piece) > PIECE_BYTES:
                raise ServerAway("imap: a message does not come whole")
            pieces.append(piece)
            if len(piece) < PIECE_BYTES:  # the sizes that servers tell are not always true
                content = b"".join(pieces)
                return content if len(content) <= self._settings.max_message_bytes else None
        return None

    async def flag(self, uid: int) -> None:
        """Set the flag that says that a message was taken in; one that is gone is left alone."""
        stored = self._client.uid("store", str(uid), f"+FLAGS.SILENT ({self._settings.flag})")
        await self._connection.asked(stored)

    async def wait(self) -> None:
        """Wait for the server's word of something new (IDLE, RFC 2177), or until it is time to ask."""
        if not self._client.has_capability("IDLE"):
            await asyncio.sleep(min(self._settings.idle_s, 60))
            return
        self._connection.expect()
        idle = await self._client.idle_start(timeout=self._settings.idle_s)
        await self._client.wait_server_push(timeout=self._settings.idle_s + self._settings.timeout_s)
        self._client.idle_done()
        await asyncio.wait_for(idle, self._settings.timeout_s)


@contextlib.asynccontextmanager
async def open_mailbox(settings: WatchSettings, password: str) -> AsyncIterator[RemoteMailbox]:
    """Connect and sign in.

    Raises:
        ServerAway: as `mailstore.elsewhere.open_connection` says.
    """
    server = Server(
        host=settings.host,
        port=settings.port,
        login=settings.login,
        authority=settings.authority,
        timeout_s=settings.timeout_s,
    )
    async with open_connection(server, password) as connection:
        yield RemoteMailbox(connection, settings)
