"""DKIM signatures and public keys as values (RFC 6376 §3.5, §3.6; RFC 8301; RFC 8463): parse and verify, no I/O."""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import padding
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from smtp_gateway.header import Field, HeaderBlock
from vaguemestre.kernel.errors import IntegrityError, ProtocolError

BLANKS = re.compile(rb"[ \t]+")
OWN_VALUE = re.compile(rb"((?:^|;)[ \t\r\n]*b[ \t\r\n]*=)[^;]*")
DNS_NAME = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]{0,251}[a-z0-9])?", re.ASCII)
ALGORITHMS = {"rsa-sha256": "rsa", "ed25519-sha256": "ed25519"}
REQUIRED = ("v", "a", "b", "bh", "d", "h", "s")
MIN_RSA_BITS = 1024  # RFC 8301 §3.2

PublicKey = RSAPublicKey | Ed25519PublicKey


@dataclass(frozen=True, slots=True, kw_only=True)
class Signature:
    """One DKIM-Signature field."""

    field: Field
    algorithm: str
    domain: str
    selector: str
    relaxed_header: bool
    relaxed_body: bool
    signed_names: tuple[bytes, ...]
    body_hash: bytes
    value: bytes
    expires_at: int | None
    length: int | None
    """l=: how many bytes of the canonical body are signed; None for all of them."""
    signed_at: int | None
    identity_is_domain: bool
    """i= names the signing domain itself (what `t=s` in a key demands)."""

    @property
    def key_name(self) -> str:
        """Where the public key is published."""
        return f"{self.selector}._domainkey.{self.domain}"

    @property
    def key_kind(self) -> str:
        """`rsa` or `ed25519`."""
        return ALGORITHMS[self.algorithm]


@dataclass(frozen=True, slots=True)
class PublishedKey:
    """A key record."""

    key: PublicKey
    kind: str
    exact_identity: bool


def parse_tags(text: str) -> dict[str, str]:
    """Read a tag list (RFC 6376 §3.2).

    Raises:
        ProtocolError: a tag without value sign, or twice the same tag.
    """
    tags: dict[str, str] = {}
    for item in text.split(";"):
        if not item.strip():
            continue
        name, sign, value = item.partition("=")
        name = name.strip()
        if not sign or not name or name in tags:
            raise ProtocolError("DKIM: not a tag list")
        tags[name] = value.strip()
    return tags


def parse_signature(field: Field) -> Signature:
    """Read a DKIM-Signature field.

    Raises:
        ProtocolError: a required tag is missing or wrong; From is not signed; an algorithm that is not allowed.
    """
    tags = parse_tags(field.text)
    if any(name not in tags for name in REQUIRED) or tags["v"] != "1":
        raise ProtocolError("DKIM: a required tag is missing")
    if tags["a"].lower() not in ALGORITHMS:
        raise ProtocolError("DKIM: algorithm not allowed")
    header_form, _, body_form = tags.get("c", "simple/simple").lower().partition("/")
    if {header_form, body_form or "simple"} - {"simple", "relaxed"}:
        raise ProtocolError("DKIM: canonical form unknown")
    names = tuple(name.strip().lower().encode("ascii", "replace") for name in tags["h"].split(":"))
    if b"from" not in names:
        raise ProtocolError("DKIM: From is not signed")
    domain, selector = tags["d"].lower(), tags["s"].lower()
    if tags.get("q", "dns/txt").lower() != "dns/txt":
        raise ProtocolError("DKIM: keys published in an unknown way")
    identity = tags.get("i", f"@{domain}").rpartition("@")[2].lower()
    if not (DNS_NAME.fullmatch(domain) and DNS_NAME.fullmatch(selector) and f".{identity}".endswith(f".{domain}")):
        raise ProtocolError("DKIM: domain, selector or identity malformed")
    return Signature(
        field=field,
        algorithm=tags["a"].lower(),
        domain=domain,
        selector=selector,
        relaxed_header=header_form == "relaxed",
        relaxed_body=body_form == "relaxed",
        signed_names=names,
        body_hash=_from_base64(tags["bh"]),
        value=_from_base64(tags["b"]),
        expires_at=_number(tags.get("x"), 12),
        length=_number(tags.get("l"), 76),
        signed_at=_number(tags.get("t"), 12),
        identity_is_domain=identity == domain,
    )


