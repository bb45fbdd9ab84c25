"""From stored entries and messages to the bytes of FETCH responses.

Lists are put together from ready-made strings; pieces of a message are spans of its octets, so that a partial
fetch reads no more than it sends.

Source: RFC 9051 §7.5.2, RFC 3501 §7.4.2.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from mailstore.blocks import Ready
from mailstore.imap.commands.binary import binary_item
from mailstore.imap.commands.objectid import email_id
from mailstore.imap.commands.preview import preview_item
from mailstore.imap.protocol.cursor import MONTHS
from mailstore.imap.protocol.items import Attribute, Content, Preview, Section, SectionText
from mailstore.imap.protocol.responses import flag_list, literal
from mailstore.mime.index import MessageIndex
from mailstore.model import Entry
from mailstore.store import MessageReader

_DAY_US = 86_400_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
FROM_INDEX = frozenset({Attribute.ENVELOPE, Attribute.BODY, Attribute.BODYSTRUCTURE})


@dataclass(frozen=True, slots=True)
class Span:
    """Octets [start, end) of a message, sent as a literal under LABEL."""

    label: bytes
    start: int
    end: int

    @property
    def size_bytes(self) -> int:
        """How many octets."""
        return self.end - self.start

    @property
    def announcement(self) -> bytes:
        """What stands before the octets."""
        return self.label + b" {%d}\r\n" % self.size_bytes


@dataclass(frozen=True, slots=True)
class Piece:
    """An item that is sent as it is."""

    data: bytes

    @property
    def size_bytes(self) -> int:
        """How many octets."""
        return len(self.data)


Writer = Callable[[Entry, "MessageIndex | Ready", bool], bytes]
"""Writes one item of a message; the last argument says whether it is recent."""

_WRITERS: Mapping[Attribute, Writer] = {
    Attribute.UID: lambda entry, _index, _recent: b"UID %d" % entry.uid,
    Attribute.FLAGS: lambda entry, _index, recent: b"FLAGS " + flag_list(entry.flags, recent=recent),
    Attribute.INTERNALDATE: lambda entry, _index, _recent: b"INTERNALDATE " + internal_date(entry.internal_us),
    Attribute.SIZE: lambda entry, _index, _recent: b"RFC822.SIZE %d" % entry.size_bytes,
    Attribute.MODSEQ: lambda entry, _index, _recent: b"MODSEQ (%d)" % entry.modseq,
    Attribute.EMAILID: lambda entry, _index, _recent: b"EMAILID (" + email_id(entry.message_id) + b")",
    Attribute.THREADID: lambda _entry, _index, _recent: b"THREADID NIL",
    Attribute.SAVEDATE: lambda entry, _index, _recent: b"SAVEDATE " + internal_date(entry.saved_us),
    Attribute.ENVELOPE: lambda _entry, index, _recent: b"ENVELOPE " + index.envelope,
    Attribute.BODY: lambda _entry, index, _recent: b"BODY " + index.body,
    Attribute.BODYSTRUCTURE: lambda _entry, index, _recent: b"BODYSTRUCTURE " + index.bodystructure,
}
NO_STRINGS = Ready(b"", b"", b"", b"")
"""Stands where no item of FROM_INDEX is asked for."""


def writers_of(attributes: Iterable[Attribute]) -> tuple[Writer, ...]:
    """Return what writes the items that need no message, in order."""
    return tuple(_WRITERS[attribute] for attribute in attributes)


def internal_date(microseconds: int) -> bytes:
    """Write microseconds since 1970 as "17-Jul-1996 02:44:25 +0000", in quotes."""
    day, rest = divmod(microseconds, _DAY_US)
    minutes, seconds = divmod(rest // 1_000_000, 60)
    return b'"%s %02d:%02d:%02d +0000"' % (_day(day), *divmod(minutes, 60), seconds)


@lru_cache(maxsize=4_096)
def _day(number: int) -> bytes:
    day = _EPOCH + timedelta(days=number)
    return b"%2d-%s-%04d" % (day.day, MONTHS[day.month - 1], day.year)


def content_item(content: Content, message: MessageReader) -> Span | Piece:
    """Return what FETCH gives of an opened message; raises as `binary_item`."""
    if isinstance(content, Section):
        return section_item(content, message)
    if isinstance(content, Preview):
        return Piece(preview_item(content, message))
    if not content.part and not content.size_only:
        first, count = content.partial or (0, message.size_bytes)
        start = min(first, message.size_bytes)
        return Span(content.label, start, min(start + count, message.size_bytes))
    return Piece(binary_item(content, message))


def section_item(section: Section, message: MessageReader) -> Span | Piece:
    """Return one body section: the span to read, or what is sent as it is (NIL when there is no such part)."""
    path = ".".join(map(str, section.part))
    fields = section.text in (SectionText.FIELDS, SectionText.FIELDS_NOT)
    word = SectionText.HEADER.value if fields else section.text.value
    span = message.index.span(f"{path}.{word}" if path and word else path or word)
    if span is None:
        return Piece(section.label + b" NIL")
    if fields:
        header = message.read(span[0], span[1] - span[0])
        chosen = header_fields(header, section.fields, wanted=section.text is SectionText.FIELDS)
        first, count = section.partial or (0, len(chosen))
        return Piece(section.label + b" " + literal(chosen[first : first + count]))
    start, end = span
    if section.partial is not None:
        start = min(start + section.partial[0], end)
        end = min(start + section.partial[1], end)
    return Span(section.label, start, end)


def span_item(span: Span, message: MessageReader) -> bytes:
    """Read a span and write its item."""
    return span.announcement + message.read(span.start, span.size_bytes)


def header_fields(header: bytes, names: tuple[bytes, ...], *, wanted: bool) -> bytes:
    """Return the fields of NAMES, or the others, byte-exact and in order, with the blank line after them."""
    chosen = b"".join(_fields_pattern(names, wanted).findall(header))
    if chosen and not chosen.endswith(b"\n"):
        chosen += b"\r\n"
    return chosen + b"\r\n"


@lru_cache(maxsize=256)
def _fields_pattern(names: tuple[bytes, ...], wanted: bool) -> re.Pattern[bytes]:
    one = b"(?:" + b"|".join(re.escape(name) for name in names) + rb")[ \t]*:"
    start = one if wanted else b"(?!" + one + rb")[^\s]"
    return re.compile(rb"^" + start + rb"[^\n]*(?:\n|\Z)(?:[ \t][^\n]*(?:\n|\Z))*", re.IGNORECASE | re.MULTILINE)
