"""The profile as a whole: close it, open it again, read who accessed it, take its data away."""

from access_core.checks.habilitation import is_administrator
from access_core.decision import Obligation
from access_core.facts import (
    PATIENT_SIDE,
    Context,
    ProfileState,
    Resource,
    Scope,
    Subject,
    SubjectKind,
)
from access_core.reasons import Reason
from access_core.rules import Outcome

_HOLDER_OR_REPRESENTATIVE = frozenset({SubjectKind.TITULAIRE, SubjectKind.RL})


def close_profile(subject: Subject, _resource: Resource, context: Context) -> Outcome:
    """Let the holder or her representative close the profile, keeping the archive or asking its deletion.

    Source: CSP R1111-36, L1111-18
    """
    if subject.sujet not in _HOLDER_OR_REPRESENTATIVE:
        return Reason.H_TITULAIRE_REQUIS
    return (Obligation.SUPPRIMER_SOUS_3_MOIS if context.suppression else Obligation.CONSERVER_10_ANS,)


def reopen_profile(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Let the holder or her representative open the profile again, with its archive unless it was deleted.

    Source: CSP R1111-36
    """
    if subject.sujet not in _HOLDER_OR_REPRESENTATIVE:
        return Reason.H_TITULAIRE_REQUIS
    if resource.profil is not ProfileState.CLOS:
        return ()
    return (Obligation.PROFIL_VIDE if context.suppression else Obligation.RESTAURER_ARCHIVES,)


def read_access_history(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Let the patient's side and administrators read every trace, other professionals their own.

    Source: CSP L1111-19, R1111-43
    """
    if subject.sujet in PATIENT_SIDE:
        return _without_secrets(subject)
    if subject.sujet is SubjectKind.PRO and context.portee is Scope.PROPRES:
        return ()
    if not is_administrator(subject):
        return Reason.H_ADMIN_REQUIS
    return Reason.C_PRO_BLOQUE if resource.pro_bloque else ()


def export_data(subject: Subject, _resource: Resource, _context: Context) -> Outcome:
    """Let the holder or her representative download the data, and nobody else.

    Source: CSP L1111-19
    """
    entitled = subject.sujet in _HOLDER_OR_REPRESENTATIVE
    return _without_secrets(subject) if entitled else Reason.H_TITULAIRE_REQUIS


def _without_secrets(subject: Subject) -> tuple[Obligation, ...]:
    """Leave out, for a representative, what the minor keeps from her parents."""
    return (Obligation.FILTRER_SECRET,) if subject.sujet is SubjectKind.RL else ()
