"""A professional's software as the XDS services meet it: it signs a VIHF, writes SOAP with MTOM, reads the answers.

Written from the norms, not with the program's own writers, wherever the program has one.
"""

import base64
import hashlib
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from lxml import etree

from dmp_bridge.services.endpoint import HttpAnswer, XdsEndpoint
from dmp_bridge.transport.mtom import Package, read_package
from vaguemestre.app.pki import Authority, CertificateRequest

PATIENT = "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
RPPS = "810002422979"
STRUCTURE = "1750000000"
DS = "http://www.w3.org/2000/09/xmldsig#"
EXC = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENV = "http://www.w3.org/2003/05/soap-envelope"
WSSE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"

ASSERTION = """<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion"
 xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xs="http://www.w3.org/2001/XMLSchema"
 ID="{identifier}" IssueInstant="{issued}" Version="2.0">
 <saml2:Issuer Format="urn:oasis:names:tc:SAML:1.1:nameid-format:X509SubjectName">{issuer}</saml2:Issuer>
 <saml2:Subject><saml2:NameID>{subject}</saml2:NameID></saml2:Subject>{conditions}
 <saml2:AuthnStatement AuthnInstant="{issued}"><saml2:AuthnContext><saml2:AuthnContextClassRef>
urn:oasis:names:tc:SAML:2.0:ac:classes:Password</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement>
 <saml2:AttributeStatement>
  <saml2:Attribute Name="Identifiant_Structure"><saml2:AttributeValue
   xsi:type="xs:string">{structure}</saml2:AttributeValue></saml2:Attribute>
  <saml2:Attribute Name="urn:oasis:names:tc:xacml:2.0:subject:role"><saml2:AttributeValue><Role xmlns="urn:hl7-org:v3"
   xsi:type="CE" code="{role}" codeSystem="{role_system}"/></saml2:AttributeValue></saml2:Attribute>
  <saml2:Attribute Name="Authentification_mode"><saml2:AttributeValue>{mode}</saml2:AttributeValue></saml2:Attribute>
  <saml2:Attribute
   Name="urn:oasis:names:tc:xacml:2.0:resource:resource-id"><saml2:AttributeValue>{patient}</saml2:AttributeValue></saml2:Attribute>
  <saml2:Attribute Name="Ressource_URN"><saml2:AttributeValue>{resource}</saml2:AttributeValue></saml2:Attribute>
  <saml2:Attribute Name="urn:oasis:names:tc:xspa:1.0:subject:purposeofuse"><saml2:AttributeValue><PurposeOfUse
   xmlns="urn:hl7-org:v3" xsi:type="CE" code="{purpose}"
   codeSystem="1.2.250.1.213.1.1.4.248"/></saml2:AttributeValue></saml2:Attribute>
  <saml2:Attribute Name="Mode_Acces_Raison"><saml2:AttributeValue>{reason}</saml2:AttributeValue></saml2:Attribute>
 </saml2:AttributeStatement>
</saml2:Assertion>"""


@dataclass(frozen=True, kw_only=True)
class Claims:
    """What a VIHF says; by default Dr Martin, authenticated by Pro Santé Connect, for her patient."""

    issued: str
    issuer: str
    identifier: str = field(default_factory=lambda: f"_{uuid.uuid4()}")
    subject: str = RPPS
    structure: str = STRUCTURE
    role: str = "10"
    role_system: str = "1.2.250.1.71.1.2.7"
    mode: str = "INDIRECTE_RENFORCEE"
    patient: str = PATIENT
    resource: str = "urn:dmp"
    purpose: str = "normal"
    conditions: str = ""
    reason: str = ""

    def assertion(self) -> etree._Element:
        """The assertion, not signed yet."""
        values = {**vars(self), "patient": self.patient.replace("&", "&amp;")}
        return etree.fromstring(ASSERTION.format(**values))


@dataclass(frozen=True)
class Answered:
    """An answer: HTTP status, the element of the SOAP body, attachments."""

    status: int
    body: etree._Element
    attachments: dict[str, bytes]

    @property
    def codes(self) -> list[str]:
        """The error codes of the registry."""
        return [str(each) for each in self.body.xpath("//*[local-name()='RegistryError']/@errorCode")]

    @property
    def outcome(self) -> str:
        """The end of the status URN, such as Success."""
        return str(self.body.xpath("(descendant-or-self::*/@status)[1]")[0]).rpartition(":")[2]

    @property
    def fault(self) -> list[str]:
        """The code and subcode of a fault."""
        values = self.body.xpath("//*[local-name()='Value']/text()")
        return [str(each).partition(":")[2] for each in values]

    def ids(self, kind: str) -> list[str]:
        """The ids of the objects of that name."""
        return [str(each) for each in self.body.xpath(f"//*[local-name()='{kind}']/@id")]


