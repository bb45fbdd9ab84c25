"""The server's side of one IMAP connection, without its socket: bytes in, one event at a time out.

Nothing moves by itself: the driver reports each step (`advance`), answers each offer (`accept_append`,
`refuse_append`), and pulls the next event only when it has dealt with the last one. So the events do not
depend on how the bytes were cut.

Source: RFC 9051 §2.2, §3, §4.3; RFC 7888 §5 (LITERAL-); RFC 3502 (MULTIAPPEND).
"""

from dataclasses import dataclass

from mailstore.imap.protocol.commands import Append, Request
from mailstore.imap.protocol.framing import (
    Chunk,
    Frame,
    Framer,
    Line,
    LineTooLong,
    LiteralAnnounced,
)
from mailstore.imap.protocol.grammar import find_tag, parse_append_prelude, parse_following_append, parse_request
from mailstore.imap.protocol.session import TRANSITIONS, State, Step, is_allowed
from vaguemestre.kernel.errors import ProtocolError

NON_SYNCHRONISING_BYTES = 4_096
"""RFC 7888 §5: what LITERAL- allows without asking first."""
LEAST_LITERAL_BYTES = 32
"""What a literal counts for at least, since thousands of empty ones cost more than they weigh."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bytes that one command may take, before and after signing in; APPEND's message is not among them."""

    line_bytes_before: int = 12_288  # as RFC 4954 §4 allows for SASL: access tokens are long
    line_bytes: int = 65_536
    literal_bytes_before: int = 4_096
    literal_bytes: int = 65_536


@dataclass(frozen=True, slots=True)
class Received:
    """A command that this state allows."""

    request: Request


@dataclass(frozen=True, slots=True)
class Rejected:
    """Bytes that are not a command that this state allows: BAD, with the tag when there was one."""

    tag: bytes | None
    text: str


@dataclass(frozen=True, slots=True)
class Fatal:
    """The client announced more than may be read: BYE."""

    text: str


