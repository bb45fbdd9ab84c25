"""Whether a PDF says that it is PDF/A-1, as the record wants its level 1 bodies (CI-SIS nonXMLBody, MSS2:ECO.2.1.1).

What is looked at is its own claim (XMP, `pdfaid:part`), which PDF/A-1 keeps unfiltered, and a few things that deny it.
Whether the claim is true (fonts, colours) is for a validator such as veraPDF: nothing here draws or converts a PDF.

Source: ISO 19005-1 §6.1.3, §6.1.4, §6.6.1, §6.7.2, §6.7.11
"""

import re

_NAMESPACE = re.compile(rb"""xmlns:([A-Za-z_][\w.-]{0,30})\s*=\s*["']http://www\.aiim\.org/pdfa/ns/id/["']""")
_FORBIDDEN = re.compile(rb"/(?:Encrypt|ObjStm|XRef|JavaScript|EmbeddedFiles|LZWDecode)(?![A-Za-z0-9])")
_PDF = b"%PDF-"


def pdf_a_claim(data: bytes) -> str:
    """Return the part and conformance level that a PDF claims, such as "1B" or "3A"; "" when it claims none.

    Of several claims the last counts: a PDF is changed by additions at its end.
    """
    if not data.startswith(_PDF):
        return ""
    claims = [claim for found in _NAMESPACE.finditer(data) if (claim := _claimed(data, found[1], found.start()))]
    return claims[-1] if claims else ""


def is_pdf_a_1(data: bytes) -> bool:
    """Tell whether a PDF claims PDF/A-1 and holds nothing that denies it."""
    return pdf_a_claim(data).startswith("1") and _FORBIDDEN.search(data) is None


def _claimed(data: bytes, prefix: bytes, start: int) -> str:
    """Read part and conformance in the description whose namespace is declared at START."""
    described = data[start : start + 4096]
    part, conformance = (_value(described, prefix + name) for name in (b":part", b":conformance"))
    return f"{part}{conformance.upper()}"


def _value(described: bytes, name: bytes) -> str:
    """Return a simple property, written as an element or as an attribute."""
    found = re.search(rb"<%s>\s*(\w)\s*<|%s\s*=\s*[\"'](\w)[\"']" % (re.escape(name), re.escape(name)), described)
    return "" if found is None else (found[1] or found[2]).decode("ascii", "replace")
