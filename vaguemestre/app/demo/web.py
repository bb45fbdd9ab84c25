"""The patient's browser, reduced to what matters: pages, forms, cookies."""

import ssl
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from http.cookiejar import CookieJar
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin
from urllib.request import HTTPCookieProcessor, HTTPSHandler, OpenerDirector, Request, build_opener

TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Page:
    """What the server answered."""

    url: str
    status: int
    text: str


@dataclass(frozen=True, slots=True)
class Form:
    """A form of a page: where it goes and the fields that it fills in by itself."""

    action: str
    fields: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that the patient chose."""

    filename: str
    media_type: str
    content: bytes


class Browser:
    """Keeps cookies and follows redirections."""

    def __init__(self, base: str, tls: ssl.SSLContext) -> None:
        self._base = base
        self._opener: OpenerDirector = build_opener(HTTPSHandler(context=tls), HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> Page:
        """Open a page."""
        return self._send(Request(urljoin(self._base, path), headers={"Accept": "text/html"}))

    def get_json(self, path: str) -> Page:
        """Ask the API."""
        return self._send(Request(urljoin(self._base, path), headers={"Accept": "application/json"}))

    def post(self, form: Form, values: Mapping[str, str], uploads: Mapping[str, Upload] | None = None) -> Page:
        """Send a form with VALUES filled in."""
        fields = {**form.fields, **values}
        if uploads is None:
            body, kind = urlencode(fields).encode(), "application/x-www-form-urlencoded"
        else:
            body, kind = _multipart(fields, uploads)
        headers = {"Content-Type": kind, "Accept": "text/html", "Origin": self._base, "Referer": self._base + "/"}
        return self._send(Request(urljoin(self._base, form.action), data=body, headers=headers, method="POST"))

    def post_json(self, path: str, body: bytes, headers: Mapping[str, str]) -> Page:
        """Send JSON to the API."""
        kinds = {"Content-Type": "application/json", "Accept": "application/json", "Origin": self._base}
        request = Request(urljoin(self._base, path), data=body, headers={**kinds, **headers}, method="POST")
        return self._send(request)

    def _send(self, request: Request) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return Page(answer.geturl(), answer.status, answer.read().decode())
        except HTTPError as refused:
            with refused:
                return Page(refused.geturl(), refused.code, refused.read().decode())


def form_of(page: Page, action_end: str) -> Form:
    """Return the form whose action ends with ACTION_END.

    Raises:
        LookupError: the page has none.
    """
    parser = _Forms()
    parser.feed(page.text)
    for form in parser.forms:
        if form.action.endswith(action_end):
            return form
    raise LookupError(f"{page.url} ({page.status}): no form to {action_end}")


def links_of(page: Page, beginning: str) -> Sequence[str]:
    """Return the targets of the links that begin with BEGINNING, each once, in order."""
    parser = _Forms()
    parser.feed(page.text)
    return tuple(dict.fromkeys(link for link in parser.links if link.startswith(beginning)))


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self._fields: dict[str, str] = {}

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._fields = {}
            self.forms.append(Form(values.get("action", ""), self._fields))
        elif tag == "input" and values.get("type") == "hidden":
            self._fields[values.get("name", "")] = values.get("value", "")
        elif tag == "a" and "href" in values:
            self.links.append(values["href"])


def _multipart(fields: Mapping[str, str], uploads: Mapping[str, Upload]) -> tuple[bytes, str]:
    """Encode a form with files (RFC 7578); returns the body and its content type."""
    boundary = uuid.uuid4().hex
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    ]
    for name, upload in uploads.items():
        head = (
            f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"; filename="{upload.filename}"\r\n'
            f"Content-Type: {upload.media_type}\r\n\r\n"
        )
        parts.append(head.encode() + upload.content + b"\r\n")
    return b"".join(parts) + f"--{boundary}--\r\n".encode(), f"multipart/form-data; boundary={boundary}"
