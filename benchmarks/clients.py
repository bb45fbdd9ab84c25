"""Small SMTP and IMAP clients that cost little themselves, so that the figures are the server's."""

import asyncio
import base64
import re
import ssl
from collections.abc import Callable
from dataclasses import dataclass

LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class DialogueError(Exception):
    """The server answered what the load did not expect."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A listener: HOST, PORT, the TLS context to use and whether TLS begins with STARTTLS."""

    host: str
    port: int
    tls: ssl.SSLContext
    starttls: bool
    server_name: str


class SmtpClient:
    """One SMTP connection, pipelined: one write for the envelope, one for the message."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, endpoint: Endpoint, login: tuple[str, str] | None = None) -> "SmtpClient":
        """Open a session over TLS and authenticate when LOGIN (address, password) is given."""
        implicit = None if endpoint.starttls else endpoint.tls
        name = None if endpoint.starttls else endpoint.server_name
        reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=implicit, server_hostname=name)
        client = cls(reader, writer)
        await client.reply(b"220")
        await client.command(b"EHLO mx.peer.test\r\n", b"250")
        if endpoint.starttls:
            await client.command(b"STARTTLS\r\n", b"220")
            await writer.start_tls(endpoint.tls, server_hostname=endpoint.server_name)
            await client.command(b"EHLO mx.peer.test\r\n", b"250")
        if login is not None:
            token = base64.b64encode("\0{}\0{}".format(*login).encode())
            await client.command(b"AUTH PLAIN " + token + b"\r\n", b"235")
        return client

    async def send(self, sender: str, recipient: str, message: bytes) -> None:
        """Hand one message over; MESSAGE has CRLF lines and needs no dot stuffing."""
        self._writer.write(b"MAIL FROM:<%s>\r\nRCPT TO:<%s>\r\nDATA\r\n" % (sender.encode(), recipient.encode()))
        for code in (b"250", b"250", b"354"):
            await self.reply(code)
        await self.command(message + b".\r\n", b"250")

    async def quit(self) -> None:
        """End the session."""
        await self.command(b"QUIT\r\n", b"221")
        self._writer.close()

    async def command(self, line: bytes, code: bytes) -> None:
        """Write LINE and expect CODE."""
        self._writer.write(line)
        await self.reply(code)

    async def reply(self, code: bytes) -> None:
        """Read one reply, of several lines perhaps.

        Raises:
            DialogueError: another code, or the connection was closed.
        """
        while True:
            line = await self._reader.readline()
            if line[:3] != code:
                raise DialogueError(line.decode(errors="replace").strip() or "connection closed")
            if line[3:4] != b"-":
                return


class ImapClient:
    """One IMAP connection; a command returns everything up to its tagged answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._number = 0

    @classmethod
    async def connect(cls, endpoint: Endpoint, login: tuple[str, str]) -> "ImapClient":
        """Open a session over implicit TLS and log in."""
        reader, writer = await asyncio.open_connection(
            endpoint.host, endpoint.port, ssl=endpoint.tls, server_hostname=endpoint.server_name, limit=1 << 24
        )
        client = cls(reader, writer)
        await reader.readline()
        await client.command('LOGIN "{}" "{}"'.format(*login).encode())
        return client

    async def command(self, line: bytes) -> bytes:
        """Run one command.

        Raises:
            DialogueError: the tagged answer is not OK.
        """
        self._number += 1
        tag = b"b%d " % self._number
        self._writer.write(tag + line + b"\r\n")
        return await self._until(tag)

    async def append(self, message: bytes) -> None:
        """Append MESSAGE to INBOX with a synchronising literal."""
        self._number += 1
        tag = b"b%d " % self._number
        self._writer.write(tag + b"APPEND INBOX {%d}\r\n" % len(message))
        await self._reader.readline()
        self._writer.write(message + b"\r\n")
        await self._until(tag)

    async def idle(self, seen: Callable[[bytes], None]) -> None:
        """Enter IDLE and hand each untagged line to SEEN, until the connection ends."""
        self._writer.write(b"i IDLE\r\n")
        while line := await self._reader.readline():
            seen(line)

    async def logout(self) -> None:
        """End the session."""
        self._writer.write(b"z LOGOUT\r\n")
        await self._until(b"z ")
        self._writer.close()

    async def _until(self, tag: bytes) -> bytes:
        parts: list[bytes] = []
        while True:
            line = await self._reader.readline()
            if line.startswith(tag):
                if not line.startswith(tag + b"OK"):
                    raise DialogueError(line.decode(errors="replace").strip())
                return b"".join(parts)
            if not line:
                raise DialogueError("connection closed")
            parts.append(line)
            if literal := LITERAL.search(line):
                parts.append(await self._reader.readexactly(int(literal[1])))
