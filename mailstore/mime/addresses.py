r"""Lists of addresses (RFC 5322 §3.4, obsolete forms too) as IMAP address structures.

An IMAP address is `(name route mailbox host)`; a group opens with `(NIL NIL name NIL)` and closes with
`(NIL NIL NIL NIL)`. Nothing is refused: since a NIL host would mean a group, an address without one gets the host
MISSING_DOMAIN, as from other servers, and one without local part the mailbox MISSING_MAILBOX.
"""

import re
from collections.abc import Iterator

from mailstore.mime.strings import NIL, nstring, quote

MAX_ADDRESSES = 2_000
SIMPLE_BYTES = 320  # the expression for the common form may take quadratic time
GROUP_END = b"(NIL NIL NIL NIL)"
_ATOM = rb"[^\x00-\x20()<>\[\]:;@\\,.\"\x7f]"
_simple = re.compile(
    rb'(?:"([^"\\]*)"\s*|((?:' + _ATOM + rb"|[ .])*?)\s*)<((?:" + _ATOM + rb"|\.)+)@((?:" + _ATOM + rb"|\.)+)>"
    rb"|((?:" + _ATOM + rb"|\.)+)@((?:" + _ATOM + rb"|\.)+)"
).fullmatch
_lexeme = re.compile(
    rb'"((?:[^"\\]|\\.)*)"?'  # 1 quoted string
    rb"|(\()"  # 2 comment
    rb"|(\[[^\]]*\]?)"  # 3 domain literal
    rb"|([<>,;:@])"  # 4 special
    rb'|([^\s"()\[<>,;:@]+)',  # 5 atoms and dots, in any order
    re.DOTALL,
)
_escape = re.compile(rb"\\(.)", re.DOTALL)
_comment_mark = re.compile(rb"\\.|[()]", re.DOTALL)
_Lexeme = tuple[str, bytes]


def address_list(value: bytes | None) -> bytes:
    """Return the IMAP address list of a field, NIL when absent or without address."""
    if not value:
        return NIL
    simple = _simple(value) if len(value) <= SIMPLE_BYTES else None
    if simple is not None:
        quoted, name, local, host, bare_local, bare_host = simple.groups()
        display = quoted if quoted is not None else name
        return b"(" + _address(display or None, None, local or bare_local, host or bare_host) + b")"
    found = []
    for address in _Reader(value).addresses():
        found.append(address)
        if len(found) == MAX_ADDRESSES:
            break
    return b"(" + b"".join(found) + b")" if found else NIL


def _address(name: bytes | None, route: bytes | None, mailbox: bytes, host: bytes) -> bytes:
    place = quote(mailbox or b"MISSING_MAILBOX"), quote(host or b"MISSING_DOMAIN")
    return b"(%b %b %b %b)" % (nstring(name), nstring(route), *place)


class _Reader:
    """Reads one list, address by address."""

    def __init__(self, value: bytes) -> None:
        self._lexemes = _split(value)

    def addresses(self) -> Iterator[bytes]:
        """Yield the IMAP structure of each address, group marks included."""
        words: list[_Lexeme] = []
        comment = b""
        in_group = False
        for kind, text in self._lexemes:
            if kind == "comment":
                comment = comment or text
            elif kind == "<":
                yield self._angle(words, comment)
                words, comment = [("done", b"")], b""
            elif kind == ":" and not in_group:
                yield b"(NIL NIL %b NIL)" % quote(_phrase(words))
                words, comment, in_group = [], b"", True
            elif kind in (",", ";"):
                yield from _bare(words, comment)
                words, comment = [], b""
                if kind == ";" and in_group:
                    in_group = False
                    yield GROUP_END
            else:
                words.append((kind, text))
        yield from _bare(words, comment)
        if in_group:
            yield GROUP_END

    def _angle(self, words: list[_Lexeme], comment: bytes) -> bytes:
        """Read what follows `<`, up to `>` or the end."""
        inside: list[_Lexeme] = []
        for kind, text in self._lexemes:
            if kind == ">":
                break
            if kind != "comment":
                inside.append((kind, text))
        route = None
        colon = next((place for place, (kind, _) in enumerate(inside) if kind == ":"), None)
        if inside and inside[0][0] == "@" and colon is not None:
            route = b"".join(text for _, text in inside[:colon])
            inside = inside[colon + 1 :]
        mailbox, host = _mailbox(inside)
        name = _phrase([word for word in words if word[0] != "done"]) or comment
        return _address(name or None, route, mailbox, host)


def _bare(words: list[_Lexeme], comment: bytes) -> Iterator[bytes]:
    """Yield the address that stands without angle brackets; its comment serves as the name."""
    if not words or words[0][0] == "done":
        return
    mailbox, host = _mailbox(words)
    if mailbox or host:
        yield _address(comment or None, None, mailbox, host)


def _mailbox(words: list[_Lexeme]) -> tuple[bytes, bytes]:
    """Split at the last `@`."""
    at = next((place for place in range(len(words) - 1, -1, -1) if words[place][0] == "@"), None)
    if at is None:
        return _phrase(words), b""
    return b"".join(text for _, text in words[:at]), b"".join(text for _, text in words[at + 1 :])


def _phrase(words: list[_Lexeme]) -> bytes:
    return b" ".join(text for _, text in words)


def _split(value: bytes) -> Iterator[_Lexeme]:
    position = 0
    while match := _lexeme.search(value, position):
        position = match.end()
        quoted, opening, literal, special, atoms = match.groups()
        if quoted is not None:
            yield "word", _escape.sub(rb"\1", quoted)
        elif opening:
            comment, position = _comment(value, position)
            yield "comment", comment
        elif special:
            yield special.decode(), special
        else:
            yield "word", literal or atoms


def _comment(value: bytes, start: int) -> tuple[bytes, int]:
    """Read a comment whose `(` ends at START; returns its text and where it ends. Comments nest."""
    depth = 1
    for mark in _comment_mark.finditer(value, start):
        depth += {b"(": 1, b")": -1}.get(mark[0], 0)
        if depth == 0:
            return _escape.sub(rb"\1", value[start : mark.start()]).strip(), mark.end()
    return _escape.sub(rb"\1", value[start:]).strip(), len(value)
