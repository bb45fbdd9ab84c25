"""The narrative of a CDA section as HTML that is safe to show.

Narrative blocks are XML written by others. Every element is mapped by name to one of ours, what is not known gives
its characters only, and the result goes through nh3, which mends what was nested wrongly. No script, style, class or
address of the document reaches the page. The work is bounded by a budget for the whole document.

Source: HL7 CDA R2 §4.3.5 (section narrative block); WCAG 2.2 1.3.1 (headers of tables).
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from html import escape
from itertools import islice

import nh3
from lxml import etree
from markupsafe import Markup

HL7 = "{urn:hl7-org:v3}"
MAX_ELEMENTS = 30_000
MAX_CHARACTERS = 600_000
MAX_SPAN = 50
LOOKED_AT = 40
NARROW_PIXELS, LETTER_PIXELS, PADDING_PIXELS = 250, 9, 18
SCHEMES = ("https://", "http://", "mailto:")
SCOPES = frozenset({"row", "col", "rowgroup", "colgroup"})
_TAG_NAMES = (
    "p br div strong em u s del ins sub sup small ul ol li a figure img table caption thead tbody tfoot tr th td"
)
_TAGS = frozenset(_TAG_NAMES.split())
_ATTRIBUTES = {
    "a": {"href"},
    "div": {"class", "role", "aria-label", "tabindex"},
    "img": {"src", "alt", "loading"},
    "td": {"colspan", "rowspan"},
    "th": {"colspan", "rowspan", "scope"},
}
_PLAIN: Mapping[str, tuple[str, str]] = {
    "paragraph": ("<p>", "</p>"),
    "br": ("<br>", ""),
    "sub": ("<sub>", "</sub>"),
    "sup": ("<sup>", "</sup>"),
    "footnote": ("<small>", "</small>"),
    "item": ("<li>", "</li>"),
    "caption": ("<strong>", "</strong> "),
    "thead": ("<thead>", "</thead>"),
    "tbody": ("<tbody>", "</tbody>"),
    "tfoot": ("<tfoot>", "</tfoot>"),
    "tr": ("<tr>", "</tr>"),
}
_STYLES = {
    "bold": ("strong",),
    "italics": ("em",),
    "emphasis": ("em",),
    "bolditalics": ("strong", "em"),
    "underline": ("u",),
    "strikethrough": ("s",),
}
_NOTHING = "<!-- -->"
"""Opens an element whose content is written elsewhere or not at all; nh3 removes it."""
_EMPTY_LINES = re.compile(r"(?:<br>\s*){3,}")
_AFTER_BLOCK = re.compile(r"(</(?:table|div|p|ul|ol|figure)>)\s*(?:<br>\s*)+")
_OUTER_LINES = re.compile(r"^(?:\s|<br>)+|(?:\s|<br>)+$")
_REVISIONS = {"delete": "del", "insert": "ins"}


@dataclass(frozen=True, slots=True)
class Illustration:
    """Where the page finds a file of the document: its address, a few words, and whether it is a picture."""

    address: str
    words: str
    is_picture: bool


@dataclass(slots=True)
class Budget:
    """How much of a document is shown at most; `exceeded` once something was left out."""

    elements: int = MAX_ELEMENTS
    characters: int = MAX_CHARACTERS
    exceeded: bool = False

    def take(self, characters: int) -> bool:
        """Pay for one element with CHARACTERS of text; False when the rest of the document is left out."""
        self.elements -= 1
        self.characters -= characters
        self.exceeded = self.exceeded or self.elements < 0 or self.characters < 0
        return not self.exceeded


Illustrations = Mapping[str, Illustration]


def narrative_html(text: etree._Element, title: str, illustrations: Illustrations, budget: Budget) -> Markup:
    """Map the `text` of a section.

    Args:
        text: without comments or processing instructions.
        title: of the section; names what has no caption.
        illustrations: files of the document by their XML id.
        budget: of the document; what exceeds it is left out.
    """
    written = _Writer(title, illustrations, budget).write(text)
    clean = nh3.clean(
        written,
        tags=set(_TAGS),
        attributes=_ATTRIBUTES,
        allowed_classes={},
        url_schemes={"https", "http", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    airy = _AFTER_BLOCK.sub(r"\1", _EMPTY_LINES.sub("<br><br>", clean))
    return Markup(_OUTER_LINES.sub("", airy))  # noqa: S704 - nh3 made it safe


@dataclass(slots=True)
class _Writer:
    """One pass over a narrative block, without recursion."""

    title: str
    illustrations: Illustrations
    budget: Budget
    _pieces: list[str] = field(default_factory=list)
    _ends: list[str] = field(default_factory=list)
    _left_out: etree._Element | None = None

    def write(self, text: etree._Element) -> str:
        for event, each in etree.iterwalk(text, events=("start", "end")):
            if event == "start":
                self._start(each)
            else:
                self._end(each, is_root=each is text)
        return "".join(self._pieces)

    def _start(self, each: etree._Element) -> None:
        if self._left_out is not None:
            return
        if not self.budget.take(len(each.text or "") + len(each.tail or "")):
            self._left_out = each
            return
        opening, end = self._mapped(each)
        self._ends.append(end)
        if opening == _NOTHING:
            self._left_out = each
        else:
            self._pieces += [opening, escape(each.text or "")]

    def _end(self, each: etree._Element, *, is_root: bool) -> None:
        if self._left_out is not None and self._left_out is not each:
            return
        if self._left_out is None or not self.budget.exceeded:
            self._pieces.append(self._ends.pop())
        self._left_out = None
        if not is_root and not self.budget.exceeded:
            self._pieces.append(escape(each.tail or ""))

    def _mapped(self, each: etree._Element) -> tuple[str, str]:
        """Return what opens and what closes an element."""
        if not str(each.tag).startswith(HL7):
            return "", ""
        name = str(each.tag).removeprefix(HL7)
        special: Mapping[str, Callable[[etree._Element], tuple[str, str]]] = {
            "content": _styled,
            "linkHtml": _link,
            "list": _list,
            "table": self._table,
            "caption": _caption,
            "th": _header_cell,
            "td": _cell,
            "renderMultiMedia": self._illustration,
        }
        if name in special:
            return special[name](each)
        return _PLAIN.get(name, ("", ""))

    def _table(self, table: etree._Element) -> tuple[str, str]:
        """A table too wide for a telephone scrolls inside its own box, which keys can reach."""
        if _least_width(table) <= NARROW_PIXELS:
            return "<table>", "</table>"
        caption = table.find(f"{HL7}caption")
        name = _words(caption) if caption is not None else self.title
        label = escape(f"Tableau : {name}" if name else "Tableau")
        return f'<div class="scroll" role="group" tabindex="0" aria-label="{label}"><table>', "</table></div>"

    def _illustration(self, each: etree._Element) -> tuple[str, str]:
        caption = each.find(f"{HL7}caption")
        words = "" if caption is None else _words(caption)
        found = [self.illustrations.get(name) for name in (each.get("referencedObject") or "").split()[:10]]
        figures = [_figure(one, words or self.title) for one in found if one is not None]
        return _NOTHING, "".join(figures)


def _figure(one: Illustration, words: str) -> str:
    address, name = escape(one.address), escape(words)
    if not one.is_picture:
        label = f"{escape(one.words)} : {name}" if name else escape(one.words)
        return f'<p><a href="{address}">Ouvrir {label}</a></p>'
    picture = f'<img src="{address}" alt="{f"Image : {name}" if name else "Image sans description"}" loading="lazy">'
    return f"<figure>{picture}</figure>"


def _styled(each: etree._Element) -> tuple[str, str]:
    """Map the styles that carry meaning; colours, borders and sizes are left to the page."""
    tags = [tag for style in (each.get("styleCode") or "").lower().split()[:8] for tag in _STYLES.get(style, ())]
    revised = _REVISIONS.get(each.get("revised", ""))
    tags += [revised] if revised else []
    return "".join(f"<{tag}>" for tag in tags), "".join(f"</{tag}>" for tag in reversed(tags))


def _link(each: etree._Element) -> tuple[str, str]:
    """A link leads out of the page or nowhere: addresses inside the sender's own folders mean nothing here."""
    href = (each.get("href") or "").strip()
    if not href.lower().startswith(SCHEMES) or any(ord(character) < 33 for character in href):
        return "", ""
    shown = "" if _words(each) else escape(href)
    return f'<a href="{escape(href)}">{shown}', "</a>"


