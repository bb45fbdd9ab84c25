"""A way to a server that is cut whenever it is told to be, in the middle of whatever goes through."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator
from dataclasses import dataclass, field


@dataclass
class CuttingProxy:
    """Passes bytes to and fro; each connection is cut once a number of bytes has come back from the server."""

    target: int
    chance: random.Random = field(default_factory=lambda: random.Random(2026))
    port: int = 0
    cuts: int = 0
    cuts_left: int = 0
    """How many connections are still to be cut; those after them live."""
    reach: int = 20_000
    """The most bytes that come back before the cut."""
    _open: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection."""
        task = asyncio.current_task()
        assert task is not None
        self._open.add(task)
        try:
            await self._pass(reader, writer)
        except OSError:
            pass
        finally:
            self._open.discard(task)
            writer.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self.target)
        left = None
        if self.cuts_left:
            self.cuts_left -= 1
            left = self.chance.randrange(self.reach)
        there = asyncio.create_task(_copy(reader, there_writer, None))
        back = asyncio.create_task(_copy(there_reader, writer, left))
        try:
            done, _ = await asyncio.wait({there, back}, return_when=asyncio.FIRST_COMPLETED)
            self.cuts += left is not None and back in done
        finally:
            for each in (there, back):
                each.cancel()
            there_writer.transport.abort()

    def cut(self) -> None:
        """Cut every connection now."""
        for each in list(self._open):
            each.cancel()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, left: int | None) -> None:
    """Pass bytes on until the end, or until LEFT of them have passed."""
    with contextlib.suppress(OSError):
        while data := await reader.read(4096):
            if left is not None and len(data) >= left:
                writer.write(data[:left])
                await writer.drain()
                return
            left = None if left is None else left - len(data)
            writer.write(data)
            await writer.drain()


@contextlib.asynccontextmanager
async def cutting_proxy(target: int) -> AsyncIterator[CuttingProxy]:
    """Open a way to a port of this machine."""
    proxy = CuttingProxy(target)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        proxy.cut()
        await server.wait_closed()
