"""The keys that SCRAM needs of each password, sealed under the instance key.

They are a faster way to guess a password than Argon2id is, so that a copy of the catalogue must not show them: each
is bound to its credential and opens with the instance key only. The salt is an HMAC of the login: the same for every
password of an account, and as good for a login that does not exist.

Source: RFC 5802 §3, RFC 7677 §4 (4,096 iterations or more).
"""

import hashlib
import hmac
import struct
from collections.abc import Callable

from access_core.authentication.sasl.preparation import saslprep
from access_core.authentication.sasl.steps import ScramSecret
from vaguemestre.kernel.keys import InstanceKey

ITERATIONS = 10_000  # 3 ms here, and what a phone computes without being noticed
SALT_BYTES = 16
_LAYOUT = struct.Struct(">I32s32s")


def derive(password: str, salt: bytes, iterations: int) -> tuple[bytes, bytes]:
    """Return StoredKey and ServerKey (32 bytes each) of a password."""
    prepared = saslprep(password).encode("utf-8", "surrogatepass")
    salted = hashlib.pbkdf2_hmac("sha256", prepared, salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", hashlib.sha256)
    return hashlib.sha256(client_key).digest(), hmac.digest(salted, b"Server Key", hashlib.sha256)


class ScramKeeper:
    """Derives keys, seals them and opens them again."""

    def __init__(self, instance_key: InstanceKey) -> None:
        self._instance_key = instance_key
        self._salting = instance_key.derive("vaguemestre/scram-salts/v1")

    def salt(self, login: str) -> bytes:
        """Return the salt of a canonical login, whether it exists or not."""
        return hmac.digest(self._salting, login.encode("utf-8", "replace"), hashlib.sha256)[:SALT_BYTES]

    def sealed(self, login: str, credential_id: str, password: str) -> bytes:
        """Derive the keys of a password and seal them for its credential (about 3 ms).

        Args:
            login: canonical.
            credential_id: the account for its own password, else the application password.
        """
        return self.prepared(login, password)(credential_id)

    def prepared(self, login: str, password: str) -> Callable[[str], bytes]:
        """Derive the keys now; the function returned seals them once the credential has its id."""
        keys = _LAYOUT.pack(ITERATIONS, *derive(password, self.salt(login), ITERATIONS))
        return lambda credential_id: self._instance_key.seal(keys, _context(credential_id))

    def opened(self, credential_id: str, sealed: bytes) -> ScramSecret | None:
        """Open what `sealed` returned; None for keys of another number of iterations than the one in force.

        Raises:
            IntegrityError: they are not of this credential, or not of this instance.
        """
        iterations, stored, server = _LAYOUT.unpack(self._instance_key.open(sealed, _context(credential_id)))
        return ScramSecret(credential_id, stored, server) if iterations == ITERATIONS else None


def _context(credential_id: str) -> bytes:
    return b"vaguemestre/scram/v1\0" + credential_id.encode()
