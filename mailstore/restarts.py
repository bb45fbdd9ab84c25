"""After a start of the machine: modseqs go on beyond those that were told and then lost with its power.

Flags are answered before the disk has them (`vaguemestre/kernel/brief_writer.py`). A folder that lost some would give
their modseqs again, and a client that had seen the first would never ask for the second (RFC 7162 §3.1.1: they only
grow). So the first start after each boot leaves a gap, far greater than what can be lost.
"""

from pathlib import Path

from sqlalchemy import bindparam, select, update

from mailstore.tables import folder, machine_start
from vaguemestre.kernel.database import Transaction, insert_ignoring

GAP = 1_000_000
BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_ONLY = 1
_last = select(machine_start.c.boot_id).where(machine_start.c.id == _ONLY)
_note = update(machine_start).where(machine_start.c.id == _ONLY).values(boot_id=bindparam("current"))
_skip = update(folder).values(highest_modseq=folder.c.highest_modseq + GAP)


def leave_gap_after_boot(tx: Transaction, boot_id: str) -> bool:
    """Leave the gap in every folder unless this start of the machine was met before; returns whether it was left.

    Args:
        tx: the transaction.
        boot_id: what Linux calls this start of the machine (`BOOT_ID`).
    """
    if insert_ignoring(tx, machine_start, {"id": _ONLY, "boot_id": boot_id}):
        return False
    if tx.execute(_last).scalar_one() == boot_id:
        return False
    tx.execute(_note, {"current": boot_id})
    tx.execute(_skip)
    return True
