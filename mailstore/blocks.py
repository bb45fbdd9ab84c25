"""Blocks: ready-made strings and searchable texts of 128 consecutive UIDs of a folder, sealed together.

A list reply opens one block instead of a hundred indexes, a search in texts one instead of a hundred messages. A
block holds nothing that changes: flags are in the entries. The worker makes it (`block_making.py`) once its last
UID is given; it is erased in the transaction that expunges one of its messages, and made again later. Whoever
reads must therefore do without the blocks that are not there.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Generic, TypeVar

import msgspec
from sqlalchemy import Select, bindparam, delete, select

from mailstore.entries import CHUNK
from mailstore.keyring import Keyring
from mailstore.mime.index import MessageIndex
from mailstore.model import HOLDER, FolderId
from mailstore.seal import MessageCipher, Stream, new_key
from mailstore.tables import block
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import IntegrityError
from vaguemestre.kernel.log import get_logger
from vaguemestre.kernel.outbox import Value, enqueue

BLOCK_UIDS = 128
MAKE_KIND = "mailstore.make_block"
MADE_AGAIN_AFTER = timedelta(minutes=10)
T = TypeVar("T")
log = get_logger(__name__)


class Ready(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What list replies need of one message, as its `MessageIndex` has it."""

    envelope: bytes
    body: bytes
    bodystructure: bytes
    references: bytes

    @classmethod
    def of(cls, index: MessageIndex) -> "Ready":
        """Take the strings of an index."""
        return cls(index.envelope, index.body, index.bodystructure, index.references)


class Words(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The texts of one message, decoded and without letter case."""

    header: str
    body: str | None
    """Its text parts, separated by NUL; None when they are long: open the message."""


class Strings(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a block says for lists: READY of the message at the same place in UIDS, which ascend."""

    uids: tuple[int, ...]
    ready: tuple[Ready, ...]


class Texts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a block says for searches: WORDS of the message at the same place in UIDS, which ascend."""

    uids: tuple[int, ...]
    words: tuple[Words, ...]


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """One of the two contents of a block: its column, its stream, its form."""

    statement: Select[Any]
    stream: Stream
    decode: Callable[[bytes], T]


_encode = msgspec.msgpack.Encoder().encode
_named = block.c.folder_id == bindparam("in_folder"), block.c.number.in_(bindparam("numbers", expanding=True))
_head = (block.c.number, block.c.wrapped_key)
STRINGS = Kind(
    select(*_head, block.c.sealed_strings.label("sealed")).where(*_named),
    Stream.INDEX,
    msgspec.msgpack.Decoder(Strings).decode,
)
TEXTS = Kind(
    select(*_head, block.c.sealed_texts.label("sealed")).where(*_named),
    Stream.BODY,
    msgspec.msgpack.Decoder(Texts).decode,
)
_erase = delete(block).where(*_named).returning(block.c.number)


def number_of(uid: int) -> int:
    """Return the number of the block to which a UID belongs."""
    return uid // BLOCK_UIDS


def schedule(tx: Transaction, mailbox_id: str, folder_id: FolderId, uids: range, now: datetime) -> None:
    """Have the blocks made whose last UID is among UIDS, which were just given."""
    if mailbox_id == HOLDER:
        return
    for number in range(number_of(uids.start), number_of(uids.stop)):
        _enqueue(tx, mailbox_id, folder_id, number, now)


def erase(tx: Transaction, mailbox_id: str, folder_id: FolderId, uids: Iterable[int], now: datetime) -> None:
    """Erase the blocks of UIDS that are expunged, and have them made again without them."""
    numbers = sorted({number_of(uid) for uid in uids})
    for start in range(0, len(numbers), CHUNK):
        names = {"in_folder": folder_id, "numbers": numbers[start : start + CHUNK]}
        for number in tx.execute(_erase, names).scalars():
            _enqueue(tx, mailbox_id, folder_id, number, now + MADE_AGAIN_AFTER)


@dataclass(frozen=True, slots=True)
class Place:
    """A folder and its mailbox."""

    mailbox_id: str
    folder_id: FolderId


def keep(tx: Transaction, keyring: Keyring, place: Place, number: int, content: tuple[Strings, Texts]) -> None:
    """Seal a block under the mailbox's youngest key and keep it, unless there is one.

    Raises:
        PermanentFailure: the mailbox was erased.
    """
    key = new_key()
    cipher = MessageCipher(key)
    secret = (_name(place.folder_id, number), key)
    row = {
        "folder_id": place.folder_id,
        "number": number,
        "wrapped_key": keyring.wrap(tx, place.mailbox_id, keyring.current(tx, place.mailbox_id), secret),
        "sealed_strings": cipher.seal_all(STRINGS.stream, _encode(content[0])),
        "sealed_texts": cipher.seal_all(TEXTS.stream, _encode(content[1])),
    }
    insert_ignoring(tx, block, row)


def open_blocks(
    tx: Transaction, keyring: Keyring, place: Place, numbers: Collection[int], kind: Kind[T]
) -> dict[int, T]:
    """Return those of the blocks NUMBERS, some hundreds at most, that are there; a damaged one is logged, left out."""
    found: dict[int, T] = {}
    for row in tx.execute(kind.statement, {"in_folder": place.folder_id, "numbers": sorted(numbers)}):
        try:
            key = keyring.unwrap(tx, place.mailbox_id, _name(place.folder_id, row.number), row.wrapped_key)
            found[row.number] = kind.decode(MessageCipher(key).open_all(kind.stream, row.sealed))
        except IntegrityError as error:
            log.error("block_corrupted", mailbox_id=place.mailbox_id, number=row.number, error=error)
    return found


def _enqueue(tx: Transaction, mailbox_id: str, folder_id: FolderId, number: int, due_at: datetime) -> None:
    payload: Mapping[str, Value] = {"mailbox_id": mailbox_id, "folder_id": folder_id, "number": number}
    enqueue(tx, MAKE_KIND, f"{folder_id}/{number}/{int(due_at.timestamp())}", payload, due_at=due_at)


def _name(folder_id: FolderId, number: int) -> str:
    return f"block/{folder_id}/{number}"
