"""Access to elements of HL7 v3 XML by their names; an element with a nullFlavor and no value reads as absent."""

from collections.abc import Iterator

from lxml import etree

from dmp_bridge.cda.header import InstanceId
from dmp_bridge.xds.metadata import Code

HL7 = "urn:hl7-org:v3"


def children(element: etree._Element, *path: str) -> Iterator[etree._Element]:
    """Yield every element at the end of PATH, in document order."""
    return element.iterfind("/".join(f"{{{HL7}}}{name}" for name in path))


def child(element: etree._Element, *path: str) -> etree._Element | None:
    """Return the first element at the end of PATH."""
    return next(children(element, *path), None)


def text_of(element: etree._Element | None) -> str:
    """Return all text below, comments left out, spaces normalised; empty when absent."""
    return "" if element is None else " ".join(str(element.xpath("string()")).split())


def id_of(element: etree._Element | None) -> InstanceId | None:
    """Read an II; None when absent or without root."""
    if element is None or not (root := element.get("root", "").strip()):
        return None
    return InstanceId(root, element.get("extension", "").strip())


def ids_of(element: etree._Element) -> tuple[InstanceId, ...]:
    """Read all `id` children that have a root."""
    return tuple(found for found in (id_of(each) for each in children(element, "id")) if found is not None)


def code_of(element: etree._Element | None) -> Code | None:
    """Read a CE or CD; None when absent or without code."""
    if element is None or not (code := element.get("code", "").strip()):
        return None
    return Code(code, element.get("codeSystem", "").strip(), element.get("displayName", "").strip())


def time_of(element: etree._Element | None) -> str | None:
    """Read the `value` of a TS; None when absent or null."""
    return None if element is None else element.get("value", "").strip() or None
