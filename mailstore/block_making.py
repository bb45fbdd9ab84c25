"""Making a block (`blocks.py`): a task of the worker opens its messages, then keeps it if they are still there."""

from collections.abc import Callable
from functools import partial

from sqlalchemy import bindparam, select

from mailstore.blocks import BLOCK_UIDS, Place, Ready, Strings, Texts, Words, keep
from mailstore.folders import folder_by_id
from mailstore.keyring import Keyring
from mailstore.mime.words import decode_words
from mailstore.model import FolderRefused
from mailstore.opening import Opener
from mailstore.reader import MessageReader
from mailstore.tables import entry
from vaguemestre.kernel.blobs import BlobStore
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError
from vaguemestre.kernel.outbox import Task

TEXT_BYTES = 32_768
"""Texts that are longer, as sent, are not kept twice: a search opens the message."""
_present = select(entry.c.uid).where(
    entry.c.folder_id == bindparam("in_folder"), entry.c.uid.between(bindparam("low"), bindparam("high"))
)
Gathered = dict[int, tuple[Ready, Words]]


class BlockMaker:
    """Handles the tasks that `blocks.schedule` and `blocks.erase` record."""

    def __init__(self, database: Database, keyring: Keyring, blobs: BlobStore) -> None:
        self._database = database
        self._keyring = keyring
        self._blobs = blobs

    async def __call__(self, task: Task) -> Callable[[Transaction], None]:
        """Open the messages of a block; returns the unit of work that keeps it."""
        place = Place(str(task.payload["mailbox_id"]), int(task.payload["folder_id"] or 0))
        number = int(task.payload["number"] or 0)
        gathered = await self._database.read(partial(self._gather, place, number))
        return partial(self._keep, place, number, gathered)

    def _gather(self, place: Place, number: int, tx: Transaction) -> Gathered:
        uids = range(number * BLOCK_UIDS, (number + 1) * BLOCK_UIDS)
        opener = Opener(tx, place.mailbox_id, self._keyring, self._blobs)
        return {
            found.uid: (Ready.of(message.index), words_of(message))
            for found, message in opener.each(place.folder_id, uids)
            if message is not None
        }

    def _keep(self, place: Place, number: int, gathered: Gathered, tx: Transaction) -> None:
        """Keep what is still there; a folder or mailbox that went meanwhile needs no block."""
        try:
            folder_by_id(tx, place.folder_id, lock=True)
        except FolderRefused:
            return
        span = {"in_folder": place.folder_id, "low": number * BLOCK_UIDS, "high": (number + 1) * BLOCK_UIDS - 1}
        uids = tuple(sorted(gathered.keys() & set(tx.execute(_present, span).scalars())))
        if uids:
            strings = Strings(uids, tuple(gathered[uid][0] for uid in uids))
            keep(tx, self._keyring, place, number, (strings, Texts(uids, tuple(gathered[uid][1] for uid in uids))))


def words_of(message: MessageReader) -> Words:
    """Return the texts of a message for searches; a damaged body is left to be opened."""
    parts = [part for part in message.index.parts if part.media_type.startswith("text/")]
    header = decode_words(message.header).casefold()
    if sum(part.size_bytes for part in parts) > TEXT_BYTES:
        return Words(header, None)
    try:
        return Words(header, "\0".join(message.text(part.section).casefold() for part in parts))
    except IntegrityError:
        return Words(header, None)
