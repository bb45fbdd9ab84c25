"""The bytes that a server sends: status lines, strings, lists, dates.

Texts for people are French without accents, since RFC 9051 §7.1 texts are ASCII.
"""

import re
from collections.abc import Iterable
from datetime import datetime
from enum import Enum
from functools import lru_cache

import msgspec

from mailstore.imap.protocol.cursor import MONTHS
from mailstore.imap.protocol.utf7 import encode_name

CRLF = b"\r\n"
_json = msgspec.json.Encoder().encode
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+\Z")
_PLAIN = re.compile(rb"[\x20-\x7e]{0,1000}\Z")


class Result(Enum):
    """The three ends of a command (RFC 9051 §7.1)."""

    OK = b"OK"
    NO = b"NO"
    BAD = b"BAD"


def status_line(tag: bytes, result: Result, text: str, code: bytes = b"") -> bytes:
    """Write the end of a command; CODE without its brackets."""
    return b"%s %s %s%s\r\n" % (tag, result.value, b"[%s] " % code if code else b"", text.encode("ascii", "replace"))


def untagged(data: bytes) -> bytes:
    """Write an untagged line."""
    return b"* " + data + CRLF


def bye(text: str, code: bytes = b"") -> bytes:
    """Write the line before the server closes."""
    return b"* BYE %s%s\r\n" % (b"[%s] " % code if code else b"", text.encode("ascii", "replace"))


def continuation(text: bytes = b"") -> bytes:
    """Write a continuation request."""
    return b"+ " + text + CRLF


def numbers(values: Iterable[int]) -> bytes:
    """Write numbers, a blank before each; an encoder of JSON writes them eight times faster than a loop does."""
    written = _json(list(values))[1:-1]
    return b" " + written.replace(b",", b" ") if written else b""


def string(data: bytes) -> bytes:
    """Write a string: quoted when it is short and plain, a literal otherwise."""
    if _PLAIN.match(data):
        return b'"' + data.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    return literal(data)


def literal(data: bytes) -> bytes:
    """Write a literal."""
    return b"{%d}\r\n%s" % (len(data), data)


@lru_cache(maxsize=1_024)
def mailbox(name: str, *, utf8: bool = False) -> bytes:
    """Write a mailbox name in modified UTF-7, or in UTF-8 (RFC 6855 §3), as an atom or a string."""
    if utf8 and not name.isascii():
        return b'"' + name.encode().replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'"'
    encoded = name.encode() if utf8 else encode_name(name)
    return encoded if _ATOM.match(encoded) and encoded.upper() != b"NIL" else string(encoded)


@lru_cache(maxsize=4_096)
def flag_list(flags: frozenset[str], *, recent: bool = False) -> bytes:
    """Write flags in parentheses, system flags first."""
    words = sorted(flags, key=lambda flag: (not flag.startswith("\\"), flag))
    return words_in_parentheses([*words, "\\Recent"] if recent else words)


def words_in_parentheses(words: Iterable[str]) -> bytes:
    """Write words in parentheses."""
    return b"(" + " ".join(words).encode("ascii", "replace") + b")"


def date_time(moment: datetime) -> bytes:
    """Write an aware instant as INTERNALDATE does, in quotes, in UTC: "17-Jul-1996 02:44:25 +0000"."""
    month = MONTHS[moment.month - 1]
    parts = (moment.day, month, moment.year, moment.hour, moment.minute, moment.second)
    return b'"%2d-%s-%04d %02d:%02d:%02d +0000"' % parts
