"""The XAdES signature that goes with each submission to the DMP (`Signature01`): who vouches for what is sent.

A `ds:Manifest` names the submission set (its digest is the fixed dummy of the national sample) and each document by
its unique id, with the digest of its canonical form; the signature covers the manifest and the signed properties.

Source: IHE DSG, dmp.md §8.1 (GIE SESAM-Vitale TD2.1 sample). The sample is XAdES 1.1.1 with SHA-1; this is XAdES
1.3.2 with SHA-256, since both 1.1.1 and SHA-1 were withdrawn (decision 0018).
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod
from signxml.xades.xades import XAdESDataObjectFormat, XAdESSigner

from dmp_bridge.transport.signature import DSIG, SHA256
from dmp_bridge.transport.vihf_writer import signature_method
from vaguemestre.kernel.signing_keys import SigningKey
from vaguemestre.kernel.xml import parse_xml

MANIFEST = f"{DSIG}Manifest"
MANIFEST_ID = "IHEManifest"
WITH_COMMENTS = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments"
SOURCE_SIGNATURE = "1.2.840.10065.1.12.1.14"
"""Purpose of signature « Source » (ASTM E1762)."""

_DUMMY_DIGEST = "AA=="
_XADES = "http://uri.etsi.org/01903/v1.3.2#"
_MAX_BYTES = 1 << 30  # what is signed here was read within its limits before


@dataclass(frozen=True, slots=True)
class Signed:
    """What is signed: the unique id of the submission set, the documents by unique id."""

    submission_id: str
    documents: Mapping[str, bytes]


def sign_submission(signed: Signed, key: SigningKey, now: datetime) -> bytes:
    """Return the signature as the document that goes with the others; slow: it signs.

    Raises:
        ProtocolError: a document is not XML.
        TemporaryFailure: the key is on a token that is away.
    """
    signer = _ManifestSigner(signed, now, key)
    root: etree._Element = signer.sign(
        etree.Element("nothing"), key=key.key, cert=[key.certificate], reference_uri=[], always_add_key_value=False
    )
    return etree.tostring(root, encoding="UTF-8", xml_declaration=True)


class _ManifestSigner(XAdESSigner):
    """Signs a manifest of its own making, at a given time, instead of data that are handed in."""

    def __init__(self, signed: Signed, now: datetime, key: SigningKey) -> None:
        super().__init__(
            method=SignatureConstructionMethod.detached,
            signature_algorithm=signature_method(key),
            digest_algorithm="sha256",
            c14n_algorithm=CanonicalizationMethod.CANONICAL_XML_1_0,
            data_object_format=XAdESDataObjectFormat(Description="IHE Document Digital Signature"),
        )
        self._signed = signed
        self._now = now
        self.signature_annotators.insert(1, self._add_manifest)
        self.signature_annotators.append(_add_purpose)

    def _add_manifest(self, sig_root: etree._Element, signing_settings: Any) -> None:
        holder = etree.SubElement(sig_root, f"{{{DSIG}}}Object")
        manifest = _manifest(holder, self._signed)
        self._add_reference_to_signed_info(sig_root, manifest, Type=MANIFEST)  # type: ignore[no-untyped-call]

    def add_signing_time(
        self, signed_signature_properties: etree._Element, sig_root: etree._Element, signing_settings: Any
    ) -> None:
        """Say when it was signed, by our own clock."""
        instant = self._now.astimezone(UTC).isoformat(timespec="seconds")
        etree.SubElement(signed_signature_properties, f"{{{_XADES}}}SigningTime").text = instant


def _manifest(holder: etree._Element, signed: Signed) -> etree._Element:
    manifest = etree.SubElement(holder, f"{{{DSIG}}}Manifest", Id=MANIFEST_ID)
    _reference(manifest, signed.submission_id, _DUMMY_DIGEST)
    for unique_id, content in signed.documents.items():
        _reference(manifest, unique_id, document_digest(content), canonical=True)
    return manifest


def document_digest(content: bytes) -> str:
    """Return the base64 SHA-256 of a document in canonical form with comments (Canonical XML 1.0).

    Raises:
        ProtocolError: it is not XML.
    """
    root = parse_xml(content, max_bytes=_MAX_BYTES)
    canonical = etree.tostring(root.getroottree(), method="c14n", exclusive=False, with_comments=True)
    return base64.b64encode(hashlib.sha256(canonical).digest()).decode()


def _reference(manifest: etree._Element, unique_id: str, digest: str, *, canonical: bool = False) -> None:
    reference = etree.SubElement(manifest, f"{{{DSIG}}}Reference", URI=f"urn:oid:{unique_id}")
    if canonical:
        transforms = etree.SubElement(reference, f"{{{DSIG}}}Transforms")
        etree.SubElement(transforms, f"{{{DSIG}}}Transform", Algorithm=WITH_COMMENTS)
    etree.SubElement(reference, f"{{{DSIG}}}DigestMethod", Algorithm=SHA256)
    etree.SubElement(reference, f"{{{DSIG}}}DigestValue").text = digest


def _add_purpose(sig_root: etree._Element, signing_settings: Any) -> None:
    """Say what the signature is for: in no namespace and not signed, as in the national sample."""
    holder = etree.SubElement(sig_root, f"{{{DSIG}}}Object")
    properties = etree.SubElement(holder, "SignatureProperties")
    target = f"#{sig_root.get('Id')}"
    purpose = etree.SubElement(properties, "SignatureProperty", Id="purposeOfSignature", Target=target)
    purpose.text = SOURCE_SIGNATURE
