"""SOAP 1.2 with WS-Addressing: envelopes and faults, read and written.

Source: SOAP 1.2 part 1 §5, WS-Addressing 1.0 SOAP binding, XOP §3.2. Everything that is wrong with a request is a
`SoapFault`, whose text never quotes the request.
"""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from dmp_bridge.transport.mtom import Package, content_id_of
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

ENVELOPE = "http://www.w3.org/2003/05/soap-envelope"
ADDRESSING = "http://www.w3.org/2005/08/addressing"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
XOP = "http://www.w3.org/2004/08/xop/include"
FAULT_ACTION = f"{ADDRESSING}/soap/fault"
_NAMES = {"env": ENVELOPE, "wsa": ADDRESSING, "wsse": SECURITY}
_XML_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_TRUE = frozenset({"1", "true"})


class SoapFault(ProtocolError):
    """A request that cannot be served.

    Attributes:
        sender: the caller's fault; False: ours, the same request may pass later.
        subcode: `wsse:…` or `wsa:…` name, "" when there is none.
        reason: French sentence for the caller, without data.
    """

    def __init__(self, reason: str, *, sender: bool = True, subcode: str = "", code: str = "") -> None:
        super().__init__(f"SOAP: {reason}")
        self.reason = reason
        self.sender = sender
        self.subcode = subcode
        self.code = code or ("Sender" if sender else "Receiver")


@dataclass(frozen=True, slots=True)
class SoapRequest:
    """What was asked: the one element of the body, the assertion that proves who asks."""

    action: str
    message_id: str
    body: etree._Element
    security: etree._Element | None = None
    attachments: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    def content_of(self, element: etree._Element) -> bytes | None:
        """Return the bytes of one of its elements, as `content_of` does."""
        return content_of(element, self.attachments)


def content_of(element: etree._Element, attachments: Mapping[str, bytes]) -> bytes | None:
    """Return the bytes of a base64Binary element, by `xop:Include` or inline; None when it has neither."""
    include = element.find(f"{{{XOP}}}Include")
    if include is not None:
        return attachments.get(content_id_of(include.get("href", "")))
    try:
        return base64.b64decode("".join((element.text or "").split()), validate=True) or None
    except (binascii.Error, ValueError):
        return None


def read_request(package: Package, *, max_bytes: int) -> SoapRequest:
    """Read the envelope of a package.

    Raises:
        SoapFault: not XML, not SOAP 1.2, no action or message id, a header that must be understood and is not.
    """
    try:
        root = parse_xml(package.envelope, max_bytes=max_bytes)
    except ProtocolError:
        raise SoapFault("L'enveloppe n'est pas un document XML admis.") from None
    if root.tag != f"{{{ENVELOPE}}}Envelope":
        raise SoapFault("Seul SOAP 1.2 est admis.", code="VersionMismatch")
    header, body = root.find("env:Header", _NAMES), root.find("env:Body", _NAMES)
    elements = [] if body is None else list(body.iterchildren("*"))
    if header is None or len(elements) != 1:
        raise SoapFault("L'enveloppe n'a pas un en-tête et un seul élément dans son corps.")
    _check_understood(header)
    security = header.findall("wsse:Security", _NAMES)
    if len(security) > 1:
        raise SoapFault("Un seul en-tête de sécurité est admis.", subcode="wsse:InvalidSecurity")
    return SoapRequest(
        action=_addressed(header, "Action"),
        message_id=_addressed(header, "MessageID"),
        body=elements[0],
        security=security[0] if security else None,
        attachments=package.attachments,
    )


def _check_understood(header: etree._Element) -> None:
    for element in header.iterchildren("*"):
        required = element.get(f"{{{ENVELOPE}}}mustUnderstand", "").strip() in _TRUE
        if required and etree.QName(element).namespace not in (ADDRESSING, SECURITY):
            raise SoapFault("Un en-tête obligatoire n'est pas compris.", code="MustUnderstand")


def _addressed(header: etree._Element, name: str) -> str:
    found = header.findall(f"wsa:{name}", _NAMES)
    text = (found[0].text or "").strip() if len(found) == 1 else ""
    if not text:
        raise SoapFault("Un en-tête WS-Addressing manque.", subcode="wsa:MessageAddressingHeaderRequired")
    return text


def write_answer(body: etree._Element, *, action: str, relates_to: str) -> bytes:
    """Write the envelope of an answer around BODY."""
    return _envelope(body, action, relates_to)


def write_fault(fault: SoapFault, *, relates_to: str = "") -> bytes:
    """Write the envelope of a fault."""
    element = etree.Element(f"{{{ENVELOPE}}}Fault", nsmap=_NAMES)
    code = etree.SubElement(element, f"{{{ENVELOPE}}}Code")
    _text(code, ENVELOPE, "Value", f"env:{fault.code}")
    if fault.subcode:
        _text(etree.SubElement(code, f"{{{ENVELOPE}}}Subcode"), ENVELOPE, "Value", fault.subcode)
    reason = etree.SubElement(element, f"{{{ENVELOPE}}}Reason")
    _text(reason, ENVELOPE, "Text", fault.reason).set(_XML_LANG, "fr")
    return _envelope(element, FAULT_ACTION, relates_to)


def _envelope(body: etree._Element, action: str, relates_to: str) -> bytes:
    root = _root()
    header = etree.SubElement(root, f"{{{ENVELOPE}}}Header")
    _text(header, ADDRESSING, "Action", action).set(f"{{{ENVELOPE}}}mustUnderstand", "true")
    if relates_to:
        _text(header, ADDRESSING, "RelatesTo", relates_to)
    etree.SubElement(root, f"{{{ENVELOPE}}}Body").append(body)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8")


def _root() -> etree._Element:
    return etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap={"env": ENVELOPE, "wsa": ADDRESSING})


def _text(parent: etree._Element, namespace: str, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, f"{{{namespace}}}{name}")
    element.text = text
    return element
