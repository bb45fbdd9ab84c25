"""SEARCH keys as predicates over one message; what a key needs of it is loaded only when the key is asked.

Source: RFC 3501 §6.4.4: letter case is ignored, dates are compared without time and zone, address and subject
keys look at the ENVELOPE; RFC 5032 (WITHIN), RFC 7162 §3.1.5 (MODSEQ), RFC 8474 §5.3 (EMAILID).
"""

import re
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

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

Predicate = Callable[["Candidate"], bool]
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
    """One message under examination, inside one unit of work; `entry` may be set alone for keys of cost 0 and 1."""

    __slots__ = ("_message", "_session", "_summary", "_tx", "entry")

    entry: Entry

    def __init__(self, session: Session, tx: Transaction) -> None:
        self._session = session
        self._tx = tx
        self._summary: Summary | None = None
        self._message: MessageReader | None = None

    def look_at(self, entry: Entry, summary: Summary | None) -> None:
        """Turn to another message; no summary when it is damaged."""
        self.entry = entry
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
            self._message = self._session.parts.store.open(self._tx, self._session.mailbox_id, self.entry.message_id)
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
        return 4
    if isinstance(key, HeaderHas):
        return 2 if key.name in FIELDS else 3
    return 2 if isinstance(key, DateIs) and key.field is DateField.SENT else 1


def _inner(key: Both | Either | Not) -> tuple[SearchKey, ...]:
    if isinstance(key, Both):
        return key.keys
    return (key.first, key.second) if isinstance(key, Either) else (key.key,)


def predicate(key: SearchKey, scope: Scope) -> Predicate:
    """Build the predicate of a key; the cheap sides of Both and Either are asked first."""
    if isinstance(key, Both):
        every = [predicate(each, scope) for each in sorted(key.keys, key=cost)]
        if len(every) == 1:
            return every[0]
        return lambda candidate: all(each(candidate) for each in every)
    if isinstance(key, Either):
        first, second = (predicate(each, scope) for each in sorted((key.first, key.second), key=cost))
        return lambda candidate: first(candidate) or second(candidate)
    if isinstance(key, Not):
        if isinstance(key.key, HasFlag) and key.key.flag in _SYSTEM_FLAGS:
            flag = key.key.flag
            return lambda candidate: flag not in candidate.entry.flags
        inner = predicate(key.key, scope)
        return lambda candidate: not inner(candidate)
    build: Callable[[Any, Scope], Predicate] = _BUILDERS[type(key)]
    return build(key, scope)


def _everything(_key: Everything, _scope: Scope) -> Predicate:
    return lambda _candidate: True


def _in_set(key: InSet, scope: Scope) -> Predicate:
    uids = scope.view.resolve(key.target)
    if uids is None:
        return lambda _candidate: False

    def holds(candidate: Candidate) -> bool:
        place = bisect_left(uids, candidate.entry.uid)
        return place < len(uids) and uids[place] == candidate.entry.uid

    return holds


def _has_flag(key: HasFlag, scope: Scope) -> Predicate:
    flag, view = key.flag, scope.view
    if flag == "\\Recent":
        return lambda candidate: view.is_recent(candidate.entry.uid)
    if flag.startswith("\\"):
        return lambda candidate: flag in candidate.entry.flags
    wanted = flag.lower()
    return lambda candidate: any(each.lower() == wanted for each in candidate.entry.flags)


def _size_is(key: SizeIs, _scope: Scope) -> Predicate:
    if key.larger:
        return lambda candidate: candidate.entry.size_bytes > key.size_bytes
    return lambda candidate: candidate.entry.size_bytes < key.size_bytes


def _date_is(key: DateIs, _scope: Scope) -> Predicate:
    return _sent(key) if key.field is DateField.SENT else _arrived(key)


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
        day = candidate.summary.sent_day
        if day is None:
            return False
        return {"<": day < key.day, "=": day == key.day, ">=": day >= key.day}[key.comparison]

    return holds


def _age_is(key: AgeIs, scope: Scope) -> Predicate:
    border = (scope.now - timedelta(seconds=key.seconds) - _EPOCH) // _MICROSECOND
    if key.older:
        return lambda candidate: candidate.entry.internal_us <= border
    return lambda candidate: candidate.entry.internal_us >= border


def _modseq_is(key: ModseqIs, _scope: Scope) -> Predicate:
    return lambda candidate: candidate.entry.modseq >= key.modseq


def _id_is(key: IdIs, _scope: Scope) -> Predicate:
    return lambda candidate: candidate.entry.message_id == key.message_id


def _header_has(key: HeaderHas, _scope: Scope) -> Predicate:
    wanted = key.text.casefold()
    plain = wanted.encode() if key.name in FIELDS and _PLAIN.fullmatch(wanted) else b""

    def holds(candidate: Candidate) -> bool:
        if plain and not candidate.summary.may_hold(key.name, plain):
            return False
        text = candidate.folded(key.name)
        return text is not None and wanted in text

    return holds


def _text_has(key: TextHas, _scope: Scope) -> Predicate:
    wanted = key.text.casefold()

    def holds(candidate: Candidate) -> bool:
        if key.header and wanted in decode_words(candidate.message.header).casefold():
            return True
        return any(wanted in text.casefold() for text in candidate.texts())

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
