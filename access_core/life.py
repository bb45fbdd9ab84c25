"""The life of a space, act by act: announced, opposed, suspended, closed, opened again, its holder protected or dead.

Closing and opening again are acts of the closed list, decided and traced by `performing`. The others are events that
the operator records on somebody's word; each leaves its line in the trace, its proof and its delays.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from access_core import closing, profiles, representation
from access_core.acts import Act
from access_core.attestations import Attestation, AttestationKind, issue
from access_core.case_acts import Asking, act_facts
from access_core.closing import Opener, holding_of, keep_archive
from access_core.config import LifeSettings
from access_core.decision import Obligation
from access_core.facts import Context
from access_core.obligations import Deed, Notice, notify
from access_core.performing import Doing, Outcome, perform
from access_core.planning import plan_opening
from access_core.profiles import NewProfile, Profile, ProfileConflict, add_profile
from access_core.protection import end_protection, is_protected, start_protection
from access_core.trace.decisions import About
from access_core.trace.events import note_event
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class Recording:
    """Who records an event, when, under which delays."""

    by: str
    now: datetime
    rules: LifeSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Closing:
    """What the one who closes says: her password was given again; she wants the data deleted."""

    confirmed: bool
    delete: bool


def announce(tx: Transaction, new: NewProfile) -> Profile:
    """Announce a space; it opens by itself at `opens_at` unless opposed (R1111-28).

    The person is told by e-mail, else by post: the trace then says that a letter has to be sent.

    Raises:
        AlreadyExists: this INS has a profile.
    """
    added = add_profile(tx, new)
    assert new.opens_at is not None
    plan_opening(tx, added.id, new.opens_at)
    deed = Deed(
        act=Act.REOPEN_PROFILE,
        profile=added,
        resource_kind="profile",
        resource_id=added.id,
        now=new.created_at,
    )
    notify(tx, deed, Notice.ANNOUNCEMENT)
    if added.email is None:
        note_event(tx, "announcement_by_post", added, now=new.created_at)
    return added


def oppose(tx: Transaction, profile: Profile, recording: Recording) -> Attestation:
    """Record the opposition of the insured person, with the proof that she receives.

    Raises:
        ProfileConflict: the space is neither announced nor open.
    """
    opposed = profiles.oppose(tx, profile.id, now=recording.now)
    note_event(tx, "profile_opposed", opposed, now=recording.now, by=recording.by)
    statement = (
        f"{opposed.name} s'est opposé(e) à la création de son espace de santé"
        f" le {recording.now:%d/%m/%Y}. L'espace n'est pas ouvert."
    )
    return issue(tx, opposed.id, AttestationKind.OPPOSITION, statement, now=recording.now)


def suspend(tx: Transaction, profile: Profile, recording: Recording) -> Profile:
    """Suspend a space on fraud or malfunction; without objection it closes in six weeks (R1111-36).

    Raises:
        ProfileConflict: it is not open.
    """
    suspended = profiles.suspend(tx, profile.id, now=recording.now)
    closing.plan_closing(tx, profile.id, recording.now + timedelta(days=recording.rules.suspension_days))
    note_event(tx, "profile_suspended", suspended, now=recording.now, by=recording.by)
    return suspended


def record_death(tx: Transaction, profile: Profile, recording: Recording) -> Profile:
    """Record the death of the holder: nobody signs in, the archive is kept ten years; an earlier erasure stands.

    Raises:
        ProfileConflict: it is recorded already.
    """
    dead = profiles.declare_death(tx, profile.id, now=recording.now)
    held = holding_of(tx, profile.id)
    if held.erase_at is None and held.erased_at is None:
        keep_archive(tx, profile.id, recording.rules, now=recording.now)
    note_event(tx, "death_recorded", dead, now=recording.now, by=recording.by)
    return dead


def protect(tx: Transaction, profile: Profile, protector: Profile, recording: Recording) -> None:
    """Record that a judge put an adult under protection, and who protects her; a second protector may follow.

    Who represented her as a minor does so no more.

    Raises:
        ProfileConflict: not an adult, her own protector, one who is not active, or a third one.
    """
    now = recording.now
    if start_protection(tx, profile.id, now=now):
        for each in representation.representatives_of(tx, profile.id, now=now):
            representation.end_representation(tx, profile.id, each.id, now=now)
    representation.represent_adult(tx, profile.id, protector.id, now=now)
    note_event(tx, "protection_declared", profile, now=now, by=recording.by)


def unprotect(tx: Transaction, profile: Profile, protector: Profile, recording: Recording) -> None:
    """Record that somebody protects an adult no more; without a protector left, the protection ends.

    Raises:
        ProfileConflict: this person does not protect her.
    """
    now = recording.now
    protected = is_protected(tx, profile.id, now=now)
    if not protected or not representation.end_representation(tx, profile.id, protector.id, now=now):
        raise ProfileConflict("profile: this person does not protect her")
    if not representation.representatives_of(tx, profile.id, now=now):
        end_protection(tx, profile.id, now=now)
    note_event(tx, "protection_ended", profile, now=now, by=recording.by)


def close_unopened(tx: Transaction, profile: Profile, recording: Recording, *, delete: bool = False) -> Profile:
    """Close, on a written request, a space that its holder never activated, hence cannot act in.

    DELETE: what it holds is erased within three months, else archived ten years.

    Raises:
        ProfileConflict: it is not open.
    """
    closed = profiles.close(tx, profile.id, now=recording.now)
    keep = closing.plan_deletion if delete else keep_archive
    keep(tx, profile.id, recording.rules, now=recording.now)
    note_event(tx, "profile_closed", closed, now=recording.now, by=recording.by)
    return closed


def close(tx: Transaction, asking: Asking, closing_: Closing) -> Outcome[Profile]:
    """Close a space as its holder or her representative, archived ten years or deleted within three months."""
    context = Context(mot_de_passe=closing_.confirmed, suppression=closing_.delete)
    doing = Doing(
        about=_about(asking),
        effect=lambda tx: profiles.close(tx, asking.profile.id, now=asking.now),
    )
    return perform(tx, asking, act_facts(tx, asking, Act.CLOSE_PROFILE, context), doing)


def reopen(tx: Transaction, asking: Asking, opener: Opener) -> Outcome[Profile]:
    """Open a space again: with its archive, or empty and to be activated once more when it was erased."""
    erased = holding_of(tx, asking.profile.id).erased_at is not None
    doing = Doing(
        about=_about(asking),
        effect=lambda tx: profiles.reopen(tx, asking.profile.id, now=asking.now),
        duties={
            Obligation.RESTAURER_ARCHIVES: lambda tx: closing.restore(tx, asking.profile.id),
            Obligation.PROFIL_VIDE: lambda tx: closing.start_empty(tx, asking.profile, opener, now=asking.now),
        },
    )
    return perform(tx, asking, act_facts(tx, asking, Act.REOPEN_PROFILE, Context(suppression=erased)), doing)


def _about(asking: Asking) -> About:
    return About(resource_kind="profile", resource_id=asking.profile.id)
