"""What is asked of an issuer's server: small JSON documents, over https (http on loopback only).

Nothing is trusted of them but what TLS vouches for: the issuer's own server said so.
"""

import asyncio
import base64
import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode, urlsplit

from access_core.config import IssuerSettings
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure
from vaguemestre.kernel.fetch import HTTP_TOO, HTTPS_ONLY, Request, fetch

LONGEST_BYTES = 262_144
CONFIGURATION = "/.well-known/openid-configuration"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


def configuration_url(settings: IssuerSettings) -> str:
    """Return where the issuer describes itself (OpenID Connect Discovery 1.0 §4)."""
    return settings.issuer.rstrip("/") + CONFIGURATION


async def ask(settings: IssuerSettings, url: str, form: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Return the JSON object at URL; FORM is posted there in the name of our client.

    Raises:
        TemporaryFailure: it cannot be had, for whatever reason.
    """
    request = Request(
        url=url,
        timeout_s=settings.timeout_s,
        max_bytes=LONGEST_BYTES,
        schemes=HTTP_TOO if urlsplit(url).hostname in _LOOPBACK else HTTPS_ONLY,
        authority=settings.authority,
        headers=_headers(settings, posted=form is not None),
        body=urlencode(form).encode() if form is not None else None,
    )
    try:
        answer = await asyncio.to_thread(fetch, request)
        document = json.loads(answer.data) if answer is not None else None
    except (ConfigurationError, ProtocolError, ValueError, RecursionError) as error:
        raise TemporaryFailure(f"issuer: no usable answer ({type(error).__name__})") from None
    if not isinstance(document, dict):
        raise TemporaryFailure("issuer: the answer is not a JSON object")
    return document


async def find_url(settings: IssuerSettings, member: str) -> str:
    """Return an address that the issuer's OpenID configuration gives.

    Raises:
        TemporaryFailure: it cannot be had, or is not of this issuer.
    """
    document = await ask(settings, configuration_url(settings))
    if document.get("issuer") != settings.issuer or not isinstance(document.get(member), str):
        raise TemporaryFailure("issuer: its configuration is not its own, or lacks an address")
    return str(document[member])


def _headers(settings: IssuerSettings, *, posted: bool) -> dict[str, str]:
    headers = {"Accept": "application/json", "User-Agent": "vaguemestre"}
    if posted:
        pair = f"{settings.client_id}:{settings.client_secret.get_secret_value()}".encode()
        headers["Authorization"] = "Basic " + base64.b64encode(pair).decode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    return headers
