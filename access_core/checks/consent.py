"""C, consent: what the patient said of consultation by this professional, in each access mode."""

from typing import Final

from access_core.facts import Consent, Context, EmergencySwitch, Mode, Resource, Standing, Subject
from access_core.reasons import Reason

# Occupational, fire-brigade and care-home coordinating doctors: express consent, team or not.
_EXPRESS_ONLY: Final = frozenset({Standing.MEDECIN_TRAVAIL, Standing.MEDECIN_SAPEURS, Standing.MEDECIN_COORDONNATEUR})


def check_consent(subject: Subject, resource: Resource, context: Context) -> Reason | None:
    """Check what the patient allows of a consultation.

    Source: CSP L1111-16, L1111-17, R1111-46; DMP TD0.2
    """
    if context.mode is Mode.CENTRE_15:
        # The regulation of the SAMU looks neither at a block nor at the authorisation.
        permitted = resource.urgence_samu is EmergencySwitch.PERMIT
        return None if permitted else Reason.C_OPPOSITION_REGULATION
    if resource.pro_bloque is not False:
        return Reason.C_PRO_BLOQUE
    if resource.consentement is Consent.REFUSE:
        return Reason.C_OPPOSITION
    if context.mode is Mode.BRIS_DE_GLACE:
        permitted = resource.urgence_btg is EmergencySwitch.PERMIT
        return None if permitted else Reason.C_OPPOSITION_URGENCE
    return _check_authorisation(subject, resource)


def _check_authorisation(subject: Subject, resource: Resource) -> Reason | None:
    if resource.consentement is Consent.EXPIRE:
        return Reason.C_CONSENTEMENT_EXPIRE
    explicit = resource.consentement is Consent.EXPLICITE
    if not explicit and (subject.statut in _EXPRESS_ONLY or not subject.equipe):
        return Reason.C_CONSENTEMENT_MANQUANT
    if subject.equipe and not subject.informe:
        return Reason.C_INFORMATION_MANQUANTE
    return None
