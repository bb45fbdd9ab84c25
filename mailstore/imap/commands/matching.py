"""SEARCH keys as predicates over one message; what a key needs of it is loaded only when the key is asked.

Source: RFC 3501 §6.4.4: letter case is ignored, dates are compared without time and zone, address and subject
keys look at the ENVELOPE; RFC 5032 (WITHIN), RFC 7162 §3.1.5 (MODSEQ), RFC 8474 §5.3 (EMAILID).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import attrgetter
from typing import Any

from mailstore.blocks import Words
from mailstore.imap.commands.rendering import header_fields
from mailstore.imap.protocol.criteria import (
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
from mailstore.imap.protocol.cursor import SYSTEM_FLAGS
from mailstore.imap.session import Session
from mailstore.imap.summary import FIELDS, Summary
from mailstore.imap.view import View
from mailstore.mime.words import decode_words
from mailstore.model import Entry
from mailstore.store import MessageReader
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError

Predicate = Callable[[Entry, "Candidate"], bool]
"""Says whether a message matches; keys of cost 0 and 1 look at its entry alone."""
TEXT_COST = 4
_PLAIN = re.compile(r"[a-z0-9._-]+")
_SYSTEM_FLAGS = frozenset(SYSTEM_FLAGS.values())
_MICROSECOND = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Scope:
    """What a key is read in: the session's view, and the instant for YOUNGER and OLDER."""

    view: View
    now: datetime


class Candidate:
    """One message under examination, inside one unit of work; keys of cost 0 and 1 do not look at it."""

    __slots__ = ("_message", "_session", "_summary", "_tx", "entry", "words")

    entry: Entry
    words: Words | None

    def __init__(self, session: Session, tx: Transaction) -> None:
        self._session = session
        self._tx = tx
        self._summary: Summary | None = None
        self._message: MessageReader | None = None

    def look_at(self, entry: Entry, summary: Summary | None, words: Words | None) -> None:
        """Turn to another message; no summary when it is damaged, no words when no block holds its texts."""
        self.entry = entry
        self.words = words
        self._summary = summary
        self._message = None

    @property
    def summary(self) -> Summary:
        """The fields of its ENVELOPE.

        Raises:
            IntegrityError: the message is damaged.
        """
        if self._summary is None:
            raise IntegrityError("message: its index does not open")
        return self._summary

    @property
    def message(self) -> MessageReader:
        """The message, opened."""
        if self._message is None:
            self._message = self._session.parts.store.open(
                self._tx, self._session.selected.mailbox_id, self.entry.message_id
            )
        return self._message

    def folded(self, name: str) -> str | None:
        """Return the text of a header field without letter case, None when the message has none of that name."""
        if name in FIELDS:
            return self.summary.folded(name)
        raw = header_fields(self.message.header, (name.encode("latin-1", "replace"),), wanted=True)[:-2]
        return decode_words(raw.partition(b":")[2].replace(b"\r\n", b"")).casefold() if raw else None

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
        return TEXT_COST
    if isinstance(key, HeaderHas):
        return 2 if key.name in FIELDS else 3
    return 2 if isinstance(key, DateIs) and key.field is DateField.SENT else 1


def _inner(key: Both | Either | Not) -> tuple[SearchKey, ...]:
    if isinstance(key, Both):
        return key.keys
    return (key.first, key.second) if isinstance(key, Either) else (key.key,)


def keep_matching(entries: list[Entry], keys: Iterable[SearchKey], scope: Scope, candidate: Candidate) -> list[Entry]:
    """Return the entries that match every one of keys of cost 0 and 1."""
    for key in sorted(keys, key=cost):
        asked, wanted = (key.key, False) if isinstance(key, Not) else (key, True)
        if isinstance(asked, HasFlag) and asked.flag in _SYSTEM_FLAGS:  # what programs ask again and again
            flag = asked.flag
            entries = [entry for entry in entries if (flag in entry.flags) is wanted]
        else:
            holds = predicate(key, scope)
            entries = [entry for entry in entries if holds(entry, candidate)]
    return entries


