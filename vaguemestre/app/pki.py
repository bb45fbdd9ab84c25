"""The TEST certification authority of an instance and the certificates that it issues.

Two levels, named as IGC-Santé names its own with the prefix `TEST `, so that nobody takes one for the other.
`ca.pem` holds the issuing authority first, then the root; `ca.key` is the key of the issuing one, so that any
tool (`openssl x509 -CA ca.pem -CAkey ca.key`) can sign with it. The key of the root is never kept.

Source: domain of MSSanté, two levels of IGC-Santé; RFC 5280 §4.2, §5.
"""

import ipaddress
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from vaguemestre.kernel.errors import ConfigurationError

ROOT_NAME = "TEST AC RACINE IGC-SANTE ELEMENTAIRE"
ISSUING_NAME = "TEST AC IGC-SANTE ELEMENTAIRE ORGANISATIONS"
AUTHORITY_LIFETIME = timedelta(days=3650)
LEAF_LIFETIME = timedelta(days=820)
BACKDATED = timedelta(hours=1)

_SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=True, crl_sign=True, encipher_only=False, decipher_only=False,
)  # fmt: skip
_SIGNS_SESSIONS = x509.KeyUsage(
    digital_signature=True, content_commitment=False, key_encipherment=False, data_encipherment=False,
    key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateRequest:
    """What a certificate is to say: its subject, the hosts that it names, what it is for."""

    subject: x509.Name
    hosts: tuple[str, ...]
    for_client: bool = False
    for_server: bool = True
    lifetime: timedelta = LEAF_LIFETIME


@dataclass(frozen=True, slots=True)
class Issued:
    """A certificate with the chain that a listener sends, and its key; both PEM."""

    certificate: bytes
    key: bytes

    def write(self, folder: Path, stem: str) -> None:
        """Write FOLDER/STEM.pem and FOLDER/STEM.key (mode 0600)."""
        (folder / f"{stem}.pem").write_bytes(self.certificate)
        write_secret(folder / f"{stem}.key", self.key)


@dataclass(frozen=True, slots=True, repr=False)
class Authority:
    """The issuing authority, its key, and the root above it."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    root: x509.Certificate

    @classmethod
    def create(cls, now: datetime) -> "Authority":
        """Make a root, an issuing authority under it, and forget the key of the root."""
        root_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        root_name = _authority_name(ROOT_NAME)
        root = _authority_certificate(root_name, root_key, root_name, root_key, now)
        certificate = _authority_certificate(_authority_name(ISSUING_NAME), key, root_name, root_key, now)
        return cls(certificate, key, root)

    @classmethod
    def load(cls, folder: Path) -> "Authority":
        """Read FOLDER/ca.pem and FOLDER/ca.key.

        Raises:
            ConfigurationError: absent, or not the two certificates and the key that `save` writes.
        """
        try:
            certificate, root = x509.load_pem_x509_certificates((folder / "ca.pem").read_bytes())
            key = load_pem_private_key((folder / "ca.key").read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"TEST authority: ca.pem or ca.key: {type(error).__name__}") from None
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigurationError("TEST authority: ca.key is not an elliptic-curve key")
        return cls(certificate, key, root)

    def save(self, folder: Path) -> None:
        """Write FOLDER/ca.pem (issuing authority, then root) and FOLDER/ca.key."""
        (folder / "ca.pem").write_bytes(_pem(self.certificate) + _pem(self.root))
        write_secret(folder / "ca.key", key_pem(self.key))

    def issue(self, request: CertificateRequest, now: datetime) -> Issued:
        """Sign a certificate (ECDSA P-256) as REQUEST says, valid from an hour before NOW."""
        key = ec.generate_private_key(ec.SECP256R1())
        usages = [
            *([ExtendedKeyUsageOID.SERVER_AUTH] if request.for_server else []),
            *([ExtendedKeyUsageOID.CLIENT_AUTH] if request.for_client else []),
        ]
        certificate = (
            _builder(request.subject, key, self.certificate.subject, now, request.lifetime)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_SIGNS_SESSIONS, critical=True)
            .add_extension(x509.ExtendedKeyUsage(usages), critical=False)
            .add_extension(x509.SubjectAlternativeName([_host(host) for host in request.hosts]), critical=False)
            .add_extension(_issued_by(self.key), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        return Issued(_pem(certificate) + _pem(self.certificate), key_pem(key))

    def revocation_list(self, revoked: Sequence[x509.Certificate], now: datetime) -> bytes:
        """Return the PEM list of the certificates in REVOKED; an empty one is a list all the same (RFC 5280 §5)."""
        builder = (
            x509.CertificateRevocationListBuilder()
            .issuer_name(self.certificate.subject)
            .last_update(now - BACKDATED)
            .next_update(now + AUTHORITY_LIFETIME)
            .add_extension(x509.CRLNumber(int(now.timestamp())), critical=False)
            .add_extension(_issued_by(self.key), critical=False)
        )
        for certificate in revoked:
            entry = x509.RevokedCertificateBuilder().serial_number(certificate.serial_number)
            builder = builder.add_revoked_certificate(entry.revocation_date(now - BACKDATED).build())
        return builder.sign(self.key, hashes.SHA256()).public_bytes(Encoding.PEM)


def operator_subject(host: str, organisation: str) -> x509.Name:
    """Return the subject of an operator's certificate, attributes as on the MSSanté whitelist (C first, CN last)."""
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.STATE_OR_PROVINCE_NAME, "Paris (75)"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, organisation),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "300000000000000"),
            x509.NameAttribute(NameOID.COMMON_NAME, host),
        ]
    )


def key_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return KEY as unencrypted PKCS #8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def write_secret(path: Path, content: bytes) -> None:
    """Write CONTENT into a fresh file of mode 0600.

    Raises:
        ConfigurationError: the file is there already; a secret is never replaced.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        raise ConfigurationError(f"{path.name}: exists already") from None
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _authority_name(common_name: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.COUNTRY_NAME, "FR"),
            x509.NameAttribute(NameOID.ORGANIZATION_NAME, "VAGUEMESTRE"),
            x509.NameAttribute(NameOID.ORGANIZATIONAL_UNIT_NAME, "IGC-SANTE TEST"),
            x509.NameAttribute(NameOID.COMMON_NAME, common_name),
        ]
    )


def _authority_certificate(
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    issuer: x509.Name,
    issuer_key: ec.EllipticCurvePrivateKey,
    now: datetime,
) -> x509.Certificate:
    return (
        _builder(subject, key, issuer, now, AUTHORITY_LIFETIME)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_SIGNS_CERTIFICATES, critical=True)
        .add_extension(_issued_by(issuer_key), critical=False)
        .sign(issuer_key, hashes.SHA256())
    )


def _builder(
    subject: x509.Name, key: ec.EllipticCurvePrivateKey, issuer: x509.Name, now: datetime, lifetime: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - BACKDATED)
        .not_valid_after(now + lifetime)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )


def _issued_by(key: ec.EllipticCurvePrivateKey) -> x509.AuthorityKeyIdentifier:
    return x509.AuthorityKeyIdentifier.from_issuer_public_key(key.public_key())


def _host(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(Encoding.PEM)
