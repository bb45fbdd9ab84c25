"""Files of other people handed to a browser: shown only when their bytes are of a kind that cannot act.

The type comes from the content, never from the sender; everything else is a download without type. A file may not
run, frame or load anything, whatever the browser makes of it.
"""

from urllib.parse import quote

from starlette.responses import Response

from dmp_bridge.pictures.pictures import Picture
from portal.attachments.kinds import VIEWABLE, FileContent, Kind
from portal.problems import Absent
from portal.security import FILE_POLICY, FRAMED_PDF_POLICY, PDF_POLICY

UNKNOWN = "application/octet-stream"
SEEN = "vu"
"""Query parameter of what a page is made of: proves that the page was shown, and traced, to this session."""


def file_answer(file: FileContent, *, download: bool, framed: bool = False) -> Response:
    """Answer with a file, inside the page when its kind allows and DOWNLOAD is not asked for.

    FRAMED: a PDF may stand in a frame of our own page.
    """
    inline = file.kind in VIEWABLE and not download
    media_type = file.kind.value if file.kind is not None else UNKNOWN
    if file.kind is Kind.TEXT:
        media_type = "text/plain; charset=" + _charset(file.content)
    headers = {
        "Content-Disposition": disposition(file.name, inline=inline),
        "Content-Security-Policy": PDF_POLICY if file.kind is Kind.PDF else FILE_POLICY,
        "Content-Type": media_type,
    }
    if framed and file.kind is Kind.PDF and inline:
        headers |= {"Content-Security-Policy": FRAMED_PDF_POLICY, "X-Frame-Options": "SAMEORIGIN"}
    return Response(file.content, headers=headers)


def picture_answer(picture: Picture | None) -> Response:
    """Answer with a picture that our own child process made.

    Raises:
        Absent: there is none.
    """
    if picture is None:
        raise Absent("portal: no picture of this file")
    headers = {"Content-Security-Policy": FILE_POLICY, "Content-Type": picture.media_type}
    return Response(picture.content, headers=headers)


def _charset(content: bytes) -> str:
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        return "windows-1252"
    return "utf-8"


def disposition(name: str, *, inline: bool) -> str:
    """Return a Content-Disposition with a plain and an extended name. Source: RFC 6266 §4.3, appendix D."""
    plain = "".join(c if c.isascii() and (c.isalnum() or c in " ._-") else "_" for c in name)
    kind = "inline" if inline else "attachment"
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


_WORDS = {Kind.PDF: "PDF", Kind.TEXT: "texte", Kind.RTF: "texte RTF", Kind.DOC: "document Word"}


def kind_words(file: FileContent | None) -> str:
    """Name the kind of a file in a word or two, "" when there is no file or its kind is not known."""
    if file is None or file.kind is None:
        return ""
    return _WORDS.get(file.kind, "image")
