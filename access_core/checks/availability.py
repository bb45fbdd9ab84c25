"""D, availability: there is a profile, and it is open for this act."""

from collections.abc import Mapping
from typing import Final

from access_core.acts import Act
from access_core.facts import PATIENT_SIDE, ProfileState, Resource, Subject
from access_core.reasons import Reason

_CLOSED: Final[Mapping[ProfileState | None, Reason]] = {
    None: Reason.D_SERVICE_INDISPONIBLE,
    ProfileState.INDISPONIBLE: Reason.D_SERVICE_INDISPONIBLE,
    ProfileState.DECEDE: Reason.D_TITULAIRE_DECEDE,
    ProfileState.INEXISTANT: Reason.D_PROFIL_INEXISTANT,
    ProfileState.OPPOSE: Reason.D_PROFIL_OPPOSE,
    ProfileState.CLOS: Reason.D_PROFIL_CLOS,
    ProfileState.SUSPENDU: Reason.D_PROFIL_SUSPENDU,
}
# A profile that is not open may be opened again, unless its holder died.
_NOT_REOPENED: Final[Mapping[ProfileState | None, Reason]] = {
    None: Reason.D_SERVICE_INDISPONIBLE,
    ProfileState.INDISPONIBLE: Reason.D_SERVICE_INDISPONIBLE,
    ProfileState.DECEDE: Reason.D_TITULAIRE_DECEDE,
    ProfileState.ACTIF: Reason.D_PROFIL_DEJA_OUVERT,
}


def check_availability(subject: Subject, act: Act, resource: Resource) -> Reason | None:
    """Check the state of the profile. Professionals reach one that its holder never activated.

    Source: CSP R1111-28, R1111-36
    """
    if resource.profil is ProfileState.NON_ACTIVE:
        return Reason.D_PROFIL_NON_ACTIVE if subject.sujet in PATIENT_SIDE else None
    return (_NOT_REOPENED if act is Act.REOPEN_PROFILE else _CLOSED).get(resource.profil)
