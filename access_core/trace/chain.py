"""The hash chain of the trace: how entries are appended, and how the register is verified.

digest(0) = SHA-256("vaguemestre/trace/genesis/v1" NUL instance id)
digest(n) = SHA-256("vaguemestre/trace/entry/v1" NUL digest(n-1) canonical(n))

canonical(n) is the entry as JSON: every column but the digest, keys sorted, no blanks, UTF-8, `at` in microseconds
since 1970, absent values null. The head row keeps the last sequence number and digest, so that a tail cut off shows.
Whoever can rewrite both the entries and the head can rebuild a chain: the signed checkpoints, kept outside the
catalogue too, show that (`checkpoints`, `verification`).
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec
from sqlalchemy import BigInteger, bindparam, insert, select, type_coerce, update

from access_core.tables import trace_entry, trace_head
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import IntegrityError
from vaguemestre.kernel.ids import new_id

Row = dict[str, str | int | bytes | None]
GENESIS = b"vaguemestre/trace/genesis/v1\0"
ENTRY = b"vaguemestre/trace/entry/v1\0"
HEAD_ID = 1
PAGE_ROWS = 2_000

_encode = msgspec.json.Encoder(order="sorted").encode
_chained = tuple(column.name for column in trace_entry.c if column.name != "digest")
_HEAD = select(trace_head.c.instance_id, trace_head.c.seq, trace_head.c.digest).where(trace_head.c.id == HEAD_ID)
_HEAD_LOCKED = _HEAD.with_for_update()
_ADVANCE = (
    update(trace_head)
    .where(trace_head.c.id == HEAD_ID)
    .values(seq=bindparam("last_seq"), digest=bindparam("last_digest"))
)
_INSERT = insert(trace_entry).values(
    {
        column.name: bindparam(column.name, type_=BigInteger() if column.name == "at" else column.type)
        for column in trace_entry.c
    }
)
_PAGE = (
    select(
        *(type_coerce(trace_entry.c[name], BigInteger) if name == "at" else trace_entry.c[name] for name in _chained)
    )
    .add_columns(trace_entry.c.digest)
    .where(trace_entry.c.seq > bindparam("after"))
    .order_by(trace_entry.c.seq)
    .limit(PAGE_ROWS)
)


@dataclass(frozen=True, slots=True)
class Head:
    """Where the chain stands: what a checkpoint signs."""

    instance_id: str
    seq: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Verification:
    """What `verify` found.

    Attributes:
        ok: the register is whole and in order.
        entries: how many entries were verified before the first broken one, or in all.
        first_broken_seq: the first sequence number that is missing or does not follow; None when `ok`.
        why: one sentence in French, empty when `ok`.
        checkpoints: how many signed checkpoints the register was compared with.
    """

    ok: bool
    entries: int
    first_broken_seq: int | None = None
    why: str = ""
    checkpoints: int = 0


Witness = Callable[[int, bytes], str]


def _nobody(_seq: int, _digest: bytes) -> str:
    return ""


def genesis(instance_id: str) -> bytes:
    """Return the digest before the first entry of an instance."""
    return hashlib.sha256(GENESIS + instance_id.encode()).digest()


def link(previous: bytes, entry: Row) -> bytes:
    """Return the digest of an entry (all columns but `digest`) that follows PREVIOUS."""
    return hashlib.sha256(ENTRY + previous + _encode(entry)).digest()


def open_register(tx: Transaction, instance_id: str) -> None:
    """Bind the register to an instance, once; an empty register that nobody opened takes a fresh id by itself."""
    row = {"id": HEAD_ID, "instance_id": instance_id, "seq": 0, "digest": genesis(instance_id)}
    insert_ignoring(tx, trace_head, row)


def head(tx: Transaction) -> Head | None:
    """Return where the chain stands; None before the register is opened."""
    row = tx.execute(_HEAD).one_or_none()
    return None if row is None else Head(row.instance_id, row.seq, row.digest)


def append(tx: Transaction, entries: Sequence[Row]) -> None:
    """Chain and write the entries of a commit group; the lock on the head makes processes take turns.

    Raises:
        IntegrityError: the head is gone.
    """
    row = tx.execute(_HEAD_LOCKED).one_or_none()
    if row is None:
        open_register(tx, new_id())
        row = tx.execute(_HEAD_LOCKED).one_or_none()
    if row is None:
        raise IntegrityError("trace: no head")
    seq, digest = row.seq, row.digest
    for entry in entries:
        seq += 1
        entry["seq"] = seq
        digest = link(digest, entry)
        entry["digest"] = digest
    tx.execute(_INSERT, entries)
    tx.execute(_ADVANCE, {"last_seq": seq, "last_digest": digest})


def verify(tx: Transaction, witness: Witness = _nobody) -> Verification:
    """Recompute the whole chain, entry by entry, in constant memory.

    Args:
        tx: a transaction that sees one state of the register.
        witness: told of each entry that follows; answers why it contradicts something else, or "".
    """
    top = head(tx)
    if top is None:
        empty = next(_pages(tx), None) is None
        return Verification(True, 0) if empty else Verification(False, 0, 1, "La tête du registre manque.")
    seq, digest = 0, genesis(top.instance_id)
    for page in _pages(tx):
        for values in page:
            if values[0] != seq + 1:
                return Verification(False, seq, seq + 1, f"L’entrée {seq + 1} manque.")
            digest = link(digest, dict(zip(_chained, values, strict=False)))
            if digest != values[-1]:
                return Verification(False, seq, seq + 1, f"L’entrée {seq + 1} a été modifiée ou déplacée.")
            if why := witness(seq + 1, digest):
                return Verification(False, seq, seq + 1, why)
            seq += 1
    return _at_the_end(top, seq, digest)


def _at_the_end(top: Head, seq: int, digest: bytes) -> Verification:
    if seq != top.seq:
        return Verification(False, seq, min(seq, top.seq) + 1, "La fin du registre ne va pas jusqu’à sa tête.")
    if digest != top.digest:
        return Verification(False, seq, seq, "La tête du registre ne correspond pas à la dernière entrée.")
    return Verification(True, seq)


def _pages(tx: Transaction) -> Iterator[Sequence[Sequence[Any]]]:
    after = 0
    while rows := tx.execute(_PAGE, {"after": after}).all():
        yield rows
        after = rows[-1][0]
