"""Parsing of XML that somebody else wrote: no DTD, no entity, no network, a bounded size.

Every XML of the program (whitelist, CDA, METADATA.XML, SOAP) enters here.
"""

from lxml import etree

from vaguemestre.kernel.errors import ProtocolError

MAX_DEPTH = 200


def parse_xml(data: bytes, *, max_bytes: int) -> etree._Element:
    """Parse a document and return its root element.

    Raises:
        ProtocolError: more than MAX_BYTES, a DOCTYPE, an entity, nested more than 200 deep, not well-formed.
    """
    if len(data) > max_bytes:
        raise ProtocolError(f"XML: more than {max_bytes} bytes")
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, dtd_validation=False, huge_tree=False, remove_pis=False
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
