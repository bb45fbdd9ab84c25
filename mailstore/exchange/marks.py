"""What an mbox says of a message beside it: the "From " line, and fields that mail programs add to its header.

| field | what it says |
| --- | --- |
| `Status` | `R` seen, `O` old |
| `X-Status` | `A` answered, `F` flagged, `T` draft, `D` deleted |
| `X-Keywords` | keywords |
| `X-Mozilla-Status`, `X-Mozilla-Keys` | the same in hexadecimal, and keywords |

These fields, and the others of `_BOOKKEEPING`, belong to the file: they are read, and are no part of the message. Our
own exports begin each message with `Marks.lines()` and nothing of its header is touched, so that a message that was
sent with a field `Status` keeps it.
"""

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from mailstore.imap.protocol.utf7 import encode_name
from mailstore.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

_BOOKKEEPING = (
    rb"Status|X-Status|X-Keywords|X-UID|X-IMAP|X-IMAPbase|X-Mozilla-Status2?|X-Mozilla-Keys|Content-Length"
    rb"|X-Vaguemestre-Export|X-Vaguemestre-Folder"
)
_FIELD = re.compile(rb"^(" + _BOOKKEEPING + rb")[ \t]*:([^\n]*\n(?:[ \t][^\n]*\n)*)", re.IGNORECASE | re.MULTILINE)
_HEADER_END = re.compile(rb"(?:\A|\n)\r?\n")
_IS_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
_OURS = re.compile(
    rb"X-Vaguemestre-Export: 1; lines=(crlf|raw); end=(line|open); date=([0-9T:.+-]+)\n"
    rb"X-Vaguemestre-Folder: ([^\n]*)\nStatus: ([^\n]*)\nX-Status: ([^\n]*)\nX-Keywords: ([^\n]*)\n"
)
_LETTERS = (("R", SEEN), ("A", ANSWERED), ("F", FLAGGED), ("T", DRAFT), ("D", DELETED))
_BY_LETTER = dict(_LETTERS)
_MOZILLA = ((0x0001, SEEN), (0x0002, ANSWERED), (0x0004, FLAGGED), (0x0008, DELETED))
_HOUR, _YEAR = re.compile(rb"\d:\d\d"), re.compile(rb"\b\d{4}\b")
_ASCTIME = re.compile(
    rb"([A-Z][a-z]{2}) +(\d{1,2}) +(\d{1,2}:\d\d(?::\d\d)?) +(?:([+-]\d{4}|[A-Z]{1,5}) +)?(\d{4})(?: +([+-]\d{4}))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What is known of a message beside its bytes."""

    flags: frozenset[str] = frozenset()
    date: datetime | None = None
    folder: str | None = None
    """Its folder, when the file says so; one of ours does."""
    raw: bool = False
    """Its bytes are in the file as they are: LF is not to become CRLF."""
    open_end: bool = False
    """The line end after its last byte is the file's, not its own."""
    internal: bool = False
    """It is no message, but a note that a mail program keeps at the start of its file."""

    def lines(self) -> bytes:
        """Write the five fields that begin a message of our exports."""
        assert self.date is not None
        assert self.folder is not None
        keywords = sorted(flag for flag in self.flags if not flag.startswith("\\"))
        states = "".join(letter for letter, flag in _LETTERS[1:] if flag in self.flags)
        form = f"lines={'raw' if self.raw else 'crlf'}; end={'open' if self.open_end else 'line'}"
        return (
            f"X-Vaguemestre-Export: 1; {form}; date={self.date.astimezone(UTC).isoformat(timespec='microseconds')}\n"
            f"X-Vaguemestre-Folder: {encode_name(self.folder).decode()}\n"
            f"Status: {'R' if SEEN in self.flags else ''}O\nX-Status: {states}\nX-Keywords: {' '.join(keywords)}\n"
        ).encode()


def read_marks(head: bytes) -> tuple[Marks, bytes]:
    """Read the marks at the start of a message; returns them and HEAD without them.

    HEAD is the start of a message in a file, its header at least.
    """
    ours = _OURS.match(head)
    if ours is not None:
        return _our_marks(ours), head[ours.end() :]
    if not _IS_FIELD.match(head):
        return Marks(), head
    end = _HEADER_END.search(head)
    header = head if end is None else head[: end.start() + 1]
    found = {name.lower(): value.decode("latin-1").strip() for name, value in _FIELD.findall(header)}
    internal = b"x-imap" in found and b"\nSubject: DON'T DELETE" in b"\n" + header
    marks = Marks(flags=_foreign_flags(found), internal=internal)
    return marks, _FIELD.sub(b"", header) + head[len(header) :]


def is_separator(line: bytes) -> bool:
    """Tell whether a line begins a message: "From ", then a sender and a date, or nothing."""
    if not line.startswith(b"From ") or not line.endswith(b"\n"):
        return False
    rest = line[5:].strip()
    return rest in {b"", b"-"} or (_HOUR.search(rest) is not None and _YEAR.search(rest) is not None)


def separator(date: datetime) -> bytes:
    """Write the line that begins a message."""
    return f"From MAILER-DAEMON {time.asctime(date.utctimetuple())}\n".encode()


def separator_date(line: bytes) -> datetime | None:
    """Return the date of a "From " line, in UTC when it names no zone; None when there is none."""
    found = _ASCTIME.search(line)
    if found is None:
        return None
    month, day, hour, zone, year, late_zone = (each.decode() if each else "" for each in found.groups())
    clock = hour if hour.count(":") == 2 else f"{hour}:00"
    return _read_date(f"{day} {month} {year} {clock} {zone or late_zone or '+0000'}")


def header_date(head: bytes) -> datetime | None:
    """Return what the field Date says; None when it says nothing that can be read."""
    found = re.search(rb"^Date[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)", head, re.IGNORECASE | re.MULTILINE)
    return None if found is None else _read_date(" ".join(found[1].decode("latin-1").split()))


def _read_date(text: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo is not None else date.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError, TypeError, IndexError):
        return None


def _our_marks(ours: re.Match[bytes]) -> Marks:
    lines, end, date, folder, status, states, keywords = (each.decode("latin-1") for each in ours.groups())
    flags = {_BY_LETTER[letter] for letter in status + states if letter in _BY_LETTER}
    try:
        moment = datetime.fromisoformat(date)
    except ValueError:
        moment = None
    return Marks(
        flags=frozenset(flags | set(keywords.split())),
        date=moment if moment is not None and moment.tzinfo is not None else None,
        folder=folder,
        raw=lines == "raw",
        open_end=end == "open",
    )


def _foreign_flags(found: dict[bytes, str]) -> frozenset[str]:
    letters = found.get(b"status", "") + found.get(b"x-status", "")
    flags = {_BY_LETTER[letter] for letter in letters if letter in _BY_LETTER}
    try:
        mozilla = int(found.get(b"x-mozilla-status", "0") or "0", 16)
    except ValueError:
        mozilla = 0
    flags |= {flag for bit, flag in _MOZILLA if mozilla & bit}
    keywords = f"{found.get(b'x-keywords', '')} {found.get(b'x-mozilla-keys', '')}".split()
    return frozenset(flags | set(keywords))
