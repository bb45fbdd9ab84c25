"""A message for a peer that takes 7-bit data alone: 8-bit parts become quoted-printable or base64, before signing.

What a signature covers is never changed: a message that another domain signed (DKIM), an 8-bit part of a
`multipart/signed`, cannot leave, nor can 8-bit data where no encoding may be declared (headers, boundaries, parts that
are encoded already). A part keeps its content to the byte; nothing else of the message is touched.

Source: RFC 6152 §3 (conversion, or 5.6.3); RFC 2045 §6; RFC 1847 §2.1; RFC 1428 §3 (unknown-8bit).
"""

import binascii
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from mailstore.mime.index import Part
from smtp_gateway.header import HeaderBlock
from vaguemestre.kernel.errors import PermanentFailure

QUOTED_PRINTABLE_UP_TO = 6  # one octet in so many: beyond, base64 is shorter
BASE64_LINE_OCTETS = 57
_UNENCODED = frozenset({"7bit", "8bit", "binary"})
_NOT_ASCII = re.compile(rb"[\x80-\xff]")
_ENCODING = b"content-transfer-encoding"


class NotConvertible(PermanentFailure):
    """The message cannot be made 7-bit without changing what must stay as it is."""


class _Edit(NamedTuple):
    """Octets of the message to be replaced."""

    start: int
    end: int
    new: bytes


def to_seven_bit(whole: bytes, parts: Sequence[Part]) -> bytes:
    """Return a message in ASCII alone.

    Args:
        whole: the message, CRLF line ends.
        parts: as its index has them; the first is its root.

    Raises:
        NotConvertible: as the module says.
    """
    if whole.isascii():
        return whole
    header = HeaderBlock.parse(whole[: parts[0].body_start].removesuffix(b"\r\n"))
    if header.all(b"dkim-signature"):
        raise NotConvertible("8bit: another domain signed the message")
    edits = [edit for part in parts if _is_eight_bit(whole, part) for edit in _converted(whole, part, parts)]
    made = _with_version(_applied(whole, edits), header, whole, parts[0])
    if not made.isascii():
        raise NotConvertible("8bit: octets where no encoding can be declared")
    return made


def _is_eight_bit(whole: bytes, part: Part) -> bool:
    return _NOT_ASCII.search(whole, part.body_start, part.body_end) is not None


def _converted(whole: bytes, part: Part, parts: Sequence[Part]) -> Iterator[_Edit]:
    if part.media_type == "multipart/signed":
        raise NotConvertible("8bit: a signed part is not 7-bit")
    if part.encoding not in _UNENCODED:
        raise NotConvertible("8bit: octets in a part that is encoded already")
    header = whole[part.header_start : part.body_start]
    if _holds_parts(part, parts):
        if part.encoding != "7bit":
            yield _Edit(part.header_start, part.body_start, _declared(header, b"7bit"))
        return
    if part.is_multipart or part.media_type.startswith("message/"):
        raise NotConvertible("8bit: a part that may not be encoded")  # RFC 2045 §6.4
    encoding, body = _encoded(whole[part.body_start : part.body_end], is_text=part.media_type.startswith("text/"))
    if part.body_end == len(whole) and not body.endswith(b"\r\n"):
        body += b"\r\n"  # the end of the message, which is no part of what is encoded
    yield _Edit(part.header_start, part.body_start, _declared(header, encoding))
    yield _Edit(part.body_start, part.body_end, body)


def _holds_parts(part: Part, parts: Sequence[Part]) -> bool:
    return any(part.body_start <= other.header_start < part.body_end for other in parts if other is not part)


def _encoded(body: bytes, *, is_text: bool) -> tuple[bytes, bytes]:
    """Return the encoding that suits a body, and the body in it."""
    if is_text and len(_NOT_ASCII.findall(body)) * QUOTED_PRINTABLE_UP_TO <= len(body):
        quoted = binascii.b2a_qp(body, istext=True)
        begins_alike = b"=\r\n--" in quoted  # a line that might be taken for a boundary
        has_bare_ends = not frozenset(b"\r\n").isdisjoint(quoted.replace(b"\r\n", b""))
        if binascii.a2b_qp(quoted) == body and not begins_alike and not has_bare_ends:
            return b"quoted-printable", quoted
    lines = (body[start : start + BASE64_LINE_OCTETS] for start in range(0, len(body), BASE64_LINE_OCTETS))
    return b"base64", b"\r\n".join(binascii.b2a_base64(line, newline=False) for line in lines)


def _declared(header: bytes, encoding: bytes) -> bytes:
    """Return the header of a part, blank line included, with another Content-Transfer-Encoding."""
    block = HeaderBlock.parse(header.removesuffix(b"\r\n"))
    kept = block.without(lambda field: field.name == _ENCODING)
    return kept.with_fields([b"Content-Transfer-Encoding: " + encoding + b"\r\n"]).to_bytes() + b"\r\n"


def _with_version(made: bytes, header: HeaderBlock, whole: bytes, root: Part) -> bytes:
    """Make a message MIME that was not (RFC 1428): its encoding would mean nothing without MIME-Version."""
    if header.all(b"mime-version"):
        return made
    fields = b"MIME-Version: 1.0\r\n"
    if not header.all(b"content-type"):
        fields += b"Content-Type: text/plain; charset=" + _charset(whole[root.body_start : root.body_end]) + b"\r\n"
    return fields + made


def _charset(body: bytes) -> bytes:
    try:
        body.decode()
    except UnicodeDecodeError:
        return b"unknown-8bit"
    return b"utf-8"


def _applied(whole: bytes, edits: Sequence[_Edit]) -> bytes:
    pieces: list[bytes] = []
    place = 0
    for edit in sorted(edits):
        pieces += (whole[place : edit.start], edit.new)
        place = edit.end
    return b"".join((*pieces, whole[place:]))
