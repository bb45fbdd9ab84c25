"""The certificates whose assertions are believed: signed by an authority of the instance, valid, not revoked."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature

from vaguemestre.kernel.errors import ConfigurationError

CRL_PATTERN = "*.crl.pem"


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedSigners:
    """Authorities and their revocation lists."""

    authorities: Sequence[x509.Certificate]
    revocation_lists: Sequence[x509.CertificateRevocationList] = ()

    @classmethod
    def load(cls, authority: Path, revocation: Path) -> "TrustedSigners":
        """Read the PEM file of the authorities and the lists of a folder.

        Raises:
            ConfigurationError: one of them cannot be read.
        """
        try:
            authorities = x509.load_pem_x509_certificates(authority.read_bytes())
            lists = [x509.load_pem_x509_crl(file.read_bytes()) for file in sorted(revocation.glob(CRL_PATTERN))]
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"XDS: authorities or revocation lists: {type(error).__name__}") from None
        return cls(authorities=authorities, revocation_lists=lists)

    def trust(self, certificate: x509.Certificate, now: datetime) -> bool:
        """Tell whether CERTIFICATE may sign assertions at NOW."""
        issuer = next((each for each in self.authorities if _issued(each, certificate)), None)
        if issuer is None or not _signs(certificate) or not _is_valid(certificate, now) or not _is_valid(issuer, now):
            return False
        return not any(_revokes(each, certificate, issuer) for each in self.revocation_lists)


def _issued(authority: x509.Certificate, certificate: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (InvalidSignature, ValueError, TypeError):
        return False
    return True


def _signs(certificate: x509.Certificate) -> bool:
    """Tell whether it is no authority and its usage, when it states one, is to sign."""
    extensions = certificate.extensions
    try:
        if extensions.get_extension_for_class(x509.BasicConstraints).value.ca:
            return False
    except x509.ExtensionNotFound:
        pass
    try:
        usage = extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return True
    return usage.digital_signature or usage.content_commitment


def _is_valid(certificate: x509.Certificate, now: datetime) -> bool:
    return certificate.not_valid_before_utc <= now <= certificate.not_valid_after_utc


def _revokes(listed: x509.CertificateRevocationList, certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    if listed.issuer != issuer.subject or not listed.is_signature_valid(issuer.public_key()):  # type: ignore[arg-type]
        return False
    return listed.get_revoked_certificate_by_serial_number(certificate.serial_number) is not None
