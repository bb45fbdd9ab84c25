"""What FETCH asks for: macros, attributes, body sections.

Source: RFC 9051 §9, fetch-att and section; RFC 3501 §6.4.5 for the RFC822 names and the macros.
"""

import re
from dataclasses import replace
from functools import lru_cache

from mailstore.imap.protocol.commands import Fetch
from mailstore.imap.protocol.cursor import Cursor, read_page
from mailstore.imap.protocol.items import Attribute, BinarySection, Content, Preview, Section, SectionText
from mailstore.imap.protocol.sequence import Target
from vaguemestre.kernel.errors import ProtocolError

# fetch-att names; what follows in brackets is read apart
_NAME = re.compile(rb"[A-Za-z0-9.]+")
# section-part = nz-number *("." nz-number)
_PART = re.compile(rb"[1-9]\d{0,8}(?:\.[1-9]\d{0,8})*")
_TEXT = re.compile(rb"HEADER\.FIELDS\.NOT|HEADER\.FIELDS|HEADER|TEXT|MIME", re.IGNORECASE)
# partial = "<" number64 "." nz-number64 ">"
_PARTIAL = re.compile(rb"<(\d{1,19})\.([1-9]\d{0,18})>")
_FIELD = re.compile(rb"[\x21-\x39\x3b-\x7e]{1,200}\Z")
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+\Z")
_BINARY = frozenset({"BINARY", "BINARY.PEEK", "BINARY.SIZE"})
PART_DEPTH = 100
KEPT_BYTES = 512
_Asked = tuple[tuple[Attribute, ...], tuple[Content, ...], int | None, bool, tuple[int, int] | None]

_FAST = (Attribute.FLAGS, Attribute.INTERNALDATE, Attribute.SIZE)
_MACROS = {
    "FAST": _FAST,
    "ALL": (*_FAST, Attribute.ENVELOPE),
    "FULL": (*_FAST, Attribute.ENVELOPE, Attribute.BODY),
}
_WHOLE = {
    "RFC822": Section(sets_seen=True, label=b"RFC822"),
    "RFC822.HEADER": Section(text=SectionText.HEADER, sets_seen=False, label=b"RFC822.HEADER"),
    "RFC822.TEXT": Section(text=SectionText.TEXT, sets_seen=True, label=b"RFC822.TEXT"),
}
_ATTRIBUTES = {attribute.value: attribute for attribute in Attribute}


def parse_fetch(cursor: Cursor, target: Target) -> Fetch:
    """Read what stands after the message numbers, up to the end of the command.

    Raises:
        ProtocolError: an unknown item or a malformed section.
    """
    rest = cursor.data[cursor.at :]
    cursor.at = len(cursor.data)
    return Fetch(target, *(_asked if len(rest) <= KEPT_BYTES else _asked.__wrapped__)(rest, target.uid))


@lru_cache(maxsize=512)
def _asked(rest: bytes, uid: bool) -> _Asked:
    """Read items and modifiers; a client sends the same ones over and over."""
    cursor = Cursor(rest)
    items = dict.fromkeys(_items(cursor))
    changed_since, vanished, partial = _modifiers(cursor)
    cursor.end()
    if vanished and (changed_since is None or not uid):
        raise ProtocolError("VANISHED goes with UID FETCH and CHANGEDSINCE")
    if partial is not None and not uid:
        raise ProtocolError("PARTIAL goes with UID FETCH")
    if changed_since is not None:
        items[Attribute.MODSEQ] = None
    attributes = tuple(item for item in items if isinstance(item, Attribute))
    contents = tuple(item for item in items if not isinstance(item, Attribute))
    return attributes, contents, changed_since, vanished, partial


def read_items(cursor: Cursor) -> tuple[Attribute | Content, ...]:
    """Read items in parentheses of which none marks a message as seen (RFC 5465 §5.2).

    Raises:
        ProtocolError: an unknown item or a malformed section.
    """
    items = dict.fromkeys(cursor.parenthesised(lambda: _item(cursor)))
    if not items:
        raise ProtocolError("nothing to fetch")
    return tuple(item if isinstance(item, Attribute | Preview) else replace(item, sets_seen=False) for item in items)


def _items(cursor: Cursor) -> tuple[Attribute | Content, ...]:
    if cursor.starts_with(b"("):
        items = cursor.parenthesised(lambda: _item(cursor))
        if not items:
            raise ProtocolError("nothing to fetch")
        return items
    start = cursor.at
    macro = _MACROS.get(_name(cursor))
    if macro is not None:
        return macro
    cursor.at = start
    return (_item(cursor),)


