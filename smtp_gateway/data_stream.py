"""The bytes of a message on the wire, chunk by chunk, in constant memory: DATA (RFC 5321 §4.5.2) and BDAT (RFC 3030).

No I/O here. Nothing but CRLF . CRLF ends the data, nothing but its count ends a chunk; a bare CR or LF is remembered
as a fault and can end nothing, so that no second message can be smuggled in. After a fault the rest is swallowed:
the reply waits for the end of the data or of the chunk.
"""

from enum import Enum
from io import IncrementalNewlineDecoder

from vaguemestre.kernel.octets import find_by_octet

END = b"\r\n.\r\n"
STUFFED = b"\r\n."
DOT_AT = 2


class Fault(Enum):
    """Why the data cannot be accepted, whatever they say."""

    BARE_LINE_END = "bare CR or LF"
    NUL = "an octet that is zero"
    TOO_LARGE = "more bytes than the limit"
    LINE_TOO_LONG = "a line longer than the limit"


class _Checked:
    """What holds for the content of a message, however it travels.

    Args:
        max_bytes: most bytes of a message, dots removed, CRLF counted (RFC 1870 §3).
        max_line_bytes: most bytes of one line, CRLF included.
    """

    __slots__ = ("_line_bytes", "_line_ends", "_max_bytes", "_max_line", "done", "fault", "rest", "size_bytes")

    def __init__(self, max_bytes: int, max_line_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._max_line = max_line_bytes
        self._line_bytes = 0
        self._line_ends = IncrementalNewlineDecoder(None, translate=False)  # used for what it notes, in one fast pass
        self.size_bytes = 0
        self.fault: Fault | None = None
        self.done = False
        self.rest = b""
        """What follows the end of the data or of the chunk, once done."""

    def _is_text(self, content: bytes) -> bool:
        """Tell whether each CR and LF is part of a CRLF and no octet is NUL; CONTENT never ends inside a CRLF."""
        self._line_ends.decode(content.decode("latin-1"), final=True)
        if self._line_ends.newlines not in (None, "\r\n"):
            self.fault = Fault.BARE_LINE_END
        elif b"\0" in content:
            self.fault = Fault.NUL
        return self.fault is None

    def _fits(self, content: bytes) -> bool:
        self.size_bytes += len(content)
        if self.size_bytes > self._max_bytes:
            self.fault = Fault.TOO_LARGE
        elif self._has_long_line(content):
            self.fault = Fault.LINE_TOO_LONG
        return self.fault is None

    def _has_long_line(self, content: bytes) -> bool:
        """Look one CRLF back from each limit: a few searches per chunk, however many lines it has."""
        start = -self._line_bytes
        while len(content) - start > self._max_line:
            found = content.rfind(b"\r\n", max(start, 0), start + self._max_line)
            if found < 0:
                return True
            start = found + 2
        last = content.rfind(b"\r\n", max(start, 0))
        self._line_bytes = len(content) - (last + 2 if last >= 0 else start)
        return False


class DataDecoder(_Checked):
    """Finds the end of the data and removes the transparency dots."""

    __slots__ = ("_first", "_held")

    def __init__(self, max_bytes: int, max_line_bytes: int) -> None:
        super().__init__(max_bytes, max_line_bytes)
        self._held = b"\r\n"  # the data begin at the start of a line
        self._first = True

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the wire; return the content that is certain, empty after a fault."""
        held = self._held + data if self._held else data
        end = find_by_octet(held, END, DOT_AT)
        if end >= 0:
            content, self.rest, self.done = held[: end + 2], held[end + 5 :], True
            self._held = b""
        else:
            cut = len(held) - _undecided(held)
            content, self._held = (held[:cut], held[cut:]) if cut < len(held) else (held, b"")
        if not content or self.fault:
            return b""
        return self._checked(content)

    def _checked(self, content: bytes) -> bytes:
        if not self._is_text(content):
            return b""
        if find_by_octet(content, STUFFED, DOT_AT) >= 0:
            content = content.replace(STUFFED, b"\r\n")
        if self._first:
            content, self._first = content[2:], False
        return content if self._fits(content) else b""


class ChunkDecoder(_Checked):
    """Takes the chunks of one message, each announced by a BDAT command."""

    __slots__ = ("_held", "_last", "_left")

    def __init__(self, max_bytes: int, max_line_bytes: int) -> None:
        super().__init__(max_bytes, max_line_bytes)
        self._held = b""  # a CR whose LF may be the first byte of the next chunk
        self._left = 0
        self._last = False

    def begin(self, size_bytes: int, *, last: bool) -> None:
        """Begin a chunk of SIZE_BYTES, which may be none; LAST: the message ends with it."""
        self._left, self._last, self.done, self.rest = size_bytes, last, size_bytes == 0, b""
        if self.done and last and self._held:
            self.fault = Fault.BARE_LINE_END

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the wire; return the content that is certain, empty after a fault."""
        part, self.rest = data[: self._left], data[self._left :]
        self._left -= len(part)
        self.done = self._left == 0
        content, self._held = self._held + part if self._held else part, b""
        if content.endswith(b"\r") and not (self.done and self._last):
            content, self._held = content[:-1], b"\r"
        if self.fault or not (self._is_text(content) and self._fits(content)):
            return b""
        return content


def _undecided(held: bytes) -> int:
    """Return how many last bytes may turn out to be the beginning of the end."""
    for length in (4, 3, 2, 1):
        if held.endswith(END[:length]):
            return length
    return 0
