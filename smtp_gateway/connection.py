"""One SMTP connection: bytes to lines, replies to bytes, TLS and time limits.

The lower half of the server (`esmtp.py` has the commands, `receiving.py` the content). Lines end in CRLF and nothing
else, the replies of a pipelined group leave in one write, and what came in clear before STARTTLS is forgotten.
"""

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, cast

from smtp_gateway.replies import Refusal, Reply, defer, refuse
from smtp_gateway.session import Door, MailEnvelope, PeerSession
from vaguemestre.kernel.errors import ProtocolError, TemporaryFailure
from vaguemestre.kernel.log import get_logger

CHUNK_BYTES = 65_536  # larger pieces of memory would come from the system, and go back to it, each time
UNREAD_BYTES = 524_288  # what may wait for the session before the transport stops reading
MAX_COMMAND_BYTES = 12_288  # RFC 4954 §4.2, the longest of all
BEFORE_TLS = frozenset({"EHLO", "HELO", "NOOP", "RSET", "QUIT", "STARTTLS", "BDAT"})  # BDAT: to read what it announces
TLS_FAREWELL_S = 5.0  # a peer that does not answer close_notify is cut off
NEVER = float("inf")
COMMAND_PREFIX = "smtp_"
log = get_logger(__name__)

Command = Callable[[Any, str], Coroutine[Any, Any, None]]


class LineTooLong(ProtocolError):
    """No line can be found again with certainty."""


