"""The one decision of the product: may this subject do this act to this resource, in this context?

Pure: no clock, no store, no network. The order of the checks is F A I D, then the actor, then the rule of the
act (C H V); it fixes which reason comes first, never whether the act is permitted. Whatever is not known, an
act or a fact, is refused.
"""

from access_core.acts import ACT_SOURCES, Act
from access_core.checks.authentication import check_authentication
from access_core.checks.availability import check_availability
from access_core.checks.habilitation import check_actor
from access_core.checks.identity import check_identity
from access_core.checks.purpose import check_purpose
from access_core.decision import Decision, Obligation, Verdict
from access_core.facts import PROFESSIONAL_SIDE, Context, ProfileState, Resource, Subject, all_known
from access_core.reasons import REGISTER, Reason
from access_core.rules import Outcome
from access_core.rules.table import RULES

_TELL_PATIENT = frozenset({Reason.D_PROFIL_INEXISTANT, Reason.D_PROFIL_OPPOSE, Reason.I_INS_DISCORDANTE})
_TELLING = (Obligation.INFORMER_PATIENT, Obligation.ORIENTER_3422)


def decide(subject: Subject, act: Act | None, resource: Resource, context: Context) -> Decision:
    """Decide one act. The caller loads the facts, traces the decision, then carries it out.

    Args:
        subject: who asks.
        act: what is asked; None for something that is not in the closed list.
        resource: the patient's profile, document and conversation.
        context: access mode, settings, matrix in force.

    Returns:
        PERMIT with `Reason.OK` and the obligations; DENY or DEFER with the first reason that failed.

    Source: VGM:ACCESS-DECIDE (`domain/access.md` §10)
    """
    reason = check_purpose(subject) or check_authentication(subject, act, context)
    if reason is not None:
        return _refuse(subject, resource, context, reason)
    if act is None:
        return _refuse(subject, resource, context, Reason.H_MODE_NON_JUSTIFIE)
    outcome = _apply(subject, act, resource, context)
    if isinstance(outcome, Reason):
        return _refuse(subject, resource, context, outcome)
    if not all_known(subject, resource, context):
        return _refuse(subject, resource, context, Reason.D_SERVICE_INDISPONIBLE)
    return Decision(Verdict.PERMIT, Reason.OK, outcome, ACT_SOURCES[act])


def _apply(subject: Subject, act: Act, resource: Resource, context: Context) -> Outcome:
    return (
        check_identity(subject, act, resource, context)
        or check_availability(subject, act, resource)
        or check_actor(subject, resource, context)
        or RULES[act](subject, resource, context)
    )


def _refuse(subject: Subject, resource: Resource, context: Context, reason: Reason) -> Decision:
    """Say no, or not now when the service or the person named has yet to answer."""
    told = reason in _TELL_PATIENT and subject.sujet in PROFESSIONAL_SIDE
    obligations = _TELLING if told else ()
    verdict = Verdict.DEFER if _waits(resource, context, reason) else Verdict.DENY
    return Decision(verdict, reason, obligations, REGISTER[reason].sources)


def _waits(resource: Resource, context: Context, reason: Reason) -> bool:
    if reason is Reason.D_SERVICE_INDISPONIBLE:
        return resource.profil is ProfileState.INDISPONIBLE
    return reason is Reason.C_ACCEPTATION_EN_ATTENTE and context.acceptation is not None
