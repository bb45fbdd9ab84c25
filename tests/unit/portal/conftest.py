"""The portal on a real catalogue, store and gateway, and a browser without script."""

import dataclasses
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from urllib.parse import urljoin

import httpx2
import pytest
from lxml import html

from portal.app import create_app
from tests.fictional.patient_space import PASSWORD, PatientSpace

BASE = "https://portail.test"


class Page:
    """An answer, read as HTML when it is a page."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self.status = answer.status_code
        self.path = answer.url.path
        self.tree = html.fromstring(answer.text) if "text/html" in answer.headers.get("content-type", "") else None

    @property
    def text(self) -> str:
        """What a reader sees, blanks joined."""
        assert self.tree is not None
        return " ".join(self.tree.text_content().split())

    def form(self, action: str) -> dict[str, str]:
        """Return the fields of a form with their values."""
        assert self.tree is not None
        form = next(form for form in self.tree.forms if form.action == action)
        return {name: value or "" for name, value in form.form_values()} | {
            field.name: field.value or "" for field in form.inputs if getattr(field, "type", "") != "file"
        }

    def links(self, start: str) -> list[str]:
        """Return the addresses of the links that begin with START."""
        assert self.tree is not None
        return [link for link in self.tree.xpath("//a/@href") if link.startswith(start)]

    @property
    def errors(self) -> list[str]:
        """Return the sentences of the summary on top."""
        assert self.tree is not None
        return [" ".join(item.text_content().split()) for item in self.tree.xpath("//*[@id='erreurs']//li")]


class Browser:
    """A person's browser: cookies, forms, redirects; no script."""

    def __init__(self, client: httpx2.AsyncClient) -> None:
        self.client = client

    async def get(self, path: str) -> Page:
        """Open a page, redirects followed."""
        return Page(await self.client.get(path, follow_redirects=True))

    async def submit(
        self,
        page: Page,
        action: str,
        values: Mapping[str, str],
        files: list[tuple[str, tuple[str, bytes, str]]] | None = None,
    ) -> Page:
        """Fill in and send a form of PAGE, redirects followed."""
        data = {**page.form(action), **values}
        return Page(await self.client.post(action, data=data, files=files, follow_redirects=True))

    async def sign_in(self, space: PatientSpace) -> Page:
        """Sign in with both factors."""
        first = await self.get("/connexion")
        names = {"identifiant": space.patient.ins.value, "mot_de_passe": PASSWORD}
        second = await self.submit(first, "/connexion", names)
        return await self.submit(second, "/connexion/code", {"code": space.code()})

    async def open_conversation(self, place: int = 0) -> Page:
        """Open the conversation at that place of the list."""
        messages = await self.get("/messages")
        assert messages.tree is not None
        links = messages.tree.xpath("//a[@class='main-link']/@href")
        return await self.get(urljoin(BASE, links[place]))


@pytest.fixture
def space(tmp_path: Path) -> Iterator[PatientSpace]:
    made = PatientSpace(tmp_path)
    yield made
    made.close()


@pytest.fixture
async def browser(space: PatientSpace) -> AsyncIterator[Browser]:
    services = dataclasses.replace(space.services(image_edge_pixels=400), message_bytes=1_550_000)
    transport = httpx2.ASGITransport(app=create_app(services))
    async with httpx2.AsyncClient(transport=transport, base_url=BASE) as client:
        yield Browser(client)
    services.authenticator.close()


@pytest.fixture
async def patient(space: PatientSpace, browser: Browser) -> Browser:
    home = await browser.sign_in(space)
    assert home.path == "/"
    return browser
