"""Keys that sign in the name of the instance: a certificate and its private key, from files or from a token.

Whoever signs takes a `SigningKey` and never asks where the key lies: a key on a token (`pkcs11_keys.py`) has the
interface of `cryptography`'s own and signs without ever leaving it.
"""

from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_private_key

from vaguemestre.kernel.errors import ConfigurationError

PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A certificate and the private key that belongs to it."""

    certificate: x509.Certificate
    key: PrivateKey


def load_signing_key(certificate: Path, key: Path) -> SigningKey:
    """Read a PEM certificate (the first of a chain) and its PEM key, which only its owner may read.

    Raises:
        ConfigurationError: absent, readable by others, not RSA or elliptic curve, or not of that certificate.
    """
    try:
        if key.stat().st_mode & 0o077:
            raise ConfigurationError(f"{key.name}: readable by others; chmod 600 it")
        private = load_pem_private_key(key.read_bytes(), password=None)
    except (OSError, ValueError, TypeError) as error:
        raise ConfigurationError(f"{key.name}: no usable private key: {type(error).__name__}") from None
    if not isinstance(private, rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey):
        raise ConfigurationError(f"{key.name}: neither an RSA nor an elliptic-curve key")
    return paired(load_certificate(certificate), private)


def load_certificate(path: Path) -> x509.Certificate:
    """Read a PEM certificate, the first of a chain.

    Raises:
        ConfigurationError: absent or not a certificate.
    """
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{path.name}: no usable certificate: {type(error).__name__}") from None


def paired(certificate: x509.Certificate, key: PrivateKey) -> SigningKey:
    """Return both as one, once it is sure that they belong together.

    Raises:
        ConfigurationError: they do not.
    """
    form = (Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    if certificate.public_key().public_bytes(*form) != key.public_key().public_bytes(*form):
        raise ConfigurationError("signing key: the certificate is that of another key")
    return SigningKey(certificate, key)
