"""MTOM/XOP packages: a SOAP envelope and the bytes beside it in one multipart/related body.

Source: MTOM (W3C 2005), XOP §4, RFC 2387, RFC 2046 §5.1. A plain `application/soap+xml` body is a package without
attachments. Limits hold before anything is copied.
"""

import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message
from urllib.parse import unquote

from vaguemestre.kernel.errors import ProtocolError

SOAP_TYPE = "application/soap+xml"
XOP_TYPE = "application/xop+xml"
_ROOT = "root@vaguemestre"
_LINE_END = re.compile(rb"[ \t]*(?:\r\n|\n)")
_ENCODINGS = frozenset({"", "binary", "8bit", "7bit"})


@dataclass(frozen=True, slots=True)
class PackageLimits:
    """How many parts a package may have, and how long the head of one may be (bytes)."""

    parts: int = 101
    head_bytes: int = 8_192


@dataclass(frozen=True, slots=True)
class Package:
    """An envelope, the `action` of its media type, and its attachments by Content-ID without brackets."""

    envelope: bytes = field(repr=False)
    action: str = ""
    attachments: Mapping[str, bytes] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Attachment:
    """Bytes to send beside an envelope that includes `cid:CONTENT_ID`."""

    content_id: str
    content: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class _Part:
    content_id: str
    media_type: str
    content: bytes


def read_package(content_type: str, body: bytes, limits: PackageLimits | None = None) -> Package:
    """Read a request or an answer.

    Raises:
        ProtocolError: another media type, no boundary, too many parts, a part without its end, no root part.
    """
    media_type, parameters = _parameters(content_type)
    if media_type == SOAP_TYPE:
        return Package(body, parameters.get("action", ""))
    if media_type != "multipart/related" or not parameters.get("boundary"):
        raise ProtocolError("MTOM: neither SOAP 1.2 nor multipart/related")
    parts = _parts(body, parameters["boundary"].encode(), limits or PackageLimits())
    start = _bare(parameters.get("start", ""))
    root = next((part for part in parts if not start or part.content_id == start), None)
    if root is None or root.media_type not in (XOP_TYPE, SOAP_TYPE):
        raise ProtocolError("MTOM: no root part")
    beside = [part for part in parts if part is not root]
    attachments = {part.content_id: part.content for part in beside}
    if len(attachments) != len(beside) or "" in attachments:
        raise ProtocolError("MTOM: a part without a Content-ID of its own")
    return Package(root.content, parameters.get("action", ""), attachments)


def write_package(envelope: bytes, attachments: Sequence[Attachment], action: str = "") -> tuple[str, bytes]:
    """Return the Content-Type and the body of a package; ACTION goes with the media type."""
    boundary = f"vaguemestre-{uuid.uuid4().hex}"
    root_type = f'{XOP_TYPE}; charset=UTF-8; type="{SOAP_TYPE}"'
    pieces = [_head(boundary, root_type, _ROOT), envelope]
    for each in attachments:
        pieces += [_head(boundary, "application/octet-stream", each.content_id, "\r\n"), each.content]
    pieces.append(f"\r\n--{boundary}--\r\n".encode())
    content_type = f'multipart/related; boundary="{boundary}"; type="{XOP_TYPE}"; start="<{_ROOT}>"'
    content_type += f'; start-info="{SOAP_TYPE}"' + (f'; action="{action}"' if action else "")
    return content_type, b"".join(pieces)


def content_id_of(href: str) -> str:
    """Return the Content-ID that an `xop:Include` names; "" when it names none. Source: RFC 2392."""
    return unquote(href.removeprefix("cid:")) if href.startswith("cid:") else ""


def _head(boundary: str, media_type: str, content_id: str, before: str = "") -> bytes:
    return (
        f"{before}--{boundary}\r\nContent-Type: {media_type}\r\nContent-Transfer-Encoding: binary\r\n"
        f"Content-ID: <{content_id}>\r\n\r\n"
    ).encode()


def _parts(body: bytes, boundary: bytes, limits: PackageLimits) -> list[_Part]:
    delimiter = b"--" + boundary
    place = 0 if body.startswith(delimiter) else body.find(b"\n" + delimiter) + 1
    if place == 0 and not body.startswith(delimiter):
        raise ProtocolError("MTOM: the boundary does not appear")
    parts: list[_Part] = []
    place += len(delimiter)
    while not body.startswith(b"--", place):
        if len(parts) >= limits.parts:
            raise ProtocolError("MTOM: too many parts")
        line_end = _LINE_END.match(body, place)
        end = body.find(b"\n" + delimiter, place)
        if line_end is None or end < 0:
            raise ProtocolError("MTOM: a part has no end")
        parts.append(_part(body, line_end.end(), end, limits))
        place = end + 1 + len(delimiter)
    return parts


def _part(body: bytes, start: int, end: int, limits: PackageLimits) -> _Part:
    head_end, length = _head_end(body, start, min(end, start + limits.head_bytes))
    headers = _headers(body[start:head_end])
    if headers.get("content-transfer-encoding", "").lower() not in _ENCODINGS:
        raise ProtocolError("MTOM: a part is not sent as it is")
    stop = end - 1 if body[end - 1 : end] == b"\r" else end
    media_type, _ = _parameters(headers.get("content-type", ""))
    return _Part(_bare(headers.get("content-id", "")), media_type, body[head_end + length : stop])


def _head_end(body: bytes, start: int, limit: int) -> tuple[int, int]:
    found = [(body.find(mark, start, limit), len(mark)) for mark in (b"\r\n\r\n", b"\n\n")]
    present = [each for each in found if each[0] >= 0]
    if not present:
        raise ProtocolError("MTOM: the head of a part has no end")
    return min(present)


def _headers(head: bytes) -> dict[str, str]:
    lines = re.sub(rb"\r?\n[ \t]+", b" ", head).splitlines()
    pairs = (line.decode("latin-1").partition(":") for line in lines)
    return {name.strip().lower(): value.strip() for name, _, value in pairs}


def _bare(content_id: str) -> str:
    return content_id.strip().removeprefix("<").removesuffix(">")


def _parameters(content_type: str) -> tuple[str, dict[str, str]]:
    """Read a Content-Type with its parameters, names in lower case."""
    message = Message()
    message["Content-Type"] = content_type.replace("\r", " ").replace("\n", " ")
    pairs = message.get_params(failobj=[])
    values = {name.lower(): value for name, value in pairs[1:]}
    return (pairs[0][0].lower() if pairs else ""), values
