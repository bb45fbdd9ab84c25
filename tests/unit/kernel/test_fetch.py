"""A bounded fetch: what comes, what does not, and where nobody is sent."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure
from vaguemestre.kernel.fetch import HTTP_TOO, Request, fetch, may_ask


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        kind, _, rest = self.path.strip("/").partition("/")
        if kind == "to":
            self.send_response(302)
            self.send_header("Location", rest)
            self.end_headers()
            return
        self.send_response(int(kind))
        self.send_header("ETag", '"e"')
        self.end_headers()
        if kind == "200":
            self.wfile.write(b"x" * int(rest or 10))

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.end_headers()
        self.wfile.write(body[::-1])

    def log_message(self, *_arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def base() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def asking(url: str, **values: object) -> Request:
    return Request(url=url, timeout_s=10, max_bytes=1_000, schemes=HTTP_TOO, **values)  # type: ignore[arg-type]


def test_document_comes_with_its_marks(base: str) -> None:
    got = fetch(asking(f"{base}/200"))

    assert got is not None
    assert (got.data, got.etag, got.modified) == (b"x" * 10, '"e"', None)


def test_unchanged_is_none_and_a_body_is_posted(base: str) -> None:
    posted = fetch(asking(base, body=b"abc"))

    assert fetch(asking(f"{base}/304")) is None
    assert posted is not None
    assert posted.data == b"cba"


@pytest.mark.parametrize("path", ["404", "500", "to/file:///etc/passwd", "to/ftp://127.0.0.1/"])
def test_anything_else_is_a_failure_that_may_pass(base: str, path: str) -> None:
    with pytest.raises(TemporaryFailure):
        fetch(asking(f"{base}/{path}"))


def test_long_document_is_cut(base: str) -> None:
    with pytest.raises(ProtocolError, match="1000 bytes"):
        fetch(asking(f"{base}/200/100000"))


def test_redirection_within_the_schemes_is_followed(base: str) -> None:
    got = fetch(asking(f"{base}/to/{base}/200"))

    assert got is not None
    assert len(got.data) == 10


def test_endless_redirection_is_left(base: str) -> None:
    with pytest.raises(TemporaryFailure):
        fetch(asking(f"{base}/to/" * 10 + f"{base}/200"))


@pytest.mark.parametrize(
    "url", ["http://a/", "file:///etc/passwd", "https://", "https://a\nb", "https://[", "ldap://x/"]
)
def test_only_the_schemes_of_the_caller_are_asked(url: str) -> None:
    assert not may_ask(url, frozenset({"https"}))
    with pytest.raises(ConfigurationError):
        fetch(Request(url=url, timeout_s=1, max_bytes=1))
