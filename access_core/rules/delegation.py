"""Sharing a profile: with a second legal representative, with carers."""

from collections.abc import Mapping
from typing import Final

from access_core.decision import Obligation
from access_core.facts import Acceptance, Context, Delegation, Resource, Subject, SubjectKind
from access_core.reasons import Reason
from access_core.rules import Outcome

REPRESENTATIVES_PER_PROFILE: Final = 2
CARERS_PER_PROFILE: Final = 3
PROFILES_PER_CARER: Final = 5

_UNANSWERED: Final[Mapping[Acceptance | None, Reason]] = {
    None: Reason.C_ACCEPTATION_EN_ATTENTE,
    Acceptance.EN_ATTENTE: Reason.C_ACCEPTATION_EN_ATTENTE,
    Acceptance.REFUSEE: Reason.C_ACCEPTATION_REFUSEE,
}


def delegate_access(subject: Subject, _resource: Resource, context: Context) -> Outcome:
    """Share with a person who accepts, within the limits, on the declaration of who asks.

    Source: CSP R1111-33
    """
    refusal = _check_asker(subject, context) or _check_conditions(context)
    refusal = refusal or _UNANSWERED.get(context.acceptation)
    if refusal is not None:
        return refusal
    return (Obligation.NOTIF_TITULAIRE, *_certificate(context))


def revoke_delegation(subject: Subject, _resource: Resource, context: Context) -> Outcome:
    """End a sharing: the holder and her representatives any, a carer only one of carers.

    Source: CSP R1111-33
    """
    if context.delegation is Delegation.AIDANT:
        entitled = subject.sujet in (SubjectKind.TITULAIRE, SubjectKind.RL, SubjectKind.AIDANT)
    else:
        entitled = subject.sujet in (SubjectKind.TITULAIRE, SubjectKind.RL)
    if not entitled:
        return Reason.H_TITULAIRE_REQUIS
    return Reason.H_DECLARATION_REQUISE if _is_unnamed(context) else _certificate(context)


def _check_asker(subject: Subject, context: Context) -> Reason | None:
    if subject.sujet not in (SubjectKind.TITULAIRE, SubjectKind.RL):
        return Reason.H_TITULAIRE_REQUIS
    if _is_unnamed(context):
        return Reason.H_DECLARATION_REQUISE
    # A holder has no second representative to name: only a representative can ask for another one.
    alone = context.delegation is Delegation.SECOND_RL and subject.sujet is not SubjectKind.RL
    return Reason.H_REPRESENTANT_NON_RECONNU if alone else None


def _check_conditions(context: Context) -> Reason | None:
    if not _has_room(context):
        return Reason.H_LIMITE_DELEGATIONS
    if not context.declaration:
        return Reason.H_DECLARATION_REQUISE
    return None if context.cible_active else Reason.D_CIBLE_NON_ACTIVE


def _has_room(context: Context) -> bool:
    """Whether there is a place left: two representatives, three carers, five profiles for one carer."""
    if context.delegation is Delegation.SECOND_RL:
        return _under(context.nb_representants, REPRESENTATIVES_PER_PROFILE)
    return _under(context.nb_aidants, CARERS_PER_PROFILE) and _under(context.nb_aides, PROFILES_PER_CARER)


def _under(count: int | None, limit: int) -> bool:
    return count is not None and count < limit


def _is_unnamed(context: Context) -> bool:
    return context.delegation is None or context.delegation is Delegation.AUCUNE


def _certificate(context: Context) -> tuple[Obligation, ...]:
    """Keep a dated certificate at both ends of a carer's access."""
    return (Obligation.ATTESTATION_PDF,) if context.delegation is Delegation.AIDANT else ()
