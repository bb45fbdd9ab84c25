"""Care relations: who takes part in a patient's care, from when to when.

A relation is declared by the establishment's software (or by the command `care declare`) for a professional or for
an organisational mailbox; the members of that mailbox take part through it. What is not declared, or is over, is no
care.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, or_, select, update

from access_core.tables import care_relation, member
from vaguemestre.kernel.database import Transaction, insert_ignoring

PRESUMED = timedelta(days=365)
"""How long care presumes consent from its declaration on, unless `limit_presumption` says otherwise."""


@dataclass(frozen=True, slots=True)
class Care:
    """A care relation in force.

    `informed`: the patient was informed of this team (R1111-46); consent is presumed before `presumed_until`, later
    it has to be collected.
    """

    informed: bool
    until: datetime | None
    presumed_until: datetime


_OURS = (care_relation.c.profile_id == bindparam("patient")) & (
    care_relation.c.professional_id == bindparam("professional")
)
_DECLARE = (
    update(care_relation)
    .where(_OURS)
    .values(declared_at=bindparam("now"), until=bindparam("end"), presumed_until=bindparam("limit"))
)
_LIMIT = update(care_relation).where(_OURS).values(presumed_until=bindparam("limit"))
_INFORM = update(care_relation).where(_OURS).values(informed=bindparam("told"))
_END = (
    update(care_relation)
    .where(_OURS, or_(care_relation.c.until.is_(None), care_relation.c.until > bindparam("now")))
    .values(until=care_relation.c.declared_at)  # an empty time: a clock that goes backwards does not bring it back
)
_IN_FORCE = (
    select(
        care_relation.c.informed,
        care_relation.c.until,
        care_relation.c.presumed_until,
        care_relation.c.declared_at,
    )
    .where(
        care_relation.c.profile_id == bindparam("patient"),
        or_(
            care_relation.c.professional_id == bindparam("professional"),
            care_relation.c.professional_id.in_(
                select(member.c.mailbox_id).where(member.c.account_id == bindparam("professional"))
            ),
        ),
        care_relation.c.declared_at <= bindparam("now"),
        or_(care_relation.c.until.is_(None), care_relation.c.until > bindparam("now")),
    )
    .order_by(care_relation.c.informed.desc(), care_relation.c.presumed_until.desc())
    .limit(1)
)


def declare_care(
    tx: Transaction, profile_id: str, professional_id: str, *, until: datetime | None, now: datetime
) -> None:
    """Declare that a professional (or a service's mailbox) takes part in the patient's care, until an instant or None.

    Declaring again replaces the end and renews the consent that care presumes. The declaration states that the
    patient was informed; see `set_informed`.
    """
    row = {"profile_id": profile_id, "professional_id": professional_id, "declared_at": now, "until": until}
    limit = now + PRESUMED
    if not insert_ignoring(tx, care_relation, {**row, "informed": True, "presumed_until": limit}):
        keys = {"patient": profile_id, "professional": professional_id}
        tx.execute(_DECLARE, {**keys, "now": now, "end": until, "limit": limit})


def limit_presumption(tx: Transaction, profile_id: str, professional_id: str, *, until: datetime) -> None:
    """Set when the consent that this care relation presumes runs out."""
    tx.execute(_LIMIT, {"patient": profile_id, "professional": professional_id, "limit": until})


def set_informed(tx: Transaction, profile_id: str, professional_id: str, *, informed: bool) -> None:
    """Record whether the patient was informed of this care relation."""
    tx.execute(_INFORM, {"patient": profile_id, "professional": professional_id, "told": informed})


def end_care(tx: Transaction, profile_id: str, professional_id: str, *, now: datetime) -> bool:
    """End a care relation now; returns whether one was in force."""
    parameters = {"patient": profile_id, "professional": professional_id, "now": now}
    return tx.execute(_END, parameters).rowcount == 1


def care_of(tx: Transaction, profile_id: str, professional_id: str, *, now: datetime) -> Care | None:
    """Return the relation in force, of the professional or of a service that she is a member of; None without any."""
    parameters = {"patient": profile_id, "professional": professional_id, "now": now}
    row = tx.execute(_IN_FORCE, parameters).first()
    if row is None:
        return None
    return Care(row.informed, row.until, row.presumed_until or row.declared_at + PRESUMED)


def in_care(tx: Transaction, profile_id: str, professional_id: str, *, now: datetime) -> bool:
    """Tell whether the professional takes part in the patient's care now."""
    return care_of(tx, profile_id, professional_id, now=now) is not None
