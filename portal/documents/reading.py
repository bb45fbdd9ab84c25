"""A document of the record as a page shows it: its lines, its sections, the file inside, its illustrations.

Pure: bytes in, values out. What cannot be read is shown as a file to download; nothing raises.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from lxml import etree

from dmp_bridge.bodies import media_type_of
from dmp_bridge.cda.body import body_of
from dmp_bridge.cda.header import CDADocument
from dmp_bridge.cda.media import Media, media_of, pdf_copy_of
from dmp_bridge.cda.reader import clinical_document, header_of
from dmp_bridge.pictures.pictures import IMAGE_TYPES
from dmp_bridge.refusals import ExchangeError
from portal import words
from portal.attachments.kinds import FileContent, Kind, kind_of, safe_name
from portal.documents.narrative import Illustration
from portal.documents.rich_text import text_of_rtf
from portal.documents.sections import Sections, read_sections
from portal.documents.summary import Fact, summary_of
from portal.patient.bodies import tidy

CDA_TYPES = frozenset({"text/xml", "application/xml", "application/hl7-v3+xml", "application/xslt+xml"})
MAX_TEXT_CHARACTERS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentContent:
    """What is inside a document.

    Attributes:
        readable: the file that people open: the body of a level 1 document, or the copy in PDF of a structured one.
        text: words of a body in RTF or plain text; "" for any other.
        pieces: files of a structured document, in the order by which their addresses count them.
    """

    facts: tuple[Fact, ...] = ()
    sections: Sections = field(default_factory=Sections)
    readable: FileContent | None = None
    text: str = ""
    pieces: tuple[Media, ...] = ()


def read_content(
    data: bytes, *, title: str, is_cda: bool, zone: ZoneInfo, piece_address: Callable[[str], str]
) -> DocumentContent:
    """Read a document.

    Args:
        title: names the file inside.
        piece_address: where the page finds a piece: `0` the first file, `0/image` its picture.
    """
    if not is_cda:
        file = _file(title, data)
        return DocumentContent(readable=file, text=_text(file))
    try:
        document = clinical_document(data, max_bytes=len(data))
        header = header_of(document)
    except ExchangeError:
        return DocumentContent()
    facts = tuple(summary_of(header, zone))
    if header.is_level_1:
        file = _body(title, document)
        return DocumentContent(facts=facts, readable=file, text=_text(file))
    return _structured(title, document, facts, piece_address)


def readable_of(data: bytes, *, title: str, is_cda: bool) -> FileContent | None:
    """Return the file that people open, without reading the rest."""
    if not is_cda:
        return _file(title, data)
    try:
        document = clinical_document(data, max_bytes=len(data))
        header: CDADocument = header_of(document)
    except ExchangeError:
        return None
    if header.is_level_1:
        return _body(title, document)
    copy = pdf_copy_of(document)
    return None if copy is None else _file(title, copy)


def piece_of(data: bytes, number: int) -> FileContent | None:
    """Return the n-th piece of a structured document, None when there is none."""
    try:
        pieces = media_of(clinical_document(data, max_bytes=len(data)))
    except ExchangeError:
        return None
    if number >= len(pieces):
        return None
    content = pieces[number].content
    kind = kind_of(content)
    return FileContent(f"piece-{number + 1}" if kind is None else safe_name("", kind, number + 1), kind, content)


def _structured(
    title: str, document: etree._Element, facts: tuple[Fact, ...], piece_address: Callable[[str], str]
) -> DocumentContent:
    pieces, copy = media_of(document), pdf_copy_of(document)
    sections = read_sections(document, _illustrations(pieces, piece_address))
    readable = None if copy is None else _file(title, copy)
    return DocumentContent(facts=facts, sections=sections, readable=readable, pieces=pieces)


def _illustrations(pieces: tuple[Media, ...], piece_address: Callable[[str], str]) -> Mapping[str, Illustration]:
    return {piece.identifier: _illustration(piece, number, piece_address) for number, piece in enumerate(pieces)}


def _illustration(piece: Media, number: int, piece_address: Callable[[str], str]) -> Illustration:
    is_picture = media_type_of(piece.content) in IMAGE_TYPES
    address = piece_address(f"{number}/image" if is_picture else str(number))
    return Illustration(address, _piece_words(piece), is_picture)


def _piece_words(piece: Media) -> str:
    kind = "PDF" if kind_of(piece.content) is Kind.PDF else "fichier"
    return f"le document joint ({kind}, {words.size(len(piece.content))})"


def _body(title: str, document: etree._Element) -> FileContent | None:
    try:
        body = body_of(document)
    except ExchangeError:
        return None
    return None if body is None else _file(title, body.content)


def _file(title: str, content: bytes) -> FileContent | None:
    """Name a file by the title of its document; None when its bytes are of no kind that we know."""
    kind = kind_of(content)
    return None if kind is None else FileContent(safe_name(title[:80], kind, 1), kind, content)


def _text(file: FileContent | None) -> str:
    """Return the words of a file in RTF or plain text."""
    if file is None or file.kind not in (Kind.RTF, Kind.TEXT):
        return ""
    if file.kind is Kind.RTF:
        return tidy(text_of_rtf(file.content))[:MAX_TEXT_CHARACTERS]
    try:
        text = file.content[: MAX_TEXT_CHARACTERS * 4].decode("utf-8")
    except UnicodeDecodeError:
        text = file.content.decode("cp1252", "replace")
    return tidy(text[:MAX_TEXT_CHARACTERS])