def _list(each: etree._Element) -> tuple[str, str]:
    caption = each.find(f"{HL7}caption")
    before = "" if caption is None else f"<p><strong>{escape(_words(caption))}</strong></p>"
    tag = "ol" if (each.get("listType") or "").lower() == "ordered" else "ul"
    return f"{before}<{tag}>", f"</{tag}>"


def _caption(each: etree._Element) -> tuple[str, str]:
    parent = each.getparent()
    name = "" if parent is None else str(parent.tag)
    if name == f"{HL7}list":
        return _NOTHING, ""  # written before the list
    return ("<caption>", "</caption>") if name == f"{HL7}table" else _PLAIN["caption"]


def _header_cell(each: etree._Element) -> tuple[str, str]:
    """An empty header cell is the corner of a table: it is the header of nothing."""
    if not _words(each):
        return f"<td{_spans(each)}>", "</td>"
    return f'<th{_spans(each)} scope="{_scope(each)}">', "</th>"


def _cell(each: etree._Element) -> tuple[str, str]:
    opening, end = _styled(each)
    return f"<td{_spans(each)}>{opening}", f"{end}</td>"


def _scope(cell: etree._Element) -> str:
    """Return what a header cell is the header of: as written, else by its place."""
    if cell.get("scope") in SCOPES:
        return str(cell.get("scope"))
    row = cell.getparent()
    group = None if row is None else row.getparent()
    in_head = group is not None and group.tag == f"{HL7}thead"
    only_headers = row is not None and all(each.tag == f"{HL7}th" for each in islice(row, MAX_SPAN))
    if in_head or only_headers:
        return "colgroup" if _span(cell, "colspan") > 1 else "col"
    return "row"


def _spans(cell: etree._Element) -> str:
    spans = ((name, _span(cell, name)) for name in ("colspan", "rowspan"))
    return "".join(f' {name}="{span}"' for name, span in spans if span > 1)


def _span(cell: etree._Element, name: str) -> int:
    text = cell.get(name, "")
    return min(int(text), MAX_SPAN) if text.isascii() and text.isdigit() and len(text) < 6 else 1


def _least_width(table: etree._Element) -> int:
    """Estimate the pixels that a table takes when no word is broken, going by its first rows."""
    columns: dict[int, int] = {}
    for row in islice(table.iter(f"{HL7}tr"), LOOKED_AT):
        place = 0
        for cell in islice(row, LOOKED_AT):
            longest = max((len(word) for word in _words(cell).split()), default=0)
            columns[place] = max(columns.get(place, 0), longest)
            place += _span(cell, "colspan")
    return sum(longest * LETTER_PIXELS + PADDING_PIXELS for longest in columns.values())


def _words(element: etree._Element) -> str:
    return " ".join("".join(map(str, element.itertext())).split())[:200]
