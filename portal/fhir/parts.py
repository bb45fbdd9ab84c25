"""What the FHIR service works with, and who calls it.

A caller is one of our professional mailboxes, by an access token: a person's opens what the person may see, a shared
mailbox's is that of a structure, which files and finds references and reads nothing (dmp.md §0 facts 1 and 2).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from access_core.accounts import Account
from access_core.case_inputs import Session, local_sender
from access_core.facts import Auth
from access_core.professionals import MailboxType, Professional, professional_by_account
from access_core.profiles import Profile, profile_by_id
from dmp_bridge.config import BridgeSettings
from dmp_bridge.fhir.problems import FhirProblem, Finding, IssueType
from dmp_bridge.pictures.pictures import ImageLimits
from dmp_bridge.services.callers import Caller, profile_of
from dmp_bridge.services.registry_service import Call
from dmp_bridge.xds.identifiers import CX
from mailstore.store import MailStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction


class TokenDoor(Protocol):
    """Whatever can say whose mailbox an access token opens."""

    async def token(self, token: str, *, peer: str) -> Account:
        """Verify TOKEN, sent from the address PEER.

        Raises:
            TokenRefused: it opens none.
            TemporaryFailure: its issuer cannot be asked, or the address has to wait.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class FhirParts:
    """What the service works with; IMAGES: how photographs are read, PRESUME_CARE as in `FilingCase`."""

    database: Database
    store: MailStore
    clock: Clock
    settings: BridgeSettings
    tokens: TokenDoor
    images: ImageLimits
    presume_care: bool = False


def caller_of(tx: Transaction, account_id: str, patient_id: CX, profile: Profile | None) -> Caller:
    """Return who asks, for which patient.

    Raises:
        FhirProblem: the account is no professional's.
    """
    professional = professional_by_account(tx, account_id)
    if professional is None:
        raise _not_a_professional()
    session = Session(auth=_means(professional))
    return Caller(sender=local_sender(professional), session=session, patient_id=patient_id, profile=profile)


def call_for(tx: Transaction, account_id: str, patient: CX | str, settings: BridgeSettings, now: datetime) -> Call:
    """Return the call of an account about a patient, named by an identifier or by the id of her profile."""
    if isinstance(patient, str):
        profile = profile_by_id(tx, patient)
        number = CX("") if profile is None else number_of_profile(profile)
    else:
        number, profile = patient, profile_of(tx, patient, settings.ins_authorities)
    return Call(caller=caller_of(tx, account_id, number, profile), now=now)


def number_of_profile(profile: Profile) -> CX:
    """Return the identifier of a patient."""
    return CX.build(profile.ins.value, profile.ins.oid)


def _means(professional: Professional) -> Auth:
    """Say how the holder of a token signed in: a person by Pro Santé Connect or its like, a structure as itself."""
    return Auth.PSC_ECPS if professional.type is MailboxType.PER else Auth.ORG_CERT


def _not_a_professional() -> FhirProblem:
    text = "Ce service est réservé aux professionnels et aux structures."
    return FhirProblem(Finding(IssueType.FORBIDDEN, "A_MOYEN_INSUFFISANT", text), status=403)
