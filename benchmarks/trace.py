"""How long the verification of the trace takes, and how much memory: one million entries with signed checkpoints.

Run `python -m benchmarks.trace [--entries N]`; asked for: one million under a minute, in constant memory.
"""

import argparse
import resource
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from access_core.trace.chain import Row, append
from access_core.trace.checkpointer import Checkpointer
from access_core.trace.checkpoints import Signer
from access_core.trace.verification import verify_register
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey

GROUP = 10_000
ASKED_S = 60.0
_NOW_US = int(datetime.now(UTC).timestamp()) * 1_000_000


def entry(number: int) -> Row:
    """Build an entry like those of a delivery."""
    return {
        "at": _NOW_US + number,
        "act": "deliver_to_patient",
        "verdict": "PERMIT",
        "reason": "OK",
        "mode": "normal",
        "subject_kind": "pro",
        "subject_id": f"{number % 1_000:032x}",
        "subject_label": "Dr Camille Martin",
        "profile_id": f"{number % 100_000:032x}",
        "mailbox_id": f"{number % 100_000:032x}",
        "resource_kind": "message",
        "resource_id": f"{number:032x}",
        "message_id_header": f"<{number}@bench.mssante.fr>",
        "obligations": "NOTIF_TITULAIRE",
        "matrix_version": "reconstruction-2024-09-27 reconstructed 0123456789abcdef",
    }


def fill(database: Database, entries: int) -> None:
    """Write that many entries."""
    for first in range(0, entries, GROUP):
        rows = [entry(number) for number in range(first, min(first + GROUP, entries))]

        def work(tx: Transaction, rows: list[Row] = rows) -> None:
            append(tx, rows)

        database.write_now(work)


def main() -> None:
    """Fill a catalogue, sign its checkpoints, verify it; fail when that takes over a minute for a million."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trace")
    parser.add_argument("--entries", type=int, default=1_000_000)
    entries = parser.parse_args().entries
    with tempfile.TemporaryDirectory() as place:
        file, signer = Path(place) / "checkpoints.jsonl", Signer(InstanceKey(b"k" * 32))
        database = Database(f"sqlite:///{place}/catalogue.db")
        database.create_all()
        fill(database, entries)
        signed = Checkpointer(database, signer, file, SystemClock()).run()
        before_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        started_at = time.monotonic()
        result = database.read_now(lambda tx: verify_register(tx, file, signer.public_key))
        taken_s = time.monotonic() - started_at
        more_kib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before_kib
        database.close()
    print(f"trace verify: {result.entries} entries, {signed} checkpoints: {taken_s:.1f} s, {more_kib} KiB more memory")
    raise SystemExit(not result.ok or taken_s > ASKED_S * entries / 1_000_000)


if __name__ == "__main__":
    main()