def predicate(key: SearchKey, scope: Scope) -> Predicate:
    """Build the predicate of a key; the cheap sides of Both and Either are asked first."""
    if isinstance(key, Both):
        every = [predicate(each, scope) for each in sorted(key.keys, key=cost)]
        if len(every) == 1:
            return every[0]
        return lambda entry, message: all(each(entry, message) for each in every)
    if isinstance(key, Either):
        first, second = (predicate(each, scope) for each in sorted((key.first, key.second), key=cost))
        return lambda entry, message: first(entry, message) or second(entry, message)
    if isinstance(key, Not):
        inner = predicate(key.key, scope)
        return lambda entry, message: not inner(entry, message)
    build: Callable[[Any, Scope], Predicate] = _BUILDERS[type(key)]
    return build(key, scope)


def _everything(_key: Everything, _scope: Scope) -> Predicate:
    return lambda _entry, _message: True


def _in_set(key: InSet, scope: Scope) -> Predicate:
    uids = scope.view.resolve(key.target)
    if uids is None:
        return lambda _entry, _message: False

    def holds(entry: Entry, _message: Candidate) -> bool:
        place = bisect_left(uids, entry.uid)
        return place < len(uids) and uids[place] == entry.uid

    return holds


def _has_flag(key: HasFlag, scope: Scope) -> Predicate:
    flag, view = key.flag, scope.view
    if flag == "\\Recent":
        return lambda entry, _message: view.is_recent(entry.uid)
    if flag.startswith("\\"):
        return lambda entry, _message: flag in entry.flags
    wanted = flag.lower()
    return lambda entry, _message: any(each.lower() == wanted for each in entry.flags)


def _size_is(key: SizeIs, _scope: Scope) -> Predicate:
    if key.larger:
        return lambda entry, _message: entry.size_bytes > key.size_bytes
    return lambda entry, _message: entry.size_bytes < key.size_bytes


def _date_is(key: DateIs, _scope: Scope) -> Predicate:
    if key.field is DateField.SENT:
        return _sent(key)
    return _stamped(key, attrgetter("saved_us" if key.field is DateField.SAVED else "internal_us"))


def _stamped(key: DateIs, stamp: Callable[[Entry], int]) -> Predicate:
    start = (datetime(key.day.year, key.day.month, key.day.day, tzinfo=UTC) - _EPOCH) // _MICROSECOND
    end = start + 86_400_000_000
    if key.comparison == "<":
        return lambda entry, _message: stamp(entry) < start
    if key.comparison == ">=":
        return lambda entry, _message: stamp(entry) >= start
    return lambda entry, _message: start <= stamp(entry) < end


def _sent(key: DateIs) -> Predicate:
    def holds(_entry: Entry, message: Candidate) -> bool:
        day = message.summary.sent_day
        if day is None:
            return False
        return {"<": day < key.day, "=": day == key.day, ">=": day >= key.day}[key.comparison]

    return holds


def _age_is(key: AgeIs, scope: Scope) -> Predicate:
    border = (scope.now - timedelta(seconds=key.seconds) - _EPOCH) // _MICROSECOND
    if key.older:
        return lambda entry, _message: entry.internal_us <= border
    return lambda entry, _message: entry.internal_us >= border


def _modseq_is(key: ModseqIs, _scope: Scope) -> Predicate:
    return lambda entry, _message: entry.modseq >= key.modseq


def _id_is(key: IdIs, _scope: Scope) -> Predicate:
    return lambda entry, _message: entry.message_id == key.message_id


def _header_has(key: HeaderHas, _scope: Scope) -> Predicate:
    wanted = key.text.casefold()
    plain = wanted.encode() if key.name in FIELDS and _PLAIN.fullmatch(wanted) else b""

    def holds(_entry: Entry, message: Candidate) -> bool:
        if plain and not message.summary.may_hold(key.name, plain):
            return False
        text = message.folded(key.name)
        return text is not None and wanted in text

    return holds


def _text_has(key: TextHas, _scope: Scope) -> Predicate:
    wanted = key.text.casefold()

    def holds(_entry: Entry, message: Candidate) -> bool:
        words = message.words
        if words is not None and words.body is not None:
            return wanted in words.body or (key.header and wanted in words.header)
        if key.header and wanted in decode_words(message.message.header).casefold():
            return True
        return any(wanted in text.casefold() for text in message.texts())

    return holds


_BUILDERS: Mapping[type, Callable[[Any, Scope], Predicate]] = {
    Everything: _everything,
    InSet: _in_set,
    HasFlag: _has_flag,
    SizeIs: _size_is,
    DateIs: _date_is,
    AgeIs: _age_is,
    ModseqIs: _modseq_is,
    IdIs: _id_is,
    HeaderHas: _header_has,
    TextHas: _text_has,
}
