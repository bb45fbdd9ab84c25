"""The VIHF and the XAdES that we emit, verified by others: xmlsec1, signxml's verifiers, our own reading side."""

import base64
import hashlib
import subprocess
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.exceptions import InvalidDigest
from signxml.verifier import SignatureConfiguration, XMLVerifier
from signxml.xades.xades import XAdESSignatureConfiguration, XAdESVerifier

from dmp_bridge.transport.signature import BadSignature, verify_enveloped
from dmp_bridge.transport.vihf import read_vihf
from dmp_bridge.transport.vihf_writer import AUTOMATON, Identity, Software, write_vihf
from dmp_bridge.transport.xades import Signed, document_digest, sign_submission
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import Code
from tests.conftest import NOON
from tests.fictional.structure_keys import STRUCTURE, issue_rsa
from tests.standins.token import start_token
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.pkcs11_keys import open_token_key
from vaguemestre.kernel.signing_keys import SigningKey, load_signing_key

DS = {"ds": "http://www.w3.org/2000/09/xmldsig#"}
PATIENT = CX.build("279035121518989", "1.2.250.1.213.1.4.10")
AUTHORITY = Authority.create(NOON)
CDA = b'<?xml version="1.0"?>\n<!-- first --><ClinicalDocument b="2" a="1" xmlns="urn:hl7-org:v3"><x/><!-- y --></ClinicalDocument>'  # fmt: skip # noqa: E501
CANONICAL_CDA = b'<!-- first -->\n<ClinicalDocument xmlns="urn:hl7-org:v3" a="1" b="2"><x></x><!-- y --></ClinicalDocument>'  # fmt: skip # noqa: E501
IDENTITY = Identity(
    subject="810002422979",
    name="VAGUEMESTRE 1.0 CARDIOLOGIE",
    roles=(AUTOMATON,),
    mode="INDIRECTE",
    structure=STRUCTURE,
    sector="SA01",
    software=Software(identifier="01.01", name="Vaguemestre", version="1.0", homologation="HOMOLOGATION-TEST"),
)


@pytest.fixture(scope="module", params=["file", "token", "elliptic"])
def key(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SigningKey]:
    """A SIGN certificate whose key is in a file or on a token, or of an elliptic curve."""
    folder = tmp_path_factory.mktemp("keys")
    if request.param == "elliptic":
        subject = operator_subject("lps.test", "CH DEMO")
        AUTHORITY.issue(CertificateRequest(subject=subject, hosts=("lps.test",)), NOON).write(folder, "sign")
        yield load_signing_key(folder / "sign.pem", folder / "sign.key")
        return
    pair = issue_rsa(AUTHORITY, "LPS TEST SIGN", NOON)
    certificate, file = pair.write(folder, "sign")
    if request.param == "file":
        yield load_signing_key(certificate, file)
        return
    with start_token(pair.key_pem) as token:
        yield open_token_key(token.place, certificate)


def sent(element: etree._Element) -> etree._Element:
    """As the other side reads it: written into an envelope and parsed again."""
    envelope = etree.Element("{urn:e}Envelope", nsmap={"e": "urn:e", "other": "urn:other"})
    envelope.append(element)
    return etree.fromstring(etree.tostring(envelope))[0]


def xmlsec1(document: bytes, folder: Path, *options: str) -> subprocess.CompletedProcess[bytes]:
    (folder / "ca.pem").write_bytes(AUTHORITY.certificate.public_bytes(Encoding.PEM))
    (folder / "root.pem").write_bytes(AUTHORITY.root.public_bytes(Encoding.PEM))
    (folder / "signed.xml").write_bytes(document)
    trust = ["--trusted-pem", str(folder / "root.pem"), "--untrusted-pem", str(folder / "ca.pem")]
    at = ["--verification-gmt-time", f"{NOON:%Y-%m-%d %H:%M:%S}"]
    command = ["xmlsec1", "--verify", *trust, *at, *options, str(folder / "signed.xml")]
    return subprocess.run(command, check=False, capture_output=True)


SAML_ID = ("--id-attr:ID", "urn:oasis:names:tc:SAML:2.0:assertion:Assertion")


def test_the_reading_side_believes_an_emitted_assertion(key: SigningKey):
    assertion = sent(write_vihf(IDENTITY, PATIENT, key, NOON + timedelta(milliseconds=250)))

    verified = verify_enveloped(assertion)
    vihf = read_vihf(verified.element)

    assert verified.certificate == key.certificate
    assert (vihf.issuer, vihf.subject) == (key.certificate.subject.rfc4514_string(), "810002422979")
    assert (vihf.structure, vihf.mode, vihf.profession, vihf.purpose) == (STRUCTURE, "INDIRECTE", "", "normal")
    assert vihf.patient_id == PATIENT
    assert vihf.issued_at == vihf.authenticated_at == NOON + timedelta(milliseconds=250)


def test_xmlsec1_verifies_an_emitted_assertion(key: SigningKey, tmp_path: Path):
    assertion = etree.tostring(write_vihf(IDENTITY, PATIENT, key, NOON))

    verified = xmlsec1(assertion, tmp_path, *SAML_ID)
    changed = xmlsec1(assertion.replace(b"AUTOMATE", b"MEDECIN"), tmp_path, *SAML_ID)

    assert verified.returncode == 0, verified.stderr
    assert changed.returncode != 0


