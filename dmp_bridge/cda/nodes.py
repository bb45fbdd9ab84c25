"""Small makers of HL7 v3 elements, the mirror of `elements.py`."""

from lxml import etree

from dmp_bridge.cda.elements import HL7
from dmp_bridge.cda.header import InstanceId
from dmp_bridge.xds.metadata import Code


def add(parent: etree._Element, name: str, **attributes: str) -> etree._Element:
    """Append a child and return it."""
    element = etree.SubElement(parent, f"{{{HL7}}}{name}")
    for key, value in attributes.items():
        element.set(key, value)
    return element


def add_text(parent: etree._Element, name: str, text: str | None, **attributes: str) -> None:
    """Append a child with TEXT, unless it is empty."""
    if text:
        add(parent, name, **attributes).text = text


def add_unknown(parent: etree._Element, name: str) -> None:
    """Append a child whose value is not known."""
    add(parent, name, nullFlavor="UNK")


def add_id(parent: etree._Element, name: str, identifier: InstanceId) -> None:
    """Append an II."""
    element = add(parent, name, root=identifier.root)
    if identifier.extension:
        element.set("extension", identifier.extension)


def add_code(parent: etree._Element, name: str, code: Code | None) -> None:
    """Append a CE, unless there is none."""
    if code is None:
        return
    element = add(parent, name, code=code.code)
    if code.scheme:
        element.set("codeSystem", code.scheme)
    if code.display:
        element.set("displayName", code.display)


def add_time(parent: etree._Element, name: str, value: str | None) -> None:
    """Append a TS, unknown when there is no value."""
    if value:
        add(parent, name, value=value)
    else:
        add_unknown(parent, name)
