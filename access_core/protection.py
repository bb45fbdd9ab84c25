"""Adults under a judge's protection: who they are. Who protects them is kept with the other representations.

A protection is an event that the operator records with the judge's decision (`life`); it ends the same way and not by
the holder's own act. Once ended it does not come back with a clock that goes backwards.
"""

from datetime import datetime

from sqlalchemy import bindparam, select, update

from access_core.tables import protection
from vaguemestre.kernel.database import Transaction, insert_ignoring

_ONE = select(protection.c.declared_at, protection.c.ended_at).where(protection.c.profile_id == bindparam("patient"))
_AGAIN = (
    update(protection)
    .where(protection.c.profile_id == bindparam("patient"), protection.c.ended_at.is_not(None))
    .values(declared_at=bindparam("now"), ended_at=None)
)
_END = (
    update(protection)
    .where(protection.c.profile_id == bindparam("patient"), protection.c.ended_at.is_(None))
    .values(ended_at=bindparam("now"))
)


def is_protected(tx: Transaction, profile_id: str, *, now: datetime) -> bool | None:
    """Return the fact `protege` at an instant.

    Returns:
        None when the protection was recorded after NOW: the clock went backwards, and what is not known is refused.
    """
    row = tx.execute(_ONE, {"patient": profile_id}).one_or_none()
    if row is None or row.ended_at is not None:
        return False
    return True if row.declared_at <= now else None


def start_protection(tx: Transaction, profile_id: str, *, now: datetime) -> bool:
    """Record that an adult is protected from now on; returns whether she was not."""
    row = {"profile_id": profile_id, "declared_at": now, "ended_at": None}
    return insert_ignoring(tx, protection, row) or tx.execute(_AGAIN, {"patient": profile_id, "now": now}).rowcount == 1


def end_protection(tx: Transaction, profile_id: str, *, now: datetime) -> bool:
    """Record that an adult is protected no more; returns whether she was."""
    return tx.execute(_END, {"patient": profile_id, "now": now}).rowcount == 1
