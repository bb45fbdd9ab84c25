"""Reads a posted form while it arrives: in memory, with every part counted against a limit.

Nothing is spooled to a file, since the parts are health data; what exceeds the limit is counted and dropped, so
that the page can say by how much and give back the text that was typed.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from portal.attachments.checks import ReceivedFile
from vaguemestre.kernel.errors import ProtocolError

FIELDS_LIMIT = 30
FIELD_BYTES = 200_000
FILES_LIMIT = 60


@dataclass(frozen=True, slots=True)
class Form:
    """A posted form.

    Attributes:
        fields: the last value of each text field.
        files: files with a name, in the order of the form; emptied when `files_bytes` is over the limit.
        files_bytes: bytes of all files, also of those that were dropped.
    """

    fields: dict[str, str]
    files: tuple[ReceivedFile, ...]
    files_bytes: int

    def text(self, name: str) -> str:
        """Return a field without surrounding blanks, "" when absent."""
        return self.fields.get(name, "").strip()


@dataclass(slots=True)
class _Part:
    headers: dict[bytes, bytes] = field(default_factory=dict)
    name: str = ""
    filename: str | None = None
    data: bytearray = field(default_factory=bytearray)


class _Collector:
    """Callbacks of the parser: keeps the parts, counts the bytes."""

    def __init__(self, files_limit_bytes: int) -> None:
        self._limit = files_limit_bytes
        self._part = _Part()
        self._header = bytearray()
        self._value = bytearray()
        self.fields: dict[str, str] = {}
        self.files: list[ReceivedFile] = []
        self.files_bytes = 0
        self.finished = False

    def part_begin(self) -> None:
        """A part starts."""
        self._part = _Part()

    def header_field(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's name."""
        self._header += data[start:end]

    def header_value(self, data: bytes, start: int, end: int) -> None:
        """A piece of a header's value."""
        self._value += data[start:end]

    def header_end(self) -> None:
        """A header is complete."""
        self._part.headers[bytes(self._header).lower()] = bytes(self._value)
        self._header.clear()
        self._value.clear()

    def headers_finished(self) -> None:
        """The headers of the part are complete."""
        _, options = parse_options_header(self._part.headers.get(b"content-disposition", b""))
        self._part.name = options.get(b"name", b"").decode("utf-8", "replace")
        filename = options.get(b"filename")
        self._part.filename = None if filename is None else filename.decode("utf-8", "replace")

    def part_data(self, data: bytes, start: int, end: int) -> None:
        """A piece of the part's content."""
        if self._part.filename is None:
            if len(self._part.data) + end - start > FIELD_BYTES:
                raise ProtocolError("form: a field is too long")
        else:
            self.files_bytes += end - start
            if self.files_bytes > self._limit:
                self.files.clear()
                self._part.data.clear()
                return
        self._part.data += data[start:end]

    def part_end(self) -> None:
        """The part is complete. A file input left empty sends a nameless empty file: it is not one."""
        part = self._part
        if part.filename is None:
            self.fields[part.name] = _text(part.data.decode("utf-8", "replace"))
        elif (part.filename or part.data) and self.files_bytes <= self._limit:
            self.files.append(ReceivedFile(part.filename, bytes(part.data)))
        if len(self.fields) > FIELDS_LIMIT or len(self.files) > FILES_LIMIT:
            raise ProtocolError("form: too many parts")

    def end(self) -> None:
        """The closing boundary was read."""
        self.finished = True


async def read_multipart(content_type: str, stream: AsyncIterator[bytes], files_limit_bytes: int) -> Form:
    """Read a `multipart/form-data` body (RFC 7578).

    Raises:
        ProtocolError: no boundary, cut short, or more or longer fields than any form of ours has.
    """
    _, options = parse_options_header(content_type)
    boundary = options.get(b"boundary")
    if not boundary or len(boundary) > 200:
        raise ProtocolError("form: no boundary")
    collector = _Collector(files_limit_bytes)
    parser = MultipartParser(
        boundary,
        {
            "on_part_begin": collector.part_begin,
            "on_part_data": collector.part_data,
            "on_part_end": collector.part_end,
            "on_header_field": collector.header_field,
            "on_header_value": collector.header_value,
            "on_header_end": collector.header_end,
            "on_headers_finished": collector.headers_finished,
            "on_end": collector.end,
        },
    )
    try:
        async for chunk in stream:
            parser.write(chunk)
        parser.finalize()
    except FormParserError:
        raise ProtocolError("form: malformed parts") from None
    if not collector.finished:
        raise ProtocolError("form: cut short")
    return Form(collector.fields, tuple(collector.files), collector.files_bytes)


async def read_urlencoded(stream: AsyncIterator[bytes]) -> Form:
    """Read an `application/x-www-form-urlencoded` body.

    Raises:
        ProtocolError: too long, too many fields, or not UTF-8.
    """
    body = bytearray()
    async for chunk in stream:
        body += chunk
        if len(body) > FIELD_BYTES:
            raise ProtocolError("form: too long")
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_LIMIT)
    except ValueError:
        raise ProtocolError("form: malformed fields") from None
    return Form({name: _text(value) for name, value in pairs}, (), 0)


def _text(value: str) -> str:
    """Return a field with plain line ends and without NUL, which no catalogue keeps."""
    return value.replace("\r\n", "\n").replace("\0", "")
