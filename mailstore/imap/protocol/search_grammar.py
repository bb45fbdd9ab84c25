"""What SEARCH asks for: all keys of RFC 3501 §6.4.4, result options, orders.

Source: RFC 4731, RFC 5032, RFC 5182, RFC 5256, RFC 7162 §3.1.5, RFC 8474 §5.3, RFC 9394.
"""

from collections.abc import Callable, Mapping

from mailstore.imap.protocol.commands import Returns, Search, Sort, SortField, SortKey, Thread
from mailstore.imap.protocol.criteria import (
    EMAIL_ID_PREFIX,
    AgeIs,
    Both,
    DateField,
    DateIs,
    Either,
    Everything,
    HasFlag,
    HeaderHas,
    IdIs,
    InSet,
    ModseqIs,
    Not,
    SearchKey,
    SizeIs,
    TextHas,
)
from mailstore.imap.protocol.cursor import Cursor, read_page, read_set
from mailstore.imap.protocol.sequence import Target
from vaguemestre.kernel.errors import ProtocolError

DEPTH_LIMIT = 40
RETURN_OPTIONS = frozenset({"MIN", "MAX", "ALL", "COUNT", "SAVE", "PARTIAL"})
THREADINGS = frozenset({"ORDEREDSUBJECT", "REFERENCES"})
CHARSETS = frozenset({"UTF-8", "US-ASCII", "ASCII"})
_RECENT = HasFlag("\\Recent")
_SIMPLE: Mapping[str, SearchKey] = {
    "ALL": Everything(),
    "SAVEDATESUPPORTED": Everything(),
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
    returns, unknown_charset = _returns(cursor), False
    if cursor.data[cursor.at : cursor.at + 9].upper() == b" CHARSET ":
        cursor.at += 9
        unknown_charset = _unknown_charset(cursor)
    return Search(_keys(cursor, lossy=unknown_charset), uid, unknown_charset, returns)


def parse_sort(cursor: Cursor, *, uid: bool) -> Sort:
    """Read what stands after SORT; raises as `parse_search`."""
    returns = _returns(cursor)
    cursor.space()
    order = cursor.parenthesised(lambda: _sort_key(cursor))
    if not order:
        raise ProtocolError("sort key expected")
    cursor.space()
    unknown_charset = _unknown_charset(cursor)
    return Sort(order, Search(_keys(cursor, lossy=unknown_charset), uid, unknown_charset, returns))


def parse_thread(cursor: Cursor, *, uid: bool) -> Thread:
    """Read what stands after THREAD; raises as `parse_search`."""
    cursor.space()
    algorithm = cursor.word()
    if algorithm not in THREADINGS:
        raise ProtocolError("unknown algorithm")
    cursor.space()
    unknown_charset = _unknown_charset(cursor)
    return Thread(algorithm, Search(_keys(cursor, lossy=unknown_charset), uid, unknown_charset))


def _unknown_charset(cursor: Cursor) -> bool:
    return cursor.astring().decode("latin-1").upper() not in CHARSETS


def _keys(cursor: Cursor, *, lossy: bool) -> SearchKey:
    keys: list[SearchKey] = []
    while not keys or not cursor.at_end():
        cursor.space()
        keys.append(_key(cursor, lossy=lossy))
    return keys[0] if len(keys) == 1 else Both(tuple(keys))


def _sort_key(cursor: Cursor) -> SortKey:
    word = cursor.word()
    reverse = word == "REVERSE"
    if reverse:
        cursor.space()
        word = cursor.word()
    try:
        return SortKey(SortField(word), reverse)
    except ValueError:
        raise ProtocolError("unknown sort key") from None


def _returns(cursor: Cursor) -> Returns | None:
    """Read RETURN and its options; an empty list asks for ALL (RFC 4731 §3.1)."""
    if cursor.data[cursor.at : cursor.at + 8].upper() != b" RETURN ":
        return None
    cursor.at += 8
    pages: list[tuple[int, int]] = []

    def option() -> str:
        word = cursor.word()
        if word == "PARTIAL":
            cursor.space()
            pages.append(read_page(cursor))
        return word

    words = frozenset(cursor.parenthesised(option))
    if not words <= RETURN_OPTIONS or len(pages) > 1 or (pages and "ALL" in words):
        raise ProtocolError("unknown or contradictory result options")
    return Returns(words - {"PARTIAL"} or (frozenset() if pages else frozenset({"ALL"})), pages[0] if pages else None)


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
    if cursor.starts_with(b"0123456789*$"):
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


def _modseq(cursor: Cursor, _lossy: bool) -> SearchKey:
    """Read `modseq`, or an entry name and type before it, which stand for every flag here (RFC 7162 §3.1.5)."""
    if cursor.starts_with(b'"'):
        cursor.string()
        cursor.space()
        if cursor.word() not in ("PRIV", "SHARED", "ALL"):
            raise ProtocolError("entry type expected")
        cursor.space()
    return ModseqIs(cursor.modseq())


def _email_id(cursor: Cursor, _lossy: bool) -> SearchKey:
    return IdIs(cursor.astring().decode("latin-1").removeprefix(EMAIL_ID_PREFIX))


def _thread_id(cursor: Cursor, _lossy: bool) -> SearchKey:
    cursor.astring()
    return IdIs(None)


def _age(*, older: bool) -> Callable[[Cursor, bool], SearchKey]:
    return lambda cursor, _lossy: AgeIs(older, cursor.positive())


_WITH_ARGUMENT: Mapping[str, Callable[[Cursor, bool], SearchKey]] = {
    **{name: _field(name) for name in _FIELDS},
    **{name: _date(DateField.INTERNAL, comparison) for name, comparison in _COMPARISONS.items()},
    **{"SAVED" + name: _date(DateField.SAVED, comparison) for name, comparison in _COMPARISONS.items()},
    **{"SENT" + name: _date(DateField.SENT, comparison) for name, comparison in _COMPARISONS.items()},
    "BODY": lambda cursor, lossy: TextHas(_text(cursor, lossy), header=False),
    "TEXT": lambda cursor, lossy: TextHas(_text(cursor, lossy), header=True),
    "HEADER": _header,
    "KEYWORD": lambda cursor, _lossy: HasFlag(cursor.flag()),
    "UNKEYWORD": lambda cursor, _lossy: Not(HasFlag(cursor.flag())),
    "LARGER": lambda cursor, _lossy: SizeIs(True, cursor.number()),
    "SMALLER": lambda cursor, _lossy: SizeIs(False, cursor.number()),
    "OLDER": _age(older=True),
    "YOUNGER": _age(older=False),
    "MODSEQ": _modseq,
    "EMAILID": _email_id,
    "THREADID": _thread_id,
    "NOT": lambda cursor, lossy: Not(_key(cursor, lossy=lossy)),
    "OR": _either,
    "UID": lambda cursor, _lossy: InSet(Target(read_set(cursor), uid=True)),
}
