"""The bytes between `354` and the lone dot (RFC 5321 §4.5.2), decoded chunk by chunk in constant memory.

No I/O here. Nothing but CRLF . CRLF ends the data; a bare CR or LF is remembered as a fault and can end
nothing, so that no second message can be smuggled in. After a fault the rest is swallowed: the reply waits
for the end of the data.
"""

from enum import Enum

END = b"\r\n.\r\n"
STUFFED = b"\r\n."


class Fault(Enum):
    """Why the data cannot be accepted, whatever they say."""

    BARE_LINE_END = "bare CR or LF"
    TOO_LARGE = "more bytes than the limit"
    LINE_TOO_LONG = "a line longer than the limit"


class DataDecoder:
    """Finds the end of the data and removes the transparency dots.

    Args:
        max_bytes: most bytes of a message, dots removed, CRLF counted (RFC 1870 §3).
        max_line_bytes: most bytes of one line, CRLF included.
    """

    __slots__ = ("_first", "_held", "_line_bytes", "_max_bytes", "_max_line", "done", "fault", "rest", "size_bytes")

    def __init__(self, max_bytes: int, max_line_bytes: int) -> None:
        self._max_bytes = max_bytes
        self._max_line = max_line_bytes
        self._held = b"\r\n"  # the data begin at the start of a line
        self._first = True
        self._line_bytes = 0
        self.size_bytes = 0
        self.fault: Fault | None = None
        self.done = False
        self.rest = b""
        """What follows the end of the data, once done."""

    def feed(self, data: bytes) -> bytes:
        """Take bytes from the wire; return the content that is certain, empty after a fault."""
        held = self._held + data
        end = held.find(END)
        if end >= 0:
            content, self.rest, self.done = held[: end + 2], held[end + 5 :], True
            self._held = b""
        else:
            cut = len(held) - _undecided(held)
            content, self._held = held[:cut], held[cut:]
        if not content or self.fault:
            return b""
        return self._checked(content)

    def _checked(self, content: bytes) -> bytes:
        line_ends = content.count(b"\r\n")
        if content.count(b"\r") != line_ends or content.count(b"\n") != line_ends:
            self.fault = Fault.BARE_LINE_END
            return b""
        if STUFFED in content:
            content = content.replace(STUFFED, b"\r\n")
        if self._first:
            content, self._first = content[2:], False
        self.size_bytes += len(content)
        if self.size_bytes > self._max_bytes:
            self.fault = Fault.TOO_LARGE
        elif self._has_long_line(content):
            self.fault = Fault.LINE_TOO_LONG
        return b"" if self.fault else content

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


def _undecided(held: bytes) -> int:
    """Return how many last bytes may turn out to be the beginning of the end."""
    for length in (4, 3, 2, 1):
        if held.endswith(END[:length]):
            return length
    return 0
