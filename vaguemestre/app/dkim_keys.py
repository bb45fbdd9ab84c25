"""Key pairs that sign outgoing mail, and the DNS record that publishes each.

Source: RFC 6376 §3.6.1 (RSA), RFC 8463 §4 (Ed25519).
"""

import base64
from dataclasses import dataclass
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_public_key,
)

from vaguemestre.app.pki import write_secret

RSA_BITS = 2048


@dataclass(frozen=True, slots=True)
class DkimKey:
    """A selector, its private key (PEM) and what DNS says of it."""

    selector: str
    private_pem: bytes
    record: str

    def write(self, folder: Path) -> None:
        """Write FOLDER/dkim-SELECTOR.pem, mode 0600."""
        write_secret(folder / f"dkim-{self.selector}.pem", self.private_pem)


def create_dkim_keys() -> tuple[DkimKey, DkimKey]:
    """Make one RSA-2048 and one Ed25519 key: peers that do not know the second verify the first."""
    return _key("vm-rsa", rsa.generate_private_key(65_537, RSA_BITS)), _key(
        "vm-ed25519", ed25519.Ed25519PrivateKey.generate()
    )


def public_record(public_pem: bytes) -> str:
    """Return the TXT record of a PEM public key, RSA or Ed25519.

    Raises:
        ValueError: neither of the two.
    """
    key = load_pem_public_key(public_pem)
    if isinstance(key, ed25519.Ed25519PublicKey):
        return _record("ed25519", key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    if isinstance(key, rsa.RSAPublicKey):
        return _record("rsa", key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    raise ValueError("DKIM: neither an RSA nor an Ed25519 key")


def _key(selector: str, private: rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey) -> DkimKey:
    pem = private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    public = private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return DkimKey(selector, pem, public_record(public))


def _record(algorithm: str, key: bytes) -> str:
    return f"v=DKIM1; k={algorithm}; p={base64.b64encode(key).decode()}"
