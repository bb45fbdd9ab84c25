"""Child process: reads one hostile image or PDF on standard input, writes a harmless picture on standard output.

Run as `python -I -m dmp_bridge.pictures.child image|photo|pdf LIMIT_PIXELS EDGE_PIXELS SECONDS`. Once the decoder is
loaded the process gives up files, network, programs and excess memory and time; only then does it look at the bytes.
Exit status 1: not a readable image or PDF.
"""

import contextlib
import io
import sys
from typing import Any

from PIL import Image, ImageOps

from vaguemestre.kernel.confinement import ChildLimits, confine

MEMORY_BYTES = 2 * 1024**3
MAX_INPUT_BYTES = 64 * 1024 * 1024
HEIF_MARK = b"ftyp"
FORMATS = ("JPEG", "PNG", "TIFF", "GIF", "HEIF")
QUALITY = 90
LONGEST_PAGE = 20_000  # in points: 7 m
WHITE = (255, 255, 255, 255)
Pdfium = Any


def load_image_decoders() -> None:
    """Import everything that decoding and encoding need, while files can still be opened."""
    Image.preinit()
    Image.init()
    with contextlib.suppress(ImportError):
        import pillow_heif  # an extra that may be absent

        pillow_heif.register_heif_opener()
    for name in ("JPEG", "PNG", "TIFF", "GIF"):
        sample = io.BytesIO()
        Image.new("RGB", (8, 8)).save(sample, name)
        sample.seek(0)
        with Image.open(sample) as image:
            ImageOps.exif_transpose(image).resize((4, 4), Image.Resampling.LANCZOS)


def load_pdf_reader() -> Pdfium:
    """Load PDFium, and draw a page with it so that its fonts are there."""
    import pypdfium2  # type: ignore[import-untyped]

    document = pypdfium2.PdfDocument.new()
    document.new_page(10, 10).render(scale=1)
    return pypdfium2


def clean(data: bytes, *, limit_pixels: int, edge_pixels: int, as_photo: bool = False) -> bytes:
    """Decode an image, turn it upright, reduce it, and encode its pixels alone.

    Returns:
        JPEG, or PNG for a PNG or GIF unless AS_PHOTO. No EXIF, GPS, thumbnail, comment or colour profile is kept.

    Raises:
        ValueError: more pixels than allowed.
        OSError: not an image of the known formats, or broken.
    """
    with Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN]) as image:
        if image.width * image.height > limit_pixels:
            raise ValueError("too many pixels")
        name = "PNG" if image.format in ("PNG", "GIF") and not as_photo else "JPEG"
        image.draft("RGB", (edge_pixels, edge_pixels))
        upright = ImageOps.exif_transpose(image)
    has_alpha = "A" in upright.getbands() or "transparency" in upright.info
    pixels = upright.convert("RGBA" if has_alpha else "RGB")
    if has_alpha and as_photo:
        paper = Image.new("RGBA", pixels.size, WHITE)
        pixels = Image.alpha_composite(paper, pixels).convert("RGB")
    pixels.thumbnail((edge_pixels, edge_pixels), Image.Resampling.LANCZOS)
    bare = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())
    return _encoded(bare, name)


def draw_first_page(pdfium: Pdfium, data: bytes, *, edge_pixels: int) -> bytes:
    """Draw the first page of a PDF as JPEG, on white, without forms, links or scripts.

    Raises:
        Exception: PDFium's own, for what it cannot read.
    """
    document = pdfium.PdfDocument(data)
    page = document[0]
    width, height = page.get_size()
    longest = max(width, height)
    if min(width, height) < 1 or longest > LONGEST_PAGE:
        raise ValueError("no page that can be drawn")
    bitmap = page.render(scale=edge_pixels / longest, fill_color=WHITE, may_draw_forms=False, draw_annots=True)
    return _encoded(bitmap.to_pil().convert("RGB"), "JPEG")


def _encoded(pixels: Image.Image, name: str) -> bytes:
    out = io.BytesIO()
    pixels.save(out, name, **({"quality": QUALITY, "optimize": True} if name == "JPEG" else {}))
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Answer standard input on standard output; returns the exit status."""
    kind = arguments[0]
    limit_pixels, edge_pixels, seconds = (int(text) for text in arguments[1:])
    Image.MAX_IMAGE_PIXELS = limit_pixels
    load_image_decoders()
    pdfium = load_pdf_reader() if kind == "pdf" else None
    data = sys.stdin.buffer.read(MAX_INPUT_BYTES)
    heif = data[4:8] == HEIF_MARK  # libheif decodes in threads of its own
    confine(ChildLimits(memory_bytes=MEMORY_BYTES, seconds=seconds, threads=heif))
    try:
        if kind == "pdf":
            picture = draw_first_page(pdfium, data, edge_pixels=edge_pixels)
        else:
            photo = kind == "photo"
            picture = clean(data, limit_pixels=limit_pixels, edge_pixels=edge_pixels, as_photo=photo)
    except Exception:  # noqa: BLE001 - decoders raise anything on hostile bytes; the parent needs yes or no
        return 1
    sys.stdout.buffer.write(picture)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
