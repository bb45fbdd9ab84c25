"""Certificate revocation lists, as values: read, verified against the authority that must have signed them. No I/O.

What this reader does not understand it refuses: delta and indirect lists, lists of other kinds of certificates, unknown
critical extensions. Source: RFC 5280 §5, §6.3.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding

from vaguemestre.kernel.errors import ProtocolError

UNDERSTOOD = (
    x509.AuthorityKeyIdentifier,
    x509.CRLNumber,
    x509.IssuingDistributionPoint,
    x509.FreshestCRL,
    x509.IssuerAlternativeName,
    x509.AuthorityInformationAccess,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class RevocationList:
    """One list that its authority signed."""

    issuer: bytes
    """SHA-256 fingerprint of the authority's certificate."""
    made_at: datetime
    due_at: datetime | None
    """When the next one is due; from then on this one has expired."""
    number: int
    serials: frozenset[int] = field(repr=False)

    def is_current(self, now: datetime) -> bool:
        """Tell whether the list is the one to use at NOW."""
        return self.due_at is None or now < self.due_at

    def replaces(self, other: "RevocationList | None") -> bool:
        """Tell whether it is at least as new as another one of the same authority."""
        return other is None or (self.made_at, self.number) >= (other.made_at, other.number)


def read_crl(data: bytes, authorities: Iterable[x509.Certificate]) -> RevocationList:
    """Read a list in PEM or DER that one of AUTHORITIES signed.

    Raises:
        ProtocolError: not a list, of somebody else, badly signed, or of a kind that is not understood.
    """
    try:
        is_pem = data.lstrip().startswith(b"-----BEGIN")
        crl = x509.load_pem_x509_crl(data) if is_pem else x509.load_der_x509_crl(data)
        issuer = next((each for each in authorities if _signed_by(crl, each)), None)
        if issuer is None:
            raise ProtocolError("revocation list: signed by no authority of ours")
        _check_kind(crl)
        return RevocationList(
            issuer=fingerprint_of(issuer),
            made_at=crl.last_update_utc,
            due_at=crl.next_update_utc,
            number=_number(crl),
            serials=frozenset(entry.serial_number for entry in crl),
        )
    except (ValueError, TypeError):
        raise ProtocolError("revocation list: malformed") from None


def to_pem(data: bytes) -> bytes:
    """Return a list in PEM, whatever form it came in.

    Raises:
        ProtocolError: not a list.
    """
    if data.lstrip().startswith(b"-----BEGIN"):
        return data
    try:
        return x509.load_der_x509_crl(data).public_bytes(Encoding.PEM)
    except ValueError:
        raise ProtocolError("revocation list: malformed") from None


def distribution_points(certificate: x509.Certificate) -> tuple[str, ...]:
    """Return the HTTP addresses at which a certificate says that its list is published."""
    try:
        points = certificate.extensions.get_extension_for_class(x509.CRLDistributionPoints).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    names = [name.value for point in points for name in point.full_name or () if _is_address(name)]
    return tuple(str(name) for name in names if str(name).lower().startswith(("http://", "https://")))


def fingerprint_of(certificate: x509.Certificate) -> bytes:
    """Return what tells a certificate from every other one."""
    return certificate.fingerprint(SHA256())


def issuer_of(certificate: x509.Certificate, authorities: Iterable[x509.Certificate]) -> x509.Certificate | None:
    """Return the authority that issued a certificate, None when it is none of these."""
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (InvalidSignature, ValueError, TypeError):
            continue
        return authority
    return None


def _signed_by(crl: x509.CertificateRevocationList, authority: x509.Certificate) -> bool:
    if crl.issuer != authority.subject or not _may_sign(authority):
        return False
    return crl.is_signature_valid(authority.public_key())  # type: ignore[arg-type]  # of the kinds that sign


def _may_sign(authority: x509.Certificate) -> bool:
    try:
        return authority.extensions.get_extension_for_class(x509.KeyUsage).value.crl_sign
    except x509.ExtensionNotFound:
        return True


def _check_kind(crl: x509.CertificateRevocationList) -> None:
    for extension in crl.extensions:
        value = extension.value
        if isinstance(value, x509.DeltaCRLIndicator):
            raise ProtocolError("revocation list: only the changes of another one")
        if extension.critical and not isinstance(value, UNDERSTOOD):
            raise ProtocolError("revocation list: an unknown critical extension")
        if isinstance(value, x509.IssuingDistributionPoint) and (
            value.indirect_crl
            or value.only_contains_ca_certs
            or value.only_contains_attribute_certs
            or value.only_some_reasons
        ):
            raise ProtocolError("revocation list: not of all certificates of the authority")


def _number(crl: x509.CertificateRevocationList) -> int:
    try:
        return crl.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
    except x509.ExtensionNotFound:
        return 0


def _is_address(name: x509.GeneralName) -> bool:
    return isinstance(name, x509.UniformResourceIdentifier)