def parse_key(record: str) -> PublishedKey:
    """Read a key record (`v=DKIM1; k=rsa; p=…`).

    Raises:
        ProtocolError: not a key record, a revoked key, a key too short, or a key for something else than mail.
    """
    tags = parse_tags(record)
    services = {service.strip() for service in tags.get("s", "*").split(":")}
    hashes = {name.strip() for name in tags.get("h", "sha256").split(":")}
    if (
        tags.get("v", "DKIM1") != "DKIM1"
        or not tags.get("p")
        or not services & {"*", "email"}
        or "sha256" not in hashes
    ):
        raise ProtocolError("DKIM: key revoked or not for this use")
    kind = tags.get("k", "rsa")
    return PublishedKey(_load_key(kind, _from_base64(tags["p"])), kind, "s" in tags.get("t", "").split(":"))


def _load_key(kind: str, data: bytes) -> PublicKey:
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data)
        key = load_der_public_key(data)
    except ValueError:
        raise ProtocolError("DKIM: key does not parse") from None
    if kind != "rsa" or not isinstance(key, RSAPublicKey) or key.key_size < MIN_RSA_BITS:
        raise ProtocolError("DKIM: key of another kind or too short")
    return key


def signed_bytes(signature: Signature, header: HeaderBlock) -> bytes:
    """Return the header bytes that the signature covers (RFC 6376 §3.7, §5.4.2: repeated names from the bottom)."""
    remaining: dict[bytes, list[Field]] = {}
    for field in header.fields:
        remaining.setdefault(field.name, []).append(field)
    form = relax_field if signature.relaxed_header else _keep_field
    parts = []
    for name in signature.signed_names:
        fields = remaining.get(name)
        if fields:
            parts.append(form(fields.pop().raw))
    raw = signature.field.raw
    colon = raw.find(b":") + 1
    parts.append(form(raw[:colon] + OWN_VALUE.sub(rb"\1", raw[colon:], count=1))[:-2])
    return b"".join(parts)


def relax_field(raw: bytes) -> bytes:
    """Write a field in the relaxed form (RFC 6376 §3.4.2)."""
    name, _, value = raw.partition(b":")
    value = value.replace(b"\r\n", b"")
    if b"  " in value or b"\t" in value:
        value = BLANKS.sub(b" ", value)
    return name.strip(b" \t").lower() + b":" + value.strip(b" \t") + b"\r\n"


def _keep_field(raw: bytes) -> bytes:
    return raw if raw.endswith(b"\r\n") else raw + b"\r\n"


def verify(signature: Signature, header: HeaderBlock, published: PublishedKey) -> None:
    """Check the signature over the header.

    Raises:
        IntegrityError: it does not verify, or the key is not one for it.
    """
    if published.kind != signature.key_kind or (published.exact_identity and not signature.identity_is_domain):
        raise IntegrityError("DKIM: key of another kind or identity")
    covered = signed_bytes(signature, header)
    try:
        if isinstance(published.key, RSAPublicKey):
            published.key.verify(signature.value, covered, padding.PKCS1v15(), SHA256())
        else:
            published.key.verify(signature.value, hashlib.sha256(covered).digest())
    except InvalidSignature:
        raise IntegrityError("DKIM: signature does not verify") from None


def body_forms(signatures: Sequence[Signature]) -> frozenset[tuple[bool, int | None]]:
    """Return the hashes of the body to make: relaxed or not, and of how many bytes."""
    return frozenset((signature.relaxed_body, signature.length) for signature in signatures)


def _from_base64(text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("DKIM: not base64") from None


def _number(text: str | None, most_digits: int) -> int | None:
    if text is None:
        return None
    if not (text.isascii() and text.isdigit()) or len(text) > most_digits:
        raise ProtocolError("DKIM: not a number")
    return int(text)
