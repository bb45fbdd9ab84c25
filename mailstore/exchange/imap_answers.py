"""What another IMAP server answers, read: folders, namespaces, what is known of messages, pieces of them.

Lines come from aioimaplib: bytes, with literals apart as bytearray. Whatever does not read is left out; what was asked
for and does not come is the caller's to miss. No input or output.

Source: RFC 9051 §7; RFC 2342; RFC 6154.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime

from mailstore.elsewhere import Lines
from mailstore.exchange.naming import SPECIAL_USES, folder_here, read_name
from mailstore.model import SEPARATOR

_LISTED = re.compile(rb'\(([^)]*)\) (?:NIL|"(\\?.)") (.+)', re.DOTALL)
_FETCH = re.compile(rb"\d+ FETCH \(")
_UID, _SIZE = re.compile(rb"UID (\d+)"), re.compile(rb"RFC822\.SIZE (\d+)")
_FLAGS, _DATE = re.compile(rb"FLAGS \(([^)]*)\)"), re.compile(rb'INTERNALDATE "([^"]+)"')
_INLINE = re.compile(rb'BODY\[\](?:<\d+>)? "((?:[^"\\]|\\.)*)"')
_NIL = re.compile(rb"BODY\[\](?:<\d+>)? NIL")
_QUOTED = re.compile(rb'"(?:[^"\\]|\\.)*"')
_PREFIX = re.compile(rb'\("((?:[^"\\]|\\.)*)" (?:NIL|"\\?.")')
UNREADABLE = frozenset({"\\noselect", "\\nonexistent"})
VIEWS = frozenset({"\\flagged", "\\important"})
"""Special uses of folders that show messages of other folders."""


@dataclass(frozen=True, slots=True)
class Listed:
    """A folder of the other server."""

    raw: str
    """Its name as commands write it."""
    name: str
    """Its name here."""


@dataclass(frozen=True, slots=True)
class Namespaces:
    """Prefixes of names: of the user's own folders, and of those of others."""

    own: str = ""
    others: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Known:
    """What a server says of a message."""

    flags: frozenset[str]
    internal_date: datetime | None
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Fetched:
    """One FETCH answer: its text, and its literal when it has one."""

    text: bytes
    body: bytes | None = field(repr=False)

    @property
    def uid(self) -> int:
        """The UID, 0 when it is not named."""
        found = _UID.search(self.text)
        return int(found[1]) if found else 0


def read_namespaces(lines: Lines) -> Namespaces:
    """Read the answer to NAMESPACE."""
    groups = _groups(lines[0]) if lines and isinstance(lines[0], bytes) else []
    prefixes = [[_name(each) for each in _PREFIX.findall(group)] for group in groups]
    own = prefixes[0][0] if prefixes and prefixes[0] else ""
    return Namespaces(own, tuple(each for group in prefixes[1:] for each in group if each))


def read_list(lines: Lines, namespaces: Namespaces) -> list[Listed]:
    """Read the answer to LIST: the folders of the user's own that can be opened, by the names that they get here."""
    special: dict[tuple[str, ...], str] = {}
    found: list[tuple[str, tuple[str, ...]]] = []
    for attributes, separator, raw in _listed(lines):
        if any(raw.startswith(each) for each in namespaces.others) or attributes & VIEWS:
            continue
        levels = _levels(raw, separator, namespaces.own)
        use = next((SPECIAL_USES[each] for each in sorted(attributes) if each in SPECIAL_USES), None)
        if use is not None:
            special[levels] = use
        if not attributes & UNREADABLE:
            found.append((raw, levels))
    return [Listed(raw, folder_here(_renamed(levels, special))) for raw, levels in found]


def read_known(lines: Lines) -> dict[int, Known]:
    """Read what FETCH answers of flags, date and size, by UID."""
    known = {}
    for each in fetched(lines):
        flags, size = _FLAGS.search(each.text), _SIZE.search(each.text)
        if each.uid and flags and size:
            names = frozenset(flags[1].decode("utf-8", "replace").split())
            known[each.uid] = Known(names, _date(each.text), int(size[1]))
    return known


def fetched(lines: Lines) -> Iterator[Fetched]:
    """Yield the FETCH answers of a command, each with the bytes of BODY[] when it has them."""
    text: list[bytes] = []
    body: bytes | None = None
    for line in lines:
        if isinstance(line, bytearray):
            body = bytes(line)
            continue
        if _FETCH.match(line):
            if text:
                yield _whole(text, body)
            text, body = [], None
        text.append(line)
    if text and _FETCH.match(text[0]):
        yield _whole(text, body)


def _whole(text: list[bytes], body: bytes | None) -> Fetched:
    joined = b" ".join(text)
    if body is None and (inline := _INLINE.search(joined)):
        body = re.sub(rb"\\(.)", rb"\1", inline[1])
    if body is None and _NIL.search(joined):
        body = b""
    return Fetched(joined, body)


def _listed(lines: Lines) -> Iterator[tuple[set[str], str, str]]:
    """Yield attributes, separator and raw name of each folder."""
    for place, line in enumerate(lines):
        found = _LISTED.fullmatch(line) if isinstance(line, bytes) else None
        if found is None:
            continue
        raw = found[3]
        if re.search(rb"\{\d+\+?\}\Z", raw) and place + 1 < len(lines):
            raw = bytes(lines[place + 1])
        elif raw.startswith(b'"'):
            raw = re.sub(rb"\\(.)", rb"\1", raw[1:-1])
        separator = (found[2] or b"").removeprefix(b"\\").decode("ascii", "replace")
        yield {each.lower() for each in found[1].decode("ascii", "replace").split()}, separator, _name(raw)


def _name(raw: bytes) -> str:
    return raw.decode("utf-8", "replace")


def _levels(raw: str, separator: str, prefix: str) -> tuple[str, ...]:
    inside = raw[len(prefix) :] if prefix and raw.startswith(prefix) and raw != prefix else raw
    parts = inside.split(separator) if separator else [inside]
    return tuple(read_name(each.encode()) for each in parts)


def _renamed(levels: tuple[str, ...], special: dict[tuple[str, ...], str]) -> list[str]:
    """Return the levels with those of a special folder replaced by our name of it."""
    for depth in range(len(levels), 0, -1):
        if levels[:depth] in special:
            return [*special[levels[:depth]].split(SEPARATOR), *levels[depth:]]
    return list(levels)


def _date(text: bytes) -> datetime | None:
    found = _DATE.search(text)
    if found is None:
        return None
    try:
        return datetime.strptime(found[1].decode("ascii", "replace").strip(), "%d-%b-%Y %H:%M:%S %z").astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _groups(line: bytes) -> list[bytes]:
    """Cut the answer to NAMESPACE into its three groups."""
    groups, depth, begin = [], 0, 0
    bare = re.sub(
        rb'"(?:[^"\\]|\\.)*"', lambda quoted: b"q" * len(quoted[0]), line
    )  # parentheses in names do not count
    for place, sign in enumerate(bare):
        if sign == ord("("):
            begin = place if depth == 0 else begin
            depth += 1
        elif sign == ord(")"):
            depth -= 1
            if depth == 0:
                groups.append(line[begin : place + 1])
        elif depth == 0 and bare[place : place + 3] == b"NIL":
            groups.append(b"")
    return groups
