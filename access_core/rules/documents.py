"""What happens to a document once filed: mask, unmask, make visible, delete.

On the patient's side visibility comes first: a refusal must not reveal a document that is hidden from her.
"""

from access_core.checks.visibility import check_for_patient_side, check_for_professional, check_state
from access_core.decision import Obligation
from access_core.facts import (
    PATIENT_SIDE,
    PROFESSIONAL_SIDE,
    Confidentiality,
    Context,
    MaskedBy,
    Origin,
    Resource,
    Subject,
    SubjectKind,
    hidden_from_patient,
    opened_by_time,
)
from access_core.reasons import Reason
from access_core.rules import Outcome
from access_core.rules.reading import check_consultation, emergency_obligations


def mask_document(subject: Subject, resource: Resource, _context: Context) -> Outcome:
    """Let the patient's side mask any document that she may see, and an author his own.

    Source: CSP R1111-49; DMP EX_2.1-1050
    """
    if subject.sujet in PATIENT_SIDE:
        return check_for_patient_side(subject, resource) or ()
    if not _is_author(subject):
        return Reason.H_AUTEUR_REQUIS
    if resource.has(Confidentiality.INVISIBLE_PATIENT):
        return Reason.H_CONFIDENTIALITE_INCOHERENTE
    return check_state(resource) or ()


def unmask_document(subject: Subject, resource: Resource, _context: Context) -> Outcome:
    """Let the patient's side lift any mask, and an author the one that he set.

    Source: CSP R1111-49
    """
    if subject.sujet in PATIENT_SIDE:
        return check_for_patient_side(subject, resource) or ()
    if not _is_author(subject):
        return Reason.H_AUTEUR_REQUIS
    if resource.masque_par is not MaskedBy.AUTEUR:
        return Reason.H_TITULAIRE_REQUIS
    return check_state(resource) or ()


def make_visible(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Lift what hides a document: by its author, after the announcement visit, or by time.

    The patient can neither do it nor learn of it. What a minor kept from her parents needs her agreement.

    Source: CSP R1111-50, R1111-53
    """
    if subject.sujet in PATIENT_SIDE:
        return Reason.V_DOC_INVISIBLE_PATIENT
    if resource.has(Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX) and not resource.accord_mineur:
        return Reason.C_SECRET_MINEUR
    if subject.sujet is SubjectKind.SYSTEME:
        refusal = None if opened_by_time(resource) else Reason.H_DELAI_NON_ATTEINT
    elif _is_author(subject):
        refusal = None
    else:
        refusal = _check_colleague(subject, resource, context)
    return refusal or check_state(resource) or _obligations_of_opening(subject, resource, context)


def delete_document(subject: Subject, resource: Resource, _context: Context) -> Outcome:
    """Let an author delete what he filed, logically, and the patient's side what comes from the patient.

    Source: DMP TD3.3c
    """
    if subject.sujet in PATIENT_SIDE:
        refusal = check_for_patient_side(subject, resource)
        return refusal or (() if resource.origine is Origin.PATIENT else Reason.H_AUTEUR_REQUIS)
    if not _is_author(subject):
        return Reason.H_AUTEUR_REQUIS
    return check_state(resource) or _notice_of_deletion(resource)


def _is_author(subject: Subject) -> bool:
    return subject.sujet in PROFESSIONAL_SIDE and bool(subject.auteur)


def _check_colleague(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    refusal = check_consultation(subject, resource, context)
    if refusal is None and not resource.annonce:
        refusal = Reason.H_ANNONCE_REQUISE
    return refusal or check_for_professional(subject, resource, context)


def _obligations_of_opening(subject: Subject, resource: Resource, context: Context) -> tuple[Obligation, ...]:
    """Add the mask that waited: it could not be combined with the flag that falls now."""
    waited = resource.masque_defaut and resource.has(Confidentiality.INVISIBLE_PATIENT)
    mask = (Obligation.APPLIQUER_MASQUE_DEFAUT,) if waited else ()
    emergency = () if _is_author(subject) else emergency_obligations(context)
    return (*emergency, *mask, Obligation.NOTIF_TITULAIRE)


def _notice_of_deletion(resource: Resource) -> tuple[Obligation, ...]:
    """Tell the holder, but never of a document that was hidden from her or from those who read her mail."""
    if hidden_from_patient(resource):
        return ()
    secret = resource.has(Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX)
    return (Obligation.NE_PAS_NOTIFIER_RL if secret else Obligation.NOTIF_TITULAIRE,)
