"""The socket side of one session: bytes to the protocol core, its events to the handlers, their answers back.

An idle session has no task, no timer and no buffered byte: a task lives only while a command needs the store.
One command is answered after the other; while one is under way, or the client does not take its answers, what arrives
is kept up to a limit, then the socket is left unread. A reader that is too slow makes the command wait in `drained`.
"""

import asyncio
import socket
from collections.abc import Awaitable
from typing import Any, Protocol, cast

from mailstore.imap.commands.append import append
from mailstore.imap.commands.general import capabilities
from mailstore.imap.commands.notify import tell_news
from mailstore.imap.commands.table import HANDLERS, may_expunge
from mailstore.imap.failures import outcome_of
from mailstore.imap.outcome import Outcome, bad, ok
from mailstore.imap.protocol.commands import Command, StartTls
from mailstore.imap.protocol.connection import (
    AppendOffered,
    ContinuationDue,
    Event,
    Fatal,
    Received,
    Rejected,
    ServerConnection,
)
from mailstore.imap.protocol.responses import Result, bye, continuation, status_line, untagged
from mailstore.imap.protocol.session import State
from mailstore.imap.securing import secured
from mailstore.imap.session import House, Reaction, Session
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

UNREAD_BYTES = 131_072
BURST = 100
"""Events of one client that are dealt with before others have their turn."""
_landing = memoryview(bytearray(65_536))
"""A transport fills it and hands it over in one go, so that one serves all connections of the loop's thread."""
log = get_logger(__name__)


class Listener(House, Protocol):
    """What a connection asks of its listener."""

    def enter(self, connection: "ImapConnection", address: str) -> bool:
        """Count a connection, unless there are too many."""

    def leave(self, connection: "ImapConnection") -> None:
        """Forget a connection."""

    def signed_in(self, connection: "ImapConnection") -> None:
        """Count a connection among those that have signed in."""


