"""GETMETADATA and SETMETADATA as values, and the reading of them.

An entry keeps the letter case in which the client wrote it; `canonical` says which entry it is.

Source: RFC 5464 §5; RFC 9590 (LIST RETURN METADATA).
"""

import re
from dataclasses import dataclass

from mailstore.imap.protocol.cursor import NUMBER_LIMIT, Cursor
from mailstore.imap.protocol.mailbox_names import mailbox
from vaguemestre.kernel.errors import ProtocolError

# entry = astring: slash-separated, no "*" nor "%", no empty component (RFC 5464 §3.2)
_ENTRY = re.compile(rb"(?:/[\x20-\x24\x26-\x29\x2b-\x2e\x30-\x7e]+)+")
ENTRY_BYTES = 250
ENTRIES = 100
_ROOTS = ("/private", "/shared")
ANY_DEPTH = NUMBER_LIMIT
_DEPTHS = {b"0": 0, b"1": 1, b"INFINITY": ANY_DEPTH}
_DEPTH = re.compile(rb"0|1|infinity", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MetadataQuery:
    """Which entries are asked for: by name, with those below down to `depth`, unless above `max_bytes`."""

    entries: tuple[str, ...]
    depth: int = 0
    max_bytes: int | None = None


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """RFC 5464 §4.2; `mailbox` is empty for the server itself."""

    mailbox: str
    query: MetadataQuery


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """RFC 5464 §4.3; a value of None removes the entry."""

    mailbox: str
    values: tuple[tuple[str, bytes | None], ...]


def canonical(entry: str) -> str:
    """Return the entry's name: letter case does not matter (RFC 5464 §3.2)."""
    return entry.lower()


def parse_get_metadata(cursor: Cursor) -> GetMetadata:
    """Read the arguments of GETMETADATA; the options stand before the mailbox, or after it as in older examples."""
    cursor.space()
    depth, limit = 0, None
    if cursor.starts_with(b"("):
        depth, limit = _options(cursor)
        cursor.space()
    name = mailbox(cursor)
    cursor.space()
    if depth == 0 and limit is None:
        return GetMetadata(name, read_query(cursor))
    return GetMetadata(name, MetadataQuery(_entries(cursor), depth, limit))


def parse_set_metadata(cursor: Cursor) -> SetMetadata:
    """Read the arguments of SETMETADATA."""
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    values = cursor.parenthesised(lambda: _entry_and_value(cursor))
    if not values or len(values) > ENTRIES:
        raise ProtocolError("entries expected")
    return SetMetadata(name, values)


def read_query(cursor: Cursor) -> MetadataQuery:
    """Read options and entries, such as `(MAXSIZE 1024) (/shared/comment /private)`; the options may lack."""
    depth, limit = 0, None
    if cursor.starts_with(b"("):
        start = cursor.at
        cursor.accept(b"(")
        has_options = not cursor.starts_with(b'/"{')
        cursor.at = start
        if has_options:
            depth, limit = _options(cursor)
            cursor.space()
    return MetadataQuery(_entries(cursor), depth, limit)


def _options(cursor: Cursor) -> tuple[int, int | None]:
    """Read (DEPTH 1 MAXSIZE 1024), in any order."""
    depth: list[int] = []
    limit: list[int] = []

    def option() -> None:
        word = cursor.word()
        cursor.space()
        if word == "DEPTH":
            depth.append(_DEPTHS[cursor.match(_DEPTH, "depth")[0].upper()])
        elif word == "MAXSIZE":
            limit.append(cursor.number())
        else:
            raise ProtocolError("unknown option")

    cursor.parenthesised(option)
    if len(depth) > 1 or len(limit) > 1:
        raise ProtocolError("an option given twice")
    return (depth[0] if depth else 0), (limit[0] if limit else None)


def _entries(cursor: Cursor) -> tuple[str, ...]:
    if not cursor.starts_with(b"("):
        return (_entry(cursor),)
    entries = cursor.parenthesised(lambda: _entry(cursor))
    if not entries or len(entries) > ENTRIES:
        raise ProtocolError("entries expected")
    return tuple(dict.fromkeys(entries))


def _entry(cursor: Cursor) -> str:
    raw = cursor.astring()
    if len(raw) > ENTRY_BYTES or not _ENTRY.fullmatch(raw):
        raise ProtocolError("entry name")
    entry = raw.decode("ascii")
    if canonical("/" + entry.split("/")[1]) not in _ROOTS:
        raise ProtocolError("an entry begins with /private or /shared")
    return entry


def _entry_and_value(cursor: Cursor) -> tuple[str, bytes | None]:
    entry = _entry(cursor)
    if canonical(entry) in _ROOTS:
        raise ProtocolError("entry name")
    cursor.space()
    if cursor.accept(b"~"):  # literal8 of RFC 3516
        return entry, cursor.string()
    return entry, cursor.nstring()
