"""The enveloped signature of the published list: who signed it, and exactly what was signed.

Only the signed element, read again from the very bytes that were digested, is handed on; whatever lies around it is
never looked at, so that wrapping a signed list into another gains nothing. The signer is a certificate of the file
`[trust] signers` (pinned), or one that an authority of that file issued to the subject `[trust] signer` (anchored):
anybody of the trust space has a certificate of those authorities. Source: XML Signature 1.1, domain note §3.1.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.serialization import Encoding
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureMethod
from signxml.exceptions import SignXMLException
from signxml.verifier import SignatureConfiguration, XMLVerifier

from smtp_gateway.trust.subjects import parse_subject, subject_of
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError

DSIG = "{http://www.w3.org/2000/09/xmldsig#}"
SIGNATURE = f"{DSIG}Signature"
METHODS = frozenset(
    SignatureMethod[f"{kind}_SHA{size}"] for kind in ("RSA", "ECDSA") for size in (256, 384, 512)
) | frozenset(SignatureMethod[f"SHA{size}_RSA_MGF1"] for size in (256, 384, 512))
DIGESTS = frozenset({DigestAlgorithm.SHA256, DigestAlgorithm.SHA384, DigestAlgorithm.SHA512})


@dataclass(frozen=True, slots=True)
class Signers:
    """Who may sign a list.

    Attributes:
        pinned: certificates whose signature is taken as it is.
        authorities: those that may issue the certificate of a signer.
        subject: what such a certificate must be issued to, as the national list writes subjects.
    """

    pinned: Sequence[x509.Certificate]
    authorities: Sequence[x509.Certificate]
    subject: str | None

    @classmethod
    def load(cls, path: Path, subject: str | None) -> "Signers":
        """Read the PEM file of certificates; an authority in it needs SUBJECT.

        Raises:
            ConfigurationError: the file cannot be read, or names an authority without a subject.
        """
        try:
            found = x509.load_pem_x509_certificates(path.read_bytes())
        except (OSError, ValueError):
            raise ConfigurationError("trust.signers : fichier de certificats illisible") from None
        authorities = [each for each in found if is_authority(each)]
        if authorities and subject is None:
            raise ConfigurationError("trust.signer : dites à quel sujet l'autorité a délivré le certificat signataire")
        return cls([each for each in found if not is_authority(each)], authorities, subject)

    def candidates(self, embedded: Sequence[x509.Certificate]) -> Iterator[x509.Certificate]:
        """Yield the certificates with which the signature may verify."""
        yield from self.pinned
        for certificate in embedded[:1]:  # the signer's own comes first; the rest is its chain
            if self.subject is not None and self._admits(certificate, self.subject):
                yield certificate

    def _admits(self, certificate: x509.Certificate, subject: str) -> bool:
        same = subject_of(certificate.public_bytes(Encoding.DER)) == parse_subject(subject)
        return same and any(_issued(each, certificate) for each in self.authorities)


@dataclass(frozen=True, slots=True)
class Signed:
    """What was signed, and by whom (the subject)."""

    content: bytes
    signer: str


def is_signed(root: etree._Element) -> bool:
    """Tell whether a document carries a signature of its own."""
    return root.find(SIGNATURE) is not None


def read_signed(root: etree._Element, signers: Signers, at: datetime) -> Signed:
    """Verify the signature of ROOT by one of SIGNERS, whose certificate must be valid at AT.

    Raises:
        ProtocolError: absent, several, by somebody else, wrong, or over something else than one element.
    """
    if len(list(root.iter(SIGNATURE))) != 1 or not is_signed(root):
        raise ProtocolError("whitelist: not exactly one signature at its root")
    expected = SignatureConfiguration(
        location="./", expect_references=1, signature_methods=METHODS, digest_algorithms=DIGESTS, verification_time=at
    )
    for certificate in signers.candidates(_embedded(root)):
        try:
            verified = XMLVerifier().verify(root, x509_cert=certificate, expect_config=expected)
        except (SignXMLException, InvalidSignature, ValueError, KeyError, TypeError):
            continue
        if not isinstance(verified, list) and _reaches_the_root(root):
            return Signed(verified.signed_data, str(subject_of(certificate.public_bytes(Encoding.DER))))
    raise ProtocolError("whitelist: its signature is wrong or by nobody that is trusted")


def is_authority(certificate: x509.Certificate) -> bool:
    """Tell whether a certificate may issue others."""
    try:
        return bool(certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca)
    except x509.ExtensionNotFound:
        return False


def _reaches_the_root(root: etree._Element) -> bool:
    """Tell whether the one reference is to the whole document, not to an element that hides in it."""
    reference = root.find(f"{SIGNATURE}/{DSIG}SignedInfo/{DSIG}Reference")
    uri = reference.get("URI") if reference is not None else None
    return uri == "" or (uri is not None and uri[1:] in (root.get("Id"), root.get("ID"), root.get("id")))


def _embedded(root: etree._Element) -> list[x509.Certificate]:
    texts = root.iterfind(f"{SIGNATURE}/{DSIG}KeyInfo//{DSIG}X509Certificate")
    try:
        return [x509.load_pem_x509_certificate(_pem("".join((each.text or "").split()))) for each in texts]
    except ValueError:
        return []


def _pem(base64_text: str) -> bytes:
    return f"-----BEGIN CERTIFICATE-----\n{base64_text}\n-----END CERTIFICATE-----\n".encode()


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True
