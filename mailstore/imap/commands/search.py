"""SEARCH: numbers alone need no store, flags and dates need the entries, texts need the messages opened.

Messages are opened in short units of work until the answer is complete or the time for one command is over; a
damaged message matches no text.

Source: RFC 3501 §6.4.4, RFC 5530 (LIMIT), RFC 9051 §6.4.4.
"""

import time
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import partial

from mailstore.imap.commands.matching import Candidate, Predicate, cost, predicate
from mailstore.imap.outcome import Outcome, no, ok
from mailstore.imap.protocol.commands import Search
from mailstore.imap.protocol.criteria import Both, InSet, SearchKey
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from mailstore.imap.view import View
from mailstore.model import Entry
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, ProtocolError

ENTRY_RUN = 5_000
OPEN_RUN = 200
RUN_S = 0.05
_BAD_CHARSET = no(b"BADCHARSET (UTF-8 US-ASCII)", "Ce jeu de caracteres n'est pas lu.")
_TOO_LONG = no(b"LIMIT", "Recherche trop longue ; precisez-la.")


@dataclass(slots=True)
class _Run:
    """What one unit of work found; `end` is the place of the first UID that it did not reach."""

    end: int
    found: list[int] = field(default_factory=list)


async def search(session: Session, command: Search) -> Outcome:
    """SEARCH and UID SEARCH."""
    if command.unknown_charset:
        return _BAD_CHARSET
    view = session.selected
    uids = _narrowed(command.key, view)
    found: list[int] | None = list(uids)
    if not _numbers_only(command.key):
        found = await _examine(session, command.key, uids)
    if found is None:
        return _TOO_LONG
    numbers = found if command.uid else [number for uid in found if (number := view.sequence(uid)) is not None]
    session.send(untagged(b" ".join([b"SEARCH", *(b"%d" % number for number in numbers)])))
    return ok()


def _numbers_only(key: SearchKey) -> bool:
    """Say whether the key is nothing but sets that all must hold, which `_narrowed` answers."""
    return all(isinstance(each, InSet) for each in key.keys) if isinstance(key, Both) else isinstance(key, InSet)


def _narrowed(key: SearchKey, view: View) -> "array[int]":
    """Return the UIDs that the sets at the top of the key leave."""
    uids = view.uids
    for each in key.keys if isinstance(key, Both) else (key,):
        if isinstance(each, InSet):
            named = set(view.resolve(each.target) or ())
            uids = array("I", (uid for uid in uids if uid in named))
    return uids


async def _examine(session: Session, key: SearchKey, uids: "array[int]") -> list[int] | None:
    """Return the UIDs that match, None when that takes too long."""
    deadline = time.monotonic() + session.parts.settings.search_time_s
    examine = _Examination(session, key, uids)
    found: list[int] = []
    start = 0
    while start < len(uids):
        if time.monotonic() > deadline:
            return None
        run = await session.read(partial(examine.run, start=start))
        found += run.found
        start = run.end
    return found


class _Examination:
    """Asks the key of one message after the other, run by run, on a reader thread."""

    def __init__(self, session: Session, key: SearchKey, uids: "array[int]") -> None:
        self._session = session
        self._uids = uids
        self._cost = cost(key)
        cheap = [each for each in key.keys if cost(each) <= 1] if isinstance(key, Both) else []
        self._cheap: Predicate = predicate(Both(tuple(cheap)), session.selected)
        self._whole: Predicate = predicate(key, session.selected)

    def run(self, tx: Transaction, start: int) -> _Run:
        """Examine messages from the place START on, for a short time."""
        end = min(start + (ENTRY_RUN if self._cost <= 1 else OPEN_RUN), len(self._uids))
        whole = start == 0 and end == len(self._session.selected.uids)
        wanted = None if whole else self._uids[start:end]
        entries = self._session.parts.store.entries(tx, self._session.selected.folder_id, wanted)
        if self._cost <= 1:
            return _Run(end, [entry.uid for entry in self._chosen(tx, entries, self._whole)])
        return self._open(tx, entries, _Run(end))

    def _open(self, tx: Transaction, entries: list[Entry], run: _Run) -> _Run:
        store, until = self._session.parts.store, time.monotonic() + RUN_S
        likely = self._chosen(tx, entries, self._cheap)
        indexes = store.indexes(tx, self._session.mailbox_id, [entry.message_id for entry in likely])
        for place, entry in enumerate(likely):
            if place and time.monotonic() > until:
                run.end = bisect_left(self._uids, entry.uid)
                return run
            if self._matches(Candidate(self._session, tx, entry, indexes.get(entry.message_id))):
                run.found.append(entry.uid)
        return run

    def _chosen(self, tx: Transaction, entries: list[Entry], holds: Predicate) -> list[Entry]:
        """Return the entries for which a predicate that looks at nothing else holds."""
        chosen: list[Entry] = []
        if entries:
            candidate = Candidate(self._session, tx, entries[0], None)
            for candidate.entry in entries:
                if holds(candidate):
                    chosen.append(candidate.entry)
        return chosen

    def _matches(self, candidate: Candidate) -> bool:
        try:
            return self._whole(candidate)
        except (IntegrityError, ProtocolError):
            return False
