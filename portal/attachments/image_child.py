"""Child process: reads one hostile image on standard input, writes a clean one on standard output.

Run as `python -I -m portal.attachments.image_child LIMIT_PIXELS EDGE_PIXELS SECONDS`. Once the decoders are
loaded the process may open no file and no socket any more (no descriptor is left to it), nor use more
memory or time than stated; only then does it look at the bytes. Exit status 1: not a readable image.
"""

import contextlib
import io
import os
import resource
import sys

from PIL import Image, ImageOps

MEMORY_BYTES = 2 * 1024**3
OPEN_FILES = 4096
HEIF_MARK = b"ftyp"
FORMATS = ("JPEG", "PNG", "TIFF", "HEIF")
QUALITY = 90


def load_decoders() -> None:
    """Import everything that decoding and encoding need, while files can still be opened."""
    Image.preinit()
    Image.init()
    with contextlib.suppress(ImportError):
        import pillow_heif  # an extra that may be absent

        pillow_heif.register_heif_opener()
    for name in ("JPEG", "PNG", "TIFF"):
        sample = io.BytesIO()
        Image.new("RGB", (8, 8)).save(sample, name)
        sample.seek(0)
        with Image.open(sample) as image:
            ImageOps.exif_transpose(image).resize((4, 4), Image.Resampling.LANCZOS)


def confine(seconds: int, *, threads: bool) -> None:
    """Give up files, sockets, processes and excess memory and time, for good."""
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not threads:
        resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.closerange(3, OPEN_FILES)
    resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))


def clean(data: bytes, *, limit_pixels: int, edge_pixels: int) -> bytes:
    """Decode an image, turn it upright, reduce it, and encode its pixels alone.

    Returns:
        PNG for a PNG, else JPEG. No EXIF, GPS, thumbnail, comment or colour profile is kept.

    Raises:
        ValueError: more pixels than allowed.
        OSError: not an image of the known formats, or broken.
    """
    with Image.open(io.BytesIO(data), formats=[name for name in FORMATS if name in Image.OPEN]) as image:
        if image.width * image.height > limit_pixels:
            raise ValueError("too many pixels")
        name = "PNG" if image.format == "PNG" else "JPEG"
        image.draft("RGB", (edge_pixels, edge_pixels))
        upright = ImageOps.exif_transpose(image)
    pixels = upright.convert("RGBA" if name == "PNG" and "A" in upright.getbands() else "RGB")
    pixels.thumbnail((edge_pixels, edge_pixels), Image.Resampling.LANCZOS)
    bare = Image.frombytes(pixels.mode, pixels.size, pixels.tobytes())
    out = io.BytesIO()
    bare.save(out, name, **({"quality": QUALITY, "optimize": True} if name == "JPEG" else {}))
    return out.getvalue()


def main(arguments: list[str]) -> int:
    """Clean standard input to standard output; returns the exit status."""
    limit_pixels, edge_pixels, seconds = (int(text) for text in arguments)
    Image.MAX_IMAGE_PIXELS = limit_pixels
    load_decoders()
    data = sys.stdin.buffer.read()
    confine(seconds, threads=data[4:8] == HEIF_MARK)  # libheif decodes in threads of its own
    try:
        cleaned = clean(data, limit_pixels=limit_pixels, edge_pixels=edge_pixels)
    except Exception:  # noqa: BLE001 - decoders raise anything on hostile bytes; the parent needs yes or no
        return 1
    sys.stdout.buffer.write(cleaned)
    sys.stdout.buffer.flush()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
