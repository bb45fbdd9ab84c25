"""Questions and answers of the Online Certificate Status Protocol, as bytes and values. No I/O.

An answer counts when it is about our certificate, within its dates, signed by the authority itself or by a responder
that this very authority certified for it, and repeats our nonce when it has one. Source: RFC 6960 §3.2, §4.2; RFC 8954.
"""

import os
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp
from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID

from vaguemestre.kernel.errors import ProtocolError

SKEW = timedelta(minutes=5)
WITHOUT_DUE_DATE = timedelta(hours=1)
NONCE_BYTES = 32
MEDIA_TYPE = "application/ocsp-request"


class Status(StrEnum):
    """What a responder says of a certificate."""

    GOOD = "good"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


STATUS = {
    ocsp.OCSPCertStatus.GOOD: Status.GOOD,
    ocsp.OCSPCertStatus.REVOKED: Status.REVOKED,
    ocsp.OCSPCertStatus.UNKNOWN: Status.UNKNOWN,
}


@dataclass(frozen=True, slots=True, repr=False)
class Question:
    """What is asked about a certificate of an authority."""

    certificate: x509.Certificate
    issuer: x509.Certificate
    nonce: bytes

    @classmethod
    def about(cls, certificate: x509.Certificate, issuer: x509.Certificate) -> "Question":
        """Make a question with a fresh nonce."""
        return cls(certificate, issuer, os.urandom(NONCE_BYTES))

    def to_bytes(self) -> bytes:
        """Return the DER to post."""
        builder = ocsp.OCSPRequestBuilder().add_certificate(self.certificate, self.issuer, hashes.SHA1())  # noqa: S303 - names the authority, as every responder knows it
        nonce = x509.OCSPNonce(self.nonce)
        return builder.add_extension(nonce, critical=False).build().public_bytes(Encoding.DER)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a responder said, and until when it may be believed."""

    status: Status
    good_until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What an answer must be.

    Attributes:
        nonce: whether it must repeat the nonce of the question; one that differs is refused anyway.
        revoked: serial numbers that the authority revoked: no such responder is heard.
    """

    nonce: bool = False
    revoked: frozenset[int] = frozenset()


def read_answer(data: bytes, question: Question, now: datetime, wanted: Wanted = Wanted()) -> Answer:
    """Read the answer to a question.

    Raises:
        ProtocolError: malformed, about something else, not of its dates, or signed by nobody that may.
    """
    try:
        response = ocsp.load_der_ocsp_response(data)
        if response.response_status is not ocsp.OCSPResponseStatus.SUCCESSFUL:
            raise ProtocolError("OCSP: the responder does not answer")
        _check_nonce(response, question, required=wanted.nonce)
        _check_signer(response, question.issuer, now, wanted.revoked)
        return _about(response, question, now)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise ProtocolError("OCSP: malformed answer") from None


def responders(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the HTTP addresses of the responders that a certificate names."""
    try:
        access = certificate.extensions.get_extension_for_class(x509.AuthorityInformationAccess).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    named = [each.access_location for each in access if each.access_method == AuthorityInformationAccessOID.OCSP]
    addresses = [name.value for name in named if isinstance(name, x509.UniformResourceIdentifier)]
    return tuple(address for address in addresses if address.lower().startswith(("http://", "https://")))


def _about(response: ocsp.OCSPResponse, question: Question, now: datetime) -> Answer:
    for single in response.responses:
        if not _names(single, question):
            continue
        made_at, due_at = single.this_update_utc, single.next_update_utc
        until = due_at if due_at is not None else made_at + WITHOUT_DUE_DATE
        if made_at > now + SKEW or until <= now - SKEW:
            raise ProtocolError("OCSP: the answer is not of today")
        return Answer(STATUS[single.certificate_status], until)
    raise ProtocolError("OCSP: the answer is about another certificate")


def _names(single: ocsp.OCSPSingleResponse, question: Question) -> bool:
    """Compare serial, and name and key of the authority under the digest that the responder chose."""
    digest = hashes.Hash(single.hash_algorithm)
    digest.update(question.issuer.subject.public_bytes())
    same_name = digest.finalize() == single.issuer_name_hash
    key = x509.SubjectKeyIdentifier.from_public_key(question.issuer.public_key()).digest
    same_key = not isinstance(single.hash_algorithm, hashes.SHA1) or key == single.issuer_key_hash
    return same_name and same_key and single.serial_number == question.certificate.serial_number


def _check_nonce(response: ocsp.OCSPResponse, question: Question, *, required: bool) -> None:
    try:
        echoed = response.extensions.get_extension_for_class(x509.OCSPNonce).value.nonce
    except x509.ExtensionNotFound:
        if required:
            raise ProtocolError("OCSP: the answer has no nonce") from None
        return
    if echoed != question.nonce:
        raise ProtocolError("OCSP: the answer is to another question")


def _check_signer(
    response: ocsp.OCSPResponse, issuer: x509.Certificate, now: datetime, revoked: frozenset[int]
) -> None:
    delegates = (each for each in response.certificates if _is_delegated(each, issuer) and _is_valid(each, now))
    signers = [issuer, *(each for each in delegates if each.serial_number not in revoked)]
    if not any(_signed(response, signer) for signer in signers):
        raise ProtocolError("OCSP: signed by nobody that may")


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _is_delegated(candidate: x509.Certificate, issuer: x509.Certificate) -> bool:
    """Tell whether the authority itself certified that it answers for it (RFC 6960 §4.2.2.2)."""
    try:
        candidate.verify_directly_issued_by(issuer)
        usage = candidate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False
    return ExtendedKeyUsageOID.OCSP_SIGNING in usage


def _signed(response: ocsp.OCSPResponse, signer: x509.Certificate) -> bool:
    key, algorithm = signer.public_key(), response.signature_hash_algorithm
    if algorithm is None or isinstance(algorithm, (hashes.SHA1, hashes.MD5)):
        return False
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(response.signature, response.tbs_response_bytes, padding.PKCS1v15(), algorithm)
        elif isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(response.signature, response.tbs_response_bytes, ec.ECDSA(algorithm))
        else:
            return False
    except InvalidSignature:
        return False
    return True
