"""A PDF of plain text: a title and paragraphs on A4 pages, in the Helvetica that every reader has.

For short statements that a person keeps. The same text gives the same bytes. Characters that WinAnsi has not lose
their accents, or become "?".

Source: ISO 32000-1 §7 (objects, cross-reference table), §9.6.2.2 (standard fonts), Annex D (WinAnsiEncoding)
"""

import unicodedata
import zlib
from collections.abc import Iterator, Sequence
from typing import Final

PAGE_WIDTH, PAGE_HEIGHT = 595, 842  # A4, in points of 1/72 inch
MARGIN: Final = 60
LEADING: Final = 16
TITLE_SIZE, TEXT_SIZE = 16, 12
_LINES_PER_PAGE: Final = (PAGE_HEIGHT - 2 * MARGIN) // LEADING
_TEXT_WIDTH: Final = (PAGE_WIDTH - 2 * MARGIN) * 1000 // TEXT_SIZE  # in thousandths of the size of the font
# Widths of the characters 32 to 126 of Helvetica, in thousandths (Adobe Font Metrics).
_METRICS: Final = (
    "278 278 355 556 556 889 667 191 333 333 389 584 278 333 278 278 556 556 556 556 556 556 556 556 556 556 278 278 "
    "584 584 584 556 1015 667 667 722 722 667 611 778 722 278 500 667 556 833 722 778 667 778 722 667 611 722 667 "
    "944 667 667 611 278 278 278 469 556 333 556 556 500 556 556 278 556 556 222 222 500 222 833 556 556 556 556 "
    "333 500 278 556 500 722 500 500 500 334 260 334 584"
)
_WIDTHS: Final = tuple(int(width) for width in _METRICS.split())
_FIRST_PAGE: Final = 5  # number of its object; a page and its content take two


def write_pdf(title: str, paragraphs: Sequence[str] = ()) -> bytes:
    """Return a PDF 1.4 with a title and paragraphs, in French for the reader's voice."""
    lines: list[tuple[int, str]] = [(TITLE_SIZE, title), (TEXT_SIZE, "")]
    for paragraph in paragraphs:
        lines += [(TEXT_SIZE, line) for line in _wrapped(paragraph)]
        lines.append((TEXT_SIZE, ""))
    pages = [lines[start : start + _LINES_PER_PAGE] for start in range(0, len(lines), _LINES_PER_PAGE)]
    numbers = [_FIRST_PAGE + 2 * place for place in range(len(pages))]
    objects = [
        b"<</Type/Catalog/Pages 2 0 R/Lang(fr-FR)/ViewerPreferences<</DisplayDocTitle true>>>>",
        b"<</Type/Pages/Count %d/Kids[%b]>>" % (len(pages), b" ".join(b"%d 0 R" % number for number in numbers)),
        b"<</Type/Font/Subtype/Type1/BaseFont/Helvetica/Encoding/WinAnsiEncoding>>",
        b"<</Title(%b)/Producer(Vaguemestre)>>" % _escaped(title),
    ]
    for number, page in zip(numbers, pages, strict=True):
        objects += [_page(number + 1), _content(page)]
    return _file(objects)


def _page(content: int) -> bytes:
    box = b"/MediaBox[0 0 %d %d]" % (PAGE_WIDTH, PAGE_HEIGHT)
    return b"<</Type/Page/Parent 2 0 R%b/Resources<</Font<</F1 3 0 R>>>>/Contents %d 0 R>>" % (box, content)


def _content(lines: Sequence[tuple[int, str]]) -> bytes:
    shown = b" ".join(b"/F1 %d Tf (%b) Tj T*" % (size, _escaped(text)) for size, text in lines)
    stream = zlib.compress(b"BT %d TL %d %d Td %b ET" % (LEADING, MARGIN, PAGE_HEIGHT - MARGIN, shown))
    return b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(stream), stream)


def _file(objects: Sequence[bytes]) -> bytes:
    content, offsets = b"%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(content))
        content += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    size = len(objects) + 1
    trailer = b"trailer\n<</Size %d/Root 1 0 R/Info 4 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (size, len(content))
    return content + b"xref\n0 %d\n0000000000 65535 f \n%b%b" % (size, table, trailer)


def _wrapped(paragraph: str) -> Iterator[str]:
    """Yield the lines of a paragraph; a word longer than a line stands alone."""
    line = ""
    for word in paragraph.split():
        longer = f"{line} {word}".strip()
        if line and _width(longer) > _TEXT_WIDTH:
            yield line
            line = word
        else:
            line = longer
    yield line


def _width(text: str) -> int:
    return sum(_WIDTHS[ord(each) - 32] if " " <= each <= "~" else 556 for each in _without_marks(text))


def _without_marks(text: str) -> str:
    return "".join(each for each in unicodedata.normalize("NFKD", text) if not unicodedata.combining(each))


def _escaped(text: str) -> bytes:
    encoded = b"".join(_encoded(each) for each in unicodedata.normalize("NFC", text))
    return encoded.replace(b"\\", rb"\\").replace(b"(", rb"\(").replace(b")", rb"\)")


def _encoded(character: str) -> bytes:
    """Return the WinAnsi byte of a character; a control character is a space."""
    if character < " " or character == "\x7f":
        return b" "
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:
        return _without_marks(character).encode("cp1252", "replace")
