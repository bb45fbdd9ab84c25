"""The entries of folders that were searched or listed lately, shared by the sessions of the process.

What is kept is never trusted by itself: each command brings it up to date from the folder's changes, in the unit
of work that asks. Lists are replaced, never changed, so that one that is under way keeps the one it began
with. Summaries of messages (`summary.py`) are kept beside the entries and go with them.
"""

import threading
from array import array
from bisect import bisect_left, bisect_right
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Protocol

from mailstore.imap.summary import Summary
from mailstore.model import Changes, Entry, FolderRefused
from mailstore.store import MailStore
from vaguemestre.kernel.database import Transaction

KEPT_MESSAGES = 250_000
KEPT_AFTER = 2_000
_uid = attrgetter("uid")
_Key = tuple[int, str]


@dataclass(frozen=True, slots=True)
class KnownFolder:
    """A folder as it was at a modification sequence; `summaries` by message id, None for a damaged message."""

    entries: list[Entry]
    modseq: int
    summaries: dict[str, Summary | None] = field(default_factory=dict)


class Snapshot(Protocol):
    """What a session has seen of a folder (`view.py`)."""

    uids: "array[int]"
    modseq: int
    dirty: bool

    @property
    def folder_id(self) -> int:
        """The folder's id in the store."""

    @property
    def viewer(self) -> str:
        """The account, when it has a Seen flag of its own there."""


class KnownEntries:
    """A bounded memory of folders, the one used longest ago forgotten first; used by several threads."""

    def __init__(self, store: MailStore, limit: int = KEPT_MESSAGES) -> None:
        self._store = store
        self._limit = limit
        self._folders: OrderedDict[_Key, KnownFolder] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def of(self, tx: Transaction, folder_id: int, viewer: str = "") -> KnownFolder:
        """Return a folder as the transaction and, if she has a Seen flag of her own there, VIEWER see it.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        key = (folder_id, viewer)
        with self._lock:
            known = self._folders.get(key)
        if known is None:
            return self._keep(key, self._load(tx, key))
        try:
            changes = self._store.changes(tx, folder_id, known.modseq, viewer=viewer)
        except FolderRefused:
            self._forget(key)
            raise
        if changes.highest_modseq < known.modseq:  # the catalogue went back: an older copy was restored
            return self._keep(key, self._load(tx, key))
        if changes.highest_modseq > known.modseq:
            known = KnownFolder(_updated(known, changes), changes.highest_modseq, known.summaries)
        return self._keep(key, known)

    def seen(self, tx: Transaction, view: Snapshot) -> KnownFolder:
        """Return the folder of a view at least as new as a session has seen it; asks the store only when it must.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        known = self._folders.get((view.folder_id, view.viewer))
        if known is None or view.dirty or known.modseq < view.modseq:
            return self.of(tx, view.folder_id, view.viewer)
        return known

    def some(self, tx: Transaction, view: Snapshot, uids: "array[int]", *, asked: int) -> Sequence[Entry]:
        """Return the entries of UIDS, which ascend; those that are gone are left out.

        Args:
            tx: the transaction in which to look, unless the folder is known as the session sees it.
            view: what the session has seen of the folder.
            uids: which.
            asked: how many UIDs the command names; a command for a good part of a folder has all of it kept.

        Raises:
            FolderRefused: NONEXISTENT - it was deleted.
        """
        known = (view.folder_id, view.viewer) in self._folders
        if not known and asked < KEPT_AFTER and asked * 4 < len(view.uids):
            return self._store.entries(tx, view.folder_id, uids, viewer=view.viewer)
        entries = self.seen(tx, view).entries
        first, end = bisect_left(entries, uids[0], key=_uid), bisect_right(entries, uids[-1], key=_uid)
        if end - first == len(uids) == uids[-1] - uids[0] + 1:
            return entries[first:end]
        wanted = frozenset(uids)
        return [entry for entry in entries[first:end] if entry.uid in wanted]

    def _load(self, tx: Transaction, key: _Key) -> KnownFolder:
        folder_id, viewer = key
        folder = self._store.folder_by_id(tx, folder_id)
        return KnownFolder(self._store.entries(tx, folder_id, viewer=viewer), folder.highest_modseq)

    def _forget(self, key: _Key) -> None:
        with self._lock:
            forgotten = self._folders.pop(key, None)
            self._count -= len(forgotten.entries) if forgotten is not None else 0

    def _keep(self, key: _Key, known: KnownFolder) -> KnownFolder:
        with self._lock:
            replaced = self._folders.pop(key, None)
            self._folders[key] = known
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
