"""What every answer of the portal carries and what every request must prove: headers, form tokens, size.

Pages hold no script and load nothing from elsewhere, so that the policy is written once and never loosened
for a page; files of other people (attachments, documents) get a stricter one of their own.
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'none'; form-action 'self'; "
    "base-uri 'none'; frame-ancestors 'none'; manifest-src 'self'"
)
FILE_POLICY = "default-src 'none'; sandbox; frame-ancestors 'none'"
# The PDF reader of Chromium styles its own page and does not start in a sandbox.
PDF_POLICY = "default-src 'none'; object-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'"

# A page that shows a PDF in a frame of its own, and that PDF.
FRAMING_POLICY = f"{PAGE_POLICY}; frame-src 'self'"
FRAMED_PDF_POLICY = PDF_POLICY.replace("frame-ancestors 'none'", "frame-ancestors 'self'")

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": PAGE_POLICY,
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",
    "Strict-Transport-Security": "max-age=63072000; includeSubDomains",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=(), interest-cohort=()",
    "X-Robots-Tag": "noindex, nofollow",
}

VISIT_COOKIE = "__Host-visite"


class FormTokens:
    """Tokens that tie a form to the cookie of its reader and to its own address (`action`).

    Nothing is stored: the token is an HMAC-SHA256 under a key of the instance.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, cookie: str, action: str) -> str:
        """Return the token of one form, 32 URL-safe letters."""
        digest = hmac.digest(self._key, f"{cookie}\0{action}".encode(), hashlib.sha256)
        return base64.urlsafe_b64encode(digest[:24]).decode()

    def accept(self, cookie: str, action: str, token: str) -> bool:
        """Say whether TOKEN was issued for this cookie and this form; takes the same time either way."""
        return hmac.compare_digest(self.issue(cookie, action).encode(), token.encode())


class SecurityHeaders:
    """Middleware: adds the headers above to every answer that does not set them itself."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


def same_origin(headers: Mapping[str, str]) -> bool:
    """Say whether a browser sent this request from a page of ours (or says nothing, as programs do).

    Source: Fetch Metadata (`Sec-Fetch-Site`); RFC 6454 §7 (`Origin`).
    """
    site = headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")
