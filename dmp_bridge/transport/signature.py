"""The enveloped signature of an assertion: one reference, to the assertion itself, exclusive canonicalisation.

Source: XML Signature 1.1 §3.2, SAML 2.0 core §5.4, Exclusive XML Canonicalization 1.0. Whatever this profile does
not name is refused: other transforms, several references, SHA-1. What is read is what was signed, byte for byte.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from lxml import etree

from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

DSIG = "http://www.w3.org/2000/09/xmldsig#"
EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#"
ENVELOPED = f"{DSIG}enveloped-signature"
SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256"
_MORE = "http://www.w3.org/2001/04/xmldsig-more#"
_DIGESTS = {SHA256: "sha256", f"{_MORE}sha384": "sha384", "http://www.w3.org/2001/04/xmlenc#sha512": "sha512"}
_HASHES = {"256": hashes.SHA256(), "384": hashes.SHA384(), "512": hashes.SHA512()}
_NAMES = {"ds": DSIG, "exc": EXCLUSIVE}


class BadSignature(ProtocolError):
    """The assertion is not signed as it should be; nothing of it may be believed."""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was signed, read again from the very bytes that were, and by which certificate."""

    element: etree._Element
    certificate: x509.Certificate


def verify_enveloped(element: etree._Element) -> Verified:
    """Verify the signature of ELEMENT over itself; takes the signature out of it.

    Returns:
        The signed element without its signature and comments, and the certificate that the signature names: whether
        that is trusted is the caller's question.

    Raises:
        BadSignature: absent, several, of another profile, or wrong.
    """
    signatures = element.findall("ds:Signature", _NAMES)
    if len(signatures) != 1 or len(list(element.iter(f"{{{DSIG}}}Signature"))) != 1:
        raise BadSignature("signature: not exactly one")
    (signature,) = signatures
    info = signature.find("ds:SignedInfo", _NAMES)
    if info is None or _algorithm(info, "CanonicalizationMethod") != EXCLUSIVE:
        raise BadSignature("signature: not of the exclusive canonical form")
    certificate = _certificate(signature)
    signed_info = _canonical(info, _prefixes(info.find("ds:CanonicalizationMethod", _NAMES)))
    _check_value(certificate, _algorithm(info, "SignatureMethod"), _bytes(signature, "ds:SignatureValue"), signed_info)
    signed = _check_reference(element, signature, info)
    return Verified(parse_xml(signed, max_bytes=len(signed)), certificate)


def _check_reference(element: etree._Element, signature: etree._Element, info: etree._Element) -> bytes:
    """Return the bytes that the one reference digests."""
    references = info.findall("ds:Reference", _NAMES)
    identifier = element.get("ID", "")
    if len(references) != 1 or not identifier or references[0].get("URI") != f"#{identifier}":
        raise BadSignature("signature: not over this assertion")
    (reference,) = references
    transforms = reference.findall("ds:Transforms/ds:Transform", _NAMES)
    if [each.get("Algorithm") for each in transforms] != [ENVELOPED, EXCLUSIVE]:
        raise BadSignature("signature: other transforms")
    name = _DIGESTS.get(_algorithm(reference, "DigestMethod"))
    if name is None:
        raise BadSignature("signature: digest not admitted")
    _take_out(signature)
    signed = _canonical(element, _prefixes(transforms[1]))
    if not hmac.compare_digest(hashlib.new(name, signed).digest(), _bytes(reference, "ds:DigestValue")):
        raise BadSignature("signature: the assertion was changed")
    return signed


def _take_out(signature: etree._Element) -> None:
    """Remove the signature, and only it: the text that follows it stays."""
    parent, before = signature.getparent(), signature.getprevious()
    assert parent is not None
    if signature.tail and before is not None:
        before.tail = (before.tail or "") + signature.tail
    elif signature.tail:
        parent.text = (parent.text or "") + signature.tail
    signature.tail = None
    parent.remove(signature)


def _check_value(certificate: x509.Certificate, algorithm: str, value: bytes, signed: bytes) -> None:
    kind, _, size = algorithm.removeprefix(_MORE).partition("-sha")
    digest, key = _HASHES.get(size), certificate.public_key()
    if digest is None or not algorithm.startswith(_MORE):
        raise BadSignature("signature: algorithm not admitted")
    try:
        if kind == "rsa" and isinstance(key, rsa.RSAPublicKey):
            key.verify(value, signed, padding.PKCS1v15(), digest)
        elif kind == "ecdsa" and isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(_der_signature(value), signed, ec.ECDSA(digest))
        else:
            raise BadSignature("signature: algorithm not that of the key")
    except InvalidSignature:
        raise BadSignature("signature: wrong") from None


def _der_signature(value: bytes) -> bytes:
    """Return r and s, side by side in XML Signature, as X9.62 has them."""
    half = len(value) // 2
    return encode_dss_signature(int.from_bytes(value[:half], "big"), int.from_bytes(value[half:], "big"))


def _certificate(signature: etree._Element) -> x509.Certificate:
    try:
        return x509.load_der_x509_certificate(_bytes(signature, "ds:KeyInfo/ds:X509Data/ds:X509Certificate"))
    except ValueError:
        raise BadSignature("signature: certificate unreadable") from None


def _canonical(element: etree._Element, prefixes: Sequence[str]) -> bytes:
    return etree.tostring(
        element, method="c14n", exclusive=True, with_comments=False, inclusive_ns_prefixes=list(prefixes) or None,
        with_tail=False,
    )  # fmt: skip


def _prefixes(method: etree._Element | None) -> list[str]:
    listed = None if method is None else method.find("exc:InclusiveNamespaces", _NAMES)
    return [] if listed is None else [each for each in listed.get("PrefixList", "").split() if each != "#default"]


def _algorithm(parent: etree._Element, name: str) -> str:
    found = parent.find(f"ds:{name}", _NAMES)
    return "" if found is None else found.get("Algorithm", "")


def _bytes(parent: etree._Element, path: str) -> bytes:
    found = parent.find(path, _NAMES)
    try:
        return base64.b64decode("".join((found.text or "").split()) if found is not None else "", validate=True)
    except (binascii.Error, ValueError):
        raise BadSignature("signature: not base64") from None
