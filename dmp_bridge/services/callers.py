"""Who calls the XDS services: from a VIHF to the professional, the patient and the session that the engine is told.

An assertion is believed when its signature is that of a trusted certificate that belongs to its structure (or, in
direct mode, to the person), it is recent, meant for this record, and not seen before. The person must be one of our
professionals, linked to that structure: a structure cannot speak for somebody who does not work there.
"""

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from cryptography import x509
from cryptography.x509.oid import NameOID
from lxml import etree
from sqlalchemy import bindparam, delete

from access_core.case_inputs import CaseFacts, Sender, Session, local_sender
from access_core.facts import Auth, Mode, PatientState
from access_core.identifiers import INS
from access_core.professionals import (
    MailboxType,
    Professional,
    professionals_by_rpps,
    professionals_of_structure,
)
from access_core.profiles import Profile, profile_by_ins
from dmp_bridge.config import BridgeSettings
from dmp_bridge.people import structure_number
from dmp_bridge.services.trusted import TrustedSigners
from dmp_bridge.tables import used_assertion
from dmp_bridge.transport.signature import BadSignature, verify_enveloped
from dmp_bridge.transport.soap import SoapFault
from dmp_bridge.transport.vihf import SAML, Vihf, VihfError, read_vihf
from dmp_bridge.xds.identifiers import CX
from vaguemestre.kernel.database import Transaction, insert_ignoring
from vaguemestre.kernel.errors import InvalidIdentifier

_FORGET = delete(used_assertion).where(used_assertion.c.until < bindparam("now"))
_AUTHENTICATIONS = {"DIRECTE": Auth.CPS, "INDIRECTE": Auth.ORG_CERT, "INDIRECTE_RENFORCEE": Auth.AIR}
_RPPS_PREFIX = "8"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Caller:
    """Who asks, for which patient: PROFILE is None when the record has no such patient."""

    sender: Sender
    session: Session
    patient_id: CX
    profile: Profile | None
    reason: str = ""

    def in_emergency(self, case: CaseFacts) -> CaseFacts:
        """Return the case with the grounds of a bris de glace, which the professional declares by asking for one."""
        if self.session.mode is not Mode.BRIS_DE_GLACE:
            return case
        grounds = replace(
            case.context, motif=self.reason, etat_patient=PatientState.HORS_ETAT, risque_immediat=bool(self.reason)
        )
        return replace(case, context=grounds)


