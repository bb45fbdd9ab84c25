"""The sections of a structured document: title, level, narrative, in document order."""

from collections.abc import Iterator
from dataclasses import dataclass

from lxml import etree
from markupsafe import Markup

from dmp_bridge.cda.elements import child, text_of
from dmp_bridge.cda.media import is_pdf_copy
from portal.documents.narrative import HL7, Budget, Illustrations, narrative_html

FIRST_LEVEL = 3
LAST_LEVEL = 6
MAX_TITLE_CHARACTERS = 200


@dataclass(frozen=True, slots=True)
class Section:
    """One section: its title (may be empty), its heading level from 3 to 6, its narrative."""

    title: str
    level: int
    html: Markup


@dataclass(frozen=True, slots=True)
class Sections:
    """What a structured document says; `cut`: it is longer than what a page shows."""

    shown: tuple[Section, ...] = ()
    cut: bool = False


def read_sections(document: etree._Element, illustrations: Illustrations) -> Sections:
    """Return the sections of a ClinicalDocument, nested ones after their parent; its PDF copy is not one of them.

    Comments and processing instructions are removed from DOCUMENT.
    """
    etree.strip_tags(document, etree.Comment, etree.ProcessingInstruction)
    budget = Budget()
    shown = tuple(_sections(document, illustrations, budget))
    return Sections(shown, budget.exceeded)


def _sections(document: etree._Element, illustrations: Illustrations, budget: Budget) -> Iterator[Section]:
    for section in document.iter(f"{HL7}section"):
        if is_pdf_copy(section) or not budget.take(0):
            continue
        title, text = _title(section), child(section, "text")
        html = Markup() if text is None else narrative_html(text, title, illustrations, budget)
        if title or html:
            yield Section(title, _level(section), html)


def _title(section: etree._Element) -> str:
    """Return the title, else the name of the section's code."""
    title, code = text_of(child(section, "title")), child(section, "code")
    return (title or ("" if code is None else code.get("displayName", "")))[:MAX_TITLE_CHARACTERS]


def _level(section: etree._Element) -> int:
    above = sum(1 for each in section.iterancestors(f"{HL7}section"))
    return min(FIRST_LEVEL + above, LAST_LEVEL)