@dataclass(frozen=True, slots=True)
class ContinuationDue:
    """The client waits for `+` before it sends a literal."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendOffered:
    """An APPEND whose message of `size_bytes` comes next: accept or refuse it."""

    tag: bytes
    command: Append
    size_bytes: int
    synchronising: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AppendFollows:
    """Another message of the same APPEND (RFC 3502): accept or refuse it; `command` names no mailbox."""

    command: Append
    size_bytes: int
    synchronising: bool


@dataclass(frozen=True, slots=True)
class AppendChunk:
    """A piece of the message that was accepted."""

    data: bytes


@dataclass(frozen=True, slots=True)
class AppendEnded:
    """The end of an APPEND; not `well_formed` when something followed the message."""

    well_formed: bool


@dataclass(frozen=True, slots=True)
class BareLine:
    """The line that `expect_line` asked for."""

    data: bytes


Event = (
    Received | Rejected | Fatal | ContinuationDue | AppendOffered | AppendFollows | AppendChunk | AppendEnded | BareLine
)


class ServerConnection:
    """Framing, grammar and state table of one connection."""

    __slots__ = (
        "_appending",
        "_bare",
        "_closing",
        "_framer",
        "_ignoring",
        "_limits",
        "_literal_bytes",
        "_offer",
        "state",
        "utf8",
    )

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self._framer = Framer(self._limits.line_bytes_before)
        self.state = State.NOT_AUTHENTICATED
        self._literal_bytes = 0
        self._bare = False
        self._appending = False
        self._ignoring = False
        self._closing = b""
        self.utf8 = False
        """Whether mailbox names are UTF-8 from now on."""
        self._offer: AppendOffered | AppendFollows | None = None

    @property
    def buffered_bytes(self) -> int:
        """Bytes received that no event has consumed yet."""
        return self._framer.buffered_bytes

    def receive_data(self, data: bytes) -> None:
        """Add what the network brought."""
        self._framer.feed(data)

    def next_event(self) -> Event | None:
        """Return the next event, or None until more bytes or an answer to an offer come."""
        while (frame := self._framer.next_frame()) is not None:
            event = self._read(frame)
            if event is not None:
                return event
        return None

    def advance(self, step: Step) -> None:
        """Move the session; a step that the table does not hold is a bug and raises KeyError."""
        self.state = TRANSITIONS[self.state, step]
        if step is Step.AUTHENTICATED:
            self._framer.line_bytes = self._limits.line_bytes

    def expect_line(self) -> None:
        """Take the next line as it is (the answer to a continuation request)."""
        self._bare = True
        self._framer.expect_line()

    def accept_append(self) -> None:
        """Read the offered message: AppendChunk events, then AppendEnded."""
        offer = self._offer
        self._closing = b")" if offer is not None and offer.command.utf8 else b""
        self._offer, self._appending = None, True
        self._framer.stream_literal()

    def refuse_append(self) -> None:
        """Forget the offered message; one that is on its way already is read and dropped."""
        if self._offer is None or self._offer.synchronising:
            self._framer.refuse_literal()
        else:
            self._ignoring = True
            self._framer.take_literal()
        self._offer = None

    def discard_input(self) -> None:
        """Forget what came before TLS began (RFC 9051 §6.2.1)."""
        self._framer.discard()

    def _read(self, frame: Frame) -> Event | None:
        if isinstance(frame, Line):
            return self._read_line(frame.data)
        if isinstance(frame, LiteralAnnounced):
            return self._announced(frame)
        if isinstance(frame, Chunk):
            return AppendChunk(frame.data)
        self._literal_bytes = 0
        if self._appending:
            self._appending = False
            return AppendEnded(well_formed=False)
        start = frame.start if isinstance(frame, LineTooLong) else frame.data
        text = "line too long" if isinstance(frame, LineTooLong) else "a line ends in CR LF"
        self._bare = self._ignoring = False
        return Rejected(find_tag(start), text)

    def _read_line(self, data: bytes) -> Event | None:
        self._literal_bytes = 0
        if self._appending:
            self._appending = False
            return AppendEnded(well_formed=data == self._closing)
        if self._ignoring:
            self._ignoring = False
            return None
        if self._bare:
            self._bare = False
            return BareLine(data)
        return self._read_command(data)

    def _read_command(self, data: bytes) -> Event:
        try:
            request = parse_request(data, utf8=self.utf8)
        except ProtocolError as error:
            return Rejected(find_tag(data), str(error))
        if not is_allowed(self.state, request.command):
            return Rejected(request.tag, "not allowed in this state")
        return Received(request)

    def _announced(self, frame: LiteralAnnounced) -> Event | None:
        if not frame.synchronising and frame.size_bytes > NON_SYNCHRONISING_BYTES:
            return Fatal("literal too large to be sent without asking")
        if self._appending:
            return self._second_message(frame)
        offer = self._as_offer(frame)
        if offer is not None:
            self._offer = offer
            return offer
        return self._keep_literal(frame)

    def _as_offer(self, frame: LiteralAnnounced) -> AppendOffered | None:
        if self.state not in (State.AUTHENTICATED, State.SELECTED) or self._ignoring:
            return None
        request = parse_append_prelude(frame.so_far, utf8=self.utf8)
        if request is None or not isinstance(request.command, Append):
            return None
        if request.command.replaces is not None and self.state is not State.SELECTED:
            return None
        return AppendOffered(
            tag=request.tag,
            command=request.command,
            size_bytes=frame.size_bytes,
            synchronising=frame.synchronising,
        )

    def _second_message(self, frame: LiteralAnnounced) -> Event:
        """Offer the next message of an APPEND (RFC 3502), or end it when it goes on with something else."""
        self._appending = False
        command = parse_following_append(frame.so_far)
        if command is not None and frame.so_far.startswith(b")") == bool(self._closing):
            self._offer = AppendFollows(command=command, size_bytes=frame.size_bytes, synchronising=frame.synchronising)
            return self._offer
        if not frame.synchronising:
            return Fatal("not a message of APPEND")
        self._framer.refuse_literal()
        return AppendEnded(well_formed=False)

    def _keep_literal(self, frame: LiteralAnnounced) -> Event | None:
        before = self.state is State.NOT_AUTHENTICATED
        self._literal_bytes += max(frame.size_bytes, LEAST_LITERAL_BYTES)
        if self._literal_bytes > (self._limits.literal_bytes_before if before else self._limits.literal_bytes):
            return self._refuse_literal(frame)
        self._framer.take_literal()
        return ContinuationDue() if frame.synchronising else None

    def _refuse_literal(self, frame: LiteralAnnounced) -> Event:
        if not frame.synchronising:
            return Fatal("literals too large")
        self._literal_bytes = 0
        self._ignoring = False
        self._framer.refuse_literal()
        return Rejected(find_tag(frame.so_far), "literal too large")
