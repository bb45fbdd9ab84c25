"""Checkpoints: signed statements of where the trace stands, which a rebuilt chain cannot match.

Each covers the entries since the one before, at most BATCH of them. The statement that is signed is a JSON object,
keys sorted, without blanks: format, instance_id, first_seq, seq, digest (of entry seq in the chain), root (of the
Merkle tree over the digests of entries first_seq to seq), previous (SHA-256 of the statement before, empty for the
first), at (RFC 3339). Kept in the catalogue, and in a file outside it that is only ever appended to.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from sqlalchemy import bindparam, select

from access_core.tables import trace_checkpoint, trace_entry
from access_core.trace.chain import head
from access_core.trace.merkle import Root
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.keys import InstanceKey

FORMAT = "vaguemestre/trace/checkpoint/v1"
KEY_LABEL = "vaguemestre/trace/checkpoint-key/v1"
BATCH = 65_536
PAGE = 2_000

_LAST = select(trace_checkpoint).order_by(trace_checkpoint.c.seq.desc()).limit(1)
_AFTER = (
    select(trace_checkpoint)
    .where(trace_checkpoint.c.seq > bindparam("after"))
    .order_by(trace_checkpoint.c.seq)
    .limit(PAGE)
)
_COVERING = (
    select(trace_checkpoint)
    .where(trace_checkpoint.c.seq >= bindparam("wanted"))
    .order_by(trace_checkpoint.c.seq)
    .limit(1)
)
_DIGESTS = (
    select(trace_entry.c.digest)
    .where(trace_entry.c.seq >= bindparam("first"), trace_entry.c.seq <= bindparam("last"))
    .order_by(trace_entry.c.seq)
)


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A signed statement; `statement` is the JSON text that `signature` covers."""

    seq: int
    first_seq: int
    statement: str
    signature: bytes

    @property
    def facts(self) -> dict[str, str | int]:
        """What the statement says."""
        facts: dict[str, str | int] = json.loads(self.statement)
        return facts

    @property
    def fingerprint(self) -> str:
        """What the next statement names it by: SHA-256 of the statement, hexadecimal."""
        return hashlib.sha256(self.statement.encode()).hexdigest()


class Signer:
    """The instance's Ed25519 key for checkpoints, derived from the instance key."""

    def __init__(self, instance_key: InstanceKey) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(instance_key.derive(KEY_LABEL))
        self.public_key = self._key.public_key().public_bytes(
            serialization.Encoding.Raw, serialization.PublicFormat.Raw
        )

    def sign(self, statement: str) -> bytes:
        """Sign the text of a statement."""
        return self._key.sign(statement.encode())


def signed_by(public_key: bytes, checkpoint: Checkpoint) -> bool:
    """Whether the signature is that of the holder of the raw Ed25519 PUBLIC_KEY."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(checkpoint.signature, checkpoint.statement.encode())
    except (InvalidSignature, ValueError):
        return False
    return True


def prepare(tx: Transaction, signer: Signer, at: datetime) -> Checkpoint | None:
    """Sign the next checkpoint; None when the last one covers the whole trace. Reads only; `keep` writes it."""
    top, before = head(tx), last(tx)
    first = before.seq + 1 if before else 1
    if top is None or top.seq < first:
        return None
    seq = min(top.seq, first + BATCH - 1)
    root, digest = Root(), b""
    for digest in digests(tx, first, seq):
        root.add(digest)
    facts = {
        "format": FORMAT,
        "instance_id": top.instance_id,
        "first_seq": first,
        "seq": seq,
        "digest": digest.hex(),
        "root": root.value().hex(),
        "previous": before.fingerprint if before else "",
        "at": at.isoformat(),
    }
    statement = json.dumps(facts, sort_keys=True, separators=(",", ":"))
    return Checkpoint(seq, first, statement, signer.sign(statement))


def keep(tx: Transaction, checkpoint: Checkpoint) -> bool:
    """Write a checkpoint; returns False when another process was first with this one."""
    newest = last(tx)
    if (newest.fingerprint if newest else "") != checkpoint.facts["previous"]:
        return False
    row = {
        "seq": checkpoint.seq,
        "first_seq": checkpoint.first_seq,
        "statement": checkpoint.statement,
        "signature": checkpoint.signature,
    }
    return insert_ignoring(tx, trace_checkpoint, row)


def last(tx: Transaction) -> Checkpoint | None:
    """Return the newest checkpoint."""
    row = tx.execute(_LAST).one_or_none()
    return None if row is None else Checkpoint(row.seq, row.first_seq, row.statement, row.signature)


def covering(tx: Transaction, seq: int) -> Checkpoint | None:
    """Return the checkpoint whose tree holds the entry SEQ; None when it is too young."""
    row = tx.execute(_COVERING, {"wanted": seq}).one_or_none()
    return None if row is None else Checkpoint(row.seq, row.first_seq, row.statement, row.signature)


def all_checkpoints(tx: Transaction, after: int = 0) -> Iterator[Checkpoint]:
    """Yield the checkpoints of the catalogue after the entry AFTER, oldest first."""
    while rows := tx.execute(_AFTER, {"after": after}).all():
        for row in rows:
            yield Checkpoint(row.seq, row.first_seq, row.statement, row.signature)
        after = rows[-1].seq


def digests(tx: Transaction, first: int, seq: int) -> Iterator[bytes]:
    """Yield the chain digests of the entries FIRST to SEQ, a page at a time."""
    for start in range(first, seq + 1, PAGE):
        end = min(start + PAGE - 1, seq)
        for row in tx.execute(_DIGESTS, {"first": start, "last": end}).all():
            yield row.digest
