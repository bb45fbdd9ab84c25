"""The doors to the child: a clean image, a thumbnail. Each call is one short-lived process.

Decoders of photographs and PDF have a long history of memory bugs; here they only ever see hostile bytes in a
process without files, network or secrets. All functions block: call them from a thread.
"""

from dataclasses import dataclass, field

from vaguemestre.kernel.children import ChildRun, run_child

CHILD = "dmp_bridge.pictures.child"
PDF_TYPE = "application/pdf"
IMAGE_TYPES = frozenset({"image/jpeg", "image/png", "image/tiff", "image/gif", "image/heic"})
THUMBNAIL_TYPES = IMAGE_TYPES | {PDF_TYPE}
_JPEG_START = b"\xff\xd8\xff"
_MAX_ANSWER_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """Pixels that are decoded at most, long edge of the result, seconds of the child."""

    pixels: int = 60_000_000
    edge_pixels: int = 4096
    seconds: int = 20


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that our own encoder made: its media type (JPEG or PNG) and its bytes."""

    media_type: str
    content: bytes = field(repr=False)


def clean_image(content: bytes, limits: ImageLimits) -> Picture | None:
    """Re-encode an image without its metadata (place, telephone, date), upright.

    Returns:
        None when CONTENT cannot be decoded within the limits.
    """
    return _made("image", content, limits)


def photograph(content: bytes, limits: ImageLimits) -> Picture | None:
    """Return an image as JPEG, upright, on white where it is transparent, without its metadata.

    Returns:
        None when CONTENT cannot be decoded within the limits.
    """
    return _made("photo", content, limits)


def thumbnail(content: bytes, media_type: str, limits: ImageLimits) -> Picture | None:
    """Return a small picture of an image, or of the first page of a PDF.

    Args:
        media_type: what CONTENT is, told by its bytes.
        limits: `edge_pixels` is the long edge of the thumbnail.

    Returns:
        None when there is nothing to show of this file within the limits.
    """
    if media_type not in THUMBNAIL_TYPES:
        return None
    return _made("pdf" if media_type == PDF_TYPE else "image", content, limits)


def _made(kind: str, content: bytes, limits: ImageLimits) -> Picture | None:
    run = ChildRun(
        module=CHILD,
        arguments=[kind, str(limits.pixels), str(limits.edge_pixels), str(limits.seconds)],
        seconds=limits.seconds,
        max_answer_bytes=_MAX_ANSWER_BYTES,
    )
    made = run_child(run, content)
    if not made:
        return None
    return Picture("image/jpeg" if made.startswith(_JPEG_START) else "image/png", made)
