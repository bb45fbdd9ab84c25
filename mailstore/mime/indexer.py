"""Index a message as its bytes pass: feed chunks of any size, then finish.

The header is kept, the body is not. The header may be replaced at the end by one with more fields (trace fields
are added at acceptance) as long as its Content-* fields are the same, since they told how to read the body.
"""

from mailstore.mime.entity import Entity
from mailstore.mime.envelope import envelope
from mailstore.mime.fields import blank_line_end, parse_fields
from mailstore.mime.index import MessageIndex
from mailstore.mime.scanner import Limits, Scanner
from mailstore.mime.structure import parts, settle, structures

MAX_HEADER_BYTES = 262_144
REFERENCES_BYTES = 8_192
DEFAULT_LIMITS = Limits()


class Indexer:
    """Indexes one message. A header longer than MAX_HEADER_BYTES ends there: the rest counts as body."""

    __slots__ = (
        "_body_bytes",
        "_closed",
        "_collected",
        "_layout",
        "_limits",
        "_root",
        "_scanner",
        "_searched",
        "header",
    )

    def __init__(self, limits: Limits = DEFAULT_LIMITS) -> None:
        self.header: bytes | None = None
        """The header block, blank line included, once it is complete."""
        self._limits = limits
        self._collected = bytearray()
        self._searched = 0
        self._root = Entity(parent=None, header_start=-1)
        self._scanner: Scanner | None = None
        self._body_bytes = 0
        self._closed = False
        self._layout: MessageIndex | None = None

    def feed(self, chunk: bytes) -> bytes:
        """Take the next bytes of the message; returns those of them that belong to the body."""
        if self._scanner is not None:
            self._scanner.feed(chunk)
            self._body_bytes += len(chunk)
            return chunk
        self._collected += chunk
        end = blank_line_end(self._collected, 0) if self._searched == 0 else self._later_blank_line()
        if end < 0 or end > MAX_HEADER_BYTES:
            if len(self._collected) < MAX_HEADER_BYTES:
                self._searched = len(self._collected)
                return b""
            end = MAX_HEADER_BYTES
        body = bytes(self._collected[end:])
        self._begin_body(bytes(self._collected[:end]))
        return self.feed(body) if body else b""

    def finish(self, header: bytes | None = None) -> MessageIndex:
        """Return the index of the message, under HEADER in place of its own when given."""
        stored = self._close()
        if header is not None and header != stored:
            stored, self._root.fields = header, parse_fields(header)
        body, bodystructure = structures(self._root)
        return MessageIndex(
            envelope=envelope(self._root.fields),
            body=body,
            bodystructure=bodystructure,
            references=self._root.fields.get(b"references", b"")[-REFERENCES_BYTES:],
            header_bytes=len(stored),
            size_bytes=len(stored) + self._body_bytes,
            parts=parts(self._root, len(stored)),
        )

    def layout(self) -> MessageIndex:
        """Return where the parts lie under the message's own header, which is complete; without what a list shows."""
        if self._layout is None:
            header_bytes = len(self._close())
            self._layout = MessageIndex(
                envelope=b"",
                body=b"",
                bodystructure=b"",
                references=b"",
                header_bytes=header_bytes,
                size_bytes=header_bytes + self._body_bytes,
                parts=parts(self._root, header_bytes),
            )
        return self._layout

    def _close(self) -> bytes:
        """End the message, once; returns its own header."""
        if self.header is None:
            self._begin_body(bytes(self._collected))
        assert self._scanner is not None
        assert self.header is not None
        if not self._closed:
            self._closed = True
            self._scanner.finish()
            settle(self._root)
        return self.header

    def _begin_body(self, header: bytes) -> None:
        self.header = header
        self._collected.clear()
        self._root.describe(parse_fields(header))
        self._scanner = Scanner(self._root, self._limits)

    def _later_blank_line(self) -> int:
        """Look for the blank line where it can newly be; a header that begins with one begins at offset 0."""
        if self._searched < 2:
            return blank_line_end(self._collected, 0)
        overlap = max(self._searched - 3, 0)
        data = self._collected
        lone, pair = data.find(b"\n\n", overlap), data.find(b"\n\r\n", overlap)
        ends = [place + size for place, size in ((lone, 2), (pair, 3)) if place >= 0]
        return min(ends, default=-1)
