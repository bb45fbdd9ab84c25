"""Filing a document: it needs information of the patient and effective care, not a right to read.

Team, consent to consult, block and matrix do not matter here.
"""

from access_core.decision import Obligation
from access_core.facts import (
    PATIENT_SIDE,
    PROFESSIONAL_SIDE,
    Confidentiality,
    Context,
    FilingOpposition,
    Mode,
    Resource,
    Subject,
    is_minor,
)
from access_core.nomenclature import document_types, is_patient_type, is_professional_type
from access_core.reasons import Reason
from access_core.rules import Outcome


def file_document(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Let professionals file what their care produced, and the patient's side her own papers.

    Source: CSP L1111-15, R1111-47
    """
    if subject.sujet in PROFESSIONAL_SIDE:
        refusal = _check_care(subject, resource) or _check_document(resource, context)
        return refusal or _obligations_of_professional(subject, resource, context)
    patient_type = resource.doc in document_types() and is_patient_type(resource.doc)
    if subject.sujet not in PATIENT_SIDE or not patient_type:
        return Reason.H_TYPE_NON_DEPOSABLE
    return (Obligation.DEDUP,) if resource.doublon else _default_mask(resource)


def _check_care(subject: Subject, resource: Resource) -> Reason | None:
    if resource.opposition_depot is not FilingOpposition.NON:
        return Reason.C_OPPOSITION_ALIMENTATION
    if resource.secret_mineur:
        return Reason.C_SECRET_MINEUR
    return None if subject.prise_en_charge else Reason.H_HORS_PRISE_EN_CHARGE


def _check_document(resource: Resource, context: Context) -> Reason | None:
    if resource.doc not in document_types() or not is_professional_type(resource.doc):
        return Reason.H_TYPE_NON_DEPOSABLE
    minor = is_minor(resource, context)
    if context.mode is Mode.SECRET and not minor:
        return Reason.H_MODE_NON_JUSTIFIE
    both = resource.has(Confidentiality.INVISIBLE_PATIENT) and resource.has(Confidentiality.MASQUE_PS)
    adult_secret = resource.has(Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX) and not minor
    return Reason.H_CONFIDENTIALITE_INCOHERENTE if both or adult_secret else None


def _obligations_of_professional(subject: Subject, resource: Resource, context: Context) -> tuple[Obligation, ...]:
    """List what goes with the filing. The patient is told of nothing that she may not see yet."""
    if resource.doublon:
        return (Obligation.DEDUP,)
    duties: list[Obligation] = []
    flagged = resource.has(Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX)
    if not subject.informe:
        duties.append(Obligation.INFORMER_PATIENT)
    if context.mode is Mode.SECRET and not flagged:
        duties.append(Obligation.FORCER_INVISIBLE_RL)
    if resource.has(Confidentiality.INVISIBLE_PATIENT):
        return (*duties, Obligation.PROGRAMMER_J14, Obligation.PROGRAMMER_M1)
    secret = context.mode is Mode.SECRET or flagged
    notice = Obligation.NE_PAS_NOTIFIER_RL if secret else Obligation.NOTIF_TITULAIRE
    return (*duties, *_default_mask(resource), notice)


def _default_mask(resource: Resource) -> tuple[Obligation, ...]:
    masked = resource.has(Confidentiality.MASQUE_PS)
    return (Obligation.APPLIQUER_MASQUE_DEFAUT,) if resource.masque_defaut and not masked else ()
