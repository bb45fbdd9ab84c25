"""Find the entities of a body as its bytes pass, whatever the chunks they come in.

Two states: in a HEADER we look for its blank line, in a BODY for the delimiter lines of the multiparts that are
open. `bytes.find` does both; no line is looked at unless it begins with `--`. Everything that depends on what
comes next waits for it, so that any cut of the bytes gives the same tree. Delimiters are compared as whole
lines, trailing blanks apart (RFC 2046 §5.1.1), innermost multipart first.
"""

from dataclasses import dataclass

from mailstore.mime.entity import Entity
from mailstore.mime.fields import blank_line_end, parse_fields
from vaguemestre.kernel.octets import find_by_octet

MAX_DELIMITER_BYTES = 4_096
OVERLAP_BYTES = 3  # CR LF and a first hyphen


@dataclass(frozen=True, slots=True)
class Limits:
    """How far a message is looked into; what lies beyond stays readable as octets."""

    depth: int = 32
    parts: int = 1_000
    header_bytes: int = 65_536
    """Of one part; a longer header ends there."""
    all_header_bytes: int = 1_048_576
    """Of all parts together; later ones are not read."""


@dataclass(frozen=True, slots=True)
class Delimiter:
    """A delimiter line: where it begins, where the next line begins, whose it is, whether it closes."""

    start: int
    end: int
    owner: Entity
    closes: bool


