"""The entries of folders that were searched lately, shared by the sessions of the process.

What is kept is never trusted by itself: each search brings it up to date from the folder's changes, in the unit
of work that asks. Lists are replaced, never changed, so that a search that is under way keeps the one it began
with. Summaries of messages (`summary.py`) are kept beside the entries and go with them.
"""

import threading
from bisect import bisect_left
from collections import OrderedDict
from dataclasses import dataclass, field
from operator import attrgetter

from mailstore.imap.summary import Summary
from mailstore.model import Changes, Entry, FolderRefused
from mailstore.store import MailStore
from vaguemestre.kernel.database import Transaction

KEPT_MESSAGES = 250_000
_uid = attrgetter("uid")


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """A folder as it was at a modification sequence; `summaries` by message id, None for a damaged message."""

    entries: list[Entry]
    modseq: int
    summaries: dict[str, Summary | None] = field(default_factory=dict)


class KnownEntries:
    """A bounded memory of folders, the one used longest ago forgotten first; used by several threads."""

    def __init__(self, store: MailStore, limit: int = KEPT_MESSAGES) -> None:
        self._store = store
        self._limit = limit
        self._folders: OrderedDict[int, KnownFolder] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def of(self, tx: Transaction, folder_id: int) -> KnownFolder:
        """Return a folder as the transaction sees it.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        with self._lock:
            known = self._folders.get(folder_id)
        if known is None:
            return self._keep(folder_id, self._load(tx, folder_id))
        try:
            changes = self._store.changes(tx, folder_id, known.modseq)
        except FolderRefused:
            self._forget(folder_id)
            raise
        if changes.highest_modseq < known.modseq:  # the catalogue went back: an older copy was restored
            return self._keep(folder_id, self._load(tx, folder_id))
        if changes.highest_modseq > known.modseq:
            known = KnownFolder(_updated(known, changes), changes.highest_modseq, known.summaries)
        return self._keep(folder_id, known)

    def _load(self, tx: Transaction, folder_id: int) -> KnownFolder:
        folder = self._store.folder_by_id(tx, folder_id)
        return KnownFolder(self._store.entries(tx, folder_id), folder.highest_modseq)

    def _forget(self, folder_id: int) -> None:
        with self._lock:
            forgotten = self._folders.pop(folder_id, None)
            self._count -= len(forgotten.entries) if forgotten is not None else 0

    def _keep(self, folder_id: int, known: KnownFolder) -> KnownFolder:
        with self._lock:
            replaced = self._folders.pop(folder_id, None)
            self._folders[folder_id] = known
            self._count += len(known.entries) - (len(replaced.entries) if replaced is not None else 0)
            while self._count > self._limit:
                _, forgotten = self._folders.popitem(last=False)
                self._count -= len(forgotten.entries)
        return known


def _updated(known: KnownFolder, changes: Changes) -> list[Entry]:
    gone = frozenset(changes.expunged)
    kept = known.entries[:]
    if gone:
        for entry in kept:
            if entry.uid in gone:
                known.summaries.pop(entry.message_id, None)
        kept = [entry for entry in kept if entry.uid not in gone]
    for entry in changes.entries:
        place = bisect_left(kept, entry.uid, key=_uid)
        if place < len(kept) and kept[place].uid == entry.uid:
            kept[place] = entry
        else:
            kept.insert(place, entry)
    return kept
