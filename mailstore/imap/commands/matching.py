"""SEARCH keys as predicates over one message; what a key needs of it is loaded only when the key is asked.

Source: RFC 3501 §6.4.4: letter case is ignored, dates are compared without time and zone, address and subject
keys look at the ENVELOPE.
"""

import email.utils
import re
from bisect import bisect_left
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache

from mailstore.imap.commands.rendering import header_fields
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
from mailstore.imap.protocol.envelope import Envelope, parse_envelope
from mailstore.imap.session import Session
from mailstore.imap.view import View
from mailstore.mime.index import MessageIndex
from mailstore.mime.words import decode_words
from mailstore.model import Entry
from mailstore.store import MessageReader
from vaguemestre.kernel.database import Transaction

Predicate = Callable[["Candidate"], bool]
_ENVELOPE = frozenset({"SUBJECT", "FROM", "TO", "CC", "BCC"})
_PLAIN = re.compile(r"[a-z0-9._-]+")
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Candidate:
    """One message under examination, inside one unit of work."""

    __slots__ = ("_envelope", "_message", "_session", "_tx", "entry", "index")

    def __init__(self, session: Session, tx: Transaction, entry: Entry, index: MessageIndex | None) -> None:
        self._session = session
        self._tx = tx
        self.entry = entry
        self.index = index
        self._envelope: Envelope | None = None
        self._message: MessageReader | None = None

    @property
    def written_envelope(self) -> bytes:
        """Its ENVELOPE as FETCH gives it."""
        return (self.index or self.message.index).envelope

    @property
    def envelope(self) -> Envelope:
        """The fields of its ENVELOPE."""
        if self._envelope is None:
            self._envelope = parse_envelope(self.written_envelope)
        return self._envelope

    @property
    def message(self) -> MessageReader:
        """The message, opened."""
        if self._message is None:
            self._message = self._session.parts.store.open(self._tx, self._session.mailbox_id, self.entry.message_id)
        return self._message

    def field(self, name: str) -> str | None:
        """Return the text of a header field, None when the message has none of that name."""
        if name in _ENVELOPE:
            raw: bytes = getattr(self.envelope, "from_" if name == "FROM" else name.lower())
            return decode_words(raw) if raw else None
        raw = header_fields(self.message.header, (name.encode("latin-1", "replace"),), wanted=True)[:-2]
        return decode_words(raw.partition(b":")[2].replace(b"\r\n", b"")) if raw else None

    def texts(self) -> list[str]:
        """Return the text parts, decoded."""
        index = self.message.index
        return [self.message.text(part.section) for part in index.parts if part.media_type.startswith("text/")]


def cost(key: SearchKey) -> int:
    """Say what a key needs: 0 numbers only, 1 the entry, 2 the envelope, 3 the header, 4 the text."""
    if isinstance(key, (Both, Either, Not)):
        return max(map(cost, _inner(key)), default=0)
    if isinstance(key, (Everything, InSet)):
        return 0
    if isinstance(key, TextHas):
        return 4
    if isinstance(key, HeaderHas):
        return 2 if key.name in _ENVELOPE else 3
    return 2 if isinstance(key, DateIs) and key.field is DateField.SENT else 1


def _inner(key: Both | Either | Not) -> tuple[SearchKey, ...]:
    if isinstance(key, Both):
        return key.keys
    return (key.first, key.second) if isinstance(key, Either) else (key.key,)


def predicate(key: SearchKey, view: View) -> Predicate:
    """Build the predicate of a key; the cheap sides of Both and Either are asked first."""
    if isinstance(key, Both):
        every = [predicate(each, view) for each in sorted(key.keys, key=cost)]
        return lambda candidate: all(each(candidate) for each in every)
    if isinstance(key, Either):
        first, second = (predicate(each, view) for each in sorted((key.first, key.second), key=cost))
        return lambda candidate: first(candidate) or second(candidate)
    if isinstance(key, Not):
        inner = predicate(key.key, view)
        return lambda candidate: not inner(candidate)
    return _simple(key, view)


def _simple(key: Everything | InSet | HasFlag | SizeIs | DateIs | HeaderHas | TextHas, view: View) -> Predicate:
    if isinstance(key, InSet):
        return _in_set(key, view)
    if isinstance(key, HasFlag):
        return _has_flag(key.flag, view)
    if isinstance(key, SizeIs):
        return _size_is(key)
    if isinstance(key, DateIs):
        return _sent(key) if key.field is DateField.SENT else _arrived(key)
    if isinstance(key, HeaderHas):
        return _header_has(key)
    return _text_has(key) if isinstance(key, TextHas) else lambda _candidate: True


def _in_set(key: InSet, view: View) -> Predicate:
    uids = view.resolve(key.target)
    if uids is None:
        return lambda _candidate: False

    def holds(candidate: Candidate) -> bool:
        place = bisect_left(uids, candidate.entry.uid)
        return place < len(uids) and uids[place] == candidate.entry.uid

    return holds


def _has_flag(flag: str, view: View) -> Predicate:
    if flag == "\\Recent":
        return lambda candidate: view.is_recent(candidate.entry.uid)
    if flag.startswith("\\"):
        return lambda candidate: flag in candidate.entry.flags
    wanted = flag.lower()
    return lambda candidate: any(each.lower() == wanted for each in candidate.entry.flags)


def _size_is(key: SizeIs) -> Predicate:
    if key.larger:
        return lambda candidate: candidate.entry.size_bytes > key.size_bytes
    return lambda candidate: candidate.entry.size_bytes < key.size_bytes


def _arrived(key: DateIs) -> Predicate:
    start = (datetime(key.day.year, key.day.month, key.day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND
    end = start + 86_400_000_000
    if key.comparison == "<":
        return lambda candidate: candidate.entry.internal_us < start
    if key.comparison == ">=":
        return lambda candidate: candidate.entry.internal_us >= start
    return lambda candidate: start <= candidate.entry.internal_us < end


def _sent(key: DateIs) -> Predicate:
    def holds(candidate: Candidate) -> bool:
        day = _day_of(candidate.envelope.date)
        if day is None:
            return False
        return {"<": day < key.day, "=": day == key.day, ">=": day >= key.day}[key.comparison]

    return holds


@lru_cache(maxsize=1_024)
def _day_of(field: bytes) -> date | None:
    """Read the day of a Date field as its writer saw it; None when it cannot be read."""
    parsed = email.utils.parsedate(field.decode("latin-1"))
    try:
        return None if parsed is None else date(*parsed[:3])
    except ValueError:
        return None


def _header_has(key: HeaderHas) -> Predicate:
    wanted = key.text.casefold()
    plain = wanted.encode() if key.name in _ENVELOPE and _PLAIN.fullmatch(wanted) else b""

    def holds(candidate: Candidate) -> bool:
        if plain and not _may_hold(candidate.written_envelope, plain):
            return False
        text = candidate.field(key.name)
        return text is not None and wanted in text.casefold()

    return holds


def _may_hold(envelope: bytes, wanted: bytes) -> bool:
    """Say without reading its fields whether an ENVELOPE may hold a plain word: as it is, or encoded."""
    return wanted in envelope.lower() or b"=?" in envelope or not envelope.isascii()


def _text_has(key: TextHas) -> Predicate:
    wanted = key.text.casefold()

    def holds(candidate: Candidate) -> bool:
        if key.header and wanted in decode_words(candidate.message.header).casefold():
            return True
        return any(wanted in text.casefold() for text in candidate.texts())

    return holds
