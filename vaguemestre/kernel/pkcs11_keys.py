"""A private key on a PKCS#11 token (HSM, card, SoftHSM): it signs there and never leaves.

`TokenRSAKey` has the interface of `cryptography`'s RSA keys, so that whoever signs with a key of a file signs with
it unchanged. A token is used by one thread at a time; one that lost its session (reset, cut) is opened again once.

Needs the extra `hsm` (python-pkcs11).
"""

import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import NoDigestInfo, Prehashed

from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure
from vaguemestre.kernel.signing_keys import SigningKey, load_certificate, paired

_MECHANISMS = {"sha256": "SHA256_RSA_PKCS", "sha384": "SHA384_RSA_PKCS", "sha512": "SHA512_RSA_PKCS"}


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenKey:
    """Where a key lies: the library of the token's maker, the token's label, the key's label, the PIN that opens it."""

    module: Path
    token: str
    label: str
    pin: str = field(repr=False)


class KeyOnToken:
    """One private key in one session of its token, found when it is first needed and again when it was lost."""

    def __init__(self, place: TokenKey) -> None:
        self._place = place
        self._turn = threading.Lock()
        self._found: Any = None

    def sign(self, data: bytes, mechanism: str) -> bytes:
        """Sign DATA by a mechanism of PKCS#11, named as there.

        Raises:
            TemporaryFailure: the token is away or refuses; it may be back later.
        """
        import pkcs11
        from pkcs11.exceptions import PKCS11Error

        with self._turn:
            for last in (False, True):
                try:
                    self._found = self._found or self._find()
                    return bytes(self._found.sign(data, mechanism=pkcs11.Mechanism[mechanism]))
                except (PKCS11Error, RuntimeError) as error:
                    self._found = None
                    if last:
                        raise TemporaryFailure(f"PKCS#11: {type(error).__name__}") from None
        raise AssertionError("the loop returns or raises")

    def _find(self) -> Any:
        import pkcs11
        from pkcs11.exceptions import UserAlreadyLoggedIn

        token = pkcs11.lib(str(self._place.module)).get_token(token_label=self._place.token)
        try:
            session = token.open(user_pin=self._place.pin)
        except UserAlreadyLoggedIn:  # by another session of this process, which is all that a token asks
            session = token.open()
        private = pkcs11.ObjectClass.PRIVATE_KEY
        return session.get_key(object_class=private, key_type=pkcs11.KeyType.RSA, label=self._place.label)


class TokenRSAKey(rsa.RSAPrivateKey):
    """An RSA key that signs on its token: PKCS #1 v1.5 with SHA-256, SHA-384 or SHA-512."""

    def __init__(self, held: KeyOnToken, public: rsa.RSAPublicKey) -> None:
        self._held = held
        self._public = public

    @property
    def key_size(self) -> int:
        """Length of the modulus, in bits."""
        return self._public.key_size

    def public_key(self) -> rsa.RSAPublicKey:
        """Return the public half."""
        return self._public

    def sign(
        self,
        data: Any,
        padding: padding.AsymmetricPadding,
        algorithm: Prehashed | hashes.HashAlgorithm | NoDigestInfo,
    ) -> bytes:
        """Sign DATA on the token.

        Raises:
            UnsupportedAlgorithm: another padding or digest.
            TemporaryFailure: the token is away or refuses.
        """
        name = _MECHANISMS.get(algorithm.name) if isinstance(algorithm, hashes.HashAlgorithm) else None
        if name is None or padding.name != "EMSA-PKCS1-v1_5":
            raise UnsupportedAlgorithm("a token signs by PKCS #1 v1.5 with SHA-2 only")
        return self._held.sign(bytes(data), name)

    def decrypt(self, ciphertext: Any, padding: padding.AsymmetricPadding) -> NoReturn:
        """Refuse: this key signs."""
        raise UnsupportedAlgorithm("a signing key decrypts nothing")

    def private_numbers(self) -> NoReturn:
        """Refuse: the key stays on its token."""
        raise UnsupportedAlgorithm("the key does not leave its token")

    def private_bytes(self, encoding: Any, format: Any, encryption_algorithm: Any) -> NoReturn:  # noqa: A002 - as its base
        """Refuse: the key stays on its token."""
        raise UnsupportedAlgorithm("the key does not leave its token")

    def __copy__(self) -> "TokenRSAKey":
        return self

    def __deepcopy__(self, memo: Any) -> "TokenRSAKey":
        return self


def open_token_key(place: TokenKey, certificate: Path) -> SigningKey:
    """Return the key of a token with its certificate, a PEM file; signs once to prove that they belong together.

    Raises:
        ConfigurationError: no library, token or key, a wrong PIN, a certificate of another key, or none of RSA.
    """
    held = load_certificate(certificate)
    public = held.public_key()
    if not isinstance(public, rsa.RSAPublicKey):
        raise ConfigurationError("PKCS#11: only RSA keys are used on a token")
    key = TokenRSAKey(KeyOnToken(place), public)
    _prove(key, held)
    return paired(held, key)


def _prove(key: TokenRSAKey, held: x509.Certificate) -> None:
    from cryptography.exceptions import InvalidSignature

    public = held.public_key()
    assert isinstance(public, rsa.RSAPublicKey)
    form = (padding.PKCS1v15(), hashes.SHA256())
    try:
        public.verify(key.sign(b"vaguemestre", *form), b"vaguemestre", *form)
    except ImportError:
        raise ConfigurationError("PKCS#11: install the extra `hsm` (python-pkcs11)") from None
    except TemporaryFailure as error:
        raise ConfigurationError(f"PKCS#11: the token cannot be used ({error})") from None
    except InvalidSignature:
        raise ConfigurationError("PKCS#11: the certificate is that of another key") from None