class XdsClient:
    """The software; its certificate was issued to the structure."""

    def __init__(self, endpoint: XdsEndpoint, authority: Authority, now: datetime, **names: str) -> None:
        self.endpoint, self.now = endpoint, now
        held = {"common": "LPS TEST SIGN", "unit": STRUCTURE, **names}
        subject = x509.Name(
            [
                x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
                x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Rhône (69)"),
                x509.NameAttribute(NameOID.ORGANIZATION_NAME, "CABINET DR MARTIN"),
                x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, held["unit"]),
                x509.NameAttribute(NameOID.COMMON_NAME, held["common"]),
            ]
        )
        issued = authority.issue(CertificateRequest(subject=subject, hosts=("lps.test",), for_client=True), now)
        self.certificate = x509.load_pem_x509_certificate(issued.certificate)
        self.key = load_pem_private_key(issued.key, password=None)

    def claims(self, **changes: str) -> Claims:
        """The claims of an assertion issued now."""
        issuer = self.certificate.subject.rfc4514_string()
        return replace(Claims(issued=self.now.isoformat().replace("+00:00", "Z"), issuer=issuer), **changes)

    def sign(self, assertion: etree._Element) -> etree._Element:
        """Sign as XML Signature says: enveloped, exclusive canonical form, ECDSA with SHA-256."""
        digest = base64.b64encode(hashlib.sha256(canonical(assertion)).digest()).decode()
        signature = etree.fromstring(
            f'<ds:Signature xmlns:ds="{DS}"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="{EXC}"/>'
            '<ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256"/>'
            f'<ds:Reference URI="#{assertion.get("ID")}"><ds:Transforms>'
            f'<ds:Transform Algorithm="{DS}enveloped-signature"/><ds:Transform Algorithm="{EXC}"/></ds:Transforms>'
            f'<ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue>{digest}'
            "</ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue/><ds:KeyInfo><ds:X509Data>"
            f"<ds:X509Certificate>{base64.b64encode(self.certificate.public_bytes(Encoding.DER)).decode()}"
            "</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"
        )
        assertion.insert(1, signature)
        assert isinstance(self.key, ec.EllipticCurvePrivateKey)
        r, s = decode_dss_signature(self.key.sign(canonical(signature[0]), ec.ECDSA(hashes.SHA256())))
        signature[1].text = base64.b64encode(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
        return assertion

    def envelope(self, action: str, body: str, assertion: etree._Element | None) -> bytes:
        """Write a SOAP 1.2 envelope."""
        proof = "" if assertion is None else etree.tostring(assertion).decode()
        return (
            f'<env:Envelope xmlns:env="{ENV}" xmlns:wsa="http://www.w3.org/2005/08/addressing"><env:Header>'
            f'<wsa:Action env:mustUnderstand="true">{action}</wsa:Action><wsa:MessageID>urn:uuid:1</wsa:MessageID>'
            f'<wsse:Security xmlns:wsse="{WSSE}">{proof}</wsse:Security></env:Header><env:Body>{body}</env:Body>'
            "</env:Envelope>"
        ).encode()

    async def call(
        self, address: str, action: str, body: str, documents: Sequence[bytes] = (), **claims: str
    ) -> Answered:
        """Send BODY with DOCUMENTS beside it (`cid:0@lps`, `cid:1@lps`…) and read the answer."""
        envelope = self.envelope(action, body, self.sign(self.claims(**claims).assertion()))
        return read_answer(await self.endpoint.answer(address, *packaged(envelope, documents)))


def packaged(envelope: bytes, documents: Sequence[bytes]) -> tuple[str, bytes]:
    """Return media type and bytes of a request."""
    if not documents:
        return "application/soap+xml; charset=UTF-8", envelope
    parts = [('application/xop+xml; type="application/soap+xml"', "root@lps", envelope)]
    parts += [("application/octet-stream", f"{place}@lps", each) for place, each in enumerate(documents)]
    body = b"".join(
        f"--b\r\nContent-Type: {kind}\r\nContent-ID: <{name}>\r\nContent-Transfer-Encoding: binary\r\n\r\n".encode()
        + data
        + b"\r\n"
        for kind, name, data in parts
    )
    return 'multipart/related; boundary="b"; type="application/xop+xml"; start="<root@lps>"', body + b"--b--\r\n"


def read_answer(answer: HttpAnswer) -> Answered:
    """Read an answer."""
    package: Package = read_package(answer.content_type, answer.body)
    body = etree.fromstring(package.envelope).find(f"{{{ENV}}}Body")
    assert body is not None
    return Answered(answer.status, body[0], dict(package.attachments))


def canonical(element: etree._Element) -> bytes:
    """Exclusive canonical form without comments."""
    return etree.tostring(element, method="c14n", exclusive=True, with_comments=False, with_tail=False)
