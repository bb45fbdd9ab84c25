"""What a patient may attach: told by content, images cleaned where they can do no harm."""

import io
from email.message import EmailMessage
from email.policy import SMTP

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from dmp_bridge.pictures.pictures import ImageLimits, clean_image
from portal.attachments.checks import CheckedFiles, FileLimits, ReceivedFile, check_files, room_for_files
from portal.attachments.kinds import Kind, kind_of, safe_name

IMAGE = ImageLimits(pixels=4_000_000, edge_pixels=400, seconds=20)
LIMITS = FileLimits(count=3, total_bytes=1_000_000, image=IMAGE)
PDF = b"%PDF-1.4\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n"
OLE = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(600)
WORD = OLE + "WordDocument".encode("utf-16-le") + bytes(600)
LEFT_TURNED = 6  # EXIF orientation: the camera was held upright, the pixels lie on their side
GPS_IFD = 0x8825


def photo(format_name: str = "JPEG", size: tuple[int, int] = (600, 300)) -> bytes:
    """A photo with orientation, place and telephone in its EXIF."""
    image = Image.new("RGB", size, (180, 40, 40))
    exif = Image.Exif()
    exif[0x0112] = LEFT_TURNED
    exif[0x010F] = "Telephone de Lea"
    exif.get_ifd(GPS_IFD)[1] = "N"
    out = io.BytesIO()
    image.save(out, format_name, exif=exif)
    return out.getvalue()


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        (photo("JPEG"), Kind.JPEG),
        (photo("PNG"), Kind.PNG),
        (photo("TIFF"), Kind.TIFF),
        (PDF, Kind.PDF),
        (rb"{\rtf1\ansi Bonjour}", Kind.RTF),
        (WORD, Kind.DOC),
        ("Douleur à l'épaule\n".encode(), Kind.TEXT),
        ("Douleur à l'épaule\n".encode("cp1252"), Kind.TEXT),
        (b"MZ\x90\x00\x03\x00\x00\x00" + bytes(500), None),
        (b"\x7fELF\x02\x01\x01" + bytes(500), None),
        (b"#!/bin/sh\nrm -rf /\n", None),
        (OLE, None),
        (b"PK\x03\x04" + bytes(100), None),
        (b"%PDF-1.4 cut before its end", None),
        (b"<html><script>alert(1)</script></html>", Kind.TEXT),
        (b"", None),
    ],
)
def test_a_file_is_what_its_bytes_are(content, kind):
    assert kind_of(content) is kind


@given(st.binary(max_size=300))
@settings(max_examples=300)
def test_any_bytes_have_a_kind_or_none(content):
    assert kind_of(content) is None or kind_of(content) in Kind


@pytest.mark.parametrize(
    ("name", "kind", "shown"),
    [
        ("../../etc/passwd", Kind.PDF, "passwd.pdf"),
        ("C:\\Photos\\genou.JPG", Kind.JPEG, "genou.JPG"),
        ("scan.pdf.exe", Kind.PDF, "scan.pdf"),
        ("IMG_1.heic", Kind.JPEG, "IMG_1.jpg"),
        ("compte\u202egnp.exe", Kind.TEXT, "comptegnp.txt"),
        ("", Kind.PNG, "fichier 2.png"),
        ("...", Kind.PNG, "fichier 2.png"),
        ("Ordonnance du 3. mars", Kind.PDF, "Ordonnance du 3.pdf"),
    ],
)
def test_names_are_made_safe(name, kind, shown):
    assert safe_name(name, kind, 2) == shown


@given(st.text(max_size=200), st.sampled_from(Kind))
def test_no_name_leaves_with_a_path_or_control(name, kind):
    shown = safe_name(name, kind, 1)

    assert shown
    assert not set(shown) & set('/\\\r\n\0"<>')
    assert shown == shown.strip()


@pytest.mark.parametrize("format_name", ["JPEG", "TIFF", "PNG"])
def test_cleaned_photo_is_upright_smaller_and_says_nothing(format_name):
    sent = photo(format_name)

    cleaned = clean_image(sent, IMAGE)

    assert cleaned is not None
    assert cleaned.media_type == ("image/png" if format_name == "PNG" else "image/jpeg")
    with Image.open(io.BytesIO(cleaned.content)) as image:
        assert image.size == (200, 400)
        assert not dict(image.getexif())
        assert not {"exif", "comment", "icc_profile", "xmp"} & set(image.info)
    assert b"Telephone" not in cleaned.content


def test_heic_becomes_jpeg():
    heif = pytest.importorskip("pillow_heif", reason="the extra `imaging` brings HEIC")
    heif.register_heif_opener()
    out = io.BytesIO()
    Image.new("RGB", (600, 300), (10, 90, 40)).save(out, "HEIF")

    cleaned = clean_image(out.getvalue(), IMAGE)

    assert kind_of(out.getvalue()) is Kind.HEIC
    assert cleaned is not None
    assert cleaned.media_type == "image/jpeg"


@pytest.mark.parametrize(
    "content",
    [photo()[:400], b"\xff\xd8\xff\xe0" + b"A" * 200, photo(size=(3000, 2000)), b""],
    ids=["cut", "garbage", "too many pixels", "empty"],
)
def test_what_cannot_be_decoded_is_refused(content):
    assert clean_image(content, IMAGE) is None


def test_files_of_a_reply_are_cleaned_and_named():
    received = [ReceivedFile("genou.jpg", photo()), ReceivedFile("notes", b"jour 3 : moins rouge\n")]

    checked = check_files(received, LIMITS)

    assert checked.errors == ()
    assert [(file.name, file.kind) for file in checked.files] == [("genou.jpg", Kind.JPEG), ("notes.txt", Kind.TEXT)]
    assert checked.files[0].content != received[0].content


def test_refused_files_are_told_by_their_place_and_nothing_leaves():
    received = [
        ReceivedFile("scan.pdf", PDF),
        ReceivedFile("scan.pdf", b"MZ" + bytes(300)),
        ReceivedFile("photo.jpg", b"\xff\xd8\xff\xe0" + bytes(300)),
    ]

    checked = check_files(received, LIMITS)

    assert checked.files == ()
    assert [error.partition(" :")[0] for error in checked.errors] == ["Fichier 2", "Fichier 3"]
    assert not any("scan" in error or "photo.jpg" in error for error in checked.errors)


def test_limits_are_told_with_their_value():
    heavy = check_files([ReceivedFile("a.txt", b"a" * 600_000), ReceivedFile("b.txt", b"b" * 600_000)], LIMITS)
    many = check_files([ReceivedFile("a.txt", b"a")] * 4, LIMITS)

    assert "1 Mo" in heavy.errors[0].replace("\u00a0", " ")
    assert "3 fichiers" in many.errors[0]
    assert heavy.files == many.files == ()


def test_no_file_is_no_error():
    assert check_files([], LIMITS) == CheckedFiles((), ())


@pytest.mark.parametrize("message_bytes", [26_214_400, 10_485_760, 65_536])
def test_files_that_fill_the_room_make_a_message_that_is_not_too_large(message_bytes):
    room = room_for_files(message_bytes, 20_000)

    message = EmailMessage()
    message.set_content("\u20ac" * 20_000, cte="base64")
    for number in range(10):
        message.add_attachment(b"a" * (room // 10), maintype="application", subtype="pdf", filename=f"{number}.pdf")

    assert len(message.as_bytes(policy=SMTP)) <= message_bytes or room == 0


def test_the_usual_room_is_nineteen_megabytes():
    assert 18_000_000 < room_for_files(26_214_400, 20_000) < 19_500_000
