"""The append-only file of checkpoints, outside the catalogue: one JSON object a line.

A line is {"statement": text, "signature": hex, "public_key": hex}. Nothing here rewrites a line. The file lags behind
the catalogue after a crash, never the other way round: what is missing is appended at the next checkpoint.
"""

import fcntl
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from access_core.trace.checkpoints import Checkpoint
from vaguemestre.kernel.errors import IntegrityError

LONGEST_LINE = 4_096


def read(path: Path) -> Iterator[Checkpoint]:
    """Yield the checkpoints of the file, none when it is not there yet.

    Raises:
        IntegrityError: a line is not a checkpoint; names the line.
    """
    if not path.exists():
        return
    with path.open("rb") as file:
        for number, line in enumerate(iter(lambda: file.readline(LONGEST_LINE), b""), start=1):
            yield _parse(f"{path.name}: line {number}", line)


@contextmanager
def appending(path: Path) -> Iterator[BinaryIO]:
    """Open the file for one writer at a time, to read it and to append to it."""
    with path.open("ab+") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield file


def last_seq(file: BinaryIO) -> int:
    """Return the entry that the last line covers, 0 for an empty file.

    A line that a crash cut is taken away: it never was a checkpoint.
    """
    size = file.seek(0, os.SEEK_END)
    file.seek(max(0, size - 2 * LONGEST_LINE))
    lines = file.read().split(b"\n")
    if lines[-1]:
        file.truncate(size - len(lines[-1]))
    return _parse("last line", lines[-2]).seq if len(lines) > 1 else 0


def append(file: BinaryIO, checkpoints: Iterable[Checkpoint], public_key: bytes) -> None:
    """Append checkpoints durably."""
    for each in checkpoints:
        line = {"statement": each.statement, "signature": each.signature.hex(), "public_key": public_key.hex()}
        file.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
    file.flush()
    os.fsync(file.fileno())


def _parse(place: str, line: bytes) -> Checkpoint:
    try:
        fields = json.loads(line)
        facts = json.loads(fields["statement"])
        return Checkpoint(
            int(facts["seq"]), int(facts["first_seq"]), fields["statement"], bytes.fromhex(fields["signature"])
        )
    except (ValueError, KeyError, TypeError):
        raise IntegrityError(f"{place}: not a checkpoint") from None
