"""Parsing of XML that somebody else wrote: no DTD, no entity, no network, a bounded size.

Every XML of the program (whitelist, CDA, METADATA.XML, SOAP) enters here.
"""

import re

from lxml import etree

from vaguemestre.kernel.errors import ProtocolError

MAX_DEPTH = 200
LONGEST_TEXT_BYTES = 10_000_000  # of one text, in libxml2 without huge_tree; a scan in a CDA is longer
_ENCODING = re.compile(rb"""\s*<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]+)["']""")


def parse_xml(data: bytes, *, max_bytes: int) -> etree._Element:
    """Parse a document and return its root element.

    Raises:
        ProtocolError: more than MAX_BYTES, a DOCTYPE, an entity, nested more than 200 deep, not well-formed.
    """
    if len(data) > max_bytes:
        raise ProtocolError(f"XML: more than {max_bytes} bytes")
    parser = etree.XMLParser(
        resolve_entities=False,
        no_network=True,
        load_dtd=False,
        dtd_validation=False,
        huge_tree=len(data) > LONGEST_TEXT_BYTES and _has_no_dtd(data),
        remove_pis=False,
    )
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        raise ProtocolError(f"XML: not well-formed (line {line})") from None
    document = root.getroottree()
    if document.docinfo.internalDTD is not None or document.docinfo.doctype:
        raise ProtocolError("XML: DOCTYPE is not allowed")
    _check_depth(root)
    return root


def _check_depth(root: etree._Element) -> None:
    depth = 0
    for event, _ in etree.iterwalk(root, events=("start", "end")):
        depth += 1 if event == "start" else -1
        if depth > MAX_DEPTH:
            raise ProtocolError(f"XML: nested more than {MAX_DEPTH} deep")


def _has_no_dtd(data: bytes) -> bool:
    """Tell whether the bytes show that there is no DTD: UTF-8, hence no other way to write `<!DOCTYPE`.

    Only then may libxml2's limit on the length of a text be lifted, since its guard on entities goes with it.
    """
    text = data.removeprefix(b"\xef\xbb\xbf")
    declared = _ENCODING.match(text)
    is_utf_8 = text.lstrip()[:1] == b"<" and (declared is None or declared[1].lower() == b"utf-8")
    return is_utf_8 and b"\0" not in text and b"<!DOCTYPE" not in text
