"""A patient's history as a file that she can prove: each entry with the way from it to a signed checkpoint.

The format is described in docs/reference/trace.md; `verify_export` checks it with nothing of this program.
"""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from itertools import groupby
from typing import Any

from sqlalchemy import BigInteger, Row, Select, bindparam, select, type_coerce

from access_core.profiles import Profile
from access_core.tables import trace_entry
from access_core.trace.chain import genesis, head
from access_core.trace.checkpoints import Checkpoint, covering, digests
from access_core.trace.merkle import Tree
from access_core.trace.reader import Recorded
from vaguemestre.kernel.database import Transaction

FORMAT = "vaguemestre/trace/export/v1"
CHUNK = 500
_COLUMNS = [each for each in trace_entry.c if each.name != "digest"]
_NAMES = [each.name for each in _COLUMNS]
_RAW = select(*(type_coerce(each, BigInteger) if each.name == "at" else each for each in _COLUMNS)).where(
    trace_entry.c.seq.in_(bindparam("wanted", expanding=True))
)
_DIGESTS = select(trace_entry.c.seq, trace_entry.c.digest).where(
    trace_entry.c.seq.in_(bindparam("wanted", expanding=True))
)


def export_history(
    tx: Transaction, profile: Profile, lines: Sequence[Recorded], public_key: bytes, *, at: datetime
) -> dict[str, Any]:
    """Build the export of the lines that a reader may see, oldest first, as a JSON object.

    Entries too young for a checkpoint have `checkpoint` null and no path.
    """
    top = head(tx)
    proved = list(_with_checkpoints(tx, sorted(each.seq for each in lines)))
    start = genesis(top.instance_id) if top else b""
    entries: list[dict[str, Any]] = []
    kept: list[dict[str, str]] = []
    for covered_by, group in groupby(proved, key=lambda pair: pair[1]):
        entries += _entries(tx, [seq for seq, _ in group], covered_by, start)
        if covered_by is not None:
            kept.append({"statement": covered_by.statement, "signature": covered_by.signature.hex()})
    return {
        "format": FORMAT,
        "made_at": at.isoformat(),
        "patient": {"ins": profile.ins.value, "oid": profile.ins.oid},
        "public_key": public_key.hex(),
        "checkpoints": kept,
        "entries": entries,
    }


def _with_checkpoints(tx: Transaction, seqs: Sequence[int]) -> Iterator[tuple[int, Checkpoint | None]]:
    """Yield each entry, oldest first, with the checkpoint that covers it."""
    current: Checkpoint | None = None
    for seq in seqs:
        if current is None or seq > current.seq:
            current = covering(tx, seq)
        yield seq, current


def _entries(tx: Transaction, seqs: Sequence[int], checkpoint: Checkpoint | None, start: bytes) -> list[dict[str, Any]]:
    """Build the entries that one checkpoint covers, or those that none does yet."""
    tree = None if checkpoint is None else Tree(list(digests(tx, checkpoint.first_seq, checkpoint.seq)))
    before = {0: start, **_read(tx, _DIGESTS, [seq - 1 for seq in seqs], lambda row: row.digest)}
    raw = _read(tx, _RAW, seqs, lambda row: dict(zip(_NAMES, row, strict=True)))
    found = []
    for seq in seqs:
        index = None if checkpoint is None else seq - checkpoint.first_seq
        found.append(
            {
                "entry": raw[seq],
                "previous": before[seq - 1].hex(),
                "checkpoint": checkpoint.seq if checkpoint else None,
                "index": index,
                "path": [] if tree is None or index is None else [each.hex() for each in tree.path(index)],
            }
        )
    return found


def _read(
    tx: Transaction, statement: Select[Any], seqs: Sequence[int], value: Callable[[Row[Any]], Any]
) -> dict[int, Any]:
    found: dict[int, Any] = {}
    for first in range(0, len(seqs), CHUNK):
        rows = tx.execute(statement, {"wanted": list(seqs[first : first + CHUNK])})
        found.update((row.seq, value(row)) for row in rows)
    return found
