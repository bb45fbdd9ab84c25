"""An issuer of access tokens on loopback: OpenID configuration, keys, introspection; what it was asked is counted."""

import base64
import hmac
import json
import threading
from collections import Counter
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qs

from joserfc import jwt
from joserfc.jwk import ECKey, Key, OctKey, RSAKey

CLIENT, SECRET = "vaguemestre", "secret du client"
AUDIENCE = "mail"


class TokenIssuer:
    """Signs tokens; `keys` may be changed while it runs, `opaque` maps tokens that it introspects to claims."""

    def __init__(self) -> None:
        self.keys: list[Key] = [new_key("first")]
        self.opaque: dict[str, dict[str, Any]] = {}
        self.asked: Counter[str] = Counter()
        self.away = False
        handler = type("Handler", (_Handler,), {"issuer": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def settings(self, **other: Any) -> dict[str, Any]:
        """Return what the settings say of this issuer."""
        return {"issuer": self.url, "audience": (AUDIENCE,), "client_id": CLIENT, "client_secret": SECRET, **other}

    def sign(self, claims: dict[str, Any], key: Key | None = None, **header: Any) -> str:
        """Return a token of this issuer for the service under test, changed as told; None takes a claim away."""
        chosen = key or self.keys[0]
        full = {"iss": self.url, "aud": AUDIENCE, **claims}
        said = {"alg": "RS256", "kid": chosen.kid, **header}
        kept = {name: value for name, value in full.items() if value is not None}
        return jwt.encode(said, kept, chosen, algorithms=["RS256", "ES256", "HS256", "HS512"])

    def answer(self, path: str, body: bytes, authorization: str) -> tuple[int, Any]:
        """Return the status and the document for one request."""
        self.asked[path] += 1
        if self.away:
            return 503, {}
        if path == "/.well-known/openid-configuration":
            addresses = {"jwks_uri": f"{self.url}/jwks", "introspection_endpoint": f"{self.url}/introspect"}
            return 200, {"issuer": self.url, **addresses}
        if path == "/jwks":
            return 200, {"keys": [key.as_dict(private=isinstance(key, OctKey)) for key in self.keys]}
        if path == "/introspect":
            pair = base64.b64encode(f"{CLIENT}:{SECRET}".encode()).decode()
            if authorization != f"Basic {pair}":
                return 401, {}
            [token] = parse_qs(body.decode())["token"]
            return 200, self.opaque.get(token, {"active": False})
        return 404, {}


@cache
def new_key(kid: str) -> RSAKey:
    """Return an RSA key that signs; the same for the same name, since making one takes long."""
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig"}, private=True)


def new_curve_key(kid: str) -> ECKey:
    """Return a fresh P-256 key that signs."""
    return ECKey.generate_key("P-256", {"kid": kid, "use": "sig"}, private=True)


def new_secret_key(kid: str) -> OctKey:
    """Return a fresh secret, which no issuer should publish."""
    return OctKey.generate_key(256, {"kid": kid}, private=True)


def confused(token: str, key: Key) -> str:
    """Return TOKEN signed with a public key as if that were a secret (RFC 8725 §2.1)."""
    assert isinstance(key, RSAKey)
    header = _part({"alg": "HS256", "kid": key.kid})
    content = f"{header}.{token.split('.')[1]}"
    return f"{content}.{_text(hmac.digest(key.as_pem(private=False), content.encode(), 'sha256'))}"


def unsigned(token: str) -> str:
    """Return TOKEN as one that says it needs no signature."""
    return f"{_part({'alg': 'none'})}.{token.split('.')[1]}."


def _part(header: dict[str, Any]) -> str:
    return _text(json.dumps(header).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


class _Handler(BaseHTTPRequestHandler):
    issuer: TokenIssuer

    def do_GET(self) -> None:
        """Answer."""
        size = int(self.headers.get("Content-Length") or 0)
        status, document = self.issuer.answer(self.path, self.rfile.read(size), self.headers.get("Authorization") or "")
        content = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET  # noqa: N815 - the name that the base class calls

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""
