"""HTTPS to the record elsewhere: the only file that knows the HTTP library, bounded in time and size.

A call lasts at most so long whatever the other side does, and an answer that goes on is cut. What is not an answer
of SOAP is a trouble to be tried again; what an answer says is read elsewhere.
"""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from http import HTTPStatus

import httpx2

from dmp_bridge.external.config import ExternalSettings
from dmp_bridge.external.troubles import RecordAway, Trouble
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.tls import CIPHERS_1_2

# A fault of SOAP 1.2 comes with 400 or 500 (SOAP 1.2 part 2 §7.5.2.2).
_WITH_ENVELOPE = frozenset({HTTPStatus.OK, HTTPStatus.BAD_REQUEST, HTTPStatus.INTERNAL_SERVER_ERROR})


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A media type and the bytes that came with it."""

    content_type: str
    body: bytes = field(repr=False)


class Line:
    """An open way to the record; calls share its connection."""

    def __init__(self, client: httpx2.AsyncClient, settings: ExternalSettings) -> None:
        self._client = client
        self._settings = settings

    async def post(self, service: str, content_type: str, body: bytes) -> HttpReply:
        """Send BODY to one of the services (`registry`, `repository`, `patients`) and return what came back.

        Raises:
            RecordAway: no connection, another certificate, too slow, too long, or a status without an answer.
        """
        address = f"{self._settings.url.rstrip('/')}/{service}"
        try:
            async with asyncio.timeout(self._settings.request_timeout_s):
                return await self._exchange(address, content_type, body)
        except (TimeoutError, httpx2.TimeoutException):
            raise RecordAway(Trouble.SLOW) from None
        except (httpx2.TransportError, ssl.SSLError, OSError):
            raise RecordAway(Trouble.UNREACHABLE) from None
        except httpx2.HTTPError:
            raise RecordAway(Trouble.ANSWER) from None

    async def _exchange(self, address: str, content_type: str, body: bytes) -> HttpReply:
        headers = {"Content-Type": content_type, "Accept": "application/soap+xml, multipart/related"}
        async with self._client.stream("POST", address, content=body, headers=headers) as answer:
            if answer.status_code not in _WITH_ENVELOPE:
                raise RecordAway(Trouble.HTTP)
            pieces, length = [], 0
            async for piece in answer.aiter_bytes():
                length += len(piece)
                if length > self._settings.max_answer_bytes:
                    raise RecordAway(Trouble.ANSWER)
                pieces.append(piece)
            return HttpReply(answer.headers.get("Content-Type", ""), b"".join(pieces))


@contextlib.asynccontextmanager
async def open_line(settings: ExternalSettings, context: ssl.SSLContext) -> AsyncIterator[Line]:
    """Open a way to the record for a few calls; no proxy, no redirection, HTTP/1.1."""
    timeout = httpx2.Timeout(settings.request_timeout_s, connect=settings.connect_timeout_s)
    async with httpx2.AsyncClient(
        verify=context, timeout=timeout, trust_env=False, follow_redirects=False, http1=True, http2=False
    ) as client:
        yield Line(client, settings)


def mutual_tls(settings: ExternalSettings) -> ssl.SSLContext:
    """Build the context that shows the AUTH_CLI certificate and knows the server by its name and authority.

    Raises:
        ConfigurationError: a file is missing or is not what it should be.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(CIPHERS_1_2)
    context.options |= ssl.OP_NO_COMPRESSION
    try:
        context.load_cert_chain(settings.client_certificate, settings.client_key)
        context.load_verify_locations(settings.authority)
    except (OSError, ssl.SSLError) as error:
        name = settings.client_certificate.name
        raise ConfigurationError(f"DMP: cannot use {name}, its key or the authorities: {error}") from None
    return context
