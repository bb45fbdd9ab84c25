"""The ready-made strings of messages that were listed or searched lately, shared by the sessions of the process.

They come from the blocks of the store (`mailstore/blocks.py`) where there are any, from the messages' own indexes
otherwise. They never change; when a message is expunged the process forgets those of its whole block.
"""

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence

from mailstore.blocks import STRINGS, Place, Ready, number_of
from mailstore.model import Entry
from mailstore.store import MailStore
from vaguemestre.kernel.database import Transaction

KEPT_BYTES = 64 << 20
_Shelf = dict[int, Ready | None]
_Key = tuple[int, int]


class KnownReady:
    """A bounded memory of blocks, the one used longest ago forgotten first; used by several threads."""

    def __init__(self, store: MailStore, limit_bytes: int = KEPT_BYTES) -> None:
        self._store = store
        self._limit_bytes = limit_bytes
        self._shelves: OrderedDict[_Key, _Shelf] = OrderedDict()
        self._sizes: dict[_Key, int] = {}
        self._bytes = 0
        self._lock = threading.Lock()

    def of(self, tx: Transaction, mailbox_id: str, folder_id: int, entries: Sequence[Entry]) -> list[Ready | None]:
        """Return the strings of ENTRIES of a folder, some hundreds at most, in their order; None for a damaged one."""
        shelves = self._found(tx, mailbox_id, folder_id, {number_of(entry.uid) for entry in entries})
        missing = [entry for entry in entries if entry.uid not in shelves[number_of(entry.uid)]]
        if missing:
            indexes = self._store.indexes(tx, mailbox_id, [entry.message_id for entry in missing])
            for entry in missing:
                index = indexes.get(entry.message_id)
                shelves[number_of(entry.uid)][entry.uid] = None if index is None else Ready.of(index)
            self._keep(folder_id, {number: shelves[number] for number in {number_of(each.uid) for each in missing}})
        return [shelves[number_of(entry.uid)][entry.uid] for entry in entries]

    def forget(self, folder_id: int, uids: Iterable[int]) -> None:
        """Forget the blocks of messages that are expunged."""
        with self._lock:
            for number in {number_of(uid) for uid in uids}:
                self._drop((folder_id, number))

    def _found(self, tx: Transaction, mailbox_id: str, folder_id: int, numbers: set[int]) -> dict[int, _Shelf]:
        with self._lock:
            known = {number: self._known((folder_id, number)) for number in numbers}
        shelves = {number: shelf for number, shelf in known.items() if shelf is not None}
        absent = numbers - shelves.keys()
        if absent:
            opened = self._store.blocks(tx, Place(mailbox_id, folder_id), absent, STRINGS)
            made: dict[int, _Shelf] = {
                number: dict(zip(strings.uids, strings.ready, strict=True)) for number, strings in opened.items()
            }
            self._keep(folder_id, made)
            shelves |= {number: made.get(number, {}) for number in absent}
        return shelves

    def _known(self, key: _Key) -> _Shelf | None:
        shelf = self._shelves.get(key)
        if shelf is not None:
            self._shelves.move_to_end(key)
        return shelf

    def _keep(self, folder_id: int, shelves: dict[int, _Shelf]) -> None:
        sizes = {number: sum(map(_size, list(shelf.values()))) for number, shelf in shelves.items()}
        with self._lock:
            for number, shelf in shelves.items():
                key = (folder_id, number)
                self._drop(key)
                self._shelves[key], self._sizes[key] = shelf, sizes[number]
                self._bytes += sizes[number]
            while self._bytes > self._limit_bytes:
                self._drop(next(iter(self._shelves)))

    def _drop(self, key: _Key) -> None:
        if self._shelves.pop(key, None) is not None:
            self._bytes -= self._sizes.pop(key)


def _size(ready: Ready | None) -> int:
    return 0 if ready is None else len(ready.envelope) + len(ready.body) + len(ready.bodystructure) + 200
