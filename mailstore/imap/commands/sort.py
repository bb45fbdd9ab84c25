"""SORT: the result of a search in the order that the client names.

A date that cannot be read is the INTERNALDATE; messages that are alike keep the order of the folder.

Source: RFC 5256 §2.2, §3 (SORT); RFC 5267 §3 (ESORT).
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Any

from mailstore.imap.commands.base_subject import base_subject
from mailstore.imap.commands.esearch import answer_extended, keep_result
from mailstore.imap.commands.examination import matching_entries, summaries_of
from mailstore.imap.commands.search import BAD_CHARSET, TOO_LONG
from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import Sort, SortField, SortKey
from mailstore.imap.protocol.envelope import Envelope, parse_envelope
from mailstore.imap.protocol.responses import numbers, untagged
from mailstore.imap.session import Session
from mailstore.imap.summary import Summary
from mailstore.mime.words import decode_words
from mailstore.model import Entry

_NO_ENVELOPE = parse_envelope(b"(" + b" ".join([b"NIL"] * 10) + b")")
_FROM_ENTRY = frozenset({SortField.ARRIVAL, SortField.SIZE})


async def sort(session: Session, command: Sort) -> Outcome:
    """SORT and UID SORT."""
    search = command.search
    if search.unknown_charset:
        return BAD_CHARSET
    entries = await matching_entries(session, search.key)
    if entries is None:
        keep_result(session, search.returns, ())
        return TOO_LONG
    summaries: list[Summary | None] = [None] * len(entries)
    if any(key.field not in _FROM_ENTRY for key in command.order):
        summaries = await summaries_of(session, entries)
    ordered = in_order(list(zip(entries, summaries, strict=True)), command.order)
    uids = [entry.uid for entry, _ in ordered]
    if search.returns is not None:
        answer_extended(session, search, uids, None)
        return ok()
    view = session.selected
    named = uids if search.uid else [number for uid in uids if (number := view.sequence(uid)) is not None]
    session.send(untagged(b"SORT" + numbers(named)))
    return ok()


def in_order(messages: list[tuple[Entry, Summary | None]], order: tuple[SortKey, ...]) -> list[tuple[Entry, Any]]:
    """Sort messages in UID order by keys, the first one most important; damaged ones count as empty."""
    needs_envelope = any(key.field not in _FROM_ENTRY for key in order)
    rows = [
        (entry, summary.envelope if needs_envelope and summary is not None else _NO_ENVELOPE)
        for entry, summary in messages
    ]
    for key in reversed(order):
        value = _VALUES[key.field]
        rows.sort(key=lambda row, value=value: value(*row), reverse=key.reverse)  # type: ignore[misc]
    return rows


def sent_us(entry: Entry, envelope: Envelope) -> int:
    """Return the Date field in microseconds since 1970, in UTC, INTERNALDATE when it cannot be read."""
    sent = _sent(envelope.date)
    return entry.internal_us if sent is None else sent


@lru_cache(maxsize=4_096)
def _sent(field: bytes) -> int | None:
    try:
        moment = parsedate_to_datetime(field.decode("latin-1"))
        aware = moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
        return int((aware - datetime(1970, 1, 1, tzinfo=UTC)).total_seconds()) * 1_000_000
    except (ValueError, TypeError, OverflowError):
        return None


def _folded(raw: bytes) -> str:
    return decode_words(raw).casefold()


_VALUES: Mapping[SortField, Callable[[Entry, Envelope], Any]] = {
    SortField.ARRIVAL: lambda entry, _: entry.internal_us,
    SortField.SIZE: lambda entry, _: entry.size_bytes,
    SortField.DATE: sent_us,
    SortField.SUBJECT: lambda _, envelope: base_subject(decode_words(envelope.subject))[0],
    SortField.FROM: lambda _, envelope: _folded(envelope.first_from),
    SortField.TO: lambda _, envelope: _folded(envelope.first_to),
    SortField.CC: lambda _, envelope: _folded(envelope.first_cc),
}
