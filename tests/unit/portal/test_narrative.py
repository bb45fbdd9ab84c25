"""Narrative blocks of others as HTML of ours: structure kept, nothing that acts, bounded work."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree, html

from dmp_bridge.cda.reader import clinical_document
from portal.documents.narrative import (
    MAX_CHARACTERS,
    MAX_ELEMENTS,
    Budget,
    Illustration,
    narrative_html,
)
from portal.documents.sections import Section, read_sections

PICTURE = Illustration("/documents/1/pieces/0/image?vu=x", "le document joint (image)", True)
PAPER = Illustration("/documents/1/pieces/1?vu=x", "le document joint (PDF, 2 Ko)", False)
ILLUSTRATIONS = {"courbe": PICTURE, "doc-1": PAPER}
FORBIDDEN = re.compile(
    r"<(script|style|iframe|object|form|input|svg|link|meta|base)\b|\son\w+\s*=|style=|javascript:", re.IGNORECASE
)


def shown(narrative: str, title: str = "Résultats") -> str:
    text = etree.fromstring(f'<text xmlns="urn:hl7-org:v3">{narrative}</text>')
    return str(narrative_html(text, title, ILLUSTRATIONS, Budget()))


@pytest.mark.parametrize(
    ("narrative", "expected"),
    [
        ("Simple &amp; clair", "Simple &amp; clair"),
        ("<paragraph>Un</paragraph><paragraph>Deux<br/>trois</paragraph>", "<p>Un</p><p>Deux<br>trois</p>"),
        ('<content styleCode="Bold">a</content> b', "<strong>a</strong> b"),
        ('<content styleCode="BoldItalics Underline">a</content>', "<strong><em><u>a</u></em></strong>"),
        ('<content styleCode="xColor:red">a</content>', "a"),
        ('<content revised="delete">a</content><content revised="insert">b</content>', "<del>a</del><ins>b</ins>"),
        ("H<sub>2</sub>O, m<sup>2</sup>", "H<sub>2</sub>O, m<sup>2</sup>"),
        ("<list><item>a</item><item>b</item></list>", "<ul><li>a</li><li>b</li></ul>"),
        (
            '<list listType="ordered"><caption>Ordre</caption><item>a</item></list>',
            "<p><strong>Ordre</strong></p><ol><li>a</li></ol>",
        ),
        ("<list><item><caption>Un</caption>a</item></list>", "<ul><li><strong>Un</strong> a</li></ul>"),
        (
            '<linkHtml href="https://sante.fr/a?b=1">ici</linkHtml>',
            '<a href="https://sante.fr/a?b=1" rel="noopener noreferrer nofollow">ici</a>',
        ),
        (
            '<linkHtml href="https://sante.fr"/>',
            '<a href="https://sante.fr" rel="noopener noreferrer nofollow">https://sante.fr</a>',
        ),
        ('<linkHtml href="annexes/AVK.pdf">notice</linkHtml>', "notice"),
        ('<linkHtml href="#reference">voir</linkHtml>', "voir"),
        ("<inconnu>texte</inconnu>", "texte"),
    ],
)
def test_each_element_keeps_its_meaning(narrative, expected):
    assert shown(narrative) == expected


def test_headers_of_a_table_say_what_they_head():
    table = html.fromstring(
        shown(
            "<table><caption>Bilan</caption><thead><tr><th/><th colspan='2'>Jour</th></tr>"
            "<tr><th>Examen</th><th>Matin</th><th>Soir</th></tr></thead>"
            "<tbody><tr><th>Urée</th><td>8</td><td styleCode='Bold'>9</td></tr></tbody></table>"
        )
    )

    assert [(each.text, each.get("scope")) for each in table.iter("th")] == [
        ("Jour", "colgroup"), ("Examen", "col"), ("Matin", "col"), ("Soir", "col"), ("Urée", "row"),
    ]  # fmt: skip
    assert table.find(".//caption").text == "Bilan"
    assert table.find(".//td/strong").text == "9"


def test_headers_without_a_head_are_told_by_their_row():
    table = html.fromstring(shown("<table><tr><th>A</th><th>B</th></tr><tr><th>C</th><td>1</td></tr></table>"))

    assert [(each.text, each.get("scope")) for each in table.iter("th")] == [("A", "col"), ("B", "col"), ("C", "row")]


def test_a_wide_table_scrolls_in_a_box_that_keys_reach_and_that_has_a_name():
    cells = "".join(f"<td>Électrophorèse {number}</td>" for number in range(8))

    wide = html.fromstring(shown(f"<table><tr>{cells}</tr></table>"))
    narrow = html.fromstring(shown("<table><tr><td>a</td><td>b</td></tr></table>"))

    assert (wide.get("class"), wide.get("tabindex"), wide.get("role")) == ("scroll", "0", "group")
    assert wide.get("aria-label") == "Tableau : Résultats"
    assert narrow.tag == "table"


def test_pictures_and_joined_files_are_found_by_their_id():
    picture = html.fromstring(shown('<renderMultiMedia referencedObject="courbe"/>'))
    captioned = shown(
        '<renderMultiMedia referencedObject="courbe"><caption>Courbe "du" jour</caption></renderMultiMedia>'
    )
    paper = html.fromstring(shown('<renderMultiMedia referencedObject="doc-1"/>'))

    assert (picture.find("img").get("src"), picture.find("img").get("alt")) == (PICTURE.address, "Image : Résultats")
    assert html.fromstring(captioned).find("img").get("alt") == 'Image : Courbe "du" jour'
    assert (paper.find("a").get("href"), paper.text_content()) == (
        PAPER.address,
        "Ouvrir le document joint (PDF, 2 Ko) : Résultats",
    )
    assert shown('<renderMultiMedia referencedObject="absent"/>') == ""


@pytest.mark.parametrize(
    "hostile",
    [
        "<script>alert(1)</script>",
        "&lt;script&gt;alert(1)&lt;/script&gt;",
        "<content onclick='alert(1)' style='position:fixed'>a</content>",
        '<linkHtml href="javascript:alert(1)">a</linkHtml>',
        '<linkHtml href=" JaVaScRiPt:alert(1)">a</linkHtml>',
        '<linkHtml href="https://x&#10;javascript:alert(1)">a</linkHtml>',
        '<linkHtml href="data:text/html,&lt;script&gt;">a</linkHtml>',
        '<linkHtml href="https://x/&quot; onmouseover=&quot;alert(1)">a</linkHtml>',
        '<h:script xmlns:h="http://www.w3.org/1999/xhtml">alert(1)</h:script>',
        '<h:img xmlns:h="http://www.w3.org/1999/xhtml" src="x" onerror="alert(1)"/>',
        '<s:svg xmlns:s="http://www.w3.org/2000/svg" onload="alert(1)"/>',
        '<table style="x" border="1"><tr><td colspan="1&quot; onclick=&quot;x" background="http://x">a</td></tr></table>',
        '<renderMultiMedia referencedObject="courbe"><caption>&quot; onerror=&quot;a()</caption></renderMultiMedia>',
        "<paragraph><style>@import url(http://x)</style><iframe src='http://x'/></paragraph>",
        "<?xml-stylesheet href='http://x'?>a",
    ],
)
@pytest.mark.requirement("VGM:CDA-03")
def test_nothing_that_acts_reaches_the_page(hostile):
    written = shown(hostile)
    tree = html.fragment_fromstring(written, create_parent="div")

    elements = [each for each in tree.iter() if isinstance(each.tag, str)]
    attributes = {(each.tag, name) for each in elements for name in each.attrib}
    assert not {each.tag for each in elements} & {"script", "style", "iframe", "svg", "object", "form"}
    assert not {name for _, name in attributes} & {"onclick", "onerror", "onload", "onmouseover", "style", "background"}
    assert all(each.get("href", "https:").startswith(("https:", "/documents/")) for each in elements)


@given(st.text(st.sampled_from("<>/\"'=&;abc tdrlinkHtmlref:scriptonx "), max_size=200))
def test_any_characters_stay_characters(text):
    element = etree.Element("{urn:hl7-org:v3}text")
    element.text = text

    written = str(narrative_html(element, text, {}, Budget()))

    assert not FORBIDDEN.search(re.sub(r"&[a-z#0-9]+;", "", written)) or "<" not in written
    assert html.fragment_fromstring(written or " ", create_parent="div").text_content().split() == text.split()


NAMES = st.sampled_from(
    ("paragraph", "content", "list", "item", "table", "thead", "tr", "td", "th", "caption", "br", "x")
)


@st.composite
def trees(draw: st.DrawFn) -> etree._Element:
    root = etree.Element("{urn:hl7-org:v3}text")
    places = [root]
    for name in draw(st.lists(NAMES, max_size=30)):
        parent = places[draw(st.integers(0, len(places) - 1))]
        places.append(etree.SubElement(parent, f"{{urn:hl7-org:v3}}{name}"))
        places[-1].text = draw(st.sampled_from(["mot", "", "<b>", "a b"]))
        places[-1].set("colspan", draw(st.sampled_from(["1", "2", "99999999", "-1", "x"])))
    return root


@given(trees())
def test_whatever_the_nesting_every_word_is_shown(tree):
    written = str(narrative_html(tree, "t", {}, Budget()))

    words = html.fragment_fromstring(written or " ", create_parent="div").text_content().split()
    assert sorted(words) == sorted("".join(f" {each}" for each in tree.itertext()).split()) or _joined(words, tree)


def _joined(words: list[str], tree: etree._Element) -> bool:
    """Words of neighbours may run together, as they did in the document; the letters are the same."""
    return sorted("".join(words)) == sorted("".join("".join(tree.itertext()).split()))


def test_spans_are_bounded():
    assert 'colspan="50"' in shown('<table><tr><td colspan="99999" rowspan="2">a</td></tr></table>')


def cda(sections: str) -> etree._Element:
    body = f"<component><structuredBody>{sections}</structuredBody></component>"
    return clinical_document(f'<ClinicalDocument xmlns="urn:hl7-org:v3">{body}</ClinicalDocument>'.encode())


def section(title: str, text: str, inner: str = "") -> str:
    return f"<component><section><title>{title}</title><text>{text}</text>{inner}</section></component>"


def test_sections_come_in_order_with_their_levels():
    document = cda(
        section("Résultats", "a<!-- b -->e<?x y?>f", section("Sang", "b", section("Urée", "c")))
        + section("Conclusion", "d")
    )

    found = read_sections(document, {})

    assert [(each.title, each.level, str(each.html)) for each in found.shown] == [
        ("Résultats", 3, "aef"), ("Sang", 4, "b"), ("Urée", 5, "c"), ("Conclusion", 3, "d"),
    ]  # fmt: skip
    assert not found.cut


def test_a_section_without_title_is_named_by_its_code_and_the_copy_in_pdf_is_no_section():
    named = '<component><section><code displayName="TSH"/><text>b</text></section></component>'
    copy = '<component><section><templateId root="1.2.250.1.213.1.1.2.243"/><title>Copie</title></section></component>'

    assert [each.title for each in read_sections(cda(named + copy), {}).shown] == ["TSH"]


@pytest.mark.requirement("VGM:CDA-03")
def test_a_huge_table_is_cut_and_the_page_says_so():
    rows = "<tr><td>1</td><td>2</td></tr>" * MAX_ELEMENTS
    document = cda(section("Grand", f"<table>{rows}</table>") + section("Après", "b"))

    found = read_sections(document, {})

    assert found.cut
    assert [type(each) for each in found.shown] == [Section]
    assert found.shown[0].html.count("<td>") <= MAX_ELEMENTS


def test_a_row_without_end_and_a_text_without_end_are_bounded():
    wide = cda(section("Large", f"<table><tr>{'<th>a</th>' * 20_000}</tr></table>"))
    long = cda(
        section("Long", "<paragraph>mot </paragraph>" + "a" * (MAX_CHARACTERS + 1) + "<paragraph>fin</paragraph>")
    )

    assert len(read_sections(wide, {}).shown[0].html) < 1_000_000
    assert read_sections(long, {}).cut
