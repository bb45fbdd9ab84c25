"""The narrative of a structured CDA document as plain text: section titles and what a person would read.

Narrative blocks are XML written by others; only their characters leave this file.
Source: HL7 CDA R2 §4.3.5 (section narrative block).
"""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree

from dmp_bridge.cda.reader import clinical_document
from vaguemestre.kernel.errors import ProtocolError

HL7 = "{urn:hl7-org:v3}"
LONGEST_CHARACTERS = 200_000
_LINES = frozenset({"br", "paragraph", "item", "tr", "caption", "list", "table", "thead", "tbody", "content-line"})
_CELLS = frozenset({"td", "th"})


@dataclass(frozen=True, slots=True)
class Block:
    """One section: its title and text, either of which may be empty."""

    title: str
    text: str


def read_narrative(data: bytes) -> tuple[Block, ...]:
    """Return the sections of a CDA document, nested ones after their parent; empty when it has none.

    Raises nothing: a document that cannot be read has no narrative.
    """
    try:
        root = clinical_document(data)
    except ProtocolError:
        return ()
    blocks = (_block(section) for section in root.iter(f"{HL7}section"))
    return tuple(block for block in blocks if block.title or block.text)


def _block(section: etree._Element) -> Block:
    title = section.find(f"{HL7}title")
    text = section.find(f"{HL7}text")
    heading = "" if title is None else " ".join("".join(map(str, title.itertext())).split())
    return Block(heading, "" if text is None else _plain(text))


def _plain(element: etree._Element) -> str:
    lines = "".join(_pieces(element))[:LONGEST_CHARACTERS].split("\n")
    return "\n".join(line for line in (" ".join(line.split()).strip("| ") for line in lines) if line)


def _pieces(element: etree._Element) -> Iterator[str]:
    """Yield the characters of an element, with a line break around what stands on its own line."""
    for event, each in etree.iterwalk(element, events=("start", "end")):
        if not isinstance(each.tag, str):
            continue
        name = etree.QName(each).localname
        if event == "start":
            yield "\n" if name in _LINES else ""
            yield _one_line(each.text)
        else:
            yield "\n" if name in _LINES else " | " if name in _CELLS else ""
            if each is not element:
                yield _one_line(each.tail)


def _one_line(text: str | None) -> str:
    return (text or "").replace("\n", " ").replace("\r", " ")
