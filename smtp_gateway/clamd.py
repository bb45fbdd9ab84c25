"""Asking clamd about a stream: INSTREAM over a Unix socket or TCP, in pieces, nothing kept.

Source: clamd(8), COMMANDS: INSTREAM. aioclamd speaks TCP only and hops to a thread for each kilobyte.
"""

import asyncio
import re
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass

from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure

ANSWER = re.compile(rb"stream: (?:(?P<name>.+) FOUND|OK)")
ANSWER_BYTES = 4_096


@dataclass(frozen=True, slots=True)
class Verdict:
    """What clamd says; NAME of what it found, None when nothing."""

    name: str | None

    @property
    def clean(self) -> bool:
        """Whether nothing was found."""
        return self.name is None


class Clamd:
    """The daemon at one address.

    Raises:
        ConfigurationError: the address is neither `unix:/path` nor `host:port`.
    """

    def __init__(self, address: str, timeout_s: float) -> None:
        kind, _, path = address.partition(":")
        host, _, port = address.rpartition(":")
        if kind != "unix" and not (host and port.isdigit()):
            raise ConfigurationError("antivirus.socket : écrivez unix:/chemin ou hôte:port")
        self._path = path if kind == "unix" else None
        self._host, self._port = host.strip("[]"), int(port) if kind != "unix" else 0
        self._timeout_s = timeout_s

    async def scan(self, pieces: AsyncIterator[bytes]) -> Verdict:
        """Say what clamd finds in a stream.

        Raises:
            TemporaryFailure: it is away, slow, or does not say (the stream is longer than it takes).
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                return await self._scan(pieces)
        except (OSError, TimeoutError, asyncio.IncompleteReadError) as error:
            raise TemporaryFailure(f"clamd: {type(error).__name__}") from None

    async def version(self) -> str:
        """Return what clamd says of itself and of its signatures.

        Raises:
            TemporaryFailure: it is away or slow.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                reader, writer = await self._connect()
                try:
                    writer.write(b"zVERSION\0")
                    return (await reader.readuntil(b"\0"))[:-1].decode("ascii", "replace")
                finally:
                    writer.close()
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError) as error:
            raise TemporaryFailure(f"clamd: {type(error).__name__}") from None

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if self._path is not None:
            return await asyncio.open_unix_connection(self._path, limit=ANSWER_BYTES)
        return await asyncio.open_connection(self._host, self._port, limit=ANSWER_BYTES)

    async def _scan(self, pieces: AsyncIterator[bytes]) -> Verdict:
        reader, writer = await self._connect()
        try:
            writer.write(b"zINSTREAM\0")
            try:
                async for piece in pieces:
                    if piece:
                        writer.write(struct.pack("!L", len(piece)) + piece)
                        await writer.drain()
                writer.write(struct.pack("!L", 0))
                await writer.drain()
            except ConnectionError:
                pass  # it has said all it wants to say: the answer is there, or is missing
            answer = await reader.read(ANSWER_BYTES)
        finally:
            writer.close()
        match = ANSWER.match(answer)
        if match is None:
            raise TemporaryFailure("clamd: no verdict")
        return Verdict(match["name"].decode("ascii", "replace") if match["name"] else None)