def test_an_emitted_assertion_follows_the_national_samples(key: SigningKey):
    doctor = Identity(
        **{
            **{name: getattr(IDENTITY, name) for name in ("subject", "structure", "software")},
            "name": "CAMILLE MARTIN",
            "mode": "INDIRECTE_RENFORCEE",
            "sector": "SA07",
            "version": "4.0",
            "roles": (
                Code("10", "1.2.250.1.71.1.2.7", "Médecin"),
                Code("SM26", "1.2.250.1.71.4.2.5", "Qualifié en Médecine Générale (SM)"),
            ),
        }
    )
    assertion = write_vihf(doctor, PATIENT, key, NOON)

    names = assertion.xpath("//*[local-name()='Attribute']/@Name")
    assert [etree.QName(each).localname for each in assertion] == [
        "Issuer", "Signature", "Subject", "AuthnStatement", "AttributeStatement",
    ]  # fmt: skip
    assert names == [
        "Identifiant_Structure",
        "Secteur_Activite",
        "urn:oasis:names:tc:xspa:1.0:subject:subject-id",
        "urn:oasis:names:tc:xacml:2.0:subject:role",
        "VIHF_Version",
        "Authentification_mode",
        "urn:oasis:names:tc:xacml:2.0:resource:resource-id",
        "Ressource_URN",
        "urn:oasis:names:tc:xspa:1.0:subject:purposeofuse",
        "LPS_ID",
        "LPS_Nom",
        "LPS_Version",
        "LPS_ID_HOMOLOGATION_DMP",
    ]
    assert assertion.xpath("//*[local-name()='Role']/@code") == ["10", "SM26"]
    assert "SA07^1.2.250.1.71.4.2.4" in assertion.itertext()


def test_two_assertions_never_share_their_id(key: SigningKey):
    first, second = (write_vihf(IDENTITY, PATIENT, key, NOON) for _ in range(2))

    assert first.get("ID") != second.get("ID")


def test_a_search_by_traits_names_no_patient(key: SigningKey):
    assertion = write_vihf(IDENTITY, None, key, NOON)

    assert read_vihf(verify_enveloped(sent(assertion)).element).patient_id is None


def test_an_assertion_that_was_changed_is_not_believed(key: SigningKey):
    assertion = sent(write_vihf(IDENTITY, PATIENT, key, NOON))
    assertion.find("{*}Subject/{*}NameID").text = "899900000000"

    with pytest.raises(BadSignature):
        verify_enveloped(assertion)


def test_signxml_verifies_the_signature_of_a_submission(key: SigningKey):
    data = sign_submission(Signed("1.2.3.4", {"1.2.3.5": CDA}), key, NOON)

    results = XAdESVerifier().verify(
        data,
        x509_cert=key.certificate,
        expect_config=XAdESSignatureConfiguration(expect_references=3, verification_time=NOON),
    )

    assert results[0].signed_xml.get("Id") == "IHEManifest"
    assert results[1].signed_xml.findtext(".//{*}SigningTime") == "2026-11-23T12:00:00+00:00"


def test_xmlsec1_verifies_the_signature_of_a_submission(key: SigningKey, tmp_path: Path):
    data = sign_submission(Signed("1.2.3.4", {"1.2.3.5": CDA}), key, NOON)
    ids = (
        "--id-attr:Id", "http://www.w3.org/2000/09/xmldsig#:Manifest",
        "--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
        "--id-attr:Id", "http://www.w3.org/2000/09/xmldsig#:KeyInfo",
        "--ignore-manifests",
    )  # fmt: skip

    verified = xmlsec1(data, tmp_path, *ids)
    changed = xmlsec1(data.replace(b"urn:oid:1.2.3.5", b"urn:oid:1.2.3.6"), tmp_path, *ids)

    assert verified.returncode == 0, verified.stderr
    assert changed.returncode != 0


def test_the_manifest_names_the_submission_and_digests_each_document(key: SigningKey):
    root = etree.fromstring(sign_submission(Signed("1.2.3.4", {"1.2.3.5": CDA, "1.2.3.6": b"<a/>"}), key, NOON))
    references = root.findall(".//ds:Manifest/ds:Reference", DS)

    assert [each.get("URI") for each in references] == ["urn:oid:1.2.3.4", "urn:oid:1.2.3.5", "urn:oid:1.2.3.6"]
    digests = [each.findtext("ds:DigestValue", namespaces=DS) for each in references]
    assert digests[:2] == ["AA==", base64.b64encode(hashlib.sha256(CANONICAL_CDA).digest()).decode()]
    assert root.findtext(".//SignatureProperty") == "1.2.840.10065.1.12.1.14"
    assert root.find("ds:SignedInfo/ds:Reference", DS).get("Type") == "http://www.w3.org/2000/09/xmldsig#Manifest"


def test_a_changed_manifest_is_found_out(key: SigningKey):
    data = sign_submission(Signed("1.2.3.4", {"1.2.3.5": CDA}), key, NOON)
    other = document_digest(b"<other/>").encode()

    with pytest.raises(InvalidDigest):
        XAdESVerifier().verify(
            data.replace(document_digest(CDA).encode(), other),
            x509_cert=key.certificate,
            expect_config=XAdESSignatureConfiguration(verification_time=NOON),
        )


def test_only_xml_is_digested():
    with pytest.raises(ProtocolError):
        document_digest(b"%PDF-1.4")


def test_signxml_verifies_an_emitted_assertion(key: SigningKey):
    assertion = write_vihf(IDENTITY, PATIENT, key, NOON)

    result = XMLVerifier().verify(
        etree.tostring(assertion),
        x509_cert=key.certificate,
        expect_config=SignatureConfiguration(expect_references=1, verification_time=NOON),
    )

    assert result.signed_xml.get("ID") == assertion.get("ID")
