"""An IMAP server that signs anybody in, shows one message, and answers its FETCH as it is told to, over TLS."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from tests.fictional.structure_keys import RsaPair

PIECE = b"x" * 65_536


@dataclass
class HostileImap:
    """What it says to FETCH after the announcement of a literal, and how much of it left before the cut.

    Where CUTS or STALLS, it goes no further than its greeting: it hangs up, or is silent, at the first command.
    """

    announced: int
    cuts: bool = False
    stalls: bool = False
    port: int = 0
    sent: int = 0
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        self.connections += 1
        writer.write(b"* OK [CAPABILITY IMAP4rev1 IDLE] ready\r\n")
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            while line := await reader.readline():
                tag, _, command = line.strip().partition(b" ")
                if self.cuts:
                    break
                if self.stalls:
                    continue
                await self._answer(writer, tag, command.upper())
        writer.transport.abort()

    async def _answer(self, writer: asyncio.StreamWriter, tag: bytes, command: bytes) -> None:
        if command.startswith(b"CAPABILITY"):
            writer.write(b"* CAPABILITY IMAP4rev1 IDLE\r\n")
        elif command.startswith(b"SELECT"):
            writer.write(b"* 1 EXISTS\r\n* OK [UIDVALIDITY 7] x\r\n")
        elif command.startswith(b"UID SEARCH"):
            writer.write(b"* SEARCH 1\r\n")
        elif command.startswith(b"UID FETCH"):
            await self._flood(writer)
        writer.write(tag + b" OK done\r\n")
        await writer.drain()

    async def _flood(self, writer: asyncio.StreamWriter) -> None:
        writer.write(b"* 1 FETCH (UID 1 RFC822.SIZE 10 BODY[] {%d}\r\n" % self.announced)
        left = self.announced
        while left > 0:
            writer.write(PIECE[:left])
            await writer.drain()
            self.sent += min(left, len(PIECE))
            left -= len(PIECE)
        writer.write(b")\r\n")


@contextlib.asynccontextmanager
async def hostile_imap(
    pair: RsaPair, folder: Path, announced: int = 0, *, cuts: bool = False, stalls: bool = False
) -> AsyncIterator[HostileImap]:
    """Serve on a free port."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*pair.write(folder, "hostile"))
    hostile = HostileImap(announced, cuts=cuts, stalls=stalls)
    server = await asyncio.start_server(hostile.serve, "127.0.0.1", 0, ssl=context)
    hostile.port = server.sockets[0].getsockname()[1]
    try:
        yield hostile
    finally:
        server.close()
