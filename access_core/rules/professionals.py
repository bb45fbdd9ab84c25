"""The patient and her professionals: block, unblock, grant and withdraw access."""

from access_core.checks.habilitation import is_administrator
from access_core.decision import Obligation
from access_core.facts import (
    PATIENT_SIDE,
    PROFESSIONAL_SIDE,
    Consent,
    Context,
    Resource,
    Subject,
    SubjectKind,
    Target,
)
from access_core.reasons import Reason
from access_core.rules import Outcome


def block_professional(subject: Subject, resource: Resource, _context: Context) -> Outcome:
    """Let the patient's side block a professional, and an administrator who is not blocked himself."""
    if subject.sujet in PATIENT_SIDE:
        return ()
    if subject.sujet in PROFESSIONAL_SIDE and resource.pro_bloque:
        return Reason.C_PRO_BLOQUE
    return (Obligation.NOTIF_TITULAIRE,) if is_administrator(subject) else Reason.H_ADMIN_REQUIS


def unblock_professional(subject: Subject, _resource: Resource, _context: Context) -> Outcome:
    """Let the patient's side lift a block, and nobody else."""
    return () if subject.sujet in PATIENT_SIDE else Reason.H_TITULAIRE_REQUIS


def grant_access(subject: Subject, resource: Resource, _context: Context) -> Outcome:
    """Let the patient's side grant, and a professional declare the explicit consent that he collected.

    A grant of the patient stays pending until the professional validates it.

    Source: CSP R1111-46; DMP EX_1.2-1030
    """
    if subject.sujet in PATIENT_SIDE:
        return (Obligation.NOTIF_PRO,)
    if subject.sujet is not SubjectKind.PRO:
        return Reason.H_TITULAIRE_REQUIS
    if resource.pro_bloque:
        return Reason.C_PRO_BLOQUE
    return () if resource.consentement is Consent.EXPLICITE else Reason.C_CONSENTEMENT_MANQUANT


def withdraw_access(subject: Subject, _resource: Resource, context: Context) -> Outcome:
    """Let the patient's side withdraw at any time, and a professional give up his own access."""
    own = subject.sujet is SubjectKind.PRO and context.cible is Target.SOI
    return () if own or subject.sujet in PATIENT_SIDE else Reason.H_TITULAIRE_REQUIS
