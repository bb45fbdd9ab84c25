"""Plain-text PDF: a real reader finds the words, on as many pages as it takes."""

from io import BytesIO

import pypdfium2
import pytest

from vaguemestre.kernel.pdf import MARGIN, PAGE_WIDTH, write_pdf


def read(content: bytes) -> tuple[list[str], dict[str, str]]:
    """The text of each page and the metadata, by pdfium."""
    document = pypdfium2.PdfDocument(BytesIO(content))
    texts = [page.get_textpage().get_text_bounded() for page in document]
    return [" ".join(text.split()) for text in texts], document.get_metadata_dict()


def test_a_reader_finds_the_words_and_the_title():
    texts, metadata = read(write_pdf("Attestation d'accès", ["Léa (Œuvré) n'accède plus \\ à l'espace.", "Fin."]))

    assert texts == ["Attestation d'accès Léa (Œuvré) n'accède plus \\ à l'espace. Fin."]
    assert metadata["Title"] == "Attestation d'accès"


def test_long_paragraphs_wrap_inside_the_margins_and_go_on_over_pages():
    paragraph = " ".join(f"mot{number}" for number in range(2_000))

    content = write_pdf("Titre", [paragraph])

    texts, _ = read(content)
    assert len(texts) > 1
    assert " ".join(texts) == f"Titre {paragraph}"
    page = pypdfium2.PdfDocument(BytesIO(content))[0].get_textpage()
    rights = [page.get_rect(place)[2] for place in range(page.count_rects())]
    assert max(rights) <= PAGE_WIDTH - MARGIN


@pytest.mark.parametrize(
    ("written", "read_back"), [("Ş Őszi", "S Oszi"), ("a\tb\x00c", "a b c"), ("日", "?"), ("e\u0301té", "été")]
)
def test_what_the_font_has_not_is_replaced(written, read_back):
    texts, _ = read(write_pdf("T", [f"x{written}x"]))

    assert texts == [f"T x{read_back}x"]


def test_the_same_text_gives_the_same_bytes():
    assert write_pdf("A", ["b"]) == write_pdf("A", ["b"])
    assert write_pdf("A").count(b"/Type/Page/") == 1
