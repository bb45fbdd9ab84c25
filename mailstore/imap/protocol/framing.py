"""From a byte stream to whole commands: lines, literals, limits.

The framer never looks further than the event that it returns, and asks before it reads a literal; so the
events do not depend on how the network cut the bytes. A command keeps its literals in place, as
`{3}` CR LF `abc`, so that the grammar reads one string of bytes.

Source: RFC 9051 §2.2, §4.3; RFC 7888 (non-synchronising literals).
"""

import re
from dataclasses import dataclass
from enum import Enum, auto

CHUNK_BYTES = 65_536
_LITERAL = re.compile(rb"\{(\d{1,20})(\+?)\}\r\n\Z")


@dataclass(frozen=True, slots=True)
class Line:
    """A whole command (its literals in place) or, after `expect_line`, one bare line; without the final CR LF."""

    data: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class LiteralAnnounced:
    """The line so far ended in a literal of `size_bytes`; the framer waits to hear what to do with it."""

    so_far: bytes
    size_bytes: int
    synchronising: bool


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a literal that is streamed: CHUNK_BYTES long, the last one whatever is left."""

    data: bytes
    last: bool


@dataclass(frozen=True, slots=True)
class LineTooLong:
    """A line passed the limit; what follows up to its end is skipped. `start` is its beginning."""

    start: bytes


@dataclass(frozen=True, slots=True)
class BareLineFeed:
    """A line ended in LF without CR, which RFC 9051 §2.2 does not allow."""

    data: bytes


Frame = Line | LiteralAnnounced | Chunk | LineTooLong | BareLineFeed


class _Mode(Enum):
    COMMAND = auto()
    BARE_LINE = auto()
    DECIDING = auto()
    LITERAL = auto()
    STREAM = auto()
    SKIPPING = auto()


class Framer:
    """Cuts what a client sends into frames.

    Args:
        line_bytes: the longest command accepted, its literals not counted.
    """

    __slots__ = ("_buffer", "_literal", "_mode", "_so_far", "_text_bytes", "line_bytes")

    def __init__(self, line_bytes: int) -> None:
        self.line_bytes = line_bytes
        self._buffer = bytearray()
        self._mode = _Mode.COMMAND
        self._so_far = b""
        self._text_bytes = 0
        self._literal = 0

    @property
    def buffered_bytes(self) -> int:
        """Bytes received that no frame has consumed yet."""
        return len(self._buffer)

    def feed(self, data: bytes) -> None:
        """Add what the network brought."""
        self._buffer += data

    def next_frame(self) -> Frame | None:
        """Return the next frame, or None until more bytes come."""
        if self._mode is _Mode.DECIDING:
            return None
        if self._mode is _Mode.STREAM:
            return self._next_chunk()
        if self._mode is _Mode.LITERAL and not self._keep_literal():
            return None
        if self._mode is _Mode.SKIPPING and not self._skip_line():
            return None
        return self._next_line()

    def expect_line(self) -> None:
        """Read the next line as it is, without literals (answers to a continuation request)."""
        self._mode = _Mode.BARE_LINE

    def take_literal(self) -> None:
        """Keep the announced literal as part of the command."""
        self._mode = _Mode.LITERAL

    def stream_literal(self) -> None:
        """Give the announced literal out in chunks; the rest of the command follows as a `Line`."""
        self._mode = _Mode.STREAM
        self._so_far, self._text_bytes = b"", 0

    def refuse_literal(self) -> None:
        """Forget the command: its client was told not to send the literal."""
        self._restart()

    def discard(self) -> None:
        """Forget every byte that was received (STARTTLS, RFC 9051 §6.2.1)."""
        self._buffer.clear()
        self._restart()

    def _restart(self) -> None:
        self._mode = _Mode.COMMAND
        self._so_far, self._text_bytes, self._literal = b"", 0, 0

    def _next_chunk(self) -> Chunk | None:
        size = min(CHUNK_BYTES, self._literal)
        if len(self._buffer) < size:
            return None
        data = self._consume(size)
        self._literal -= size
        if self._literal == 0:
            self._mode = _Mode.COMMAND
        return Chunk(data, self._literal == 0)

    def _keep_literal(self) -> bool:
        if len(self._buffer) < self._literal:
            return False
        self._so_far += self._consume(self._literal)
        self._literal = 0
        self._mode = _Mode.COMMAND
        return True

    def _skip_line(self) -> bool:
        end = self._buffer.find(b"\n")
        if end < 0:
            self._buffer.clear()
            return False
        del self._buffer[: end + 1]
        self._restart()
        return True

    def _next_line(self) -> Frame | None:
        allowed = self.line_bytes - self._text_bytes
        end = self._buffer.find(b"\n", 0, allowed)
        if end < 0:
            return self._too_long() if len(self._buffer) >= allowed else None
        text = self._consume(end + 1)
        self._text_bytes += len(text)
        if not text.endswith(b"\r\n"):
            return self._finish(BareLineFeed(self._so_far + text[:-1]))
        literal = _LITERAL.search(text) if self._mode is _Mode.COMMAND else None
        if literal is None:
            return self._finish(Line(self._so_far + text[:-2]))
        self._so_far += text
        self._literal = int(literal[1])
        self._mode = _Mode.DECIDING
        return LiteralAnnounced(so_far=self._so_far, size_bytes=self._literal, synchronising=not literal[2])

    def _finish(self, frame: Frame) -> Frame:
        self._restart()
        return frame

    def _too_long(self) -> Frame:
        start = self._so_far + bytes(self._buffer[: min(64, self.line_bytes - self._text_bytes)])
        self._restart()
        self._mode = _Mode.SKIPPING
        return LineTooLong(start)

    def _consume(self, size: int) -> bytes:
        if size == len(self._buffer):
            data = bytes(self._buffer)
            self._buffer.clear()
            return data
        data = bytes(self._buffer[:size])
        del self._buffer[:size]
        return data
