"""Certificates of a structure as IGC-Santé gives them: RSA, one to show (AUTH_CLI), one to sign (SIGN)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from vaguemestre.app.pki import Authority, write_secret

STRUCTURE = "1750000000"


@dataclass(frozen=True)
class RsaPair:
    """A certificate and its key."""

    certificate: x509.Certificate
    key: rsa.RSAPrivateKey

    @property
    def key_pem(self) -> bytes:
        """The key, PKCS #8."""
        return self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    @property
    def certificate_pem(self) -> bytes:
        """The certificate."""
        return self.certificate.public_bytes(Encoding.PEM)

    def write(self, folder: Path, stem: str) -> tuple[Path, Path]:
        """Write FOLDER/STEM.pem and FOLDER/STEM.key; returns both."""
        (folder / f"{stem}.pem").write_bytes(self.certificate_pem)
        write_secret(folder / f"{stem}.key", self.key_pem)
        return folder / f"{stem}.pem", folder / f"{stem}.key"


@cache
def _key_of(name: str) -> rsa.RSAPrivateKey:
    """Make the key of a name once: RSA keys are slow to make."""
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def issue_rsa(
    authority: Authority, name: str, now: datetime, *, unit: str = STRUCTURE, hosts: Sequence[str] = ()
) -> RsaPair:
    """Issue an RSA certificate to the structure, under the name given; HOSTS: that a server may have."""
    key = _key_of(name)
    attributes = (
        (NameOID.COUNTRY_NAME, "FR"),
        (NameOID.STATE_OR_PROVINCE_NAME, "Paris (75)"),
        (NameOID.ORGANIZATION_NAME, "CH DEMO"),
        (NameOID.ORGANIZATIONAL_UNIT_NAME, unit),
        (NameOID.COMMON_NAME, name),
    )
    usage = x509.KeyUsage(
        digital_signature=True, content_commitment=True, key_encipherment=False, data_encipherment=False,
        key_agreement=False, key_cert_sign=False, crl_sign=False, encipher_only=False, decipher_only=False,
    )  # fmt: skip
    builder = (
        x509.CertificateBuilder()
        .subject_name(x509.Name([x509.NameAttribute(oid, value) for oid, value in attributes]))
        .issuer_name(authority.certificate.subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=3000))  # real TLS has the real clock
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key()), critical=False)
    )
    if hosts:
        names = x509.SubjectAlternativeName([x509.DNSName(each) for each in hosts])
        builder = builder.add_extension(names, critical=False)
    return RsaPair(builder.sign(authority.key, hashes.SHA256()), key)
