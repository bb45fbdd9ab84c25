"""From any file to what a level 1 document may carry (dmp.md §2.7, §3.5).

PDF, TIFF and RTF go in as they are. Photographs are re-encoded as JPEG, so that no place or telephone goes with them;
PNG, GIF and HEIC, which the record does not take, become JPEG too; text becomes UTF-8. Word files are not converted.
"""

from dmp_bridge.pictures.pictures import ImageLimits, photograph
from dmp_bridge.refusals import ExchangeError, Refusal

_SIGNATURES = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"{\\rtf", "text/rtf"),
    (b"PK\x03\x04", "application/zip"),
)
_HEIC_MARKS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim", b"ftypheis")
_PHOTOGRAPHS = frozenset({"image/jpeg", "image/png", "image/gif", "image/heic"})
_TEXT = "text/plain"
HEADER_BYTES = 20_000


def media_type_of(data: bytes) -> str | None:
    """Tell what a file is by its first bytes: zip, XML, an image, a level 1 body, text, or None."""
    if data.removeprefix(b"\xef\xbb\xbf").lstrip()[:1] == b"<":
        return "text/xml"
    if data[4:12] in _HEIC_MARKS:
        return "image/heic"
    known = next((media_type for signature, media_type in _SIGNATURES if data.startswith(signature)), None)
    return known or (None if _text_of(data) is None else _TEXT)


def ready_to_file(data: bytes, limits: ImageLimits) -> bytes:
    """Return DATA as the record takes it; what needs no change, or is of no known kind, comes back as it is.

    Blocks for the time of a child process when DATA is a photograph: call it from a thread, outside transactions.

    Raises:
        ExchangeError: PICTURE_UNREADABLE when a photograph cannot be decoded.
    """
    media_type = media_type_of(data)
    if media_type == _TEXT:
        return (_text_of(data) or "").encode()
    if media_type not in _PHOTOGRAPHS:
        return data
    picture = photograph(data, limits)
    if picture is None:
        raise ExchangeError(Refusal.PICTURE_UNREADABLE)
    return picture.content


def encoded_bytes(size_bytes: int) -> int:
    """Return what a file of SIZE_BYTES takes in a document: base64 in lines of 76, and room for the header."""
    return size_bytes * 78 // 57 + HEADER_BYTES


def _text_of(data: bytes) -> str | None:
    """Read text in UTF-8 or, failing that, in the one-byte alphabet of western Europe; None when it is not text."""
    for charset in ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(charset)
        except UnicodeDecodeError:
            continue
        whole = text.strip() and all(each.isprintable() or each in "\r\n\t\f" for each in text)
        return text if whole else None
    return None
