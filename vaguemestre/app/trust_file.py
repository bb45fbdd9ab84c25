"""Write a whitelist in the layout of the national one, for instances under a TEST authority.

Source: MSSanté whitelist, namespace `https://listeblanche.mssante.fr/schema`; reading it is the gateway's work.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime

from cryptography import x509
from lxml import etree

NAMESPACE = "https://listeblanche.mssante.fr/schema"
CONTACT = "contact@example.invalid"


@dataclass(frozen=True, slots=True)
class ListedDomain:
    """One row of the list: a domain and the certificate subject that may speak for it."""

    domain: str
    subject: x509.Name


def render_whitelist(rows: Iterable[ListedDomain], now: datetime) -> bytes:
    """Return the XML list of ROWS, generated at NOW."""
    root = etree.Element(_tag("ListeBlancheMSSante"), nsmap={None: NAMESPACE})  # type: ignore[dict-item]  # lxml takes None for the default
    _text(root, "DateDeGeneration", _instant(now))
    domains = etree.SubElement(root, _tag("ListeDomaines"))
    for row in rows:
        _append(domains, row, now)
    return _serialise(root)


def extend_whitelist(data: bytes, row: ListedDomain, now: datetime) -> bytes:
    """Return the list DATA (one that `render_whitelist` wrote) with ROW added and a new date."""
    root = etree.fromstring(data, etree.XMLParser(resolve_entities=False, no_network=True, remove_blank_text=True))
    for element in root.iterfind(_tag("DateDeGeneration")):
        element.text = _instant(now)
    for domains in root.iterfind(_tag("ListeDomaines")):
        _append(domains, row, now)
    return _serialise(root)


def _append(domains: etree._Element, row: ListedDomain, now: datetime) -> None:
    element = etree.SubElement(domains, _tag("Domaine"))
    _text(element, "Nom", row.domain)
    _text(element, "Description", "TEST")
    _text(element, "DNCertificatOperateur", row.subject.rfc4514_string())
    _text(element, "ResponsableContact", CONTACT)
    _text(element, "SupportContact", CONTACT)
    _text(element, "DateMAJ", _instant(now))


def _text(parent: etree._Element, name: str, text: str) -> None:
    etree.SubElement(parent, _tag(name)).text = text


def _tag(name: str) -> str:
    return f"{{{NAMESPACE}}}{name}"


def _instant(now: datetime) -> str:
    return now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _serialise(root: etree._Element) -> bytes:
    return etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True)
