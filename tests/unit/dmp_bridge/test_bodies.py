"""What becomes of a file before a document can carry it."""

import io

import pytest
from PIL import Image

from dmp_bridge.bodies import media_type_of, ready_to_file
from dmp_bridge.pictures.pictures import ImageLimits
from dmp_bridge.refusals import ExchangeError, Refusal
from vaguemestre.app.demo.fictional_documents import fictional_pdf

LIMITS = ImageLimits(pixels=4_000_000, edge_pixels=400)


def image(name: str, mode: str = "RGB") -> bytes:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "Telephone de Lea"
    colour = (10, 90, 40, 0) if mode == "RGBA" else (10, 90, 40)
    Image.new(mode, (600, 300), colour).save(out, name, **({"exif": exif} if name == "JPEG" else {}))
    return out.getvalue()


@pytest.mark.requirement("VGM:CDA-02")
@pytest.mark.parametrize("name", ["JPEG", "PNG", "GIF", "HEIF"])
def test_a_photograph_becomes_a_jpeg_that_says_nothing_of_its_telephone(name):
    if name == "HEIF":
        heif = pytest.importorskip("pillow_heif", reason="the extra `imaging` brings HEIC")
        heif.register_heif_opener()

    ready = ready_to_file(image(name), LIMITS)

    assert media_type_of(ready) == "image/jpeg"
    assert b"Telephone" not in ready
    with Image.open(io.BytesIO(ready)) as made:
        assert (made.size, made.mode) == ((400, 200), "RGB")


def test_what_is_transparent_becomes_white():
    ready = ready_to_file(image("PNG", "RGBA"), LIMITS)

    with Image.open(io.BytesIO(ready)) as made:
        assert made.getpixel((5, 5)) == (255, 255, 255)


@pytest.mark.parametrize("data", [fictional_pdf(), image("TIFF"), rb"{\rtf1 a}", b"PK\x03\x04", b"\0\1\2"])
def test_the_rest_stays_as_it_is(data):
    assert ready_to_file(data, LIMITS) == data


@pytest.mark.parametrize("charset", ["utf-8", "cp1252", "utf-8-sig"])
def test_text_becomes_utf_8(charset):
    assert ready_to_file("Douleur à l'épaule\n".encode(charset), LIMITS) == "Douleur à l'épaule\n".encode()


@pytest.mark.parametrize("data", [b"\xff\xd8\xff\xe0 broken", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x18ftypheic"])
def test_an_image_that_cannot_be_decoded_is_refused(data):
    with pytest.raises(ExchangeError, match=Refusal.PICTURE_UNREADABLE):
        ready_to_file(data, LIMITS)
