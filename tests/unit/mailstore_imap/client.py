"""A client that sends exactly the bytes it is told and shows exactly what came back."""

import re
import socket
import ssl
from types import TracebackType
from typing import Protocol, Self

from tests.unit.mailstore_imap.house import LOGIN, PASSWORD

PATIENCE_S = 10.0
_LITERAL = re.compile(rb"\{(\d+)\}\r\n\Z")


class Reachable(Protocol):
    """A server that a client may connect to."""

    port: int
    tls_port: int

    def client_context(self) -> ssl.SSLContext:
        """Return what a client needs to trust it."""


class RawClient:
    """One connection to the server; `secure` for the implicit TLS port, `source` for another address than usual."""

    def __init__(self, house: Reachable, *, secure: bool = True, receive_buffer: int = 0, source: str = "") -> None:
        self.house = house
        plain = socket.socket()
        if receive_buffer:
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        if source:
            plain.bind((source, 0))
        plain.settimeout(PATIENCE_S)
        try:
            plain.connect(("127.0.0.1", house.tls_port if secure else house.port))
        except OSError:
            plain.close()
            raise
        self.socket = self._wrap(plain) if secure else plain
        self._buffer = b""
        self.greeting = self.line()
        self._count = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.socket.close()

    def signed_in(self, login: str = LOGIN) -> "RawClient":
        """Sign in; returns itself."""
        answer = self.command(f'LOGIN {login} "{PASSWORD}"')
        assert b" OK " in answer, answer
        return self

    def selected(self, folder: str = "INBOX") -> "RawClient":
        """Sign in and select; returns itself."""
        answer = self.signed_in().command(f"SELECT {folder}")
        assert b" OK " in answer, answer
        return self

    def command(self, text: str) -> bytes:
        """Send a command with a fresh tag; returns everything up to its tagged answer."""
        self._count += 1
        tag = b"c%d" % self._count
        self.send(tag + b" " + text.encode() + b"\r\n")
        return self.until(tag)

    def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.socket.sendall(data)

    def until(self, start: bytes) -> bytes:
        """Return lines up to the one that begins with START."""
        lines = [self.line()]
        while not lines[-1].startswith(start):
            lines.append(self.line())
        return b"".join(lines)

    def line(self) -> bytes:
        """Return one line with its literals; empty at the end of the connection."""
        line = self._take_line()
        while found := _LITERAL.search(line):
            line += self.exactly(int(found[1])) + self._take_line()
        return line

    def exactly(self, size: int) -> bytes:
        """Return SIZE octets."""
        while len(self._buffer) < size and self._receive():
            pass
        data, self._buffer = self._buffer[:size], self._buffer[size:]
        return data

    def rest(self) -> bytes:
        """Return everything up to the end of the connection."""
        while self._receive():
            pass
        data, self._buffer = self._buffer, b""
        return data

    def start_tls(self) -> None:
        """Begin TLS on a connection that said STARTTLS."""
        self._buffer = b""
        self.socket = self._wrap(self.socket)

    def _wrap(self, plain: socket.socket) -> ssl.SSLSocket:
        return self.house.client_context().wrap_socket(plain, server_hostname="localhost")

    def _take_line(self) -> bytes:
        while b"\n" not in self._buffer:
            if not self._receive():
                raise EOFError(f"connection ended after {self._buffer!r}")
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line + b"\n"

    def _receive(self) -> bool:
        try:
            data = self.socket.recv(65_536)
        except (ConnectionError, ssl.SSLError):
            data = b""
        self._buffer += data
        return bool(data)
