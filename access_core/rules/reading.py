"""Consultation: reading a document, searching by traits, breaking the glass."""

from dataclasses import replace

from access_core.checks.consent import check_consent
from access_core.checks.habilitation import WHOLE_RECORD, check_mode, check_profession, check_type
from access_core.checks.visibility import check_for_patient_side, check_for_professional
from access_core.decision import Obligation
from access_core.facts import (
    PATIENT_SIDE,
    PROFESSIONAL_SIDE,
    Confidentiality,
    Context,
    Mode,
    Resource,
    Subject,
    hidden_from_patient,
)
from access_core.reasons import Reason
from access_core.rules import Outcome

_EMERGENCY_NOTICES = (Obligation.NOTIF_URGENCE_TITULAIRE, Obligation.NOTIF_URGENCE_MT)


def read_document(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Let the patient's side read what is hers to see, and professionals what DICAH opens to them.

    Source: CSP L1111-17, R1111-46
    """
    if subject.sujet in PATIENT_SIDE:
        return check_for_patient_side(subject, resource) or ()
    refusal = check_consultation(subject, resource, context) or check_for_professional(subject, resource, context)
    if refusal is not None:
        return refusal
    return (*emergency_obligations(context), *_alerts(resource), *_first_access(context))


def search_by_traits(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Open an emergency session on the one person that the traits name; no normal session starts so."""
    return _check_record(subject, resource, context) or emergency_obligations(context)


def open_break_glass(subject: Subject, resource: Resource, context: Context) -> Outcome:
    """Open the record of a person who cannot express her will and is at immediate risk.

    Source: CSP L1111-17 I, R1111-48
    """
    if subject.sujet not in PROFESSIONAL_SIDE:
        return Reason.H_MODE_NON_JUSTIFIE
    if context.mode is not Mode.BRIS_DE_GLACE:
        breaking = replace(context, mode=Mode.BRIS_DE_GLACE)
        return check_consent(subject, resource, breaking) or Reason.H_MODE_NON_JUSTIFIE
    return _check_record(subject, resource, context) or emergency_obligations(context)


def check_consultation(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check C, then H, of a consultation of one document."""
    return (
        check_consent(subject, resource, context)
        or check_mode(subject, resource, context)
        or check_profession(subject, context)
        or check_type(subject, resource, context)
    )


def emergency_obligations(context: Context) -> tuple[Obligation, ...]:
    """List what an emergency access entails: the banner under broken glass, and both notices.

    Source: CSP R1111-48; DMP EX_0.3-1050
    """
    if context.mode is Mode.BRIS_DE_GLACE:
        return (Obligation.BANDEAU_BRIS_DE_GLACE, *_EMERGENCY_NOTICES)
    return _EMERGENCY_NOTICES if context.mode is Mode.CENTRE_15 else ()


def _check_record(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check C, then H, of the opening of a record; a type, when the request names one, must be readable too."""
    if resource.doc != WHOLE_RECORD:
        return check_consultation(subject, resource, context)
    return (
        check_consent(subject, resource, context)
        or check_mode(subject, resource, context)
        or check_profession(subject, context)
    )


def _alerts(resource: Resource) -> tuple[Obligation, ...]:
    patient = (Obligation.ALERTE_INVISIBLE_PATIENT,) if hidden_from_patient(resource) else ()
    representatives = resource.has(Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX)
    return (*patient, Obligation.ALERTE_INVISIBLE_RL) if representatives else patient


def _first_access(context: Context) -> tuple[Obligation, ...]:
    # An emergency sends its own notices; a secret connection sends none.
    told = context.mode is Mode.NORMAL and context.premier_acces
    return (Obligation.NOTIF_PREMIER_ACCES,) if told else ()
