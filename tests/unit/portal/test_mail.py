"""What is read out of a message: subject, author, safe text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html

from portal.patient.bodies import TAGS, safe_html, tidy
from portal.patient.mail import author_name, subject_words


@pytest.mark.requirement("MSS2:ECO.3.1.3")
@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("XDM/1.0/DDM+CR d'imagerie PAT-TROIS DOMINIQUE 28/03/1979", "CR d'imagerie PAT-TROIS DOMINIQUE 28/03/1979"),
        ("=?utf-8?q?XDM/1=2E0/DDM+Compte_rendu_op=C3=A9ratoire?=", "Compte rendu opératoire"),
        ("Re: XDM/1.0/DDM+Compte rendu", "Re: Compte rendu"),
        ("[FIN] Suivi", "Suivi"),
        ("[FIN]", "Sans objet"),
        ("", "Sans objet"),
        (None, "Sans objet"),
        ("Bonjour\x00\u202e\tà vous", "Bonjour à vous"),
    ],
)
def test_subjects_are_for_people(raw, shown):
    assert subject_words(raw) == shown


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("Dr Camille Martin <camille.martin@demo.mssante.fr>", "Dr Camille Martin"),
        ("=?iso-8859-1?q?Ren=E9e_Bo=EEtard?= <r@demo.mssante.fr>", "Renée Boîtard"),
        ("Dr_Camille_MARTIN_Cardiologie\r\n <camille.martin@demo.mssante.fr>", "Dr Camille MARTIN Cardiologie"),
        ("camille_martin@demo.mssante.fr", "camille_martin@demo.mssante.fr"),
        ("camille.martin@demo.mssante.fr", "camille.martin@demo.mssante.fr"),
        (None, ""),
    ],
)
def test_authors_are_named(raw, shown):
    assert author_name(raw) == shown


PIECES = st.sampled_from(
    ["<p>", "</p>", "<script>", "</script>", "<img src=x onerror=alert(1)>", "<a href='javascript:x'>",
     "<svg/onload=x>",
     "<style>*{}</style>", "<h1>", "</h2>", "<table><td>", "texte", "&lt;b&gt;", "<math><mi//xlink:href='data:x'>",
     "<form>", "<input autofocus onfocus=x>", "<!--", "-->", "<![CDATA[", "]]>", "\x00", "<iframe srcdoc=x>"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
def test_no_html_keeps_anything_that_acts(markup):
    body = safe_html(markup)

    if body.html is None:
        return
    tree = html.fromstring(f"<div>{body.html}</div>")
    for element in tree.iter():
        if isinstance(element.tag, str):
            assert element.tag in TAGS
            assert set(element.attrib) <= {"href", "rel", "colspan", "rowspan", "scope"}
            assert not element.get("href", "").lower().startswith(("javascript", "data"))


@given(st.text(max_size=300))
def test_plain_text_keeps_its_words_and_no_control(text):
    shown = tidy(text)

    assert all(character == "\n" or character.isprintable() for character in shown)
    assert "\n\n\n" not in shown
    assert tidy(shown) == shown
