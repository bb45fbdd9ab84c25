"""The VIHF that we emit: one assertion per call, signed with the structure's (or the person's) SIGN certificate.

The mirror of `vihf.py`: `Identity` holds what stays the same from call to call, patient and instant are of the call.
Source: dmp.md §1.4, §8.2 (GIE SESAM-Vitale samples); SAML 2.0 core §2; RSA-SHA256 or ECDSA-SHA256, never SHA-1.
"""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from lxml import etree

from dmp_bridge.transport.signature import DSIG
from dmp_bridge.transport.vihf import (
    HL7,
    MODE,
    PROFESSIONS,
    PURPOSE,
    RESOURCE,
    RESOURCE_ID,
    ROLE,
    SAML,
    STRUCTURE,
    SUBJECT_ID,
)
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import Code
from vaguemestre.kernel.signing_keys import SigningKey

if TYPE_CHECKING:
    from signxml.algorithms import SignatureMethod

ISSUER_FORMAT = "urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName"
LOGIN_CLASS = "urn:oasis:names:tc:SAML:2.0:ac:classes:"
OTHER_ROLES = "1.2.250.1.213.1.1.4.6"
SECTORS = "1.2.250.1.71.4.2.4"
AUTOMATON = Code("AUTOMATE", OTHER_ROLES, "Automate")
NORMAL_ACCESS = Code("normal", "1.2.250.1.213.1.1.4.248", "Accès normal")
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
_XS = "http://www.w3.org/2001/XMLSchema"
_SYSTEM_NAMES = {PROFESSIONS: "professions", "1.2.250.1.71.4.2.5": "specialites RPPS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Software:
    """The software that calls; HOMOLOGATION: the number that CNDA gave it for the DMP."""

    identifier: str
    name: str
    version: str
    homologation: str


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Identity:
    """Who calls.

    Attributes:
        subject: PS_IdNat of the professional, or of who answers for an automaton.
        name: of the person; for an automaton software, model and service.
        roles: profession or AUTOMATE, then the specialty of physicians and pharmacists.
        mode: DIRECTE, INDIRECTE or INDIRECTE_RENFORCEE.
        structure: Struct_IdNat; `sector`: its code in JDV_J61, e.g. SA07.
        login: end of the SAML class of the local login, e.g. Password, TLSClient.
        version: of the VIHF, 3.0 or 4.0.
    """

    subject: str
    name: str
    roles: Sequence[Code]
    mode: str
    structure: str
    sector: str
    software: Software
    version: str = "3.0"
    login: str = "unspecified"
    purpose: Code = NORMAL_ACCESS


def write_vihf(identity: Identity, patient: CX | None, key: SigningKey, now: datetime) -> etree._Element:
    """Write and sign an assertion for one call about PATIENT, issued at NOW; slow: it signs.

    Raises:
        TemporaryFailure: the key is on a token that is away.
    """
    assertion = _assertion(identity, key, now)
    _statement(assertion, identity, patient)
    return sign_enveloped(assertion, key)


def sign_enveloped(assertion: etree._Element, key: SigningKey) -> etree._Element:
    """Replace the placeholder signature of an assertion; exclusive canonical form, one reference, one certificate."""
    from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
    from signxml.signer import XMLSigner

    signer = XMLSigner(
        method=SignatureConstructionMethod.enveloped,
        signature_algorithm=signature_method(key),
        digest_algorithm="sha256",
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    reference = f"#{assertion.get('ID')}"
    signed: etree._Element = signer.sign(assertion, key=key.key, cert=[key.certificate], reference_uri=reference)
    return signed


def signature_method(key: SigningKey) -> "SignatureMethod":
    """Return the algorithm that goes with the key."""
    from cryptography.hazmat.primitives.asymmetric import rsa
    from signxml.algorithms import SignatureMethod

    return SignatureMethod.RSA_SHA256 if isinstance(key.key, rsa.RSAPrivateKey) else SignatureMethod.ECDSA_SHA256


def _assertion(identity: Identity, key: SigningKey, now: datetime) -> etree._Element:
    instant = f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}.{now.microsecond // 1000:03d}Z"
    root = etree.Element(f"{{{SAML}}}Assertion", nsmap={"saml2": SAML, "xsi": _XSI, "xs": _XS})
    for name, value in (("ID", f"_{uuid.uuid4()}"), ("IssueInstant", instant), ("Version", "2.0")):
        root.set(name, value)
    issuer = _child(root, "Issuer", key.certificate.subject.rfc4514_string())
    issuer.set("Format", ISSUER_FORMAT)
    etree.SubElement(root, f"{{{DSIG}}}Signature", nsmap={"ds": DSIG}, Id="placeholder")
    _child(_child(root, "Subject"), "NameID", identity.subject)
    authentication = _child(root, "AuthnStatement")
    authentication.set("AuthnInstant", instant)
    _child(_child(authentication, "AuthnContext"), "AuthnContextClassRef", f"{LOGIN_CLASS}{identity.login}")
    return root


def _statement(assertion: etree._Element, identity: Identity, patient: CX | None) -> None:
    statement = _child(assertion, "AttributeStatement")
    software = identity.software
    _texts(
        statement,
        {
            STRUCTURE: identity.structure,
            "Secteur_Activite": f"{identity.sector}^{SECTORS}",
            SUBJECT_ID: identity.name,
        },
    )
    _coded(statement, ROLE, "Role", identity.roles)
    _texts(statement, {"VIHF_Version": identity.version, MODE[:1].upper() + MODE[1:]: identity.mode})
    if patient is not None:
        _texts(statement, {RESOURCE_ID: patient.text})
    _texts(statement, {RESOURCE: "urn:dmp"})
    _coded(statement, PURPOSE, "PurposeOfUse", [identity.purpose])
    _texts(
        statement,
        {
            "LPS_ID": software.identifier,
            "LPS_Nom": software.name,
            "LPS_Version": software.version,
            "LPS_ID_HOMOLOGATION_DMP": software.homologation,
        },
    )


def _texts(statement: etree._Element, values: dict[str, str]) -> None:
    for name, text in values.items():
        value = _child(_attribute(statement, name), "AttributeValue", text)
        value.set(f"{{{_XSI}}}type", "xs:string")


def _coded(statement: etree._Element, name: str, element: str, codes: Sequence[Code]) -> None:
    attribute = _attribute(statement, name)
    for code in codes:
        value = etree.SubElement(_child(attribute, "AttributeValue"), f"{{{HL7}}}{element}", nsmap={None: HL7})  # type: ignore[dict-item]  # the default namespace
        value.set(f"{{{_XSI}}}type", "CE")
        system = _SYSTEM_NAMES.get(code.scheme, "mode acces VIHF 2.0" if element == "PurposeOfUse" else "")
        for key, text in (
            ("code", code.code),
            ("codeSystem", code.scheme),
            ("codeSystemName", system),
            ("displayName", code.display),
        ):
            if text:
                value.set(key, text)


def _attribute(statement: etree._Element, name: str) -> etree._Element:
    attribute = _child(statement, "Attribute")
    attribute.set("Name", name)
    return attribute


def _child(parent: etree._Element, name: str, text: str | None = None) -> etree._Element:
    element = etree.SubElement(parent, f"{{{SAML}}}{name}")
    element.text = text
    return element
