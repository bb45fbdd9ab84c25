"""Another operator on loopback, which takes, refuses, stalls or hangs up as a test wants."""

import asyncio
import contextlib
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True)
class Taken:
    """A message that the peer answered 250."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes
    answered: bool = True
    """False: it hung up before it said so."""


@dataclass
class Manners:
    """How the peer behaves; an answer is a whole line without its end."""

    starttls: bool = True
    eight_bit: bool = True
    dsn: bool = False
    utf8: bool = False
    limits: str = ""
    """What LIMITS announces (RFC 9422)."""
    recipient: Callable[[str], str] = lambda _address: "250 2.1.5 OK"
    data: Callable[[], str] = lambda: "250 2.0.0 OK"
    """Answer after the data; "drop" hangs up after taking the message, "lose" before, "stall" never answers."""
    certificate: Callable[[], ssl.SSLContext] | None = None
    """Chooses what it shows of itself, connection by connection; None: always the same."""


@dataclass
class PeerOperator:
    """Listens until `close`; what was taken and said is kept in order."""

    tls: ssl.SSLContext
    manners: Manners = field(default_factory=Manners)
    taken: list[Taken] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    connections: int = 0
    most_at_once: int = 0
    port: int = 0

    async def start(self) -> "PeerOperator":
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def close(self) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._server.wait_closed()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.most_at_once = max(self.most_at_once, len(self._tasks))
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
                await self._talk(reader, writer)
        finally:
            self._tasks.discard(task)
            writer.transport.abort()

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b"220 peer ESMTP\r\n")
        sender, recipients = "", list[str]()
        while line := (await reader.readline()).decode().strip():
            self.said.append(line)
            word, _, rest = line.partition(" ")
            match word.upper():
                case "EHLO":
                    secure = writer.get_extra_info("ssl_object") is not None
                    offers = ["peer", "SIZE"]
                    offers += ["8BITMIME"] if self.manners.eight_bit else []
                    offers += ["STARTTLS"] if self.manners.starttls and not secure else []
                    offers += ["DSN"] if self.manners.dsn else []
                    offers += ["SMTPUTF8"] if self.manners.utf8 else []
                    offers += [f"LIMITS {self.manners.limits}"] if self.manners.limits else []
                    writer.write("".join(f"250-{each}\r\n" for each in offers).encode() + b"250 PIPELINING\r\n")
                case "STARTTLS":
                    writer.write(b"220 2.0.0 go\r\n")
                    await writer.start_tls(self.manners.certificate() if self.manners.certificate else self.tls)
                case "MAIL":
                    sender, recipients = rest[len("FROM:<") :].partition(">")[0], []
                    writer.write(b"250 2.1.0 OK\r\n")
                case "RCPT":
                    address = rest[len("TO:<") :].partition(">")[0]
                    answer = self.manners.recipient(address)
                    if answer.startswith("2"):
                        recipients.append(address)
                    writer.write(f"{answer}\r\n".encode())
                case "DATA":
                    writer.write(b"354 go\r\n")
                    content = await reader.readuntil(b"\r\n.\r\n")
                    plain = content[:-3].replace(b"\r\n..", b"\r\n.")
                    if not await self._end(writer, Taken(sender, tuple(recipients), plain)):
                        return
                case "QUIT":
                    writer.write(b"221 2.0.0 bye\r\n")
                    await writer.drain()
                    return
                case _:
                    writer.write(b"250 2.0.0 OK\r\n")
            await writer.drain()

    async def _end(self, writer: asyncio.StreamWriter, message: Taken) -> bool:
        answer = self.manners.data()
        if answer == "stall":
            await asyncio.Event().wait()
        if answer == "drop" or answer.startswith("2"):
            self.taken.append(replace(message, answered=answer != "drop"))
        if answer in ("drop", "lose"):
            return False
        writer.write(f"{answer}\r\n".encode())
        return True