class ImapConnection(asyncio.BufferedProtocol):
    """One client's connection; INSIDE_TLS on the implicit TLS port."""

    __slots__ = (
        "_command",
        "_drained",
        "_house",
        "_inside_tls",
        "_loop",
        "_reading_paused",
        "_refused",
        "_resuming",
        "_tag",
        "_task",
        "_transport",
        "core",
        "heard_at",
        "opened_at",
        "session",
    )

    def __init__(self, house: Listener, *, inside_tls: bool) -> None:
        self._house = house
        self._inside_tls = inside_tls
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._task: asyncio.Task[None] | None = None
        self._drained: asyncio.Future[None] | None = None
        self._reading_paused = False
        self._refused = 0
        self._resuming = False
        self._tag = b""
        self._command: Command | None = None
        self.core = ServerConnection()
        self.session = Session(house, self, self.core)
        self.opened_at = self.heard_at = self._loop.time()

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Greet, or close at once when there are too many connections."""
        self._transport = cast(asyncio.Transport, transport)
        peer = transport.get_extra_info("peername")
        self.session.peer = str(peer[0]) if peer else ""
        if self._inside_tls:
            self.session.begin_tls()
        self._transport.set_write_buffer_limits(high=self._house.parts.settings.write_buffer_bytes)
        if not self._house.enter(self, self.session.peer):
            self.close_saying("Trop de connexions.", b"LIMIT")
            return
        self.write(untagged(b"OK [" + capabilities(self.session) + b"] Vaguemestre"))

    def get_buffer(self, sizehint: int) -> memoryview:
        """Return where the transport puts what it reads."""
        return _landing

    def buffer_updated(self, nbytes: int) -> None:
        """Take bytes in; answer what can be answered now."""
        self.heard_at = self._loop.time()
        if self._tag and not self.session.idling:
            self._acknowledge()
        self.core.receive_data(bytes(_landing[:nbytes]))
        self._pump()

    def eof_received(self) -> bool:
        """Close when the client does."""
        return False

    def pause_writing(self) -> None:
        """Make the command under way wait for its reader."""
        self.heard_at = self._loop.time()
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Let the command go on."""
        self.heard_at = self._loop.time()
        drained, self._drained = self._drained, None
        if drained is not None and not drained.done():
            drained.set_result(None)
        self._pump()

    def connection_lost(self, error: Exception | None) -> None:
        """End the session; the command under way is abandoned."""
        self._transport = None
        if self._drained is not None:
            self._drained.cancel()
        if self._task is not None:
            self._task.cancel()
        elif (abandoned := self.session.abandoned()) is not None:
            self._task = self._loop.create_task(abandoned)
        self.session.end()
        self._house.leave(self)

    # What the session asks (session.Wire)

    def write(self, data: bytes) -> None:
        """Send, without waiting."""
        if data and self._transport is not None and not self._transport.is_closing():
            self._transport.write(data)

    async def drained(self) -> None:
        """Wait until a slow reader has taken most of what was sent."""
        if self._drained is not None:
            await asyncio.shield(self._drained)

    def on_mailbox_change(self) -> None:
        """Look at the selected folder again: now when the client waits in IDLE, else with its next command."""
        self.session.wakes += 1
        view = self.session.view
        if view is None:
            self.session.changed_meanwhile = True
        else:
            view.dirty = True
            self._tell_idler()

    def on_news(self) -> None:
        """Tell what is watched: now when the client waits, or asked not to be waited for."""
        self._tell_idler()

    def seconds(self) -> float:
        """Return the loop's clock."""
        return self._loop.time()

    def client_certificate(self) -> bytes | None:
        """Return the certificate that the client showed and TLS verified."""
        tls = self._transport.get_extra_info("ssl_object") if self._transport is not None else None
        certificate: bytes | None = tls.getpeercert(binary_form=True) if tls is not None else None
        return certificate

    # What the listener asks

    @property
    def is_working(self) -> bool:
        """Whether the server, not the client, has the next step to do."""
        return self._task is not None

    @property
    def is_busy(self) -> bool:
        """Whether a command is under way, be it that the client must send more; waiting in IDLE is not."""
        return self.is_working or (bool(self._tag) and not self.session.idling)

    @property
    def is_stalled(self) -> bool:
        """Whether the client does not take what is sent to it."""
        return self._drained is not None

    def close_saying(self, text: str, code: bytes = b"") -> None:
        """Say BYE and close once that is sent."""
        if self._transport is not None:
            self.write(bye(text, code))
            self._transport.close()

    def abort(self) -> None:
        """Close without waiting for a client that does not read."""
        if self._transport is not None:
            self._transport.abort()

    def _acknowledge(self) -> None:
        """Let the kernel acknowledge at once a piece of a command that is not answered yet.

        Many programs write the end of an APPEND apart from its message; Nagle's algorithm holds it back until the
        message is acknowledged, which Linux delays by 40 ms when nothing is sent (RFC 9293 §3.8.6.3).
        """
        link = self._transport.get_extra_info("socket") if self._transport is not None else None
        if link is not None:
            link.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    # One event after the other

    def _pump(self) -> None:
        """Answer what has come in, a number of events at a time, while the client takes what is sent to it."""
        self._resuming = False
        for _ in range(BURST):
            if self._task is not None or self._drained is not None:
                break
            if self._transport is None or self._transport.is_closing() or (event := self.core.next_event()) is None:
                break
            self._take(event)
        else:
            self._resuming = True
            self._loop.call_soon(self._go_on)
        self._regulate()

    def _go_on(self) -> None:
        if self._resuming:
            self._pump()

    def _regulate(self) -> None:
        """Leave the socket unread while too much waits, read it again once that is dealt with."""
        if self._transport is None or self._transport.is_closing():
            return
        too_much = self.core.buffered_bytes > UNREAD_BYTES
        if too_much != self._reading_paused:
            self._reading_paused = too_much
            (self._transport.pause_reading if too_much else self._transport.resume_reading)()

    def _take(self, event: Event) -> None:
        if isinstance(event, Received):
            self._refused = 0
            self._begin(event.request.tag, event.request.command)
        elif isinstance(event, Rejected):
            self._reject(event)
        elif isinstance(event, Fatal):
            log.warning("imap_session_closed", reason="literal", account_id=self.session.account_id)
            self.close_saying(event.text, b"TOOBIG")
        elif isinstance(event, ContinuationDue):
            self.write(continuation())
        elif isinstance(event, AppendOffered):
            self._tag, self._command = event.tag, event.command
            self._follow(append(self.session, event))
        elif self.session.continuation is not None:
            self._guarded(self.session.continuation, event)

    def _begin(self, tag: bytes, command: Command) -> None:
        self._tag = self.session.tag = tag
        self._command = command
        view = self.session.view
        if view is not None and view.shared and self.seconds() - view.checked_at > self._house.parts.settings.recheck_s:
            view.dirty = True  # whether the mailbox is still shared with the account is asked again
        if isinstance(command, StartTls):
            self._begin_tls()
        else:
            self._guarded(HANDLERS[type(command)], self.session, command)

    def _guarded(self, handler: Any, *arguments: Any) -> None:
        try:
            reaction = handler(*arguments)
        except Exception as error:  # noqa: BLE001 - a bug ends the command, not the session
            reaction = outcome_of(error, self._command, self.session)
        if reaction is None or isinstance(reaction, Outcome):
            self._react(reaction)
        else:
            self._follow(reaction)

    def _follow(self, reaction: Awaitable[Reaction]) -> None:
        self._task = self._loop.create_task(self._await(reaction))

    async def _await(self, reaction: Awaitable[Reaction]) -> None:
        """Wait for a handler, send what changed meanwhile, answer, go on with what the client sent since."""
        try:
            result = await reaction
        except Exception as error:  # noqa: BLE001 - a bug ends the command, not the session
            result = outcome_of(error, self._command, self.session)
        if result is not None and self._has_news():
            await self._add_news()
        self._task = None
        self._react(result)
        self._pump()
        self._tell_idler()

    def _react(self, reaction: Reaction) -> None:
        if reaction is None:
            self.write(self.session.take_output())
            self._tell_idler()
        elif self._has_news():
            self._follow(self._answer_with_news(reaction))
        else:
            self._finish(reaction)

    def _finish(self, outcome: Outcome) -> None:
        session, tag = self.session, self._tag
        self._tag, self._command = b"", None
        session.end_command()
        self.write(session.take_output() + status_line(tag, outcome.result, outcome.text, outcome.code))
        if self.core.state is State.LOGOUT and self._transport is not None:
            session.end()
            self._transport.close()
        elif self.core.state is State.NOT_AUTHENTICATED:
            if session.refused_sign_ins >= self._house.parts.settings.refused_sign_ins:
                self.close_saying("Trop d'essais.")
        elif session.account is not None and outcome.code.startswith(b"CAPABILITY"):
            self._house.signed_in(self)

    def _reject(self, event: Rejected) -> None:
        self._refused += 1
        if self.session.continuation is not None:
            self._finish(bad(event.text))
        elif event.tag is None:
            self.write(untagged(b"BAD " + event.text.encode("ascii", "replace")))
        else:
            self.write(status_line(event.tag, Result.BAD, event.text))
        if self._refused >= self._house.parts.settings.refused_commands:
            self.close_saying("Trop de commandes incorrectes.")

    # What changed in the selected folder

    def _has_news(self) -> bool:
        """Say whether anything must be looked at before the command under way ends."""
        view, watch, command = self.session.view, self.session.watch, self._command
        if command is None:
            return False
        if watch is not None and (watch.dirty or self.session.owes_messages):
            return True
        if view is None or self.core.state is not State.SELECTED:
            return False
        return view.dirty or (view.holds_expunges and may_expunge(command))

    async def _add_news(self) -> None:
        session, command = self.session, self._command
        watch = session.watch
        allowed = may_expunge(command) if command is not None else watch is not None and watch.expunges_at_once
        try:
            await tell_news(session, may_expunge=allowed, asked=command is not None)
        except TemporaryFailure:
            return  # the answer to the command stands; the news come with the next one
        except Exception as error:  # noqa: BLE001 - a bug ends the command, not the session
            outcome_of(error, self._command, self.session)

    async def _answer_with_news(self, outcome: Outcome) -> Outcome:
        await self._add_news()
        return outcome

    def _tell_idler(self) -> None:
        if self._task is None and self.session.has_push(free=not self._tag):
            self._task = self._loop.create_task(self._idle_news())

    async def _idle_news(self) -> None:
        await self._add_news()
        await self.session.flush()
        self._task = None
        self._pump()
        self._tell_idler()

    # TLS

    def _begin_tls(self) -> None:
        """STARTTLS: nothing that came in clear is kept, nothing is answered before the new transport is in place."""
        if self.session.secure or self._transport is None:
            self._finish(bad("already inside TLS"))
            return
        self._transport.pause_reading()
        self.core.discard_input()
        self._finish(ok("Commencez TLS."))
        self._task = self._loop.create_task(self._upgrade(self._transport))

    async def _upgrade(self, transport: asyncio.Transport) -> None:
        inside = await secured(transport, self, self._house.parts)
        if inside is None or self._transport is None:
            return
        self._transport = inside
        self.session.begin_tls()
        self._task = None
        self._pump()
