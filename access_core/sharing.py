"""Sharing a profile, act by act: ask, answer, take back, and what becomes of it at majority.

Asking is decided as `delegate_access` whose answer is awaited: DEFER with C_ACCEPTATION_EN_ATTENTE keeps the
invitation. The answer decides the same act again, with the rights of the one who asked, and the places left, as they
are by then. The date of majority counts by itself in every decision; ending what hung on it only tidies up and tells.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from access_core import delegation
from access_core.acts import Act
from access_core.attestations import AttestationKind, issue
from access_core.case_acts import Asking, act_facts
from access_core.case_inputs import CaseFacts
from access_core.decision import Obligation
from access_core.delegation import Delegation, DelegationConflict, DelegationState, count_carers, count_helped
from access_core.facts import Acceptance, Context, SubjectKind
from access_core.facts import Delegation as DelegationKind
from access_core.obligations import Deed, Notice, tell
from access_core.performing import Doing, Outcome, perform
from access_core.planning import plan_delegation_end
from access_core.profiles import Profile, ProfileStatus, profile_by_id
from access_core.protection import is_protected
from access_core.reasons import Reason
from access_core.representation import end_representation, represent, representatives_of
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import record
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id


@dataclass(frozen=True, slots=True, kw_only=True)
class Invitation:
    """Whom to share with, as what, until when (None: without an end), and whether the asker ticked the declaration."""

    target: Profile
    kind: DelegationKind
    declared: bool
    until: datetime | None = None


def invite(tx: Transaction, asking: Asking, invitation: Invitation) -> Outcome[Delegation]:
    """Ask to share the profile.

    Returns:
        DEFER with the invitation while its answer is awaited; the reason that refuses otherwise, without one.

    Raises:
        DelegationConflict: this person is invited already, or is the holder herself.
    """
    new = _new(asking, invitation)
    case = _case(tx, asking, new, Acceptance.EN_ATTENTE, declared=invitation.declared)
    decision = case.decide()
    record(tx, decision_entry(case, decision, _about(new), at=asking.now))
    if decision.reason is not Reason.C_ACCEPTATION_EN_ATTENTE:
        return Outcome(decision)
    delegation.add_invitation(tx, new)
    plan_delegation_end(tx, new.id, new.expires_at)
    tell(tx, _deed(asking, new), Notice.INVITATION, new.delegate_id)
    return Outcome(decision, new)


def respond(tx: Transaction, asking: Asking, delegation_id: str, *, accept: bool) -> Outcome[Delegation]:
    """Answer an invitation: ASKING is the person invited, on the profile that is shared.

    Returns:
        PERMIT with the sharing; DENY with the invitation as it was declined; another refusal without one.

    Raises:
        DelegationConflict: no such invitation to this person, or it was answered or has lapsed.
        ProfileConflict: the representation cannot be declared any more.
    """
    waiting = _invitation_to(tx, asking, delegation_id)
    asker = profile_by_id(tx, waiting.asked_by)
    assert asker is not None
    # The one who asked decides, and is shown as such; the session is that of the one who answers.
    label = f"{asker.name} (réponse de {asking.actor_label})"
    on_behalf = replace(asking, actor=asker, behalf="")
    answer = Acceptance.ACCEPTEE if accept else Acceptance.REFUSEE
    case = replace(_case(tx, on_behalf, waiting, answer, declared=True), actor_label=label)
    if not accept:
        return _decline(tx, asking, waiting, case)
    doing = Doing(
        about=_about(waiting),
        effect=lambda tx: _accept(tx, asking, waiting),
        duties={Obligation.ATTESTATION_PDF: lambda tx: _attest(tx, waiting, AttestationKind.CARER_STARTS, asking.now)},
    )
    return perform(tx, on_behalf, case, doing)


def revoke(tx: Transaction, asking: Asking, delegation_id: str) -> Outcome[bool]:
    """End a sharing, or take its invitation back: holder and representatives any, a carer her own.

    Raises:
        DelegationConflict: no such sharing of this profile.
    """
    found = delegation.delegation_by_id(tx, delegation_id)
    if found is None or found.profile_id != asking.profile.id or not found.counts(asking.now):
        raise DelegationConflict("ce partage n'existe pas ou a pris fin")
    own = found.delegate_id == asking.actor_id
    case = act_facts(tx, asking, Act.REVOKE_DELEGATION, Context(delegation=found.kind))
    if case.subject.sujet is SubjectKind.AIDANT and not own:
        case = replace(case, context=replace(case.context, delegation_active=False))
    doing = Doing(
        about=_about(found),
        effect=lambda tx: _end(tx, found, asking.now),
        duties={Obligation.ATTESTATION_PDF: lambda tx: _attest_end(tx, found, asking.now)},
    )
    return perform(tx, asking, case, doing)


def revoke_representative(tx: Transaction, asking: Asking, representative_id: str) -> Outcome[bool]:
    """End the representation of somebody who was declared a legal representative of a minor.

    Raises:
        DelegationConflict: the holder is a protected adult, whose protector only a judge replaces.
    """
    if is_protected(tx, asking.profile.id, now=asking.now):
        raise DelegationConflict("la protection d'un majeur ne prend fin que par décision de justice")
    doing = Doing(
        about=About(resource_kind="representation", resource_id=representative_id),
        effect=lambda tx: end_representation(tx, asking.profile.id, representative_id, now=asking.now),
    )
    case = act_facts(tx, asking, Act.REVOKE_DELEGATION, Context(delegation=DelegationKind.SECOND_RL))
    return perform(tx, asking, case, doing)


def lapse(tx: Transaction, found: Delegation, *, now: datetime) -> None:
    """Close a sharing whose date has come: keep the proof of its end."""
    _end(tx, found, now)
    _attest_end(tx, found, now)


def end_for_majority(tx: Transaction, holder: Profile, *, now: datetime) -> list[str]:
    """End what hung on minority: representation, and the sharings that representatives asked for.

    Who protects her by a judge's decision since she came of age stays, with what he shared.

    Returns:
        The ids of the profiles that no longer act for her.
    """
    representatives = {each.id for each in representatives_of(tx, holder.id, now=now)}
    entitled = {holder.id}
    if is_protected(tx, holder.id, now=now):
        entitled |= representatives
    ended = representatives - entitled
    for each in ended:
        end_representation(tx, holder.id, each, now=now)
    for shared in delegation.delegations_of(tx, holder.id, now=now):
        if shared.profile_id == holder.id and shared.asked_by not in entitled:
            lapse(tx, shared, now=now)
            ended.add(shared.delegate_id)
    return sorted(ended)


def _new(asking: Asking, invitation: Invitation) -> Delegation:
    if asking.actor_id is None or invitation.target.id == asking.profile.id:
        raise DelegationConflict("un profil se partage avec une autre personne que son titulaire")
    return Delegation(
        id=new_id(),
        profile_id=asking.profile.id,
        delegate_id=invitation.target.id,
        kind=invitation.kind,
        state=DelegationState.EN_ATTENTE,
        asked_by=asking.actor_id,
        asked_at=asking.now,
        expires_at=asking.now + timedelta(days=asking.rules.invitation_days),
        until=invitation.until,
    )


def _case(tx: Transaction, asking: Asking, shared: Delegation, answer: Acceptance, *, declared: bool) -> CaseFacts:
    target = profile_by_id(tx, shared.delegate_id)
    context = Context(
        delegation=shared.kind,
        nb_representants=_count_representatives(tx, shared, asking.now),
        nb_aidants=count_carers(tx, shared.profile_id, now=asking.now, but=shared.id),
        nb_aides=count_helped(tx, shared.delegate_id, now=asking.now, but=shared.id),
        cible_active=target is not None and target.status is ProfileStatus.ACTIF,
        declaration=declared,
        acceptation=answer,
    )
    return act_facts(tx, asking, Act.DELEGATE_ACCESS, context)


def _count_representatives(tx: Transaction, shared: Delegation, now: datetime) -> int:
    """Count who represents the holder or is invited to, besides the person of this sharing."""
    known = {each.id for each in representatives_of(tx, shared.profile_id, now=now)}
    for each in delegation.delegations_of(tx, shared.profile_id, now=now):
        if each.profile_id == shared.profile_id and each.kind is DelegationKind.SECOND_RL:
            known.add(each.delegate_id)
    return len(known - {shared.delegate_id})


def _invitation_to(tx: Transaction, asking: Asking, delegation_id: str) -> Delegation:
    found = delegation.delegation_by_id(tx, delegation_id)
    here = found is not None and found.profile_id == asking.profile.id and found.delegate_id == asking.actor_id
    if found is None or not here or not found.waits(asking.now):
        raise DelegationConflict("aucune invitation en attente pour cette personne")
    return found


def _decline(tx: Transaction, asking: Asking, waiting: Delegation, case: CaseFacts) -> Outcome[Delegation]:
    decision = case.decide()
    record(tx, decision_entry(case, decision, _about(waiting), at=asking.now))
    delegation.answer(tx, waiting.id, DelegationState.REFUSEE, now=asking.now)
    return Outcome(decision, replace(waiting, state=DelegationState.REFUSEE, answered_at=asking.now))


def _accept(tx: Transaction, asking: Asking, waiting: Delegation) -> Delegation:
    now = asking.now
    delegation.answer(tx, waiting.id, DelegationState.ACCEPTEE, now=now)
    if waiting.kind is DelegationKind.SECOND_RL:
        represent(tx, waiting.profile_id, waiting.delegate_id, now=now, until=waiting.until)
    if waiting.until is not None:
        plan_delegation_end(tx, waiting.id, waiting.until)
    return replace(waiting, state=DelegationState.ACCEPTEE, answered_at=now)


def _end(tx: Transaction, found: Delegation, now: datetime) -> bool:
    if found.kind is DelegationKind.SECOND_RL:
        end_representation(tx, found.profile_id, found.delegate_id, now=now)
    return delegation.end(tx, found.id, now=now)


def _attest_end(tx: Transaction, found: Delegation, now: datetime) -> None:
    """Keep the proof of the end of a carer's access; an invitation gave none."""
    if found.kind is DelegationKind.AIDANT and found.state is DelegationState.ACCEPTEE:
        _attest(tx, found, AttestationKind.CARER_ENDS, now)


def _attest(tx: Transaction, shared: Delegation, kind: AttestationKind, now: datetime) -> None:
    helped, carer = profile_by_id(tx, shared.profile_id), profile_by_id(tx, shared.delegate_id)
    assert helped is not None
    assert carer is not None
    verb = "accède" if kind is AttestationKind.CARER_STARTS else "n'accède plus"
    statement = (
        f"{carer.name}, proche aidant, {verb} à l'espace de santé de {helped.name}"
        f" à compter du {now:%d/%m/%Y}. Référence du partage : {shared.id}."
    )
    issue(tx, helped.id, kind, statement, now=now)


def _about(shared: Delegation) -> About:
    return About(resource_kind="delegation", resource_id=shared.id)


def _deed(asking: Asking, shared: Delegation) -> Deed:
    return Deed(
        act=Act.DELEGATE_ACCESS,
        profile=asking.profile,
        resource_kind="delegation",
        resource_id=shared.id,
        now=asking.now,
        rules=asking.rules,
    )
