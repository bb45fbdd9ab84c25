"""One stored message, as the pages need it: subject, author, text, attachments."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from email.utils import getaddresses

from dmp_bridge.pictures.pictures import THUMBNAIL_TYPES
from mailstore.mime.index import Part
from mailstore.store import MessageReader
from portal.attachments.kinds import VIEWABLE, FileContent, kind_of
from portal.patient.bodies import Body, choose_body, is_text_part
from smtp_gateway.header import HeaderBlock, decode_words

NO_SUBJECT = "Sans objet"
NO_NAME = "document"
# MSS2:ECO.3.1.3: the mark that routes a message with documents is not for people.
_XDM_MARK = re.compile(r"XDM/1\.0/DDM\+?\s*", re.IGNORECASE)
_FIN_MARK = re.compile(r"\[FIN\]\s*", re.IGNORECASE)
_XDM_ARCHIVE = "ihe_xdm.zip"
_KINDS = {
    "application/pdf": "PDF",
    "image/jpeg": "photo",
    "image/png": "image",
    "image/tiff": "image",
    "image/heic": "photo",
    "image/heif": "photo",
    "image/gif": "image",
    "text/plain": "texte",
    "application/rtf": "texte RTF",
    "application/msword": "document Word",
    "text/xml": "fichier XML",
    "application/xml": "fichier XML",
    "application/zip": "archive",
    "message/rfc822": "message",
}
_KEPT_TYPES = frozenset(
    {
        "application/pdf",
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/tiff",
        "image/heic",
        "image/heif",
        "text/plain",
        "text/rtf",
        "application/rtf",
    }
)
_VIEWABLE_TYPES = frozenset(kind.value for kind in VIEWABLE)


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """One file of a message: its section, name, kind in words, and size (bytes, about).

    `keepable`: a document of the record can hold it; `pictured`: it may have a thumbnail. Both go by what its sender
    says that it is.
    """

    section: str
    name: str
    words: str
    size_bytes: int
    viewable: bool
    keepable: bool = False
    pictured: bool = False


def subject_words(raw: str | None) -> str:
    """Return a subject as people read it: decoded, without the marks meant for programs."""
    text = _FIN_MARK.sub("", _XDM_MARK.sub("", decode_words(raw or "")))
    shown = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return shown or NO_SUBJECT


def author_name(raw: str | None) -> str:
    """Return the name that a From field gives, else its address.

    Professionals write `<Titre>_<Prénom>_<NOM>` (MSS2:ECO.2.2.7): people read words.
    """
    pairs = getaddresses([raw or ""])
    name, address = pairs[0] if pairs else ("", "")
    return " ".join(decode_words(name).replace("_", " ").split()) or address


def header_of(reader: MessageReader) -> HeaderBlock:
    """Split the header of a stored message."""
    return HeaderBlock.parse(reader.header.removesuffix(b"\r\n\r\n") + b"\r\n")


def leaves(parts: Sequence[Part]) -> list[Part]:
    """Return the parts that hold content, each enclosed message counted as one."""
    enclosed = tuple(f"{part.section}." for part in parts if part.media_type == "message/rfc822")
    return [part for part in parts if not part.is_multipart and not part.section.startswith(enclosed)]


def read_body(reader: MessageReader) -> Body:
    """Return the text of a message, safe to show."""
    return choose_body(leaves(reader.index.parts), reader.text)


def attached_files(parts: Sequence[Part]) -> list[AttachedFile]:
    """Return the files of a message, in their order."""
    return [_attached(part) for part in leaves(parts) if not is_text_part(part)]


def _attached(part: Part) -> AttachedFile:
    name = _file_name(part)
    archive = name.lower() == _XDM_ARCHIVE
    words = "dossier de documents médicaux" if archive else _KINDS.get(part.media_type, "fichier")
    content_bytes = part.size_bytes * 57 // 78 if part.encoding == "base64" else part.size_bytes
    return AttachedFile(
        part.section,
        name,
        words,
        content_bytes,
        viewable=part.media_type in _VIEWABLE_TYPES,
        keepable=part.media_type in _KEPT_TYPES,
        pictured=part.media_type in THUMBNAIL_TYPES,
    )


def _file_name(part: Part) -> str:
    name = (part.filename or "").replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if c.isprintable()).strip(". ")[:150] or NO_NAME


def file_content(reader: MessageReader, section: str) -> FileContent | None:
    """Return one attached file, None when the message has no such attachment."""
    part = next((part for part in leaves(reader.index.parts) if part.section == section), None)
    if part is None or is_text_part(part):
        return None
    content = reader.decoded(section)
    return FileContent(_file_name(part), kind_of(content), content)
