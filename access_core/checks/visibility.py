"""V, visibility: whether this one document shows to this subject. It comes last."""

from collections.abc import Mapping
from typing import Final

from access_core.checks.habilitation import is_administrator
from access_core.facts import (
    Confidentiality,
    Context,
    DocumentState,
    EmergencySwitch,
    Mode,
    Resource,
    Subject,
    SubjectKind,
    hidden_from_patient,
)
from access_core.reasons import Reason

_GONE: Final[Mapping[DocumentState | None, Reason]] = {
    None: Reason.V_DOC_INTROUVABLE,
    DocumentState.ABSENT: Reason.V_DOC_INTROUVABLE,
    DocumentState.SUPPRIME: Reason.V_DOC_SUPPRIME,
}
_EMERGENCY: Final = frozenset({Mode.BRIS_DE_GLACE, Mode.CENTRE_15})


def check_state(resource: Resource) -> Reason | None:
    """Check that the document is there. One that was archived or replaced still is."""
    return _GONE.get(resource.etat_doc)


def check_for_professional(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check that the document is not masked to this professional.

    Source: CSP R1111-49, L1111-16; DMP EX_3.1-1030
    """
    gone = check_state(resource)
    if gone is not None or not resource.has(Confidentiality.MASQUE_PS):
        return gone
    opened = context.mode in _EMERGENCY and resource.urgence_masques is EmergencySwitch.PERMIT
    return None if subject.auteur or is_administrator(subject) or opened else Reason.V_DOC_MASQUE_PRO


def check_for_patient_side(subject: Subject, resource: Resource) -> Reason | None:
    """Check that the document is neither waiting for its announcement nor hidden from the representatives.

    Source: CSP R1111-50, R1111-53
    """
    gone = check_state(resource)
    if gone is not None:
        return gone
    if hidden_from_patient(resource):
        return Reason.V_DOC_INVISIBLE_PATIENT
    hidden = subject.sujet is SubjectKind.RL and resource.has(Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX)
    return Reason.V_DOC_INVISIBLE_RL if hidden else None