class SmtpConnection(asyncio.BufferedProtocol):
    """One connection of a listener; the methods `smtp_…` of its subclasses are its commands."""

    commands: ClassVar[dict[str, Command]] = {}
    # A transport fills it and hands it over in one go, so that one serves all connections of the loop's thread.
    _landing: ClassVar[memoryview] = memoryview(bytearray(CHUNK_BYTES))

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        names = [name for name in dir(cls) if name.startswith(COMMAND_PREFIX)]
        cls.commands = {name.removeprefix(COMMAND_PREFIX).upper(): getattr(cls, name) for name in names}

    def __init__(self, door: Door, loop: asyncio.AbstractEventLoop) -> None:
        self.loop = loop
        self.transport: asyncio.Transport | None = None
        self.ended: asyncio.Task[None] | None = None
        """The task that serves the session."""
        self._door = door
        self._settings = door.settings
        self._steps = door.steps
        self._peer = PeerSession()
        self._mail = MailEnvelope()
        self._pending = b""
        self._unread: list[bytes] = []
        self._unread_bytes = 0
        self._arrival: asyncio.Future[None] | None = None
        self._at_eof = False
        self._replies: list[bytes] = []
        self._ending = False
        self._receiving = False
        self._deaf = False
        self._deadline = NEVER
        self._line_deadline = NEVER
        """By when the command that has begun to come must be whole."""
        self._trust_deadline = loop.time() + door.settings.before_trust_s
        self._timer: asyncio.TimerHandle | None = None
        self._writable = asyncio.Event()
        self._writable.set()

    # -- transport ------------------------------------------------------------------------------------------------

    async def _forget(self) -> None:
        """Begin anew, without the message under way and what came of it."""
        intake = self._mail.intake
        self._mail = MailEnvelope()
        if intake is not None:
            await intake.discard()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin the session; called once, since STARTTLS swaps the transport underneath."""
        self.transport = cast(asyncio.Transport, transport)
        name = transport.get_extra_info("peername")
        self._peer.peer_host = str(name[0]) if isinstance(name, tuple) else "unix"
        if self._door.implicit_tls:
            self._inside_tls(transport)
        self._start_timer(min(self._settings.command_timeout_s, self._settings.before_trust_s))
        self.ended = self.loop.create_task(self._handle_client())

    def connection_lost(self, error: Exception | None) -> None:
        """Let the session end by itself: an acceptance under way is carried to its end."""
        self._note_eof()
        self._writable.set()
        self._stop_timer()
        self.transport = None

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the transport puts what it reads."""
        return self._landing

    def buffer_updated(self, nbytes: int) -> None:
        """Keep what came for the session."""
        if self._deaf:
            return
        self._unread.append(bytes(self._landing[:nbytes]))
        self._unread_bytes += nbytes
        if self._unread_bytes > UNREAD_BYTES and self.transport is not None:
            self.transport.pause_reading()
        self._wake()

    def eof_received(self) -> bool:
        """Note that the peer sends no more; in clear it may still read."""
        self._note_eof()
        return not self._peer.tls

    def pause_writing(self) -> None:
        """Wait before writing more: the peer does not read."""
        self._writable.clear()

    def resume_writing(self) -> None:
        """Write again."""
        self._writable.set()

    def _note_eof(self) -> None:
        self._at_eof = True
        self._wake()

    def _wake(self) -> None:
        if self._arrival is not None and not self._arrival.done():
            self._arrival.set_result(None)

    def _start_timer(self, delay_s: float) -> None:
        """Start the one timer of the connection; it looks at the deadline, which moves without it."""
        self._timer = self.loop.call_later(delay_s, self._look_at_deadline)

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _look_at_deadline(self) -> None:
        left = self._deadline - self.loop.time()
        if left > 0:
            self._start_timer(min(left, self._settings.command_timeout_s))
        else:
            self._hang_up(Refusal.TOO_SLOW)

    def _hang_up(self, reason: Refusal) -> None:
        self._ending = self._deaf = True
        self._write(refuse(reason).line)
        if self.transport is not None:
            self.transport.close()
        self._note_eof()  # closing TLS waits for the peer's farewell; the session does not

    def drain(self) -> None:
        """End the session as soon as no message is under way."""
        if not self._receiving and self._deadline != NEVER:
            self._hang_up(Refusal.CLOSING)

    def abort(self) -> None:
        """Cut the connection, without the farewell of TLS, which a peer may let us wait for."""
        if self.transport is not None:
            self.transport.abort()

    # -- lines and replies ----------------------------------------------------------------------------------------

    def _reply(self, reply: Reply) -> None:
        """Add a reply to the group; a refusal counts, too many of them end the session.

        One recipient too many is no error: its sender comes back with it (RFC 5321 §4.5.3.1.10).
        """
        self._replies.append(reply.line)
        if reply.accepted or reply.reason == Refusal.TOO_MANY_RECIPIENTS:
            return
        self._peer.errors += 1
        if reply.line.startswith(b"421"):
            self._ending = True
        elif self._peer.errors >= self._settings.max_errors and not self._ending:
            self._replies.append(refuse(Refusal.TOO_MANY_ERRORS).line)
            self._ending = True

    def _write(self, data: bytes) -> None:
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write(data)

    async def _flush(self) -> None:
        if self._replies:
            self._write(b"".join(self._replies))
            self._replies.clear()
        if not self._writable.is_set():
            self._deadline = self.loop.time() + self._settings.command_timeout_s
            await self._writable.wait()
            self._deadline = NEVER

    async def _fill(self) -> bool:
        """Send the replies that wait, then wait for bytes; False at the end of the connection."""
        await self._flush()
        self._deadline = self.loop.time() + self._settings.command_timeout_s
        if not self._pending:
            self._line_deadline = self._deadline
        self._deadline = min(self._deadline, self._line_deadline)
        if not self._peer.trusted:
            self._deadline = min(self._deadline, self._trust_deadline)
        if not self._unread and not self._at_eof:
            self._arrival = self.loop.create_future()
            await self._arrival
        self._deadline = NEVER
        return self._take_unread()

    def _take_unread(self) -> bool:
        """Add what came to what is pending; returns whether anything came."""
        if not self._unread:
            return False
        self._pending = (
            b"".join((self._pending, *self._unread)) if self._pending or self._unread[1:] else self._unread[0]
        )
        if self._unread_bytes > UNREAD_BYTES and self.transport is not None and not self.transport.is_closing():
            self.transport.resume_reading()
        self._unread.clear()
        self._unread_bytes = 0
        return True

    def _take_line(self) -> bytes | None:
        """Take one line without its CRLF; None when none is complete.

        Raises:
            LineTooLong: it is longer than any command may be.
            ProtocolError: it ends in something else than CRLF, or holds a CR.
        """
        end = self._pending.find(b"\n")
        if end < 0 and len(self._pending) <= MAX_COMMAND_BYTES:
            return None
        if end < 0 or end > MAX_COMMAND_BYTES:
            raise LineTooLong("command line too long")
        line, self._pending = self._pending[: end + 1], self._pending[end + 1 :]
        self._line_deadline = self.loop.time() + self._settings.command_timeout_s
        if end == 0 or line.find(b"\r") != end - 1:
            raise ProtocolError("line not ended by CRLF")
        return line[:-2]

    async def _read_line(self) -> str | None:
        """Wait for one line (of an AUTH exchange); None at the end of the connection."""
        while (line := self._take_line()) is None:
            if not await self._fill():
                return None
        return line.decode("ascii", "replace")

    # -- the session ----------------------------------------------------------------------------------------------

    async def _handle_client(self) -> None:
        refusal = self._door.admit(self, self._peer.peer_host)
        try:
            if refusal is not None:
                self._reply(refusal)
            else:
                self._reply(Reply(f"220 {self._settings.hostname} ESMTP Vaguemestre\r\n".encode("ascii")))
            await self._serve()
            await self._flush()
        except (OSError, ssl.SSLError) as error:
            log.info("smtp_connection_broken", error=error)
        except Exception as error:  # noqa: BLE001  the edge: a bug ends this session, never the listener
            log.error("smtp_session_failed", error=error)
            self._replies.append(refuse(Refusal.TEMPORARY).line)
            await self._flush()
        finally:
            await self._forget()
            self._door.leave(self, self._peer.peer_host)
            self._stop_timer()
            if self.transport is not None:
                self.transport.close()

    async def _serve(self) -> None:
        while not self._ending:
            try:
                line = self._take_line()
            except LineTooLong:
                self._reply(refuse(Refusal.LINE_TOO_LONG))
                self._ending = True
                return
            except ProtocolError:
                self._reply(refuse(Refusal.LINE_END))
                self._ending |= self._mail.sender is not None  # it may have been the BDAT of bytes that follow
                continue
            if line is not None:
                await self._obey(line)
            elif self._door.draining:
                self._reply(refuse(Refusal.CLOSING))
            elif not await self._fill():
                return

    async def _obey(self, line: bytes) -> None:
        verb, _, rest = line.rstrip(b" \t").partition(b" ")  # blanks at the end are let pass (RFC 5321 §4.1.1)
        name = verb.upper().decode("ascii", "replace")
        command = self.commands.get(name)
        if command is None:
            self._reply(refuse(Refusal.UNKNOWN_COMMAND))
        elif not self._peer.tls and name not in BEFORE_TLS:
            self._reply(refuse(Refusal.TLS_REQUIRED))
        else:
            try:
                await command(self, rest.decode("utf-8" if self._settings.smtputf8 else "ascii"))
            except UnicodeDecodeError:
                self._misread(name, Refusal.NOT_ASCII if name in ("MAIL", "RCPT") else Refusal.SYNTAX)
            except LineTooLong:  # the answer to a challenge of AUTH
                self._reply(refuse(Refusal.LINE_TOO_LONG))
                self._ending = True
            except ProtocolError:
                self._misread(name, Refusal.SYNTAX)
            except TemporaryFailure as failure:
                self._reply(defer(failure))

    def _misread(self, name: str, reason: Refusal) -> None:
        """Refuse a line that could not be read; behind one that announces bytes nothing can be read either."""
        self._ending |= name == "BDAT"
        self._reply(refuse(reason))

    async def _start_tls(self, context: ssl.SSLContext) -> None:
        # What came in clear is dropped (RFC 3207 §4.2). There is no await between here and the moment when the
        # transport hands its bytes to TLS.
        self._pending, self._unread_bytes, self._at_eof = b"", 0, False
        self._unread.clear()
        left = max(1.0, self._trust_deadline - self.loop.time())
        try:
            transport = await self.loop.start_tls(
                self.transport,  # type: ignore[arg-type]  # given: the session lives
                self,
                context,
                server_side=True,
                ssl_handshake_timeout=left,
                ssl_shutdown_timeout=TLS_FAREWELL_S,
            )
        except OSError as error:
            log.info("smtp_tls_refused", error=error)
            transport = None
        if transport is None:
            self._ending = True
            self._replies.clear()
            return
        self.transport = transport
        self._mail = MailEnvelope()
        self._inside_tls(transport)

    def _inside_tls(self, transport: asyncio.BaseTransport) -> None:
        peer = self._peer
        peer.tls = True
        peer.host_name, peer.extended_smtp = None, False
        tls = transport.get_extra_info("ssl_object")
        peer.certificate = tls.getpeercert(binary_form=True) if tls is not None else None
        peer.end_point = self._door.end_point()