def _modifiers(cursor: Cursor) -> tuple[int | None, bool, tuple[int, int] | None]:
    """Read (CHANGEDSINCE modseq VANISHED PARTIAL page), in any order."""
    changed_since, vanished, partial = None, False, None
    if not cursor.accept(b" ("):
        return changed_since, vanished, partial
    while True:
        word = cursor.word()
        if word == "CHANGEDSINCE":
            cursor.space()
            changed_since = cursor.modseq()
        elif word == "PARTIAL":
            cursor.space()
            partial = read_page(cursor)
        elif word == "VANISHED":
            vanished = True
        else:
            raise ProtocolError("unknown modifier")
        if cursor.accept(b")"):
            return changed_since, vanished, partial
        cursor.space()


def _name(cursor: Cursor) -> str:
    return cursor.match(_NAME, "item")[0].decode("ascii").upper()


def _item(cursor: Cursor) -> Attribute | Content:
    name = _name(cursor)
    if name in _BINARY and cursor.accept(b"["):
        return _binary(cursor, name)
    if name == "PREVIEW":
        lazy = cursor.accept(b" (")
        if lazy and cursor.word() != "LAZY":
            raise ProtocolError("unknown modifier")
        if lazy:
            cursor.expect(b")")
        return Preview(lazy)
    if name in ("BODY", "BODY.PEEK") and cursor.accept(b"["):
        return _section(cursor, sets_seen=name == "BODY")
    if name in _WHOLE:
        return _WHOLE[name]
    try:
        return _ATTRIBUTES[name]
    except KeyError:
        raise ProtocolError("unknown item") from None


def _binary(cursor: Cursor, name: str) -> BinarySection:
    """Read `1.2]` and the range after it, which BINARY.SIZE does not take (RFC 3516 §7)."""
    part: tuple[int, ...] = ()
    if not cursor.starts_with(b"]"):
        part = tuple(map(int, cursor.match(_PART, "part")[0].split(b".")))
    cursor.expect(b"]")
    partial, origin, size_only = None, b"", name == "BINARY.SIZE"
    if cursor.starts_with(b"<") and not size_only:
        found = cursor.match(_PARTIAL, "partial range")
        partial, origin = (int(found[1]), int(found[2])), b"<%d>" % int(found[1])
    shown = b"BINARY.SIZE[" if size_only else b"BINARY["
    label = shown + b".".join(b"%d" % number for number in part) + b"]" + origin
    return BinarySection(part=part, partial=partial, size_only=size_only, sets_seen=name == "BINARY", label=label)


def _section(cursor: Cursor, *, sets_seen: bool) -> Section:
    part, text, fields = _specification(cursor)
    cursor.expect(b"]")
    partial, origin = None, b""
    if cursor.starts_with(b"<"):
        found = cursor.match(_PARTIAL, "partial range")
        partial, origin = (int(found[1]), int(found[2])), b"<%d>" % int(found[1])
    label = b"BODY[" + _label(part, text, fields) + b"]" + origin
    return Section(part=part, text=text, fields=fields, partial=partial, sets_seen=sets_seen, label=label)


def _specification(cursor: Cursor) -> tuple[tuple[int, ...], SectionText, tuple[bytes, ...]]:
    part: tuple[int, ...] = ()
    if cursor.starts_with(b"123456789"):
        part = tuple(map(int, cursor.match(_PART, "part")[0].split(b".")))
        if len(part) > PART_DEPTH:
            raise ProtocolError("part number too deep")
        if not cursor.accept(b"."):
            return part, SectionText.ALL, ()
    elif cursor.starts_with(b"]"):
        return (), SectionText.ALL, ()
    text = SectionText(cursor.match(_TEXT, "section")[0].decode("ascii").upper())
    if text is SectionText.MIME and not part:
        raise ProtocolError("MIME needs a part number")
    if text not in (SectionText.FIELDS, SectionText.FIELDS_NOT):
        return part, text, ()
    cursor.space()
    fields = cursor.parenthesised(cursor.astring)
    if not fields or not all(_FIELD.match(field) for field in fields):
        raise ProtocolError("header field name")
    return part, text, fields


def _label(part: tuple[int, ...], text: SectionText, fields: tuple[bytes, ...]) -> bytes:
    words = [b"%d" % number for number in part]
    if text is not SectionText.ALL:
        words.append(text.value.encode("ascii"))
    names = b" (" + b" ".join(_astring(field) for field in fields) + b")" if fields else b""
    return b".".join(words) + names


def _astring(field: bytes) -> bytes:
    if _ATOM.match(field):
        return field
    return b'"' + field.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
