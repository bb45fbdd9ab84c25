"""What a patient decided about one professional: consent, level, block, standing. One row for each pair.

Consent to consult is presumed within a care relation, explicit otherwise; both run out (R1111-46). What was withdrawn
or blocked does not come back by itself: it reads as expired until the professional collects consent again. Nothing
here decides; `case_facts` turns a row into facts and `rights` changes it after a permit.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, bindparam, select, update

from access_core.care import Care
from access_core.facts import Consent, Standing
from access_core.tables import authorisation
from vaguemestre.kernel.database import Transaction, insert_ignoring


class ConsentState(StrEnum):
    """What was recorded of her consent, before any question of time."""

    EXPLICITE = "explicite"
    EN_ATTENTE = "en_attente"
    REFUSE = "refuse"
    RETIRE = "retire"


class AccessLevel(StrEnum):
    """What she grants; filing rests on care, so that the level is recorded and shown (`domain/access.md` §9.7)."""

    CONSULTER = "consulter"
    DEPOSER = "deposer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Authorisation:
    """One patient, one professional; `consent` None: she has said nothing."""

    professional_id: str
    consent: ConsentState | None = None
    level: AccessLevel = AccessLevel.CONSULTER
    consent_at: datetime | None = None
    consent_until: datetime | None = None
    blocked_at: datetime | None = None
    standing: Standing = Standing.AUCUN

    @property
    def blocked(self) -> bool:
        """Whether she blocked the professional, whatever the clock says."""
        return self.blocked_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """A consent to record: what she said, for what, from when, until when (None: no end)."""

    consent: ConsentState
    at: datetime
    until: datetime | None = None
    level: AccessLevel = AccessLevel.CONSULTER


_THIS = (authorisation.c.profile_id == bindparam("patient")) & (
    authorisation.c.professional_id == bindparam("professional")
)
_ONE = select(authorisation).where(_THIS)
_OF_PATIENT = (
    select(authorisation)
    .where(authorisation.c.profile_id == bindparam("patient"))
    .order_by(authorisation.c.professional_id)
)
_SET_CONSENT = (
    update(authorisation)
    .where(_THIS)
    .values(
        consent=bindparam("state"),
        level=bindparam("granted"),
        consent_at=bindparam("at"),
        consent_until=bindparam("end"),
    )
)
_SET_BLOCK = update(authorisation).where(_THIS).values(blocked_at=bindparam("at"))
_SET_STANDING = update(authorisation).where(_THIS).values(standing=bindparam("what"))
_LEAVE_STANDING = (
    update(authorisation)
    .where(authorisation.c.profile_id == bindparam("patient"), authorisation.c.standing == bindparam("what"))
    .values(standing=Standing.AUCUN)
)


def authorisation_of(tx: Transaction, profile_id: str, professional_id: str) -> Authorisation:
    """Return what the patient decided about the professional; nothing decided is an authorisation without consent."""
    row = tx.execute(_ONE, _keys(profile_id, professional_id)).one_or_none()
    return Authorisation(professional_id=professional_id) if row is None else _built(row)


def authorisations_of(tx: Transaction, profile_id: str) -> list[Authorisation]:
    """List every professional about whom the patient decided something."""
    return [_built(row) for row in tx.execute(_OF_PATIENT, {"patient": profile_id})]


def consent_in_force(found: Authorisation, care: Care | None, now: datetime) -> Consent | None:
    """Return the fact `consentement` at an instant.

    Returns:
        None when it was recorded after NOW: the clock went backwards, and what is not known is refused.
    """
    if found.consent is None:
        if care is None:
            return Consent.AUCUN
        return Consent.PRESUME if now < care.presumed_until else Consent.EXPIRE
    if found.consent is ConsentState.REFUSE:
        return Consent.REFUSE
    if found.consent is ConsentState.RETIRE:
        return Consent.EXPIRE
    if found.consent_at is None or found.consent_at > now:
        return None
    if found.consent_until is not None and found.consent_until <= now:
        return Consent.EXPIRE
    return Consent.EXPLICITE if found.consent is ConsentState.EXPLICITE else Consent.EN_ATTENTE


def record_consent(tx: Transaction, profile_id: str, professional_id: str, given: Given) -> None:
    """Replace what she said of consultation by this professional."""
    keys = _row(tx, profile_id, professional_id)
    values = {"state": given.consent, "granted": given.level, "at": given.at, "end": given.until}
    tx.execute(_SET_CONSENT, {**keys, **values})


def block(tx: Transaction, profile_id: str, professional_id: str, *, now: datetime) -> None:
    """Block a professional; the consent that he had is gone, a refusal stays one."""
    found = authorisation_of(tx, profile_id, professional_id)
    if found.consent is not ConsentState.REFUSE:
        given = Given(consent=ConsentState.RETIRE, at=now, level=found.level)
        record_consent(tx, profile_id, professional_id, given)
    tx.execute(_SET_BLOCK, {**_row(tx, profile_id, professional_id), "at": now})


def unblock(tx: Transaction, profile_id: str, professional_id: str) -> None:
    """Lift a block; it gives no access back, consent has to be collected again."""
    tx.execute(_SET_BLOCK, {**_row(tx, profile_id, professional_id), "at": None})


def set_standing(tx: Transaction, profile_id: str, professional_id: str, standing: Standing) -> None:
    """Record what the professional is to this patient; there is one médecin traitant at a time."""
    if standing is Standing.MEDECIN_TRAITANT:
        tx.execute(_LEAVE_STANDING, {"patient": profile_id, "what": standing})
    tx.execute(_SET_STANDING, {**_row(tx, profile_id, professional_id), "what": standing})


def attending_doctor(tx: Transaction, profile_id: str) -> str | None:
    """Return the account of the patient's médecin traitant."""
    found = authorisations_of(tx, profile_id)
    return next((each.professional_id for each in found if each.standing is Standing.MEDECIN_TRAITANT), None)


def _row(tx: Transaction, profile_id: str, professional_id: str) -> Mapping[str, str]:
    """Make sure that the pair has its row; returns the parameters that name it."""
    row = {
        "profile_id": profile_id,
        "professional_id": professional_id,
        "consent": None,
        "level": AccessLevel.CONSULTER,
        "consent_at": None,
        "consent_until": None,
        "blocked_at": None,
        "standing": Standing.AUCUN,
    }
    insert_ignoring(tx, authorisation, row)
    return _keys(profile_id, professional_id)


def _keys(profile_id: str, professional_id: str) -> Mapping[str, str]:
    return {"patient": profile_id, "professional": professional_id}


def _built(row: Row[Any]) -> Authorisation:
    return Authorisation(
        professional_id=row.professional_id,
        consent=None if row.consent is None else ConsentState(row.consent),
        level=AccessLevel(row.level),
        consent_at=row.consent_at,
        consent_until=row.consent_until,
        blocked_at=row.blocked_at,
        standing=Standing(row.standing),
    )
