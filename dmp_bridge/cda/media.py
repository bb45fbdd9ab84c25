"""Files inside a structured document: images and PDF of its entries (observationMedia), and its copy in PDF.

Source: HL7 CDA R2 §4.3.8.9 (observationMedia); CI-SIS section FR-Document-PDF-copie (dmp.md §3.3, 6).
"""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass, field

from lxml import etree

from dmp_bridge.cda.elements import HL7, child, children

PDF_COPY_SECTION = "1.2.250.1.213.1.1.2.243"
MAX_MEDIA = 200
_PDF = "application/pdf"


@dataclass(frozen=True, slots=True)
class Media:
    """A file: the XML id by which the narrative names it, its media type as declared, its bytes."""

    identifier: str
    media_type: str
    content: bytes = field(repr=False)


def media_of(document: etree._Element) -> tuple[Media, ...]:
    """Return the files of a ClinicalDocument, in document order, the first of each id; what is not base64 is left."""
    found: dict[str, Media] = {}
    for element in document.iter(f"{{{HL7}}}observationMedia"):
        identifier, media = element.get("ID", ""), _media(element)
        if media is not None and identifier not in found and len(found) < MAX_MEDIA:
            found[identifier] = media
    return tuple(found.values())


def pdf_copy_of(document: etree._Element) -> bytes | None:
    """Return the PDF that copies the whole document; None when there is none."""
    for section in document.iter(f"{{{HL7}}}section"):
        if is_pdf_copy(section):
            return next((each.content for each in _media_below(section) if each.media_type == _PDF), None)
    return None


def is_pdf_copy(section: etree._Element) -> bool:
    """Tell whether a section holds nothing but the document's copy in PDF."""
    return any(each.get("root") == PDF_COPY_SECTION for each in children(section, "templateId"))


def _media_below(section: etree._Element) -> Iterator[Media]:
    found = (_media(each) for each in section.iter(f"{{{HL7}}}observationMedia"))
    return (each for each in found if each is not None)


def _media(element: etree._Element) -> Media | None:
    value = child(element, "value")
    if value is None or value.get("representation") != "B64":
        return None
    try:
        content = base64.b64decode("".join(str(value.xpath("string()")).split()), validate=True)
    except (binascii.Error, ValueError):
        return None
    return Media(element.get("ID", ""), value.get("mediaType", ""), content) if content else None
