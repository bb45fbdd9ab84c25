"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS: both sides prove that they know the password, neither says it.

A login that does not exist gets a salt like any other, and fails at the proof like a wrong password. One salt serves
all passwords of an account, so that the proof can be made with any of them.

Source: RFC 5802, RFC 7677; RFC 5929 §4 (tls-server-end-point).
"""

import base64
import binascii
import hashlib
import hmac
import re
from dataclasses import dataclass

from access_core.authentication.failures import AuthenticationFailed, NotAuthorized
from access_core.authentication.sasl.gs2 import Gs2Header, read_header, read_saslname
from access_core.authentication.sasl.steps import (
    Dialogue,
    LookUpScram,
    ScramOffer,
    ScramSecret,
    SettleScram,
    ask,
    challenge,
    text,
)
from vaguemestre.kernel.errors import ProtocolError

END_POINT = "tls-server-end-point"
_FIRST = re.compile(r"n=(?P<name>[^,\0]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\0]+)*")
_FINAL = re.compile(
    r"(?P<bare>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[\x21-\x2b\x2d-\x7e]+)(?:,[A-Za-z]=[^,\0]+)*),"
    r"p=(?P<proof>[A-Za-z0-9+/=]+)"
)


@dataclass(frozen=True, slots=True, repr=False)
class ScramSide:
    """What our side of one exchange starts from.

    Attributes:
        nonce: ours, fresh for each exchange (printable, no comma).
        end_point: hash of our certificate that the connection began with, None when there is no binding.
        plus: whether the client chose SCRAM-SHA-256-PLUS.
        plus_offered: whether it could have.
    """

    nonce: str
    end_point: bytes | None
    plus: bool
    plus_offered: bool


def scram(side: ScramSide) -> Dialogue:
    """Exchange proofs."""
    header, first = read_header(text((yield from challenge(b""))))
    _check_flag(header, side)
    asked = _FIRST.fullmatch(first)
    if asked is None:
        raise ProtocolError("SCRAM: first message malformed")
    login = read_saslname(asked["name"])
    if header.identity not in ("", login):
        raise NotAuthorized("SCRAM: another identity")
    offer = yield LookUpScram(login)
    assert isinstance(offer, ScramOffer)
    nonce = asked["nonce"] + side.nonce
    server_first = f"r={nonce},s={base64.b64encode(offer.salt).decode()},i={offer.iterations}"
    final = _FINAL.fullmatch(text((yield from challenge(server_first.encode()))))
    if final is None:
        raise ProtocolError("SCRAM: final message malformed")
    signed = f"{first},{server_first},{final['bare']}".encode()
    bound = final["nonce"] == nonce and decode(final["binding"]) == _binding(header, side)
    secret = _proved(offer, signed, decode(final["proof"])) if bound else None
    account = yield from ask(SettleScram(login, secret.credential_id if secret else None))
    assert secret is not None  # nobody settles an exchange that nobody proved
    signature = hmac.digest(secret.server_key, signed, hashlib.sha256)
    yield from challenge(b"v=" + base64.b64encode(signature))
    return account


def decode(data: str) -> bytes:
    """Read base64.

    Raises:
        ProtocolError: it is not.
    """
    try:
        return base64.b64decode(data, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("SCRAM: not base64") from None


def _check_flag(header: Gs2Header, side: ScramSide) -> None:
    """Hold the client to what was offered: one that says it saw no -PLUS betrays a man in the middle (RFC 5802 §6)."""
    if side.plus and header.binding is None:
        raise ProtocolError("SCRAM: -PLUS without channel binding")
    if not side.plus and header.binding is not None:
        raise ProtocolError("SCRAM: channel binding without -PLUS")
    if header.binding not in (None, END_POINT):
        raise AuthenticationFailed("SCRAM: unsupported channel binding type")
    if header.would_bind and side.plus_offered:
        raise AuthenticationFailed("SCRAM: -PLUS was offered and not seen")


def _binding(header: Gs2Header, side: ScramSide) -> bytes:
    return header.raw.encode() + (side.end_point or b"" if side.plus else b"")


def _proved(offer: ScramOffer, signed: bytes, proof: bytes) -> ScramSecret | None:
    """Return the secret whose holder made PROOF, by ClientKey = proof XOR HMAC(StoredKey, signed)."""
    if len(proof) != hashlib.sha256().digest_size:
        return None
    for secret in offer.secrets:
        signature = hmac.digest(secret.stored_key, signed, hashlib.sha256)
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        if hmac.compare_digest(hashlib.sha256(client_key).digest(), secret.stored_key):
            return secret
    return None
