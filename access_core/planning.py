"""What falls due by time, recorded in the outbox by the transaction that causes it; `schedule` runs it.

A decision never waits for a task: majority, expiry and delays are computed from their dates. Tasks do what has to
happen once (open, close, erase, end, tell). The key of a task holds the instant that it is for, so that a delay that
starts afresh is another task, and a handler finds out from the catalogue that its own has lost its cause.
"""

from datetime import datetime
from enum import StrEnum

from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import enqueue


class Due(StrEnum):
    """Kinds of task of this package."""

    OPENING = "space.opening"
    CLOSURE = "space.closure"
    ERASURE = "space.erasure"
    MAJORITY = "space.majority"
    DELEGATION_END = "delegation.end"


def plan_opening(tx: Transaction, profile_id: str, at: datetime) -> None:
    """Have an announced space open at an instant (R1111-28)."""
    _plan(tx, Due.OPENING, profile_id, at)


def plan_closure(tx: Transaction, profile_id: str, at: datetime) -> None:
    """Have a suspended space close at an instant (R1111-36)."""
    _plan(tx, Due.CLOSURE, profile_id, at)


def plan_erasure(tx: Transaction, profile_id: str, at: datetime) -> None:
    """Have what a closed space holds erased at an instant (R1111-36, L1111-18)."""
    _plan(tx, Due.ERASURE, profile_id, at)


def plan_majority(tx: Transaction, profile_id: str, at: datetime) -> None:
    """Have the representation of a minor end when she comes of age."""
    _plan(tx, Due.MAJORITY, profile_id, at)


def plan_delegation_end(tx: Transaction, delegation_id: str, at: datetime) -> None:
    """Have a sharing end, or its invitation lapse, at an instant."""
    _plan(tx, Due.DELEGATION_END, delegation_id, at)


def _plan(tx: Transaction, kind: Due, subject_id: str, at: datetime) -> None:
    enqueue(tx, kind, f"{subject_id}:{at.isoformat()}", {"id": subject_id, "at": at.isoformat()}, due_at=at)
