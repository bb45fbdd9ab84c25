"""Every page in headless Chromium: axe finds nothing, nothing overflows at 320 px, targets are large, keys suffice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from axe_playwright_python.async_playwright import Axe
from cryptography import x509
from playwright.async_api import Browser, Locator, Page, ViewportSize, async_playwright

from access_core.accounts import set_password
from access_core.authentication.passwords import hash_password
from access_core.authentication.totp import keep_totp, seal_secret
from access_core.consent import set_standing
from access_core.facts import Standing
from portal.service import Listener, PortalService
from tests.fictional.documents import level_1, picture, structured
from tests.fictional.patient_space import PASSWORD, Enclosure, PatientSpace
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda, fictional_pdf
from vaguemestre.app.pki import Authority, CertificateRequest
from vaguemestre.kernel.database import Transaction

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
HTML = "<h1>Bilan</h1><p>Tout va <b>bien</b>.</p><table><tr><td>Glycémie</td><td>0,9</td></tr></table>"
NARRATIVE = (
    "<list><caption>À faire</caption><item>Revenir à jeun</item></list><table><caption>Sang</caption><thead><tr><th/>"
    + "".join(f"<th>Prélèvement du {day} janvier</th>" for day in range(1, 9))
    + "</tr></thead><tbody><tr><th>Glycémie</th>"
    + "<td>0,90 g/L</td>" * 8
    + "</tr></tbody></table><linkHtml href='https://sante.fr'>En savoir plus</linkHtml>"
)
SMALL_TARGETS = """() => [...document.querySelectorAll('a, button, input:not([type=hidden]), textarea, summary')]
  .filter(e => e.checkVisibility() && !e.closest('.skip') && !e.matches('.skip, .main-link, .body a, .narrative a'))
  .map(e => [e.textContent.trim() || e.name, e.getBoundingClientRect()])
  .filter(([, box]) => box.width > 0 && box.height < 44 - 0.5)
  .map(([name, box]) => `${name}: ${box.height}`)"""
OVERFLOW = "() => document.documentElement.scrollWidth - window.innerWidth"


class Site:
    """The portal serving over TLS, a browser, and the pages to look at."""

    def __init__(self, base: str, space: PatientSpace, browser: Browser) -> None:
        self.base = base
        self.space = space
        self.browser = browser
        self.paths: list[str] = []

    @property
    def thread(self) -> str:
        """The first conversation."""
        return next(path for path in self.paths if path.startswith("/messages/"))

    async def page(self, width: int = 1280, scheme: str = "light") -> Page:
        """Open a fresh browser window on the sign-in page."""
        context = await self.browser.new_context(
            ignore_https_errors=True,
            viewport=ViewportSize(width=width, height=800),
            color_scheme="dark" if scheme == "dark" else "light",
            java_script_enabled=True,
        )
        page = await context.new_page()
        await page.goto(f"{self.base}/connexion")
        return page

    async def signed_in(self, width: int = 1280, scheme: str = "light") -> Page:
        """Open a window and sign in."""
        page = await self.page(width, scheme)
        await page.get_by_label("Numéro de sécurité sociale").fill(self.space.patient.ins.value)
        await page.get_by_label("Mot de passe").fill(PASSWORD)
        await page.get_by_role("button", name="Se connecter").click()
        await page.get_by_label("Code à 6 chiffres").fill(self.space.code())
        await page.get_by_role("button", name="Se connecter").click()
        await page.wait_for_url(f"{self.base}/")
        return page


async def fill(space: PatientSpace) -> list[str]:
    """Give every page something to show; returns the pages."""
    files = [
        Enclosure("IHE_XDM.zip", "application/zip", fictional_archive()),
        Enclosure("compte-rendu.pdf", "application/pdf", fictional_pdf()),
    ]
    first = await space.write("XDM/1.0/DDM+Compte rendu", "Bonjour,\n\nVoici le compte rendu.", files=files)
    rich = await space.write("Résultats", "", html=HTML)
    ended = await space.write("[FIN] Suite", "Au revoir")
    clinical = structured(("i", "image/png", picture()), ("p", "application/pdf", fictional_pdf()), narrative=NARRATIVE)
    documents = [
        await asyncio.to_thread(space.file, each)
        for each in (
            fictional_cda(),
            clinical,
            level_1("image/jpeg", picture("JPEG")),
            level_1("text/plain", b"Bonjour"),
        )
    ]
    threads = [f"/messages/{receipt.conversation_ids[0]}" for receipt in (first, rich, ended)]
    reading = [
        "/messages",
        "/documents",
        "/historique",
        "/professionnels",
        "/profil",
        "/attestations",
        "/parametres",
        "/accessibilite",
    ]
    return ["/", *reading, *threads, *(f"/documents/{each}" for each in documents), "/attestations", "/introuvable"]


@pytest.fixture
async def site(tmp_path: Path) -> AsyncIterator[Site]:
    space = await asyncio.to_thread(PatientSpace, tmp_path)
    now = datetime.now(UTC)
    request = CertificateRequest(subject=x509.Name([]), hosts=("127.0.0.1",))
    Authority.create(now).issue(request, now).write(tmp_path, "server")
    services = space.services()
    service = PortalService(services, Listener("127.0.0.1", 0, tmp_path / "server.pem", tmp_path / "server.key"))
    port = (await service.start())["portal"]
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        made = Site(f"https://127.0.0.1:{port}", space, browser)
        made.paths = await fill(space)
        yield made
        await browser.close()
    await service.drain(2)
    services.authenticator.close()
    await asyncio.to_thread(space.close)


async def follow(page: Page, found: Locator) -> None:
    """Click what leads to another page, and wait for that page: a look at a page being left sees nothing."""
    async with page.expect_navigation():
        await found.click()


async def violations(page: Page) -> list[str]:
    results = await Axe().run(page)
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in results.response["violations"]]


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (360, "dark"), (1280, "light"), (1280, "dark")])
async def test_no_page_has_a_violation_an_overflow_or_a_small_target(site: Site, width: int, scheme: str):
    page = await site.page(width, scheme)
    found = {"/connexion": await violations(page)}
    await follow(page, page.get_by_role("button", name="Se connecter"))
    found["/connexion, erreurs"] = await violations(page)
    page = await site.signed_in(width, scheme)

    for path in site.paths:
        await page.goto(site.base + path)
        found[path] = await violations(page)
        found[f"{path}, débord"] = ["overflow"] if await page.evaluate(OVERFLOW) > 0 else []
        found[f"{path}, cibles"] = await page.evaluate(SMALL_TARGETS)

    assert {place: each for place, each in found.items() if each} == {}


async def test_keys_alone_lead_from_the_skip_link_to_a_sent_reply(site: Site):
    page = await site.signed_in()
    await page.goto(site.base + site.thread)

    await page.keyboard.press("Tab")
    first = await page.evaluate("document.activeElement.textContent")
    await page.keyboard.press("Enter")
    jumped = await page.evaluate("location.hash")
    await page.get_by_role("link", name="Répondre").focus()
    await page.keyboard.press("Enter")
    await page.get_by_label("Votre message").focus()
    await page.keyboard.type("Merci docteur.")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Tab")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**fait=envoye")

    assert (first, jumped) == ("Aller au contenu", "#contenu")
    assert await page.get_by_role("status").inner_text() == "Votre message est envoyé."


async def test_after_an_error_the_summary_has_the_focus_and_leads_to_the_field(site: Site):
    page = await site.signed_in(360)
    await page.goto(site.base + site.thread)

    await follow(page, page.get_by_role("button", name="Envoyer"))
    focused = await page.evaluate("document.activeElement.id")
    await page.get_by_role("link", name="Écrivez votre message").click()

    assert focused == "erreurs"
    assert await page.evaluate("location.hash") == "#texte"
    assert (await page.title()).startswith("Erreur : ")


async def test_the_focus_can_be_seen_on_everything_that_takes_it(site: Site):
    page = await site.signed_in()
    await page.goto(site.base + site.thread)

    seen = []
    for _ in range(14):
        await page.keyboard.press("Tab")
        seen.append(await page.evaluate("getComputedStyle(document.activeElement).outlineStyle"))

    assert set(seen) == {"solid"}


async def test_pages_work_without_script_and_load_nothing_from_elsewhere(site: Site):
    context = await site.browser.new_context(ignore_https_errors=True, java_script_enabled=False)
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    await page.goto(f"{site.base}/connexion")
    await page.get_by_label("Numéro de sécurité sociale").fill(site.space.patient.ins.value)
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await page.get_by_role("button", name="Se connecter").click()
    await page.get_by_label("Code à 6 chiffres").fill(site.space.code())
    await page.get_by_role("button", name="Se connecter").click()
    await follow(page, page.get_by_role("link", name="Historique des accès"))

    assert await page.locator("h1").inner_text() == "Historique des accès"
    assert all(url.startswith(site.base) for url in asked)


async def test_a_document_prints_as_a_document(site: Site):
    page = await site.signed_in()
    await page.goto(site.base + next(path for path in site.paths if path.startswith("/documents/")))

    await page.emulate_media(media="print")

    assert not await page.locator("iframe").is_visible()
    assert await page.get_by_alt_text("Première page").is_visible()
    assert not await page.get_by_role("button", name="Masquer").is_visible()


async def test_a_pdf_is_shown_in_its_page_and_a_wide_table_moves_by_keys(site: Site):
    page = await site.signed_in()
    paths = [path for path in site.paths if path.startswith("/documents/")]
    await page.goto(site.base + paths[0])
    frame = await page.locator("iframe").bounding_box()
    narrow = await site.signed_in(360)
    await narrow.goto(site.base + paths[1])
    box = narrow.get_by_role("group", name="Tableau : Sang")

    await box.focus()
    await narrow.keyboard.press("End")
    await narrow.keyboard.press("ArrowRight")
    await narrow.wait_for_function("() => document.querySelector('.scroll').scrollLeft > 0")

    assert frame is not None
    assert frame["height"] > 300
    assert not await narrow.locator("iframe").is_visible()


async def test_print_leaves_out_navigation_and_forms(site: Site):
    page = await site.signed_in()
    await page.goto(site.base + site.thread)

    await page.emulate_media(media="print")

    assert not await page.get_by_role("navigation").first.is_visible()
    assert not await page.locator("textarea").is_visible()
    assert await page.get_by_text("imprimé le").is_visible()


def make_attending(space: PatientSpace) -> None:
    """Give the doctor a password, a second factor and the title of médecin traitant."""
    account_id, now = space.doctor.account_id, space.clock.now()

    def work(tx: Transaction) -> None:
        set_password(tx, account_id, hash_password(PASSWORD), changed_at=now)
        keep_totp(tx, account_id, seal_secret(space.key, account_id, space.secret), enrolled_at=now)
        set_standing(tx, space.patient.id, account_id, Standing.MEDECIN_TRAITANT)

    space.database.write_now(work)


@pytest.mark.parametrize(("width", "scheme"), [(320, "light"), (360, "dark"), (1280, "dark")])
async def test_the_professional_space_has_no_violation_either(site: Site, width: int, scheme: str):
    await asyncio.to_thread(make_attending, site.space)
    page = await site.page(width, scheme)
    found: dict[str, list[str]] = {}

    async def look(place: str) -> None:
        found[place] = await violations(page)
        found[f"{place}, débord"] = ["overflow"] if await page.evaluate(OVERFLOW) > 0 else []
        found[f"{place}, cibles"] = await page.evaluate(SMALL_TARGETS)

    await page.goto(f"{site.base}/pro/")
    await look("connexion")
    await page.get_by_label("Adresse de messagerie").fill(site.space.doctor.address)
    await page.get_by_label("Mot de passe").fill(PASSWORD)
    await follow(page, page.get_by_role("button", name="Se connecter"))
    await page.get_by_label("Code à 6 chiffres").fill(site.space.code())
    await follow(page, page.get_by_role("button", name="Se connecter"))
    await look("accueil")
    await follow(page, page.get_by_role("main").get_by_role("link", name="Mes actes"))
    await look("actes")
    await follow(page, page.get_by_role("link", name="Décisions sur ce message").first)
    await look("message")
    await page.goto(f"{site.base}/pro/patients/historique")
    await page.get_by_label("Matricule INS").fill(site.space.patient.ins.value)
    await follow(page, page.get_by_role("button", name="Voir l'historique"))
    await look("patient")
    assert await page.get_by_role("main").get_by_text("Envoi d'un message à un patient").count() > 0
    await page.goto(f"{site.base}/pro/patients/documents")
    await page.get_by_label("Matricule INS").fill("123")
    await follow(page, page.get_by_role("button", name="Voir les documents"))
    await look("matricule refusé")
    await page.get_by_label("Matricule INS").fill(site.space.patient.ins.value)
    await follow(page, page.get_by_role("button", name="Voir les documents"))
    await look("documents")
    await follow(page, page.locator("ul.lines a").first)
    await look("document")
    assert "/pro/patients/" in page.url

    assert {place: each for place, each in found.items() if each} == {}
