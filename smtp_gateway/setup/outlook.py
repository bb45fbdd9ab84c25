"""What Outlook asks for: Autodiscover, in XML (POX) and in JSON (v2).

Only the syntax of the address and its domain are looked at, so that an answer does not tell who exists.

Source: MS-OXDSCLI §2.2.3, §2.2.4; the JSON form as Outlook for mobile asks it.
"""

from datetime import datetime
from typing import Any

from lxml import etree

from smtp_gateway.commands import is_mailbox
from smtp_gateway.setup.servers import MailServers, Server
from vaguemestre.kernel.errors import ProtocolError
from vaguemestre.kernel.xml import parse_xml

MAX_BYTES = 16_384
REQUEST = "http://schemas.microsoft.com/exchange/autodiscover/outlook/requestschema/2006"
RESPONSE = "http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"
ENVELOPE = "http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006"
NOT_FOUND, INVALID, NO_PROVIDER = 500, 600, 601
_PLAIN_ENVELOPE: Any = {None: ENVELOPE}
_PLAIN_RESPONSE: Any = {None: RESPONSE}
_MESSAGES = {
    NOT_FOUND: "The e-mail address cannot be found.",
    INVALID: "Invalid request.",
    NO_PROVIDER: "Provider is not available.",
}


def autodiscover(servers: MailServers, request: bytes, now: datetime) -> bytes:
    """Answer a request in XML: the servers, or an error in the same form."""
    try:
        root = parse_xml(request, max_bytes=MAX_BYTES)
    except ProtocolError:
        return _error(INVALID, now)
    address = _value(root, "EMailAddress")
    schema = _value(root, "AcceptableResponseSchema")
    if not is_mailbox(address):
        return _error(INVALID, now)
    if schema and schema != RESPONSE:
        return _error(NO_PROVIDER, now)
    return _settings(servers, address) if servers.serves(address) else _error(NOT_FOUND, now)


def _value(root: etree._Element, name: str) -> str:
    found = root.find(f"{{{REQUEST}}}Request/{{{REQUEST}}}{name}")
    return (found.text or "").strip() if found is not None else ""


def _settings(servers: MailServers, address: str) -> bytes:
    root = etree.Element(f"{{{ENVELOPE}}}Autodiscover", nsmap=_PLAIN_ENVELOPE)
    response = etree.SubElement(root, f"{{{RESPONSE}}}Response", nsmap=_PLAIN_RESPONSE)
    user = etree.SubElement(response, f"{{{RESPONSE}}}User")
    _text(user, "DisplayName", servers.settings.display_name)
    account = etree.SubElement(response, f"{{{RESPONSE}}}Account")
    _text(account, "AccountType", "email")
    _text(account, "Action", "settings")
    for server in servers.servers:
        if server.service != "imap":  # one of each use; the other submission is for programs that want STARTTLS
            _protocol(account, server, address)
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _protocol(account: etree._Element, server: Server, address: str) -> None:
    protocol = etree.SubElement(account, f"{{{RESPONSE}}}Protocol")
    facts = {
        "Type": "IMAP" if server.incoming else "SMTP",
        "Server": server.host,
        "Port": str(server.port),
        "DomainRequired": "off",
        "LoginName": address,
        "SPA": "off",
        "SSL": "on" if server.implicit_tls else "off",
        "Encryption": "SSL" if server.implicit_tls else "TLS",
        "AuthRequired": "on",
    }
    for name, text in facts.items():
        _text(protocol, name, text)


def _error(code: int, now: datetime) -> bytes:
    root = etree.Element(f"{{{ENVELOPE}}}Autodiscover", nsmap=_PLAIN_ENVELOPE)
    response = etree.SubElement(root, f"{{{ENVELOPE}}}Response")
    error = etree.SubElement(response, f"{{{ENVELOPE}}}Error", Time=now.strftime("%H:%M:%S.%f"), Id="0")
    etree.SubElement(error, f"{{{ENVELOPE}}}ErrorCode").text = str(code)
    etree.SubElement(error, f"{{{ENVELOPE}}}Message").text = _MESSAGES[code]
    etree.SubElement(error, f"{{{ENVELOPE}}}DebugData")
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, f"{{{RESPONSE}}}{name}").text = text
