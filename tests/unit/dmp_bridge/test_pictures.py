"""Thumbnails of files that nobody knows: drawn, or nothing; whatever they hold, this process goes on."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dmp_bridge.pictures.pictures import ImageLimits, Picture, thumbnail
from tests.fictional.hostile_files import hostile_images, hostile_pdfs
from vaguemestre.app.demo.fictional_documents import fictional_pdf

LIMITS = ImageLimits(pixels=20_000_000, edge_pixels=200, seconds=3)
PDFS, IMAGES = hostile_pdfs(), hostile_images()
PDF = fictional_pdf("Bonjour", "tout va bien")


def is_harmless(picture: Picture | None) -> bool:
    if picture is None:
        return True
    with Image.open(io.BytesIO(picture.content)) as made:
        return max(made.size) <= LIMITS.edge_pixels + 1 and made.format in ("JPEG", "PNG")


def test_the_first_page_of_a_pdf_is_drawn_on_white():
    picture = thumbnail(PDF, "application/pdf", LIMITS)

    assert picture is not None
    with Image.open(io.BytesIO(picture.content)) as made:
        assert (made.format, made.size) == ("JPEG", (142, 200))
        assert made.getpixel((140, 199)) == (255, 255, 255)
        assert made.convert("L").getextrema()[0] < 150


@pytest.mark.requirement("VGM:CDA-05")
@pytest.mark.parametrize("name", PDFS)
def test_a_hostile_pdf_is_drawn_or_not_and_nothing_else_happens(name):
    assert is_harmless(thumbnail(PDFS[name], "application/pdf", LIMITS))


@pytest.mark.requirement("VGM:CDA-05")
@pytest.mark.parametrize("name", IMAGES)
def test_a_hostile_image_gives_nothing(name):
    assert thumbnail(IMAGES[name], "image/jpeg", LIMITS) is None


def test_what_is_neither_image_nor_pdf_has_no_thumbnail():
    assert thumbnail(b"Bonjour", "text/plain", LIMITS) is None


@settings(max_examples=25)
@given(st.binary(max_size=40), st.integers(0, len(PDF)), st.integers(0, 60))
def test_a_damaged_pdf_is_drawn_or_not(patch, place, dropped):
    assert is_harmless(thumbnail(PDF[:place] + patch + PDF[place + dropped :], "application/pdf", LIMITS))
