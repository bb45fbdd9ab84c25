"""Carrying out what a permit obliges to, in the transaction of the act.

Notices go to the outbox with ids only; the worker that sends them writes no health data. Any other obligation is
either carried out here, or by the caller, who names it; one that nobody carries out raises, and the act does not take
effect (`domain/access.md` §10.5). A refusal obliges to nothing here: no notice is ever sent for one.
"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from access_core.acts import Act
from access_core.closing import keep_archive, plan_deletion
from access_core.config import LifeSettings
from access_core.consent import attending_doctor
from access_core.decision import Decision, Obligation
from access_core.facts import ONE_MONTH_DAYS
from access_core.profiles import Profile
from access_core.representation import representatives_of
from access_core.tables import first_access
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.outbox import enqueue

NOTICE_TASK = "notice"
TWO_WEEKS = timedelta(days=14)  # CSP R1111-53
ONE_MONTH = timedelta(days=ONE_MONTH_DAYS)


class Notice(StrEnum):
    """What a notice says; the sentences are the sender's, without health data."""

    MESSAGE = "message"
    ACTIVATION = "activation"
    DOCUMENT = "document"
    ACCOUNT = "account"
    FIRST_ACCESS = "first_access"
    EMERGENCY_ACCESS = "emergency_access"
    VISIT = "visit"
    ANNOUNCEMENT = "announcement"
    INVITATION = "invitation"
    GRANT = "grant"
    MAJORITY = "majority"
    DOCUMENT_OPENED = "document_opened"


class ObligationFailed(PermanentFailure):
    """An obligation that nobody carries out: the act must not take effect. Names the code."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Deed:
    """What was permitted: an act on a patient's space, and the resource (by its id) that it concerns.

    `professional_id`: who acts, or whom the act is about; `rules`: the delays in force.
    """

    act: Act
    profile: Profile
    resource_kind: str
    resource_id: str
    now: datetime
    professional_id: str | None = None
    rules: LifeSettings = field(default_factory=LifeSettings)


_ABOUT = {
    Act.DELIVER_TO_PATIENT: Notice.MESSAGE,
    Act.FILE_DOCUMENT: Notice.DOCUMENT,
    Act.DELETE_DOCUMENT: Notice.DOCUMENT,
}


def carry_out(tx: Transaction, decision: Decision, deed: Deed, *, done: Collection[Obligation] = ()) -> None:
    """Carry out the obligations of a permit.

    DONE names those that the caller carries out itself in the same transaction or shows to its user (DEDUP,
    MENTION_REDACTEUR, APPLIQUER_MASQUE_DEFAUT, the alerts…); the trace is always the caller's.

    Raises:
        ObligationFailed: nobody carries out one of them; let it roll the transaction back.
    """
    if not decision.allowed:
        return
    for obligation in decision.obligations:
        if obligation in done:
            continue
        perform = _PERFORMERS.get(obligation)
        if perform is None:
            raise ObligationFailed(f"obligation: {obligation} is not carried out")
        perform(tx, deed)


def notify(tx: Transaction, deed: Deed, notice: Notice, *, due_at: datetime | None = None) -> None:
    """Queue one notice for each person to tell, once: the holder, or those who represent her when she has no e-mail."""
    profile = deed.profile
    told = [profile] if profile.email else representatives_of(tx, profile.id, now=deed.now)
    for person in told:
        if person.email:
            tell(tx, deed, notice, person.id, due_at=due_at)


def tell(tx: Transaction, deed: Deed, notice: Notice, recipient_id: str, *, due_at: datetime | None = None) -> None:
    """Queue one notice for one person (profile) or professional (account), once."""
    payload: Mapping[str, str] = {
        "notice": notice,
        "profile_id": deed.profile.id,
        "recipient_id": recipient_id,
        "resource_kind": deed.resource_kind,
        "resource_id": deed.resource_id,
    }
    key = f"{notice}:{recipient_id}:{deed.resource_id}"
    enqueue(tx, NOTICE_TASK, key, payload, due_at=due_at or deed.now)


def _notify_holder(tx: Transaction, deed: Deed) -> None:
    notify(tx, deed, _ABOUT.get(deed.act, Notice.ACCOUNT))


def _invite(tx: Transaction, deed: Deed) -> None:
    notify(tx, deed, Notice.ACTIVATION)


def _notify_first_access(tx: Transaction, deed: Deed) -> None:
    """Remember that this professional has had her first access, and tell the holder once."""
    if deed.professional_id is None:
        raise ObligationFailed("obligation: a first access needs its professional")
    row = {"profile_id": deed.profile.id, "professional_id": deed.professional_id, "at": deed.now}
    if insert_ignoring(tx, first_access, row):
        notify(tx, deed, Notice.FIRST_ACCESS)


def _notify_emergency(tx: Transaction, deed: Deed) -> None:
    notify(tx, deed, Notice.EMERGENCY_ACCESS)


def _notify_attending_doctor(tx: Transaction, deed: Deed) -> None:
    """Tell the médecin traitant of an emergency access, when the patient has one here (R1111-48)."""
    doctor = attending_doctor(tx, deed.profile.id)
    if doctor is not None:
        tell(tx, deed, Notice.EMERGENCY_ACCESS, doctor)


def _notify_professional(tx: Transaction, deed: Deed) -> None:
    """Tell the professional of what the patient grants him: he has to accept it."""
    if deed.professional_id is None:
        raise ObligationFailed("obligation: there is no professional to tell")
    tell(tx, deed, Notice.GRANT, deed.professional_id)


def _archive(tx: Transaction, deed: Deed) -> None:
    keep_archive(tx, deed.profile.id, deed.rules, now=deed.now)


def _delete_later(tx: Transaction, deed: Deed) -> None:
    plan_deletion(tx, deed.profile.id, deed.rules, now=deed.now)


def _plan_visit(tx: Transaction, deed: Deed) -> None:
    """Tell her in two weeks of an update; the worker drops the notice if she sees the document by then."""
    notify(tx, deed, Notice.VISIT, due_at=deed.now + TWO_WEEKS)


def _plan_opening(tx: Transaction, deed: Deed) -> None:
    """Tell her when the document opens; it opens by itself, since its age in days is a fact of each reading."""
    notify(tx, deed, Notice.DOCUMENT_OPENED, due_at=deed.now + ONE_MONTH)


def _nothing(tx: Transaction, deed: Deed) -> None:
    """Carry out an obligation not to act: no other notice replaces the one that is left out."""


_PERFORMERS: Mapping[Obligation, Callable[[Transaction, Deed], None]] = {
    Obligation.NOTIF_TITULAIRE: _notify_holder,
    Obligation.INVITE_ACTIVATION: _invite,
    Obligation.NOTIF_PREMIER_ACCES: _notify_first_access,
    Obligation.NOTIF_URGENCE_TITULAIRE: _notify_emergency,
    Obligation.NOTIF_URGENCE_MT: _notify_attending_doctor,
    Obligation.NOTIF_PRO: _notify_professional,
    Obligation.CONSERVER_10_ANS: _archive,
    Obligation.SUPPRIMER_SOUS_3_MOIS: _delete_later,
    Obligation.PROGRAMMER_J14: _plan_visit,
    Obligation.PROGRAMMER_M1: _plan_opening,
    Obligation.NE_PAS_NOTIFIER_RL: _nothing,
}
