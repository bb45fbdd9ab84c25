"""The UIDs of folders that were selected lately, kept for the next SELECT: four octets a message.

What is kept is never trusted by itself: a folder whose modification sequence moved on is brought up to date from
its changes, in the unit of work that asks.
"""

import threading
from array import array
from collections import OrderedDict
from dataclasses import dataclass

from mailstore.model import Changes, Folder
from mailstore.store import MailStore
from vaguemestre.kernel.database import Transaction

KEPT_UIDS = 8_000_000
FEW_CHANGES = 50
CHANGE_COST = 50
"""To read one change costs as much as so many UIDs."""


@dataclass(frozen=True, slots=True)
class _Known:
    """A folder as it was at a modification sequence."""

    uids: "array[int]"
    uidvalidity: int
    modseq: int


class KnownUids:
    """A bounded memory of folders, the one used longest ago forgotten first; used by several threads."""

    def __init__(self, store: MailStore, limit: int = KEPT_UIDS) -> None:
        self._store = store
        self._limit = limit
        self._folders: OrderedDict[int, _Known] = OrderedDict()
        self._count = 0
        self._lock = threading.Lock()

    def current(self, folder: Folder) -> "array[int] | None":
        """Return the UIDs of a folder when they are known as it is now, in an array of the caller's own."""
        with self._lock:
            known = self._folders.get(folder.id)
        if known is None or (known.uidvalidity, known.modseq) != (folder.uidvalidity, folder.highest_modseq):
            return None
        return known.uids[:]

    def of(self, tx: Transaction, folder: Folder) -> "array[int]":
        """Return the UIDs of a folder, as the transaction sees them, in an array of the caller's own."""
        with self._lock:
            known = self._folders.get(folder.id)
        if known is None or known.uidvalidity != folder.uidvalidity or not _is_near(known, folder):
            known = _Known(self._store.uids(tx, folder.id), folder.uidvalidity, folder.highest_modseq)
        elif known.modseq < folder.highest_modseq:
            changes = self._store.changes(tx, folder.id, known.modseq)
            known = _Known(_updated(known.uids, changes), folder.uidvalidity, changes.highest_modseq)
        self._keep(folder.id, known)
        return known.uids[:]

    def _keep(self, folder_id: int, known: _Known) -> None:
        with self._lock:
            replaced = self._folders.pop(folder_id, None)
            self._folders[folder_id] = known
            self._count += len(known.uids) - (len(replaced.uids) if replaced is not None else 0)
            while self._count > self._limit:
                _, forgotten = self._folders.popitem(last=False)
                self._count -= len(forgotten.uids)


def _is_near(known: _Known, folder: Folder) -> bool:
    """Tell whether what changed since is less work to read than all UIDs are; not when the catalogue went back."""
    return 0 <= folder.highest_modseq - known.modseq <= max(FEW_CHANGES, len(known.uids) // CHANGE_COST)


def _updated(uids: "array[int]", changes: Changes) -> "array[int]":
    last = uids[-1] if uids else 0
    gone = frozenset(changes.expunged)
    kept = array("I", (uid for uid in uids if uid not in gone)) if gone else uids[:]
    kept.extend(entry.uid for entry in changes.entries if entry.uid > last)
    return kept
