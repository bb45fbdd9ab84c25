"""What a file really is. The name and the type that the browser states are never believed.

Source: the list of the national application's file picker (jpg, jpeg, tiff, png, txt, pdf, rtf, doc;
patient_space.md §0.1), and HEIC, which telephones make and which is converted.
"""

from dataclasses import dataclass
from enum import StrEnum

import puremagic


class Kind(StrEnum):
    """The kinds of file that a reply may carry; the value is the media type."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    TIFF = "image/tiff"
    HEIC = "image/heic"
    PDF = "application/pdf"
    RTF = "application/rtf"
    DOC = "application/msword"
    TEXT = "text/plain"


VIEWABLE = frozenset({Kind.PDF, Kind.JPEG, Kind.PNG, Kind.TEXT})
"""What a browser shows by itself."""
IMAGES = frozenset({Kind.JPEG, Kind.PNG, Kind.TIFF, Kind.HEIC})
ACCEPTED_WORDS = "jpg, jpeg, png, tiff, heic, pdf, rtf, doc, txt"
ACCEPT = ".jpg,.jpeg,.png,.tif,.tiff,.heic,.pdf,.rtf,.doc,.txt,image/jpeg,image/png,image/tiff,application/pdf"
HEAD_BYTES = 4096
_BY_EXTENSION = {
    ".jpg": Kind.JPEG,
    ".jpeg": Kind.JPEG,
    ".jfif": Kind.JPEG,
    ".png": Kind.PNG,
    ".tif": Kind.TIFF,
    ".tiff": Kind.TIFF,
    ".heic": Kind.HEIC,
    ".heif": Kind.HEIC,
    ".pdf": Kind.PDF,
    ".rtf": Kind.RTF,
    ".doc": Kind.DOC,
}
_EXTENSIONS = {
    Kind.JPEG: (".jpg", ".jpeg"),
    Kind.PNG: (".png",),
    Kind.TIFF: (".tif", ".tiff"),
    Kind.HEIC: (".jpg",),
    Kind.PDF: (".pdf",),
    Kind.RTF: (".rtf",),
    Kind.DOC: (".doc",),
    Kind.TEXT: (".txt",),
}
_WORD_STREAM = "WordDocument".encode("utf-16-le")
_HEIC_BRANDS = (b"ftypheic", b"ftypheix", b"ftypmif1", b"ftypheim", b"ftypheis")
# Control characters that no text file holds: all of C0 but tab, line feed, form feed and carriage return.
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13})


@dataclass(frozen=True, slots=True)
class OutgoingFile:
    """A file that passed the checks: its name, its real type, its content."""

    name: str
    kind: Kind
    content: bytes


@dataclass(frozen=True, slots=True)
class FileContent:
    """A file to hand over: `kind` is what its bytes are, None when that is not one of the kinds we know."""

    name: str
    kind: Kind | None
    content: bytes


def kind_of(content: bytes) -> Kind | None:
    """Tell what CONTENT is; None for anything that a reply may not carry."""
    kind = _by_signature(content)
    if kind is None:
        return Kind.TEXT if _is_text(content) else None
    return kind if _confirms(kind, content) else None


def _by_signature(content: bytes) -> Kind | None:
    if content[4:12] in _HEIC_BRANDS:
        return Kind.HEIC
    try:
        extension = puremagic.from_string(content[:HEAD_BYTES])
    except (puremagic.PureError, ValueError):
        return None
    return _BY_EXTENSION.get(extension.lower())


def _confirms(kind: Kind, content: bytes) -> bool:
    """Check what the first bytes alone cannot tell; images are decoded later, in the child process."""
    if kind is Kind.PDF:
        return content.startswith(b"%PDF-") and b"%%EOF" in content[-2048:]
    if kind is Kind.RTF:
        return content.startswith(rb"{\rtf") and content.rstrip(b"\0\r\n\t ").endswith(b"}")
    if kind is Kind.DOC:
        return _WORD_STREAM in content
    return True


def _is_text(content: bytes) -> bool:
    """Say whether CONTENT is text: no control character, and UTF-8 or a one-byte alphabet of western Europe."""
    if not content or content.translate(None, _CONTROLS) != content:
        return False
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return not content.startswith((b"MZ", b"\x7fELF", b"PK"))
    return not content.startswith((b"MZ", b"#!", b"PK"))


def safe_name(name: str, kind: Kind, position: int) -> str:
    """Return a file name without path, control or bidirectional characters, whose extension tells KIND.

    A nameless file is called « fichier 2.pdf », by its position in the form (from 1).
    """
    base = name.replace("\\", "/").rpartition("/")[2]
    base = " ".join("".join(c for c in base if c.isprintable() and c not in _FORBIDDEN).split()).strip(". ")
    stem, dot, extension = base.rpartition(".")
    if dot and f".{extension.lower()}" in _EXTENSIONS[kind]:
        return f"{stem[:80]}.{extension}"
    stem = stem if dot and len(extension) <= 5 else base
    if stem.lower().endswith(_EXTENSIONS[kind]):
        return stem[-80:]
    return f"{stem[:80] or f'fichier {position}'}{_EXTENSIONS[kind][0]}"


_FORBIDDEN = frozenset('<>:"/|?*;')
