"""The VIHF: the SAML 2.0 assertion by which a professional's software says who asks, for which patient, and why.

Read from what was signed (`signature.py`); what the values mean for the engine is decided in `services/callers.py`.

Source: dmp.md §1.4 and §8.2 (CI-SIS, GIE SESAM-Vitale samples); SAML 2.0 core §2.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from lxml import etree

from dmp_bridge.xds.identifiers import CX
from vaguemestre.kernel.errors import ProtocolError

SAML = "urn:oasis:names:tc:SAML:2.0:assertion"
HL7 = "urn:hl7-org:v3"
SUBJECT_ID = "urn:oasis:names:tc:xspa:1.0:subject:subject-id"
ROLE = "urn:oasis:names:tc:xacml:2.0:subject:role"
RESOURCE_ID = "urn:oasis:names:tc:xacml:2.0:resource:resource-id"
PURPOSE = "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"
STRUCTURE = "Identifiant_Structure"
MODE = "authentification_mode"
RESOURCE = "Ressource_URN"
REASON = "Mode_Acces_Raison"
PROFESSIONS = "1.2.250.1.71.1.2.7"
_NAMES = {"saml": SAML}


class VihfError(ProtocolError):
    """The assertion lacks what a VIHF must say, or says it badly."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Vihf:
    """What the assertion says.

    Attributes:
        issuer: subject of the signing certificate, RFC 2253.
        subject: PS_IdNat of the professional, or the id of who answers for an automaton.
        structure: Struct_IdNat.
        mode: DIRECTE, INDIRECTE or INDIRECTE_RENFORCEE.
        profession: TRE_G15 code, "" for who is no health professional.
        purpose: code of the access mode; `reason`: what a bris de glace gives as its reason.
        audiences: None: not restricted.
    """

    identifier: str
    issuer: str
    issued_at: datetime
    authenticated_at: datetime
    subject: str
    structure: str
    mode: str
    profession: str
    patient_id: CX | None
    resource: str
    purpose: str
    reason: str = ""
    not_before: datetime | None = None
    not_on_or_after: datetime | None = None
    audiences: tuple[str, ...] | None = None


def read_vihf(assertion: etree._Element) -> Vihf:
    """Read an assertion whose signature was verified.

    Raises:
        VihfError: version, an element or an attribute that is required, an instant that is none.
    """
    if assertion.tag != f"{{{SAML}}}Assertion" or assertion.get("Version") != "2.0":
        raise VihfError("VIHF: not a SAML 2.0 assertion")
    attributes = _attributes(assertion)
    conditions = assertion.find("saml:Conditions", _NAMES)
    statement = assertion.find("saml:AuthnStatement", _NAMES)
    patient = _value(attributes, RESOURCE_ID)
    return Vihf(
        identifier=_required(assertion.get("ID")),
        issuer=_required(assertion.findtext("saml:Issuer", namespaces=_NAMES)),
        issued_at=_instant(assertion.get("IssueInstant")),
        authenticated_at=_instant(None if statement is None else statement.get("AuthnInstant")),
        subject=_required(assertion.findtext("saml:Subject/saml:NameID", namespaces=_NAMES)),
        structure=_required(_value(attributes, STRUCTURE)),
        mode=_required(_value(attributes, MODE)),
        profession=_code(attributes, ROLE, "Role", PROFESSIONS),
        patient_id=CX(patient) if patient else None,
        resource=_value(attributes, RESOURCE),
        purpose=_required(_code(attributes, PURPOSE, "PurposeOfUse")),
        reason=_value(attributes, REASON),
        not_before=_optional_instant(None if conditions is None else conditions.get("NotBefore")),
        not_on_or_after=_optional_instant(None if conditions is None else conditions.get("NotOnOrAfter")),
        audiences=_audiences(conditions),
    )


def _attributes(assertion: etree._Element) -> Mapping[str, Sequence[etree._Element]]:
    """Return the values by attribute name, letter case ignored (samples disagree on it)."""
    found: dict[str, list[etree._Element]] = {}
    for attribute in assertion.iterfind("saml:AttributeStatement/saml:Attribute", _NAMES):
        name = attribute.get("Name", "").casefold()
        if name in found:
            raise VihfError("VIHF: an attribute is there twice")
        found[name] = attribute.findall("saml:AttributeValue", _NAMES)
    return found


def _value(attributes: Mapping[str, Sequence[etree._Element]], name: str) -> str:
    values = attributes.get(name.casefold(), ())
    return (values[0].text or "").strip() if len(values) == 1 else ""


def _code(attributes: Mapping[str, Sequence[etree._Element]], name: str, element: str, system: str = "") -> str:
    """Return the code of the first value of that code system; any system when SYSTEM is empty."""
    for value in attributes.get(name.casefold(), ()):
        code = value.find(f"{{{HL7}}}{element}")
        if code is not None and (not system or code.get("codeSystem") == system):
            return code.get("code", "").strip()
    return ""


def _audiences(conditions: etree._Element | None) -> tuple[str, ...] | None:
    found = [] if conditions is None else conditions.findall("saml:AudienceRestriction", _NAMES)
    if not found:
        return None
    return tuple((each.text or "").strip() for one in found for each in one.iterfind("saml:Audience", _NAMES))


def _required(text: str | None) -> str:
    if not text or not text.strip():
        raise VihfError("VIHF: incomplete")
    return text.strip()


def _optional_instant(text: str | None) -> datetime | None:
    return None if text is None else _instant(text)


def _instant(text: str | None) -> datetime:
    try:
        moment = datetime.fromisoformat(_required(text))
    except ValueError:
        raise VihfError("VIHF: not an instant") from None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
