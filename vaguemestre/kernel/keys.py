"""The instance key, root of every other key of the store.

One 32-byte secret in a file of mode 0600. It never encrypts a message: it wraps the keys that do, each
bound to a context (what the key is for), so that a wrapped key moved to another row does not open.
"""

import base64
import os
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from vaguemestre.kernel.errors import ConfigurationError, IntegrityError

KEY_BYTES = 32
NONCE_BYTES = 12


class InstanceKey:
    """Seals small secrets (mailbox keys, TOTP secrets) with AES-256-GCM under the instance's root secret."""

    def __init__(self, secret: bytes) -> None:
        if len(secret) != KEY_BYTES:
            raise ConfigurationError("instance key: not 32 bytes")
        self._secret = secret
        self._wrapping = AESGCM(self.derive("vaguemestre/wrap/v1"))

    @classmethod
    def load(cls, path: Path) -> "InstanceKey":
        """Read the key file that `create` wrote.

        Raises:
            ConfigurationError: absent, readable by others, or not 32 bytes in base64.
        """
        try:
            if path.stat().st_mode & 0o077:
                raise ConfigurationError(f"{path.name}: readable by others; chmod 600 it")
            secret = base64.b64decode(path.read_bytes().strip(), validate=True)
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"{path.name}: no usable instance key: {type(error).__name__}") from None
        return cls(secret)

    @staticmethod
    def create(path: Path) -> None:
        """Write a fresh key file of mode 0600; an existing file is never replaced.

        Raises:
            ConfigurationError: the file is there already.
        """
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            raise ConfigurationError(f"{path.name}: exists already") from None
        with os.fdopen(descriptor, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())

    def derive(self, label: str) -> bytes:
        """Return 32 bytes that only this instance can compute for LABEL (HKDF-SHA256, RFC 5869)."""
        return HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=label.encode()).derive(self._secret)

    def seal(self, data: bytes, context: bytes) -> bytes:
        """Encrypt DATA, bound to CONTEXT; returns nonce, ciphertext and tag (28 bytes longer)."""
        nonce = os.urandom(NONCE_BYTES)
        return nonce + self._wrapping.encrypt(nonce, data, context)

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Decrypt what `seal` returned for the same context.

        Raises:
            IntegrityError: changed, of another context, or of another instance.
        """
        try:
            return self._wrapping.decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], context)
        except (InvalidTag, ValueError):
            raise IntegrityError("sealed secret does not open with this instance key") from None
