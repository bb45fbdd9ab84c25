"""Reads the words of a command one after the other. Each pattern stands under its ABNF (RFC 9051 §9)."""

import re
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone
from typing import TypeVar

from mailstore.imap.protocol.sequence import SequenceSet
from vaguemestre.kernel.errors import ProtocolError

T = TypeVar("T")

# ATOM-CHAR = any CHAR except "(" ")" "{" SP CTL "%" "*" DQUOTE "\" "]"
_ATOM = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\\]]+")
# ASTRING-CHAR = ATOM-CHAR / "]"
_ASTRING = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\]+")
# list-char = ATOM-CHAR / "%" / "*" / "]"
_LIST_MAILBOX = re.compile(rb"[^\x00-\x20\x7f-\xff(){\"\\]+")
# quoted = DQUOTE *QUOTED-CHAR DQUOTE; eight-bit characters are read too (RFC 9051 §9, UTF8-2 and above)
_QUOTED = re.compile(rb"\"((?:[^\"\\\x00\r\n]|\\[\"\\])*)\"")
_ESCAPED = re.compile(rb"\\([\"\\])")
# literal = "{" number64 ["+"] "}" CRLF *CHAR8
_LITERAL = re.compile(rb"\{(\d{1,20})\+?\}\r\n")
_NUMBER = re.compile(rb"\d{1,10}")
# partial-range = nz-number ":" nz-number / MINUS nz-number ":" MINUS nz-number
_PAGE = re.compile(rb"(-?[1-9]\d{0,9}):(-?[1-9]\d{0,9})")
_MODSEQ = re.compile(rb"\d{1,19}")
# date = date-day "-" date-month "-" date-year, in quotes or not
_DATE = re.compile(rb"(\"?)(\d{1,2})-([A-Za-z]{3})-(\d{4})\1")
# date-time = DQUOTE date-day-fixed "-" date-month "-" date-year SP time SP zone DQUOTE
_DATE_TIME = re.compile(
    rb"\"([ \d]\d)-([A-Za-z]{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)\"",
)
MONTHS = (b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")
_MONTH_NUMBER = {name.upper(): number for number, name in enumerate(MONTHS, 1)}
SYSTEM_FLAGS = {flag.upper(): flag for flag in ("\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft")}
KEYWORD_BYTES = 64
NUMBER_LIMIT = 0xFFFF_FFFF
MODSEQ_LIMIT = 0x7FFF_FFFF_FFFF_FFFF


class Cursor:
    """A place in the bytes of one command. Every method raises ProtocolError when the bytes are not as it says."""

    __slots__ = ("at", "data", "depth", "utf8")

    def __init__(self, data: bytes, *, utf8: bool = False) -> None:
        self.utf8 = utf8
        """Whether mailbox names are UTF-8 (RFC 6855, RFC 9051)."""
        self.data = data
        self.at = 0
        self.depth = 0

    def match(self, pattern: re.Pattern[bytes], what: str) -> re.Match[bytes]:
        """Read what PATTERN matches here."""
        found = pattern.match(self.data, self.at)
        if found is None:
            raise ProtocolError(f"{what} expected")
        self.at = found.end()
        return found

    def accept(self, token: bytes) -> bool:
        """Read TOKEN when it stands here; returns whether it did."""
        if self.data.startswith(token, self.at):
            self.at += len(token)
            return True
        return False

    def expect(self, token: bytes) -> None:
        """Read TOKEN."""
        if not self.accept(token):
            raise ProtocolError(f"{token.decode()!r} expected")

    def space(self) -> None:
        """Read one space."""
        self.expect(b" ")

    def starts_with(self, tokens: bytes) -> bool:
        """Say whether the next byte is one of TOKENS."""
        return self.at < len(self.data) and self.data[self.at] in tokens

    def at_end(self) -> bool:
        """Say whether everything was read."""
        return self.at == len(self.data)

    def end(self) -> None:
        """Make sure that everything was read."""
        if not self.at_end():
            raise ProtocolError("unexpected bytes after the command")

    def word(self) -> str:
        """Read an atom in upper case."""
        return self.match(_ATOM, "word")[0].decode("ascii").upper()

    def number(self) -> int:
        """Read a number of 32 bits."""
        number = int(self.match(_NUMBER, "number")[0])
        if number > NUMBER_LIMIT:
            raise ProtocolError("number above 32 bits")
        return number

    def positive(self) -> int:
        """Read a number of 32 bits that is not 0."""
        number = self.number()
        if number == 0:
            raise ProtocolError("number above 0 expected")
        return number

    def modseq(self) -> int:
        """Read a modification sequence: 63 bits (RFC 7162 §7, mod-sequence-valzer)."""
        number = int(self.match(_MODSEQ, "modseq")[0])
        if number > MODSEQ_LIMIT:
            raise ProtocolError("modseq above 63 bits")
        return number

    def string(self) -> bytes:
        """Read a quoted string or a literal."""
        if self.starts_with(b'"'):
            quoted = self.match(_QUOTED, "quoted string")[1]
            return _ESCAPED.sub(rb"\1", quoted) if b"\\" in quoted else quoted
        size = int(self.match(_LITERAL, "string")[1])
        if self.at + size > len(self.data):
            raise ProtocolError("literal cut short")
        self.at += size
        return self.data[self.at - size : self.at]

    def astring(self) -> bytes:
        """Read an atom or a string."""
        return self.string() if self.starts_with(b'"{') else self.match(_ASTRING, "string")[0]

    def nstring(self) -> bytes | None:
        """Read a string or NIL."""
        if self.starts_with(b'"{'):
            return self.string()
        if self.word() != "NIL":
            raise ProtocolError("string or NIL expected")
        return None

    def list_mailbox(self) -> bytes:
        """Read a mailbox name with wildcards."""
        return self.string() if self.starts_with(b'"{') else self.match(_LIST_MAILBOX, "mailbox pattern")[0]

    def parenthesised(self, read: Callable[[], T]) -> tuple[T, ...]:
        """Read a list in parentheses, possibly empty, of what READ reads."""
        self.expect(b"(")
        if self.accept(b")"):
            return ()
        items = [read()]
        while not self.accept(b")"):
            self.space()
            items.append(read())
        return tuple(items)

    def flag(self) -> str:
        """Read a flag; system flags come back in their usual letter case."""
        backslash = self.accept(b"\\")
        name = self.match(_ATOM, "flag")[0].decode("ascii")
        if not backslash:
            if len(name) > KEYWORD_BYTES:
                raise ProtocolError("keyword too long")
            return name
        if name.upper() == "RECENT":
            return "\\Recent"
        try:
            return SYSTEM_FLAGS["\\" + name.upper()]
        except KeyError:
            raise ProtocolError("unknown system flag") from None

    def date(self) -> date:
        """Read a date such as 1-Feb-1994."""
        _, day, month, year = self.match(_DATE, "date").groups()
        try:
            return date(int(year), _month(month), int(day))
        except ValueError:
            raise ProtocolError("date does not exist") from None

    def date_time(self) -> datetime:
        """Read a date and time in quotes; it comes back in UTC."""
        day, month, year, hour, minute, second, sign, zone_hours, zone_minutes = self.match(_DATE_TIME, "date").groups()
        offset = timedelta(hours=int(zone_hours), minutes=int(zone_minutes))
        try:
            zone = timezone(offset if sign == b"+" else -offset)
            local = datetime(int(year), _month(month), int(day), int(hour), int(minute), int(second), tzinfo=zone)
            return local.astimezone(UTC)
        except (ValueError, OverflowError):
            raise ProtocolError("date does not exist") from None


def read_set(cursor: Cursor) -> SequenceSet:
    """Read a sequence set."""
    end = cursor.at
    while end < len(cursor.data) and cursor.data[end] in b"0123456789,:*$":
        end += 1
    raw, cursor.at = cursor.data[cursor.at : end], end
    return SequenceSet.parse(raw)


def read_page(cursor: Cursor) -> tuple[int, int]:
    """Read the range of PARTIAL: 1:100, or -1:-100 from the end (RFC 9394 §3.1)."""
    found = cursor.match(_PAGE, "page")
    first, last = int(found[1]), int(found[2])
    if (first < 0) != (last < 0) or max(abs(first), abs(last)) > NUMBER_LIMIT:
        raise ProtocolError("page")
    return first, last


def _month(name: bytes) -> int:
    try:
        return _MONTH_NUMBER[name.upper()]
    except KeyError:
        raise ProtocolError("month expected") from None