class Scanner:
    """Builds the tree under ROOT, whose header is known and whose body is what is fed."""

    def __init__(self, root: Entity, limits: Limits) -> None:
        self._limits = limits
        self._root = root
        self._current = root
        self._open: list[tuple[bytes, Entity]] = []
        self._in_header = False
        self._parts = 1
        self._header_bytes = 0
        self._tail = b""
        self._base = 0  # offset of the first octet of the tail
        self._position = 0  # where to go on, relative to the tail; likewise the next
        self._counted = 0  # up to where line breaks are counted
        self._breaks = 0
        self._counting = True  # whether the line breaks that come next are reported of any entity
        self._line_start = True  # whether a line begins at the position
        self._incomplete = False  # whether a line that may be a delimiter is cut
        self._enter_body(root, 0)

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        if not self._open and not self._in_header:
            self._base += len(chunk)
            self._breaks += chunk.count(b"\n") if self._counting else 0
            return
        data = self._tail + chunk if self._tail else chunk
        self._run(data, final=False)
        self._count(data, self._position)
        self._tail = data[self._position :]
        self._base += self._position
        self._position = self._counted = 0

    def finish(self) -> None:
        """Close every entity at the end of the body."""
        data = self._tail
        self._run(data, final=True)
        self._count(data, len(data))
        self._close(self._root.parent, self._base + len(data))

    def _run(self, data: bytes, *, final: bool) -> None:
        step = self._step_header if self._in_header else self._step_body
        while step(data, final):
            step = self._step_header if self._in_header else self._step_body

    def _step_body(self, data: bytes, final: bool) -> bool:
        """Go to the next delimiter; returns whether there was one."""
        if not self._open:
            self._position = len(data)
            return False
        delimiter = self._find(data, self._position, final=final)
        if delimiter is None:
            return False
        self._pass(data, delimiter)
        return True

    def _step_header(self, data: bytes, final: bool) -> bool:
        """Go to the end of the header at the position; returns whether it is there."""
        start = self._position
        longest = start + self._limits.header_bytes
        stop = blank_line_end(data, start)
        complete = stop >= 0 or final or len(data) >= longest
        stop = min(stop if stop >= 0 else len(data), longest)
        self._line_start = True
        delimiter = self._find(data, start, final=final)
        self._position = start
        if delimiter is not None and delimiter.start < stop:
            end = max(_without_break(data, delimiter.start), start)
            self._describe(data, end)
            self._pass(data, delimiter)
            return True
        if not complete or self._incomplete:
            return False
        self._describe(data, stop)
        return True

    def _describe(self, data: bytes, end: int) -> None:
        """Take the header that lies between the position and END, and enter the body."""
        block = data[self._position : end]
        self._header_bytes += len(block)
        readable = self._header_bytes <= self._limits.all_header_bytes
        self._current.describe(parse_fields(block) if readable else {})
        self._count(data, end)
        self._position = end
        self._enter_body(self._current, self._base + end)

    def _enter_body(self, entity: Entity, offset: int) -> None:
        entity.body_start, entity.lines = offset, self._breaks
        self._in_header, self._line_start = False, True
        self._open_body(entity, offset)
        self._counting = entity.counts_lines

    def _open_body(self, entity: Entity, offset: int) -> None:
        if not (entity.is_multipart or entity.is_message):
            return
        if entity.depth >= self._limits.depth or self._parts >= self._limits.parts:
            entity.become_opaque()
        elif entity.is_message:
            self._add_child(entity, offset)
        elif entity.boundary is not None:
            self._open.append((entity.boundary, entity))

    def _add_child(self, parent: Entity, offset: int) -> None:
        child = Entity(parent=parent, header_start=offset, depth=parent.depth + 1)
        parent.children.append(child)
        self._parts += 1
        self._current, self._in_header = child, True

    def _find(self, data: bytes, position: int, *, final: bool) -> Delimiter | None:
        """Return the first delimiter at or after POSITION; when None, the position says where to look again."""
        self._incomplete = False
        if self._line_start and not data.startswith(b"--", position):
            if len(data) - position < 2 and not final:
                return None
            self._line_start = False
        line = position if self._line_start else _next_hyphens(data, position)
        while line > 0 or self._line_start:
            end = data.find(b"\n", line, line + MAX_DELIMITER_BYTES)
            if end < 0 and len(data) - line < MAX_DELIMITER_BYTES:
                if not final:
                    self._incomplete = True
                    self._position = line if self._line_start else max(position, line - 2)
                    return None
                end = len(data)
            found = self._match(data, line, end) if end >= 0 else None
            if found is not None:
                return found
            self._line_start = False
            line = _next_hyphens(data, line)
        self._position = len(data) if final else max(position, len(data) - OVERLAP_BYTES)
        return None

    def _match(self, data: bytes, start: int, end: int) -> Delimiter | None:
        """Return the delimiter that the line at START is, if it is one."""
        text = data[start + 2 : end].rstrip(b" \t\r")
        for boundary, owner in reversed(self._open):
            if text.startswith(boundary):
                if len(text) == len(boundary):
                    return Delimiter(start, min(end + 1, len(data)), owner, closes=False)
                if text[len(boundary) :] == b"--":
                    return Delimiter(start, min(end + 1, len(data)), owner, closes=True)
        return None

    def _pass(self, data: bytes, delimiter: Delimiter) -> None:
        """Close what the delimiter ends; open what it begins."""
        owner = delimiter.owner
        if not delimiter.closes and self._parts >= self._limits.parts:
            self._open.clear()  # the rest belongs to the part that is open
            return
        earliest = self._current.header_start if self._in_header else self._current.body_start
        end = max(_without_break(data, delimiter.start), earliest - self._base)
        self._count(data, end)
        if self._in_header:  # a message/rfc822 whose header did not even begin
            self._current.body_start, self._current.lines = self._base + end, self._breaks
        self._close(owner, self._base + end)
        while self._open[-1][1] is not owner:
            self._open.pop()
        self._current, self._in_header, self._line_start = owner, False, False
        self._counting = owner.counts_lines
        if delimiter.closes:  # its line break may belong to the delimiter of an outer multipart
            self._open.pop()
            self._position = _without_break(data, delimiter.end)
        else:
            self._count(data, delimiter.end)
            self._position = delimiter.end
            self._add_child(owner, self._base + delimiter.end)

    def _close(self, stop: Entity | None, end: int) -> None:
        """End the current entity and those that hold it, up to STOP, which stays open."""
        entity: Entity | None = self._current
        while entity is not None and entity is not stop:
            entity.body_end, entity.lines = end, self._breaks - entity.lines if entity.reports_lines else 0
            entity = entity.parent

    def _count(self, data: bytes, end: int) -> None:
        if self._counting:
            self._breaks += data.count(b"\n", self._counted, end)
        self._counted = max(self._counted, end)


def _next_hyphens(data: bytes, position: int) -> int:
    """Return the start of the next line that begins with `--`, 0 when there is none."""
    return find_by_octet(data, b"\n--", 1, position) + 1


def _without_break(data: bytes, line: int) -> int:
    """Return the offset of the line break before LINE, which belongs to the delimiter."""
    if line > 0 and data[line - 1] == 0x0A:
        return line - 2 if line > 1 and data[line - 2] == 0x0D else line - 1
    return line
