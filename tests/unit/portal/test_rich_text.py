"""The words of RTF files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from portal.documents.rich_text import MAX_CHARACTERS, text_of_rtf


@pytest.mark.parametrize(
    ("body", "text"),
    [
        (rb"Bonjour \b Docteur\b0 ,\par ligne 2", "Bonjour Docteur,\nligne 2"),
        (rb"D\'e9sol\'e9, 5\~mg, \{x\}\tab y \\", "Désolé, 5\u00a0mg, {x}\ty \\"),
        (rb"\u8364? et \u233\'e9 et \uc0\u945 b", "€ et é et αb"),
        (rb"a{\pict\pngblip 89504e47}b{\*\inconnu c}d{\fonttbl{\f0 Arial;}}e", "abde"),
        (rb"{\field{\*\fldinst HYPERLINK javascript:x}{\fldrslt lien}}", "lien"),
        (rb"\ansicpg1251\'ea", "к"),
        (rb"\ansicpg99999\'e9", "é"),
        (b"a\r\nb", "ab"),
        (rb"\cell x\row y", "\tx\ny"),
    ],
)
def test_words_are_read_and_the_rest_is_left(body, text):
    assert text_of_rtf(rb"{\rtf1\ansi " + body + b"}") == text


@given(st.binary(max_size=400))
def test_any_bytes_give_text(data):
    assert isinstance(text_of_rtf(data), str)


def test_groups_and_length_are_bounded():
    assert text_of_rtf(b"{" * 100_000 + b"a" + b"}" * 100_000) == "a"
    assert len(text_of_rtf(b"{\\rtf1 " + b"a " * MAX_CHARACTERS + b"}")) == MAX_CHARACTERS
