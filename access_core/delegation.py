"""Sharing a profile: invitations to a second legal representative or to carers, and what came of them.

An invitation lapses by its date and a sharing ends by its own, without a task: both are read against the clock. Who
may share, and how often, is decided by the act `delegate_access`; this module keeps what was asked and answered.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, bindparam, or_, select, update

from access_core.facts import Delegation as DelegationKind
from access_core.tables import delegation
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure


class DelegationState(StrEnum):
    """Where a sharing stands, before any question of time."""

    EN_ATTENTE = "en_attente"
    ACCEPTEE = "acceptee"
    REFUSEE = "refusee"
    TERMINEE = "terminee"


class DelegationConflict(PermanentFailure):
    """The sharing is not there, was answered or has ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delegation:
    """A sharing of `profile_id` with `delegate_id`; `expires_at` bounds the invitation, `until` the sharing."""

    id: str
    profile_id: str
    delegate_id: str
    kind: DelegationKind
    state: DelegationState
    asked_by: str
    asked_at: datetime
    expires_at: datetime
    answered_at: datetime | None = None
    until: datetime | None = None

    def in_force(self, now: datetime) -> bool:
        """Whether the sharing gives access; one that began after NOW does not (a clock that went backwards)."""
        begun = self.answered_at is not None and self.answered_at <= now
        return self.state is DelegationState.ACCEPTEE and begun and (self.until is None or now < self.until)

    def waits(self, now: datetime) -> bool:
        """Whether the invitation may still be answered."""
        return self.state is DelegationState.EN_ATTENTE and now < self.expires_at

    def counts(self, now: datetime) -> bool:
        """Whether it takes one of the places that are limited."""
        return self.waits(now) or (self.state is DelegationState.ACCEPTEE and (self.until is None or now < self.until))


_LIVE = (DelegationState.EN_ATTENTE, DelegationState.ACCEPTEE)
_ONE = select(delegation).where(delegation.c.id == bindparam("which"))
_CONCERNING = (
    select(delegation)
    .where(
        or_(delegation.c.profile_id == bindparam("person"), delegation.c.delegate_id == bindparam("person")),
        delegation.c.state.in_(_LIVE),
    )
    .order_by(delegation.c.asked_at, delegation.c.id)
)
_SHARED = select(delegation).where(
    delegation.c.profile_id == bindparam("patient"),
    delegation.c.delegate_id == bindparam("delegate"),
    delegation.c.state.in_(_LIVE),
)
_ANSWER = (
    update(delegation)
    .where(delegation.c.id == bindparam("which"), delegation.c.state == DelegationState.EN_ATTENTE)
    .values(state=bindparam("answer"), answered_at=bindparam("now"))
)
_END = (
    update(delegation)
    .where(delegation.c.id == bindparam("which"), delegation.c.state.in_(_LIVE))
    .values(state=DelegationState.TERMINEE, until=bindparam("now"))
)


def add_invitation(tx: Transaction, new: Delegation) -> None:
    """Keep an invitation.

    Raises:
        DelegationConflict: the same person is invited, or shares the profile, already.
    """
    known = shared_with(tx, new.profile_id, new.delegate_id)
    if any(each.kind is new.kind and each.counts(new.asked_at) for each in known):
        raise DelegationConflict("ce partage existe déjà ou attend une réponse")
    tx.execute(
        delegation.insert(),
        {column.name: getattr(new, column.name) for column in delegation.c},
    )


def delegation_by_id(tx: Transaction, delegation_id: str) -> Delegation | None:
    """Find a sharing in any state."""
    row = tx.execute(_ONE, {"which": delegation_id}).one_or_none()
    return None if row is None else _built(row)


def shared_with(tx: Transaction, profile_id: str, delegate_id: str) -> list[Delegation]:
    """List the sharings of a profile with one person that neither side refused or ended."""
    return [_built(row) for row in tx.execute(_SHARED, {"patient": profile_id, "delegate": delegate_id})]


def is_carer(tx: Transaction, profile_id: str, delegate_id: str, *, now: datetime) -> bool:
    """Tell whether a carer's access to this profile is in force."""
    found = shared_with(tx, profile_id, delegate_id)
    return any(each.kind is DelegationKind.AIDANT and each.in_force(now) for each in found)


def delegations_of(tx: Transaction, profile_id: str, *, now: datetime) -> list[Delegation]:
    """List the sharings and open invitations that concern a person, on either side, oldest first."""
    return [each for row in tx.execute(_CONCERNING, {"person": profile_id}) if (each := _built(row)).counts(now)]


def count_carers(tx: Transaction, profile_id: str, *, now: datetime, but: str = "") -> int:
    """Count the carers of a profile, invited ones included, leaving out the sharing BUT."""
    found = delegations_of(tx, profile_id, now=now)
    return sum(
        each.profile_id == profile_id and each.kind is DelegationKind.AIDANT and each.id != but for each in found
    )


def count_helped(tx: Transaction, delegate_id: str, *, now: datetime, but: str = "") -> int:
    """Count the profiles that a carer helps, invitations included, leaving out the sharing BUT."""
    found = delegations_of(tx, delegate_id, now=now)
    return sum(
        each.delegate_id == delegate_id and each.kind is DelegationKind.AIDANT and each.id != but for each in found
    )


def answer(tx: Transaction, delegation_id: str, state: DelegationState, *, now: datetime) -> None:
    """Record the answer to an invitation.

    Raises:
        DelegationConflict: it was answered meanwhile.
    """
    if tx.execute(_ANSWER, {"which": delegation_id, "answer": state, "now": now}).rowcount != 1:
        raise DelegationConflict("cette invitation a déjà reçu une réponse")


def end(tx: Transaction, delegation_id: str, *, now: datetime) -> bool:
    """End a sharing or take an invitation back; returns whether there was one."""
    return tx.execute(_END, {"which": delegation_id, "now": now}).rowcount == 1


def _built(row: Row[Any]) -> Delegation:
    return Delegation(
        id=row.id,
        profile_id=row.profile_id,
        delegate_id=row.delegate_id,
        kind=DelegationKind(row.kind),
        state=DelegationState(row.state),
        asked_by=row.asked_by,
        asked_at=row.asked_at,
        expires_at=row.expires_at,
        answered_at=row.answered_at,
        until=row.until,
    )
