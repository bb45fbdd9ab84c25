"""SOAP 1.2 with WS-Addressing, on the side that asks: requests written, answers read and checked against them.

An answer is believed when it relates to the request, bears the action that was expected and is no fault. What it
holds is the caller's question. Source: SOAP 1.2 part 1 §5, WS-Addressing 1.0 core §3.4, dmp.md §1.1.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field

from lxml import etree

from dmp_bridge.transport.mtom import Package
from dmp_bridge.transport.soap import ADDRESSING, ENVELOPE, SECURITY, SoapFault
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

ANONYMOUS = f"{ADDRESSING}/anonymous"
_NAMES = {"env": ENVELOPE, "wsa": ADDRESSING, "wsse": SECURITY}


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request ready to be sent, and the message id that its answer must name."""

    message_id: str
    envelope: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SoapAnswer:
    """The one element of an answer's body, and what came beside it."""

    body: etree._Element
    attachments: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def write_request(body: etree._Element, *, action: str, to: str, assertion: etree._Element) -> Outgoing:
    """Write an envelope around BODY: ACTION and ReplyTo must be understood, the assertion is alone in Security."""
    message_id = f"urn:uuid:{uuid.uuid4()}"
    root = etree.Element(f"{{{ENVELOPE}}}Envelope", nsmap=_NAMES)
    header = etree.SubElement(root, f"{{{ENVELOPE}}}Header")
    _text(header, "Action", action, required=True)
    _text(header, "MessageID", message_id)
    _text(header, "To", to)
    reply_to = _text(header, "ReplyTo", None, required=True)
    etree.SubElement(reply_to, f"{{{ADDRESSING}}}Address").text = ANONYMOUS
    etree.SubElement(header, f"{{{SECURITY}}}Security").append(assertion)
    etree.SubElement(root, f"{{{ENVELOPE}}}Body").append(body)
    return Outgoing(message_id, etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def read_answer(package: Package, *, message_id: str, action: str, max_bytes: int) -> SoapAnswer:
    """Read the answer to the request of that MESSAGE_ID, whose action must be ACTION.

    Raises:
        SoapFault: the other side says that it did nothing; `sender` tells whose fault it is.
        ProtocolError: not an answer to that request.
    """
    root = parse_xml(package.envelope, max_bytes=max_bytes)
    body = root.find("env:Body", _NAMES)
    elements = [] if body is None else list(body.iterchildren("*"))
    if root.tag != f"{{{ENVELOPE}}}Envelope" or len(elements) != 1:
        raise ProtocolError("SOAP: not an answer")
    (element,) = elements
    if element.tag == f"{{{ENVELOPE}}}Fault":
        raise _fault(element)
    if _addressed(root, "RelatesTo") != message_id:
        raise ProtocolError("SOAP: the answer to another request")
    if _addressed(root, "Action") != action:
        raise ProtocolError("SOAP: an answer of another kind")
    return SoapAnswer(element, package.attachments)


def _fault(element: etree._Element) -> SoapFault:
    code = _local(element.findtext("env:Code/env:Value", namespaces=_NAMES))
    subcode = _local(element.findtext("env:Code/env:Subcode/env:Value", namespaces=_NAMES))
    return SoapFault("fault", sender=code != "Receiver", subcode=subcode, code=code or "Sender")


def _local(name: str | None) -> str:
    """Return a qualified name without its prefix; at most 80 characters, since it may be shown."""
    return (name or "").strip().rpartition(":")[2][:80]


def _addressed(root: etree._Element, name: str) -> str:
    return (root.findtext(f"env:Header/wsa:{name}", namespaces=_NAMES) or "").strip()


def _text(header: etree._Element, name: str, text: str | None, *, required: bool = False) -> etree._Element:
    element = etree.SubElement(header, f"{{{ADDRESSING}}}{name}")
    element.text = text
    if required:
        element.set(f"{{{ENVELOPE}}}mustUnderstand", "true")
    return element
