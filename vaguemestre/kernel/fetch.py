"""Fetching a small public document over HTTP, bounded in bytes and time: a list, a revocation list, an OCSP answer.

Blocking: call it from a thread. What is fetched proves nothing by itself; each reader checks its signature. A server
may send us elsewhere only within the schemes that the caller allows.
"""

import http.client
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure

CHUNK_BYTES = 65_536
REDIRECTS = 3
HTTPS_ONLY = frozenset({"https"})
HTTP_TOO = frozenset({"http", "https"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Request:
    """What to ask.

    Attributes:
        timeout_s: for the whole, and for each wait on the network.
        authority: PEM authorities of an https server; None: those of the system.
        body: posted when given.
    """

    url: str
    timeout_s: float
    max_bytes: int
    schemes: frozenset[str] = HTTPS_ONLY
    authority: Path | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Fetched:
    """What came, and the marks by which to ask again."""

    data: bytes
    etag: str | None
    modified: str | None


def fetch(request: Request) -> Fetched | None:
    """Return the document, None when the server says that it did not change (304).

    Raises:
        ConfigurationError: an address that may not be asked, or an authority file that cannot be read.
        ProtocolError: more bytes than allowed.
        TemporaryFailure: the server is away, slow, or answers anything but 200.
    """
    if not may_ask(request.url, request.schemes):
        raise ConfigurationError(f"adresse refusée : il faut {' ou '.join(sorted(request.schemes))}")
    wanted = urllib.request.Request(request.url, data=request.body, headers=dict(request.headers))  # noqa: S310 - checked
    deadline = time.monotonic() + request.timeout_s
    try:
        with _opener(request).open(wanted, timeout=request.timeout_s) as answer:
            data = _read(answer, request.max_bytes, deadline)
            return Fetched(data, answer.headers.get("ETag"), answer.headers.get("Last-Modified"))
    except urllib.error.HTTPError as error:
        with error:
            if error.code == 304:
                return None
        raise TemporaryFailure(f"the server answers {error.code}") from None
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise TemporaryFailure(f"cannot be fetched ({type(error).__name__})") from None


def may_ask(url: str, schemes: frozenset[str]) -> bool:
    """Tell whether an address is one of a server, in one of the schemes."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme.lower() in schemes and bool(parts.hostname) and url.isprintable()


def _read(answer: http.client.HTTPResponse, max_bytes: int, deadline: float) -> bytes:
    data = bytearray()
    while chunk := answer.read1(CHUNK_BYTES):
        data += chunk
        if len(data) > max_bytes:
            raise ProtocolError(f"document of more than {max_bytes} bytes")
        if time.monotonic() > deadline:
            raise TimeoutError("too slow")
    return bytes(data)


def _opener(request: Request) -> urllib.request.OpenerDirector:
    try:
        context = ssl.create_default_context(cafile=request.authority)
    except (OSError, ssl.SSLError):
        raise ConfigurationError("fichier d'autorités illisible") from None
    director = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        _Redirects(request.schemes),
    ):
        director.add_handler(handler)
    return director


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows a few redirections, never out of the schemes allowed."""

    max_redirections = REDIRECTS

    def __init__(self, schemes: frozenset[str]) -> None:
        self._schemes = schemes

    def redirect_request(self, *arguments: Any) -> urllib.request.Request | None:
        """Return the request to follow, as urllib asks; the new address comes last."""
        if not may_ask(arguments[-1], self._schemes):
            raise TemporaryFailure("the server sends elsewhere")
        return super().redirect_request(*arguments)
