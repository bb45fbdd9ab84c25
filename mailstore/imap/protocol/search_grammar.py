"""What SEARCH asks for: all keys of RFC 3501 §6.4.4."""

from collections.abc import Callable, Mapping

from mailstore.imap.protocol.commands import Search
from mailstore.imap.protocol.criteria import (
    Both,
    DateField,
    DateIs,
    Either,
    Everything,
    HasFlag,
    HeaderHas,
    InSet,
    Not,
    SearchKey,
    SizeIs,
    TextHas,
)
from mailstore.imap.protocol.cursor import Cursor, read_set
from mailstore.imap.protocol.sequence import Target
from vaguemestre.kernel.errors import ProtocolError

DEPTH_LIMIT = 40
CHARSETS = frozenset({"UTF-8", "US-ASCII", "ASCII"})
_RECENT = HasFlag("\\Recent")
_SIMPLE: Mapping[str, SearchKey] = {
    "ALL": Everything(),
    "NEW": Both((_RECENT, Not(HasFlag("\\Seen")))),
    "OLD": Not(_RECENT),
    "RECENT": _RECENT,
    **{flag.upper(): HasFlag("\\" + flag) for flag in ("Answered", "Deleted", "Draft", "Flagged", "Seen")},
    **{"UN" + flag.upper(): Not(HasFlag("\\" + flag)) for flag in ("Answered", "Deleted", "Draft", "Flagged", "Seen")},
}
_COMPARISONS = {"BEFORE": "<", "ON": "=", "SINCE": ">="}
_FIELDS = ("BCC", "CC", "FROM", "SUBJECT", "TO")


def parse_search(cursor: Cursor, *, uid: bool) -> Search:
    """Read what stands after SEARCH.

    Raises:
        ProtocolError: an unknown key, a malformed argument, or keys nested too deep.
    """
    unknown_charset = False
    if cursor.data[cursor.at : cursor.at + 9].upper() == b" CHARSET ":
        cursor.at += 9
        unknown_charset = cursor.astring().decode("latin-1").upper() not in CHARSETS
    keys: list[SearchKey] = []
    while not keys or not cursor.at_end():
        cursor.space()
        keys.append(_key(cursor, lossy=unknown_charset))
    return Search(keys[0] if len(keys) == 1 else Both(tuple(keys)), uid, unknown_charset)


def _key(cursor: Cursor, *, lossy: bool) -> SearchKey:
    cursor.depth += 1
    if cursor.depth > DEPTH_LIMIT:
        raise ProtocolError("search keys nested too deep")
    key = _read_key(cursor, lossy=lossy)
    cursor.depth -= 1
    return key


def _read_key(cursor: Cursor, *, lossy: bool) -> SearchKey:
    if cursor.starts_with(b"("):
        keys = cursor.parenthesised(lambda: _key(cursor, lossy=lossy))
        if not keys:
            raise ProtocolError("search key expected")
        return Both(keys)
    if cursor.starts_with(b"0123456789*"):
        return InSet(Target(read_set(cursor), uid=False))
    name = cursor.word()
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name in _WITH_ARGUMENT:
        cursor.space()
        return _WITH_ARGUMENT[name](cursor, lossy)
    raise ProtocolError("unknown search key")


def _text(cursor: Cursor, lossy: bool) -> str:
    try:
        return cursor.astring().decode("latin-1" if lossy else "utf-8")
    except UnicodeDecodeError:
        raise ProtocolError("text is not UTF-8") from None


def _header(cursor: Cursor, lossy: bool) -> SearchKey:
    name = cursor.astring().decode("latin-1").upper()
    cursor.space()
    return HeaderHas(name, _text(cursor, lossy))


def _either(cursor: Cursor, lossy: bool) -> SearchKey:
    first = _key(cursor, lossy=lossy)
    cursor.space()
    return Either(first, _key(cursor, lossy=lossy))


def _field(name: str) -> Callable[[Cursor, bool], SearchKey]:
    return lambda cursor, lossy: HeaderHas(name, _text(cursor, lossy))


def _date(field: DateField, comparison: str) -> Callable[[Cursor, bool], SearchKey]:
    return lambda cursor, _lossy: DateIs(field, comparison, cursor.date())


_WITH_ARGUMENT: Mapping[str, Callable[[Cursor, bool], SearchKey]] = {
    **{name: _field(name) for name in _FIELDS},
    **{name: _date(DateField.INTERNAL, comparison) for name, comparison in _COMPARISONS.items()},
    **{"SENT" + name: _date(DateField.SENT, comparison) for name, comparison in _COMPARISONS.items()},
    "BODY": lambda cursor, lossy: TextHas(_text(cursor, lossy), header=False),
    "TEXT": lambda cursor, lossy: TextHas(_text(cursor, lossy), header=True),
    "HEADER": _header,
    "KEYWORD": lambda cursor, _lossy: HasFlag(cursor.flag()),
    "UNKEYWORD": lambda cursor, _lossy: Not(HasFlag(cursor.flag())),
    "LARGER": lambda cursor, _lossy: SizeIs(True, cursor.number()),
    "SMALLER": lambda cursor, _lossy: SizeIs(False, cursor.number()),
    "NOT": lambda cursor, lossy: Not(_key(cursor, lossy=lossy)),
    "OR": _either,
    "UID": lambda cursor, _lossy: InSet(Target(read_set(cursor), uid=True)),
}
