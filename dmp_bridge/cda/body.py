"""The body of a level 1 document: the file that nonXMLBody carries."""

import base64
import binascii
from dataclasses import dataclass, field

from lxml import etree

from dmp_bridge.cda.elements import child
from dmp_bridge.cda.reader import MAX_DOCUMENT_BYTES, clinical_document
from dmp_bridge.refusals import ExchangeError, Refusal

LEVEL_1_MEDIA_TYPES = frozenset({"application/pdf", "image/jpeg", "image/tiff", "text/rtf", "text/plain"})
"""What a level 1 body may be (CI-SIS nonXMLBody)."""


@dataclass(frozen=True, slots=True)
class Body:
    """A file: its media type as declared, and its bytes."""

    media_type: str
    content: bytes = field(repr=False)


def read_body(data: bytes, *, max_bytes: int = MAX_DOCUMENT_BYTES) -> Body | None:
    """Return the file inside a level 1 document; None when the document is structured.

    Raises:
        ExchangeError: CDA_UNREADABLE, DOCUMENT_NOT_CDA, or CDA_INCOMPLETE when the base64 is wrong or absent.
    """
    return body_of(clinical_document(data, max_bytes=max_bytes))


def body_of(document: etree._Element) -> Body | None:
    """Return the file inside a parsed ClinicalDocument; None when it is structured.

    Raises:
        ExchangeError: CDA_INCOMPLETE when the base64 is wrong or absent.
    """
    text = child(document, "component", "nonXMLBody", "text")
    if text is None:
        return None
    return Body(text.get("mediaType", "text/plain"), _content(text))


def _content(text: etree._Element) -> bytes:
    written = str(text.xpath("string()"))
    if text.get("representation") != "B64":
        return written.encode()
    try:
        content = base64.b64decode("".join(written.split()), validate=True)
    except (binascii.Error, ValueError):
        raise ExchangeError(Refusal.CDA_INCOMPLETE) from None
    if not content:
        raise ExchangeError(Refusal.CDA_INCOMPLETE)
    return content
