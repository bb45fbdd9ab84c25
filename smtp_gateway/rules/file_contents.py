"""What a file is by its first bytes, and whether that is what its name says. Names lie, and so do declared types.

The families are those that the rules tell apart; puremagic names what these signatures do not. Source: domain note §13.
"""

from enum import StrEnum

import puremagic

HEAD_BYTES = 4_096
"""How many bytes of a file are enough to tell."""
_CONTROLS = bytes(set(range(32)) - {9, 10, 12, 13})
_HEIF = (b"ftypheic", b"ftypheix", b"ftypheim", b"ftypheis", b"ftypmif1", b"ftypmsf1", b"ftypavif")


class Family(StrEnum):
    """The kinds of content that the rules tell apart."""

    EXECUTABLE = "executable"
    """A program or a script of some machine."""
    ZIP = "zip"
    """A zip, or a document that is one (docx, odt…)."""
    SEALED = "sealed"
    """An archive that is not looked into: rar, 7z, gzip, tar, cab…"""
    OLE = "ole"
    """A compound file: doc, xls, ppt, msg; also installers."""
    PDF = "pdf"
    RTF = "rtf"
    IMAGE = "image"
    DICOM = "dicom"
    TEXT = "text"
    OTHER = "other"


_EXECUTABLES = (
    b"\x7fELF",
    b"#!",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",  # a Java class, or a program for several kinds of Mac
    b"L\x00\x00\x00\x01\x14\x02\x00",  # a Windows shortcut
    b"dex\n",
    b"\x00asm",
)
_SEALED = (
    b"Rar!\x1a\x07",
    b"7z\xbc\xaf\x27\x1c",
    b"\x1f\x8b",
    b"\x1f\x9d",
    b"BZh",
    b"\xfd7zXZ\x00",
    b"MSCF",
    b"\x28\xb5\x2f\xfd",
    b"\x60\xea",
)
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"BM")
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_BINARY_PROGRAMS = frozenset({".exe", ".dll", ".com", ".scr", ".class", ".lnk", ".msi", ".cpl", ".sys", ".elf", ".chm"})

_TEXTUAL = frozenset({Family.TEXT, Family.OTHER})
_IMAGE = frozenset({Family.IMAGE})
_WANTED: dict[str, frozenset[Family]] = {
    "pdf": frozenset({Family.PDF}),
    "rtf": frozenset({Family.RTF}),
    "doc": frozenset({Family.OLE, Family.RTF, Family.TEXT}),
    **dict.fromkeys(("dot", "xls", "ppt", "pps", "msg"), frozenset({Family.OLE, Family.TEXT, Family.RTF})),
    **dict.fromkeys(("jpg", "jpeg", "png", "gif", "tif", "tiff", "bmp", "webp", "heic", "heif"), _IMAGE),
    **dict.fromkeys(("zip", "docx", "xlsx", "pptx", "odt", "ods", "odp"), frozenset({Family.ZIP})),
    **dict.fromkeys(("txt", "csv", "tsv", "xml", "json", "html", "htm", "ics", "vcf", "eml", "xsl", "log"), _TEXTUAL),
}
"""Extension -> what may lie under it; another extension may hold anything that is not refused anyway."""


def family_of(head: bytes) -> Family:
    """Say what a file is by its first HEAD_BYTES bytes (all of them when it is shorter)."""
    if head[:2] == b"MZ" and not _is_text(head):
        return Family.EXECUTABLE
    for signatures, family in ((_EXECUTABLES, Family.EXECUTABLE), (_ZIP, Family.ZIP), (_SEALED, Family.SEALED)):
        if head.startswith(signatures):
            return family
    if head[257:262] == b"ustar" or head[7:14] == b"**ACE**" or (head[2:5] == b"-lh" and head[6:7] == b"-"):
        return Family.SEALED
    return _document(head)


def _document(head: bytes) -> Family:
    if b"%PDF-" in head[:1_024]:
        return Family.PDF
    if head.startswith(_IMAGES) or head[4:12] in _HEIF or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return Family.IMAGE
    if head[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1":
        return Family.OLE
    if head[128:132] == b"DICM":
        return Family.DICOM
    if head.startswith(rb"{\rtf"):
        return Family.RTF
    return Family.TEXT if _is_text(head) else _named_by_puremagic(head)


def matches_name(extension: str, family: Family) -> bool:
    """Tell whether content of that family may lie under a name with that (lower-case) extension."""
    if family in (Family.EXECUTABLE, Family.SEALED):
        return False
    return family in _WANTED.get(extension, frozenset(Family))


def _is_text(head: bytes) -> bool:
    """Tell whether bytes are text: no control character in any one-byte alphabet, or UTF-16 with its mark."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return True
    return head.translate(None, _CONTROLS) == head


def _named_by_puremagic(head: bytes) -> Family:
    try:
        extension = puremagic.from_string(head).lower()
    except (puremagic.PureError, ValueError):
        return Family.OTHER
    return Family.EXECUTABLE if extension in _BINARY_PROGRAMS else Family.OTHER
