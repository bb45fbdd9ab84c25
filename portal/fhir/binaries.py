"""A document over HTTP (ITI-68): whole, a range of it, or nothing when the client holds it already.

The document was decided and traced before; its ETag is the SHA-1 of its bytes, which never change.
Source: RFC 9110 §13.1.2, §13.1.5, §14
"""

import re
from collections.abc import Mapping

from starlette.responses import Response

from dmp_bridge.fhir.bundles import encoded
from dmp_bridge.fhir.elements import Meta
from dmp_bridge.fhir.resources import MEDIA_TYPE, Binary
from portal.fhir.answers import answer
from portal.fhir.finding import Content
from portal.security import FILE_POLICY

_RANGE = re.compile(r"bytes=(\d{0,15})-(\d{0,15})", re.ASCII)


def binary_answer(name: str, content: Content, asked: Mapping[str, str]) -> Response:
    """Answer with a document as it is, or as a Binary for who asks for FHIR; ASKED: the headers of the request."""
    headers = {"ETag": content.etag, "Accept-Ranges": "bytes", "Vary": "Accept"}
    if _knows(asked.get("if-none-match", ""), content.etag):
        return Response(status_code=304, headers=headers)
    if MEDIA_TYPE in asked.get("accept", ""):
        binary = Binary(id=name, meta=Meta(version_id="1"), content_type=content.media_type, data=encoded(content.data))
        return answer(binary, headers={"Vary": "Accept", "ETag": f"W/{content.etag}"})
    headers |= {"Content-Security-Policy": FILE_POLICY, "Content-Disposition": f'attachment; filename="{name}"'}
    span = _span(asked, content)
    if span is None:
        return Response(content.data, media_type=content.media_type, headers=headers)
    size = len(content.data)
    if not span:
        return Response(status_code=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers["Content-Range"] = f"bytes {span.start}-{span.stop - 1}/{size}"
    return Response(content.data[span.start : span.stop], 206, headers, media_type=content.media_type)


def _knows(told: str, etag: str) -> bool:
    known = [each.strip().removeprefix("W/") for each in told.split(",")]
    return etag in known or "*" in known


def _span(asked: Mapping[str, str], content: Content) -> range | None:
    """Return the range that is asked for, empty when it lies outside; None for the whole, as for several ranges."""
    found = _RANGE.fullmatch(asked.get("range", "").replace(" ", ""))
    if found is None or asked.get("if-range", content.etag) != content.etag:
        return None
    first, last = found.groups()
    size = len(content.data)
    if not first:
        return range(max(size - int(last), 0), size) if last else None
    if last and int(last) < int(first):
        return None
    return range(int(first), min(int(last) + 1 if last else size, size))
