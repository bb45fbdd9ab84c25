"""Which messages of the selected folder match a search: their entries, in UID order.

Flags, dates and sizes are answered from the entries that the process knows (`known_entries.py`), subjects and
addresses from their summaries; other messages are opened, in short units of work, until the answer is complete
or the time for one command is over. A damaged message matches no text.

Source: RFC 3501 §6.4.4.
"""

import time
from array import array
from collections.abc import Mapping, Sequence
from functools import partial

from mailstore.blocks import TEXTS, Place, Words, number_of
from mailstore.imap.commands.matching import TEXT_COST, Candidate, Scope, cost, keep_matching, predicate
from mailstore.imap.known_entries import KnownFolder
from mailstore.imap.protocol.criteria import Both, InSet, SearchKey
from mailstore.imap.session import Session
from mailstore.imap.summary import Summary
from mailstore.imap.view import View
from mailstore.model import Entry
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, ProtocolError

BATCH = 500
RUN_S = 0.05


async def matching_entries(session: Session, key: SearchKey) -> list[Entry] | None:
    """Return the entries that match, None when that takes too long."""
    deadline = time.monotonic() + session.parts.settings.search_time_s
    examination = _Examination(session, key)
    await session.read(examination.begin, brief=True)
    while not examination.done:
        if time.monotonic() > deadline:
            return None
        await session.read(examination.run)
    return examination.found


async def summaries_of(session: Session, entries: Sequence[Entry]) -> list[Summary | None]:
    """Return the summaries of entries of the selected folder, None for damaged messages."""
    known = session.house.known_entries
    folder = await session.read(lambda tx: known.seen(tx, session.selected))
    found: dict[str, Summary | None] = {}
    for start in range(0, len(entries), BATCH):
        found |= await session.read(partial(_load, session, folder, entries[start : start + BATCH]))
    return [found[entry.message_id] for entry in entries]


def numbers_only(key: SearchKey) -> bool:
    """Say whether a key is nothing but sets that all must hold, which `narrowed` answers."""
    return all(isinstance(each, InSet) for each in key.keys) if isinstance(key, Both) else isinstance(key, InSet)


def narrowed(key: SearchKey, view: View) -> "array[int]":
    """Return the UIDs that the sets at the top of a key leave."""
    uids = view.uids
    for each in key.keys if isinstance(key, Both) else (key,):
        if isinstance(each, InSet):
            named = set(view.resolve(each.target) or ())
            uids = array("I", (uid for uid in uids if uid in named))
    return uids


class _Examination:
    """Asks the key of one message after the other, run by run, on a reader thread."""

    def __init__(self, session: Session, key: SearchKey) -> None:
        self.found: list[Entry] = []
        self.done = False
        self._session = session
        self._key = key
        keys = key.keys if isinstance(key, Both) else (key,)
        self._scope = Scope(session.selected, session.parts.clock.now())
        self._cost = cost(key)
        self._cheap = [each for each in keys if cost(each) <= 1]
        self._dear = predicate(Both(tuple(each for each in keys if cost(each) > 1)), self._scope)
        self._candidates: list[Entry] = []
        self._folder = KnownFolder([], 0)
        self._at = 0

    def begin(self, tx: Transaction) -> None:
        """Choose by what the entries tell."""
        view = self._session.selected
        self._folder = self._session.house.known_entries.seen(tx, view)
        entries = _in_view(self._folder, view, narrowed(self._key, view))
        chosen = keep_matching(entries, self._cheap, self._scope, Candidate(self._session, tx))
        if self._cost <= 1:
            self.found, self.done = chosen, True
        self._candidates = chosen

    def run(self, tx: Transaction) -> None:
        """Go on with what else must be known, for a short time."""
        until = time.monotonic() + RUN_S
        while self._at < len(self._candidates) and (self._cost <= 2 or time.monotonic() <= until):
            batch = self._candidates[self._at : self._at + BATCH]
            summaries = _load(self._session, self._folder, batch, tx)
            words = self._words(batch, tx)
            candidate = Candidate(self._session, tx)
            for entry in batch:
                candidate.look_at(entry, summaries[entry.message_id], words.get(entry.uid))
                self._at += 1
                if self._matches(candidate):
                    self.found.append(entry)
                if self._cost > 2 and time.monotonic() > until:
                    break
            if time.monotonic() > until:
                break
        self.done = self._at >= len(self._candidates)

    def _words(self, batch: Sequence[Entry], tx: Transaction) -> Mapping[int, Words]:
        """Return the texts that blocks hold for a batch, by UID, when texts are searched."""
        if self._cost < TEXT_COST:
            return {}
        store, session = self._session.parts.store, self._session
        numbers = {number_of(entry.uid) for entry in batch}
        opened = store.blocks(tx, Place(session.selected.mailbox_id, session.selected.folder_id), numbers, TEXTS)
        return {uid: words for texts in opened.values() for uid, words in zip(texts.uids, texts.words, strict=True)}

    def _matches(self, candidate: Candidate) -> bool:
        try:
            return self._dear(candidate.entry, candidate)
        except (IntegrityError, ProtocolError):
            return False


def _in_view(folder: KnownFolder, view: View, uids: "array[int]") -> list[Entry]:
    if uids is view.uids and folder.modseq == view.modseq and not view.holds_expunges:
        return folder.entries
    wanted = frozenset(uids)
    return [entry for entry in folder.entries if entry.uid in wanted]


def _load(session: Session, folder: KnownFolder, batch: Sequence[Entry], tx: Transaction) -> dict[str, Summary | None]:
    """Return the summaries of a batch, those not known yet from the sealed indexes."""
    known, found, missing = folder.summaries, dict[str, Summary | None](), []
    for entry in batch:
        try:
            found[entry.message_id] = known[entry.message_id]
        except KeyError:
            missing.append(entry)
    if missing:
        view = session.selected
        ready = session.house.known_ready.of(tx, view.mailbox_id, view.folder_id, missing)
        for entry, strings in zip(missing, ready, strict=True):
            summary = None if strings is None else Summary(strings.envelope, strings.references)
            found[entry.message_id] = known[entry.message_id] = summary
    return found
