"""Files made to hurt whoever draws them: PDF and images that lie, loop, or unpack to far more than they weigh."""

import io
import struct
import zlib
from collections.abc import Mapping

from PIL import Image

from vaguemestre.app.demo.fictional_documents import fictional_pdf

PAGE = b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Contents 4 0 R/Resources<</XObject<</X 5 0 R>>>>>>"
CATALOG, PAGES = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>"


def pdf_of(*objects: bytes) -> bytes:
    """Return a PDF of these objects, numbered from 1, the first of them its catalogue."""
    content, offsets = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (len(objects) + 1, table, trailer)


def stream(data: bytes, extra: bytes = b"") -> bytes:
    """Return a compressed stream object."""
    packed = zlib.compress(data, 9)
    return b"<</Length %d/Filter/FlateDecode%b>>\nstream\n%b\nendstream" % (len(packed), extra, packed)


def form(content: bytes, resources: bytes) -> bytes:
    """Return a form XObject."""
    return stream(content, b"/Type/XObject/Subtype/Form/BBox[0 0 99 99]/Resources" + resources)


def page_pdf(content: bytes, x_object: bytes, page: bytes = PAGE) -> bytes:
    """Return a PDF of one page whose content may paint /X."""
    return pdf_of(CATALOG, PAGES, page, content, x_object)


def hostile_pdfs() -> Mapping[str, bytes]:
    """Return hostile PDF by what is wrong with them."""
    good = fictional_pdf("Bonjour")
    image = b"/Type/XObject/Subtype/Image/BitsPerComponent 8/ColorSpace/DeviceRGB"
    wide = image + b"/Width 60000/Height 60000"
    nested = b"[" * 20_000 + b"]" * 20_000
    return {
        "empty": b"",
        "only its mark": b"%PDF-1.7\n%%EOF",
        "cut": good[: len(good) // 2] + b"%%EOF",
        "reversed": b"%PDF-1.4" + good[:7:-1] + b"%%EOF",
        "no page": pdf_of(CATALOG, b"<</Type/Pages/Count 0/Kids[]>>"),
        "pages that hold themselves": pdf_of(CATALOG, b"<</Type/Pages/Count 9/Kids[2 0 R 2 0 R 2 0 R]>>"),
        "a form that paints itself": page_pdf(stream(b"/X Do"), form(b"/X Do /X Do", b"<</XObject<</X 5 0 R>>>>")),
        "a page without size": page_pdf(stream(b""), b"<<>>", PAGE.replace(b"595 842", b"0 0")),
        "a page of a kilometre": page_pdf(stream(b""), b"<<>>", PAGE.replace(b"595 842", b"2834645 2834645")),
        "a page as thin as a hair": page_pdf(stream(b""), b"<<>>", PAGE.replace(b"595 842", b"0.0001 19999")),
        "a stream of sixty megabytes": page_pdf(stream(b"0 0 m " * 10_000_000), b"<<>>"),
        "an image of four gigapixels": page_pdf(stream(b"/X Do"), stream(bytes(9_000_000), wide)),
        "half a million lines": page_pdf(stream(b"0 0 m 500 800 l S " * 500_000), b"<<>>"),
        "nested arrays": page_pdf(stream(b""), b"<</A " + nested + b">>"),
        "a script": pdf_of(CATALOG.replace(b">>", b"/OpenAction<</S/JavaScript/JS(app.alert\\(1\\))>>>>"), PAGES, PAGE),
        "encrypted": good.replace(b"/Root 1 0 R", b"/Root 1 0 R/Encrypt<</Filter/Standard/V 1/R 2/P -4>>"),
        "a prologue of nonsense": b"\0" * 1024 + good,
    }


def hostile_images() -> Mapping[str, bytes]:
    """Return hostile images by what is wrong with them."""
    out = io.BytesIO()
    Image.new("RGB", (64, 64)).save(out, "JPEG")
    jpeg = out.getvalue()
    header = struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", len(header)) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return {
        "cut": jpeg[: len(jpeg) // 2],
        "only its mark": b"\xff\xd8\xff\xe0",
        "a PNG of two gigapixels": b"\x89PNG\r\n\x1a\n" + chunk + b"\0\0\0\0IEND\xaeB`\x82",
        "a TIFF whose directory is itself": b"II*\0\x08\0\0\0\1\0\0\1\4\0\1\0\0\0\1\0\0\0\x08\0\0\0",
        "a GIF without end": b"GIF89a\xff\xff\xff\xff\xf7\0\0" + bytes(800),
        "a HEIC without boxes": b"\0\0\0\x18ftypheic\0\0\0\0heicmif1" + b"\xff" * 64,
    }
