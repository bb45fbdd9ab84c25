"""H, habilitation: recognised representative, effective care, justified mode, profession and document type."""

from access_core.facts import (
    Context,
    Mode,
    PatientState,
    Resource,
    Standing,
    Subject,
    SubjectKind,
    is_minor,
)
from access_core.nomenclature import DOCTOR, ROLE_PROFESSIONS, TRE_G15
from access_core.reasons import Reason

WHOLE_RECORD = "-"


def check_actor(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check that whoever acts for the holder may. An heir never does while she lives.

    Source: CSP R1111-33, L1111-18
    """
    if subject.sujet is SubjectKind.AYANT_DROIT:
        return Reason.H_TITULAIRE_REQUIS
    if subject.sujet is SubjectKind.RL:
        recognised = is_minor(resource, context) or resource.protege
    else:
        recognised = subject.sujet is not SubjectKind.AIDANT or context.delegation_active
    return None if recognised else Reason.H_REPRESENTANT_NON_RECONNU


def check_mode(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check that the access mode is open to the profession and justified by the situation.

    Source: CSP L1111-17
    """
    if context.mode is Mode.CENTRE_15:
        regulates = profession_of(subject) == DOCTOR and subject.regulation
        return None if regulates else Reason.H_ROLE_REGULATION_REQUIS
    if context.mode is Mode.BRIS_DE_GLACE:
        return _check_break_glass(subject, context)
    if not subject.prise_en_charge:
        return Reason.H_HORS_PRISE_EN_CHARGE
    if context.mode is Mode.SECRET:
        return None if is_minor(resource, context) else Reason.H_MODE_NON_JUSTIFIE
    return None if context.mode is Mode.NORMAL else Reason.H_MODE_NON_JUSTIFIE


def check_profession(subject: Subject, context: Context) -> Reason | None:
    """Check that the matrix has a row for the profession, unless the subject filed the document.

    Source: CSP L1111-17 III; order of 26 October 2023
    """
    profession = profession_of(subject)
    if subject.auteur:
        return None
    switched_off = profession in ROLE_PROFESSIONS and not context.roles_matrice
    known = context.matrix.has_profession(profession) and not switched_off
    return None if known else Reason.H_PROFESSION_NON_HABILITEE


def check_type(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check that the profession may read the type of the document, unless the subject filed it.

    Source: order of 26 October 2023
    """
    allowed = subject.auteur or context.matrix.may_read(profession_of(subject), resource.doc)
    return None if allowed else Reason.H_TYPE_DOCUMENT_INTERDIT


def profession_of(subject: Subject) -> str | None:
    """Give the code that the matrix looks up: a role comes before a profession; a structure has none.

    Source: DMP EX_AIR-085 (no consultation without an identified professional)
    """
    if subject.sujet is not SubjectKind.PRO:
        return None
    return subject.profession if subject.role == "-" else subject.role


def is_administrator(subject: Subject) -> bool:
    """Whether the patient gave this professional the rights of an administrator.

    Source: CSP L1111-16
    """
    entitled = subject.statut in (Standing.MEDECIN_TRAITANT, Standing.ADMINISTRATEUR)
    return subject.sujet is SubjectKind.PRO and entitled


def _check_break_glass(subject: Subject, context: Context) -> Reason | None:
    if profession_of(subject) not in TRE_G15:
        return Reason.H_PROFESSION_NON_HABILITEE
    written = context.motif is not None and context.motif.strip() not in ("", "-")
    unable = context.etat_patient is PatientState.HORS_ETAT
    return None if unable and context.risque_immediat and written else Reason.H_MODE_NON_JUSTIFIE
