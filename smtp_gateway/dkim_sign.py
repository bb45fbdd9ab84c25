"""Signing what leaves, with the instance's keys (RFC 6376; RFC 8463): relaxed form, one field per key.

Both an RSA and an Ed25519 signature are made: peers that do not know the second verify the first. From is signed once
more than it occurs, so that nobody can add one (RFC 6376 §8.15).
"""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from smtp_gateway.dkim_body import BodyHash
from smtp_gateway.dkim_signature import parse_signature, signed_bytes
from smtp_gateway.header import Field, HeaderBlock
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.log import get_logger

SIGNED = (
    b"from",
    b"to",
    b"cc",
    b"subject",
    b"date",
    b"message-id",
    b"in-reply-to",
    b"references",
    b"reply-to",
    b"mime-version",
    b"content-type",
    b"content-transfer-encoding",
    b"disposition-notification-to",
    b"list-unsubscribe",
    b"list-unsubscribe-post",
)
FOLD = 72
log = get_logger(__name__)


@dataclass(frozen=True, slots=True, repr=False)
class SigningKey:
    """A private key and the selector under which its public half is published."""

    selector: str
    key: RSAPrivateKey | Ed25519PrivateKey

    @property
    def algorithm(self) -> str:
        """The `a=` tag."""
        return "rsa-sha256" if isinstance(self.key, RSAPrivateKey) else "ed25519-sha256"

    def sign(self, covered: bytes) -> bytes:
        """Return the signature value."""
        if isinstance(self.key, RSAPrivateKey):
            return self.key.sign(covered, padding.PKCS1v15(), SHA256())
        return self.key.sign(hashlib.sha256(covered).digest())


def load_signing_keys(folder: Path, selectors: Sequence[str]) -> tuple[SigningKey, ...]:
    """Read `dkim-SELECTOR.pem` of each selector; one that has no file is left out.

    Raises:
        ConfigurationError: a file is there and is no private key, or of another kind.
    """
    keys = []
    for selector in selectors:
        path = folder / f"dkim-{selector}.pem"
        if not path.exists():
            log.warning("dkim_key_missing", key=selector)
            continue
        try:
            key = load_pem_private_key(path.read_bytes(), None)
        except (OSError, ValueError, TypeError) as error:
            raise ConfigurationError(f"DKIM: {path.name} cannot be used: {type(error).__name__}") from None
        if not isinstance(key, RSAPrivateKey | Ed25519PrivateKey):
            raise ConfigurationError(f"DKIM: {path.name} is neither an RSA nor an Ed25519 key")
        keys.append(SigningKey(selector, key))
    return tuple(keys)


def sign(header: HeaderBlock, body: bytes, domain: str, keys: Sequence[SigningKey], at: datetime) -> list[bytes]:
    """Return one DKIM-Signature field per key, each with its CRLF, to be put in front of the header.

    Args:
        header: the fields that leave.
        body: what follows the blank line, CRLF line ends.
        domain: of the author.
        keys: private keys with their selectors.
        at: the `t=` tag, aware.
    """
    if not keys:
        return []
    hashed = BodyHash(relaxed=True)
    hashed.update(body)
    digest = base64.b64encode(hashed.digest()).decode()
    present = [name for field in header.fields if (name := field.name) in SIGNED]
    names = b":".join([*sorted(present, key=SIGNED.index), b"from"]).decode("ascii")
    return [_field(header, key, f"d={domain}; t={int(at.timestamp())}", (names, digest)) for key in keys]


def _field(header: HeaderBlock, key: SigningKey, place: str, covered: tuple[str, str]) -> bytes:
    names, digest = covered
    text = (
        f"DKIM-Signature: v=1; a={key.algorithm}; c=relaxed/relaxed; s={key.selector};\r\n\t{place};\r\n"
        f"\th={_folded_names(names)};\r\n\tbh={digest};\r\n\tb="
    )
    unsigned = Field(b"dkim-signature", text.encode() + b"\r\n")
    value = base64.b64encode(key.sign(signed_bytes(parse_signature(unsigned), header))).decode()
    lines = "\r\n\t ".join(value[start : start + FOLD] for start in range(0, len(value), FOLD))
    return f"{text}{lines}\r\n".encode()


def _folded_names(names: str) -> str:
    """Break the list of names into lines (a fold may stand before a colon, RFC 6376 §3.5)."""
    words, lines, line = names.split(":"), [], ""
    for word in words:
        if len(line) + len(word) > FOLD:
            lines.append(line)
            line = ""
        line += word + ":"
    return "\r\n\t ".join([*lines, line]).removesuffix(":")
