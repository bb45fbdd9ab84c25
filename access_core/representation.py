"""Who represents whom: the parents of a minor, who protects an adult.

A representation counts from its declaration to its end; majority ends that of a minor by itself, without a task. Two
representatives at most is the limit of the act `delegate_access`; a declaration by the operator keeps to it too.
"""

from datetime import datetime

from sqlalchemy import and_, bindparam, or_, update

from access_core.majority import MAJORITY
from access_core.planning import plan_majority
from access_core.profiles import (
    PROFILES,
    Profile,
    ProfileConflict,
    ProfileStatus,
    known_profile,
    read_profile,
)
from access_core.protection import is_protected
from access_core.rules.delegation import REPRESENTATIVES_PER_PROFILE
from access_core.tables import profile, representation
from vaguemestre.kernel.database import Transaction, insert_ignoring

_IN_FORCE = and_(
    representation.c.ended_at.is_(None),
    representation.c.declared_at <= bindparam("now"),
    or_(representation.c.until.is_(None), representation.c.until > bindparam("now")),
)
_REPRESENTED = (
    PROFILES.join(
        representation,
        and_(representation.c.child_id == profile.c.id, representation.c.representative_id == bindparam("by")),
    )
    .where(_IN_FORCE)
    .order_by(profile.c.birth_date, profile.c.id)
)
_REPRESENTATIVES = (
    PROFILES.join(
        representation,
        and_(representation.c.representative_id == profile.c.id, representation.c.child_id == bindparam("child")),
    )
    .where(_IN_FORCE)
    .order_by(profile.c.id)
)
_THIS_REPRESENTATION = (representation.c.child_id == bindparam("child")) & (
    representation.c.representative_id == bindparam("representative")
)
_REPRESENT_AGAIN = (
    update(representation)
    .where(_THIS_REPRESENTATION, representation.c.ended_at.is_not(None) | (representation.c.until <= bindparam("now")))
    .values(until=bindparam("end"), declared_at=bindparam("now"), ended_at=None)
)
_END_REPRESENTATION = update(representation).where(_THIS_REPRESENTATION, _IN_FORCE).values(ended_at=bindparam("now"))


def represent(
    tx: Transaction, child_id: str, representative_id: str, *, now: datetime, until: datetime | None = None
) -> None:
    """Declare a legal representative of a minor; declaring one who had ceased to be replaces the end.

    Raises:
        ProfileConflict: not a minor, her own representative, one who is not active, or a third one.
    """
    child = known_profile(tx, child_id)
    if child_id == representative_id or child.age(now) >= MAJORITY.years():
        raise ProfileConflict("profile: only a minor is represented, by another person")
    _add_representative(tx, child_id, representative_id, now=now, until=until)
    plan_majority(tx, child_id, child.majority())


def represent_adult(tx: Transaction, adult_id: str, protector_id: str, *, now: datetime) -> None:
    """Declare who protects an adult, as her legal representative, until the protection ends.

    Raises:
        ProfileConflict: not an adult, her own protector, one who is not active, or a third one.
    """
    if adult_id == protector_id or known_profile(tx, adult_id).age(now) < MAJORITY.years():
        raise ProfileConflict("profile: only an adult is protected, by another person")
    _add_representative(tx, adult_id, protector_id, now=now, until=None)


def _add_representative(
    tx: Transaction, child_id: str, representative_id: str, *, now: datetime, until: datetime | None
) -> None:
    representative = known_profile(tx, representative_id)
    if representative.status is not ProfileStatus.ACTIF or representative.age(now) < MAJORITY.years():
        raise ProfileConflict("profile: a representative is an adult whose profile is active")
    others = {each.id for each in representatives_of(tx, child_id, now=now)} - {representative_id}
    if len(others) >= REPRESENTATIVES_PER_PROFILE:
        raise ProfileConflict("profile: two representatives at most")
    row = {"child_id": child_id, "representative_id": representative_id, "declared_at": now, "until": until}
    if not insert_ignoring(tx, representation, {**row, "ended_at": None}):
        keys = {"child": child_id, "representative": representative_id}
        tx.execute(_REPRESENT_AGAIN, {**keys, "end": until, "now": now})


def end_representation(tx: Transaction, child_id: str, representative_id: str, *, now: datetime) -> bool:
    """End a representation now; returns whether one was in force."""
    keys = {"child": child_id, "representative": representative_id}
    return tx.execute(_END_REPRESENTATION, {**keys, "now": now}).rowcount == 1


def represented_by(tx: Transaction, representative_id: str, *, now: datetime) -> list[Profile]:
    """List whom this person represents, eldest first: minors, until majority by itself, and protected adults."""
    found = [read_profile(row) for row in tx.execute(_REPRESENTED, {"by": representative_id, "now": now})]
    return [each for each in found if each.age(now) < MAJORITY.years() or is_protected(tx, each.id, now=now)]


def representatives_of(tx: Transaction, child_id: str, *, now: datetime) -> list[Profile]:
    """List the legal representatives declared for a profile and still in force."""
    return [read_profile(row) for row in tx.execute(_REPRESENTATIVES, {"child": child_id, "now": now})]