class Gate:
    """Lets callers in, or answers with the fault that says why not."""

    def __init__(self, signers: TrustedSigners, settings: BridgeSettings) -> None:
        self._signers = signers
        self._settings = settings

    def prove(self, security: etree._Element | None, now: datetime) -> Vihf:
        """Verify the assertion of a request; pure, slow.

        Raises:
            SoapFault: what is wrong with it.
        """
        assertions = [] if security is None else security.findall(f"{{{SAML}}}Assertion")
        if len(assertions) != 1:
            raise SoapFault("Un VIHF est attendu dans l'en-tête de sécurité.", subcode="wsse:InvalidSecurity")
        try:
            verified = verify_enveloped(assertions[0])
            vihf = read_vihf(verified.element)
        except BadSignature:
            raise SoapFault("La signature du VIHF n'est pas valable.", subcode="wsse:FailedCheck") from None
        except VihfError:
            raise _invalid("Le VIHF est incomplet.") from None
        if not self._signers.trust(verified.certificate, now) or not _is_issuer(verified.certificate, vihf):
            raise SoapFault("Le certificat du VIHF n'est pas admis.", subcode="wsse:FailedAuthentication")
        self._check_conditions(vihf, now)
        _check_holder(verified.certificate, vihf)
        return vihf

    def _check_conditions(self, vihf: Vihf, now: datetime) -> None:
        allowed = timedelta(seconds=self._settings.assertion_validity_s)
        early = vihf.not_before is not None and now < vihf.not_before - allowed
        late = vihf.not_on_or_after is not None and now >= vihf.not_on_or_after
        if abs(now - vihf.issued_at) > allowed or early or late:
            raise SoapFault("Le VIHF n'est plus ou pas encore valable.", subcode="wsse:MessageExpired")
        audience = self._settings.assertion_audience
        if vihf.resource != audience or (vihf.audiences is not None and audience not in vihf.audiences):
            raise _invalid("Le VIHF n'est pas destiné à ce dossier.")
        if vihf.mode.upper() not in _AUTHENTICATIONS or vihf.purpose not in self._purposes():
            raise _invalid("Le mode d'accès du VIHF n'est pas admis.")

    def _purposes(self) -> dict[str, Mode]:
        settings = self._settings
        return {settings.normal_access_code: Mode.NORMAL, settings.emergency_access_code: Mode.BRIS_DE_GLACE}

    def admit(self, tx: Transaction, vihf: Vihf, now: datetime) -> Caller:
        """Let a proved assertion in, once.

        Raises:
            SoapFault: seen before; nobody of ours; no patient.
        """
        tx.execute(_FORGET, {"now": now})
        until = now + 2 * timedelta(seconds=self._settings.assertion_validity_s)
        if len(vihf.identifier) > 128 or not insert_ignoring(
            tx, used_assertion, {"id": vihf.identifier, "until": until}
        ):
            raise SoapFault("Ce VIHF a déjà servi.", subcode="wsse:FailedCheck")
        if vihf.patient_id is None:
            raise _invalid("Le VIHF ne nomme pas le patient.")
        return Caller(
            sender=local_sender(_professional(tx, vihf)),
            session=Session(
                auth=_AUTHENTICATIONS[vihf.mode.upper()],
                since_min=int((now - vihf.authenticated_at).total_seconds() // 60),
                mode=self._purposes()[vihf.purpose],
            ),
            patient_id=vihf.patient_id,
            profile=profile_of(tx, vihf.patient_id, self._settings.ins_authorities),
            reason=vihf.reason,
        )


def profile_of(tx: Transaction, patient_id: CX, authorities: Collection[str]) -> Profile | None:
    """Find the patient of an identifier; AUTHORITIES: OIDs under which an INS is read."""
    if patient_id.oid not in authorities:
        return None
    try:
        return profile_by_ins(tx, INS.parse(patient_id.value, strict=False))
    except InvalidIdentifier:
        return None


def _professional(tx: Transaction, vihf: Vihf) -> Professional:
    """Find who asks among our professionals: the person, else, for an automaton, the mailbox of the structure."""
    numbers = {vihf.structure, vihf.structure[1:]} - {""}  # Struct_IdNat, with and without the digit of its kind
    of_structure = [
        each for each in professionals_of_structure(tx, numbers) if structure_number(each) == vihf.structure
    ]
    if vihf.profession:
        people = professionals_by_rpps(tx, vihf.subject.removeprefix(_RPPS_PREFIX))
        person = next((each for each in people if _is_person(each, vihf)), None)
        if person is not None and _works_there(person, of_structure):
            return person
    elif vihf.mode.upper() == "INDIRECTE":
        services = [each for each in of_structure if each.type in (MailboxType.ORG, MailboxType.APP)]
        if services:
            return services[0]
    raise SoapFault("Ce professionnel ou cette structure n'est pas connu ici.", subcode="wsse:FailedAuthentication")


def _is_person(each: Professional, vihf: Vihf) -> bool:
    named = each.rpps is not None and vihf.subject == f"{_RPPS_PREFIX}{each.rpps}"
    return named and each.type is MailboxType.PER and each.profession == vihf.profession


def _works_there(person: Professional, of_structure: list[Professional]) -> bool:
    return any(each.account_id == person.account_id or person.address in each.members for each in of_structure)


def _check_holder(certificate: x509.Certificate, vihf: Vihf) -> None:
    """Check that the certificate belongs to the structure, or in direct mode to the person."""
    direct = vihf.mode.upper() == "DIRECTE"
    expected = vihf.subject if direct else vihf.structure
    names = (NameOID.COMMON_NAME, NameOID.SERIAL_NUMBER) if direct else (NameOID.ORGANIZATIONAL_UNIT_NAME,)
    held = {each.value for name in names for each in certificate.subject.get_attributes_for_oid(name)}
    if expected not in held:
        raise SoapFault("Le certificat n'est pas celui de l'auteur du VIHF.", subcode="wsse:FailedAuthentication")


def _is_issuer(certificate: x509.Certificate, vihf: Vihf) -> bool:
    try:
        return x509.Name.from_rfc4514_string(vihf.issuer) == certificate.subject
    except ValueError:
        return False


def _invalid(reason: str) -> SoapFault:
    return SoapFault(reason, subcode="wsse:InvalidSecurityToken")
