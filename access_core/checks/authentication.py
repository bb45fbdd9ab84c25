"""A, authentication: proved, by valid means, recently, and strongly enough for the act.

It comes before anything that could tell something about the patient.
"""

from typing import Final

from access_core.acts import Act
from access_core.facts import (
    PATIENT_SIDE,
    PROFESSIONAL_SIDE,
    Auth,
    Certificate,
    Context,
    Directory,
    Subject,
    SubjectKind,
)
from access_core.reasons import Reason

# Both limits themselves still pass.
SESSION_MINUTES: Final = 240
IDLE_MINUTES: Final = 30

_PERSONAL: Final = frozenset({Auth.PSC_ECPS, Auth.PSC_CPS, Auth.CPS, Auth.CPF, Auth.AIR})
_STRUCTURAL: Final = _PERSONAL | {Auth.ORG_CERT, Auth.CPE, Auth.CPA}
_TWO_FACTORS: Final = frozenset({Auth.LOGIN_OTP, Auth.FC, Auth.FC_PLUS, Auth.APCV})
_INTERNAL: Final = frozenset({Auth.INTERNE})
_WITHOUT_READING: Final = frozenset({Act.FILE_DOCUMENT, Act.DELETE_DOCUMENT})


def check_authentication(subject: Subject, act: Act | None, context: Context) -> Reason | None:
    """Check that the subject is who it says, by the means that the act asks for.

    Source: PGSSI-S, référentiel d'identification électronique; DMP EX_GEN-1450
    """
    if subject.sujet is None or subject.auth is None or subject.auth is Auth.AUCUNE:
        return Reason.A_ABSENTE
    if subject.cert is not Certificate.VALIDE:
        return Reason.A_CERT_INVALIDE
    if _exceeds(subject.session_min, SESSION_MINUTES) or _exceeds(subject.inactif_min, IDLE_MINUTES):
        return Reason.A_SESSION_EXPIREE
    if subject.sujet is SubjectKind.PRO and subject.annuaire is not Directory.ACTIF:
        return Reason.A_IDENTITE_PRO_INCONNUE
    return _check_means(subject, act) or _check_confirmation(subject, act, context)


def _exceeds(minutes: int | None, limit: int) -> bool:
    # A time before the authentication is a clock that went backwards: not a session to trust.
    return minutes is None or not 0 <= minutes <= limit


def _check_means(subject: Subject, act: Act | None) -> Reason | None:
    if act is Act.DELIVER_TO_PATIENT:
        trusted = subject.auth is Auth.MSSANTE and subject.sujet in PROFESSIONAL_SIDE
        return None if trusted else Reason.A_EXPEDITEUR_NON_MSSANTE
    if subject.sujet in PROFESSIONAL_SIDE:
        means = _STRUCTURAL if act in _WITHOUT_READING else _PERSONAL
    elif subject.sujet is SubjectKind.SYSTEME:
        means = _INTERNAL
    else:
        means = _TWO_FACTORS
    return None if subject.auth in means else Reason.A_MOYEN_INSUFFISANT


def _check_confirmation(subject: Subject, act: Act | None, context: Context) -> Reason | None:
    """Ask the password again of whoever may close the profile."""
    closes = act is Act.CLOSE_PROFILE and subject.sujet in PATIENT_SIDE and subject.sujet is not SubjectKind.AIDANT
    return Reason.A_CONFIRMATION_REQUISE if closes and not context.mot_de_passe else None
