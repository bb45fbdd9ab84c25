"""Steps 3 to 6 of the first conversation, in a real browser on the running program (contract §6)."""

import io
import smtplib
import ssl
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from email.message import EmailMessage
from email.parser import BytesParser
from email.policy import default
from imaplib import IMAP4_SSL

import pytest
from PIL import Image
from playwright.sync_api import Locator, Page, sync_playwright

from access_core.authentication.totp import code_at
from vaguemestre.app.demo.fictional_documents import FictionalPatient, fictional_archive, fictional_cda, fictional_pdf
from vaguemestre.app.demo.mail import compose
from vaguemestre.app.demo.people import DURAND, MARTIN, ROUX, Doctor
from vaguemestre.app.demo.stage import Stage

CHROMIUM = "/usr/bin/chromium"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-dev-shm-usage"]
WITHIN_S = 30
HISTORY = (
    "Dr Camille MARTIN a envoyé un message.",
    "Vous avez lu un message.",
    "Vous avez envoyé un message.",
    "Le professionnel a mis fin à cet échange.",
    "Vous pouvez uniquement écrire aux professionnels qui vous ont déjà écrit.",
    "Dr Camille MARTIN a ajouté un document",
    "Vous avez ouvert un document.",
)


@pytest.fixture
def page(running_instance: Stage) -> Iterator[Page]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        context = browser.new_context(
            base_url=f"https://localhost:{running_instance.ports['portal']}", ignore_https_errors=True
        )
        yield context.new_page()
        browser.close()


def submit(stage: Stage, sender: Doctor, message: EmailMessage) -> None:
    with smtplib.SMTP("localhost", stage.ports["submission"], timeout=30) as client:
        client.starttls(context=stage.tls())
        client.login(sender.address, sender.password)
        assert client.send_message(message) == {}


def photo() -> bytes:
    """A photo as a telephone takes it, on its side, with the place in its EXIF."""
    exif = Image.Exif()
    exif[0x0112], exif[0x010F] = 6, "Telephone de Jeanne"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.effect_noise((640, 480), 40).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def last_reply(stage: Stage, tls: ssl.SSLContext) -> EmailMessage:
    """Fetch the newest message of Dr Martin's mailbox."""
    with IMAP4_SSL("localhost", stage.ports["imaps"], ssl_context=tls) as client:
        client.login(MARTIN.address, MARTIN.password)
        client.select("INBOX", readonly=True)
        numbers = client.search(None, "ALL")[1][0].split()
        fetched = client.fetch(numbers[-1].decode(), "(RFC822)")[1][0]
    assert isinstance(fetched, tuple)
    return BytesParser(policy=default).parsebytes(fetched[1])  # type: ignore[return-value]


def sign_in(page: Page, stage: Stage) -> None:
    page.goto("/")
    page.get_by_label("Numéro de sécurité sociale").fill("2 79 03 51 215 189 89")
    page.get_by_label("Mot de passe").fill(ROUX.password)
    page.get_by_role("button", name="Se connecter").click()
    page.get_by_label("Code à 6 chiffres").fill(code_at(stage.totp_secret, datetime.now(UTC)))
    page.get_by_role("button", name="Se connecter").click()
    page.wait_for_url("**/")


def follow(found: Locator) -> None:
    """Click what leads to another page, and wait for that page."""
    with found.page.expect_navigation():
        found.click()


def document_of(page: Page, title: str) -> bytes:
    """Download a document once the worker has filed it (the outbox is asynchronous)."""
    deadline = time.monotonic() + WITHIN_S
    page.goto("/documents")
    while not page.get_by_role("link", name=title).count():
        assert time.monotonic() < deadline, "the document was not filed in time"
        page.reload()
    follow(page.get_by_role("link", name=title))
    with page.expect_download() as download:
        page.get_by_role("link", name="Télécharger (PDF)").click()
    return download.value.path().read_bytes()


def doctor_writes(stage: Stage, title: str) -> EmailMessage:
    """Step 1: a report as IHE_XDM.zip, with its PDF."""
    patient = FictionalPatient(ins=ROUX.ins, family=ROUX.family, given=ROUX.given)
    report = compose(MARTIN, ROUX.address, f"XDM/1.0/DDM+{title}", "Bonjour, envoyez-moi une photo.")
    archive = fictional_archive(fictional_cda(patient, title=title))
    report.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    report.add_attachment(fictional_pdf(), maintype="application", subtype="pdf", filename="compte-rendu.pdf")
    submit(stage, MARTIN, report)
    return report


def patient_replies(page: Page, text: str) -> None:
    """Step 3: an answer with a photo."""
    follow(page.get_by_role("link", name="Répondre"))
    page.get_by_label("Votre message").fill(text)
    page.get_by_label("Joindre des fichiers").set_input_files(
        {"name": "plaie.jpg", "mimeType": "image/jpeg", "buffer": photo()}
    )
    follow(page.get_by_role("button", name="Envoyer"))


def doctor_ends(stage: Stage, title: str, reply: EmailMessage) -> None:
    """Step 5: the answer that ends the exchange."""
    final = compose(MARTIN, ROUX.address, f"[FIN] {title}", "Tout va bien, bonne continuation.")
    final["In-Reply-To"] = final["References"] = reply["Message-ID"]
    submit(stage, MARTIN, final)


def check_reply(reply: EmailMessage, report: EmailMessage) -> None:
    """Step 4: the reply follows the report, and its photo is upright and says nothing of the telephone."""
    assert str(report["Message-ID"]) in str(reply["References"])
    [attached] = reply.iter_attachments()
    sent = attached.get_payload(decode=True)
    assert isinstance(sent, bytes)
    assert b"Telephone" not in sent
    with Image.open(io.BytesIO(sent)) as image:
        assert image.size == (480, 640)


@pytest.mark.requirement("MSS2:ECO.2.2.8")
def test_a_patient_reads_replies_with_a_photo_and_is_refused_after_fin(running_instance: Stage, page: Page):
    stage, title = running_instance, f"Cicatrice {time.monotonic_ns()}"
    report = doctor_writes(stage, title)

    sign_in(page, stage)
    follow(page.get_by_role("link", name="Lire mes messages"))
    follow(page.get_by_role("link", name=title))
    thread = page.url
    assert page.get_by_role("heading", level=1).inner_text() == title
    assert page.get_by_text("Bonjour, envoyez-moi une photo.").is_visible()

    patient_replies(page, "Bonjour docteur, voici la photo.")
    assert page.get_by_role("status").inner_text() == "Votre message est envoyé."
    reply = last_reply(stage, stage.tls())
    check_reply(reply, report)

    page.get_by_label("Votre message").fill("Encore une question.")
    doctor_ends(stage, title, reply)
    follow(page.get_by_role("button", name="Envoyer"))
    assert "Le professionnel a mis fin à cet échange." in page.get_by_role("alert").inner_text()
    assert page.get_by_label("Votre message").input_value() == "Encore une question."
    page.goto(thread)
    assert page.get_by_text("Dr Camille MARTIN a mis fin à vos échanges.").is_visible()
    assert page.get_by_role("link", name="Répondre").count() == 0
    never = {"recipient": DURAND.address, "text": "Bonjour docteur."}
    refused = page.request.post("/api/v1/messages", data=never)
    assert (refused.status, refused.json()["code"]) == (403, "C_ECHANGE_NON_INITIE")

    assert document_of(page, title).startswith(b"%PDF-")

    follow(page.get_by_role("link", name="Historique des accès"))
    shown = page.get_by_role("main").inner_text()
    assert [sentence for sentence in HISTORY if sentence not in shown] == []

    follow(page.get_by_role("button", name="Se déconnecter"))
    assert page.get_by_role("status").inner_text() == "Vous êtes déconnecté."
    page.goto(thread)
    assert "/connexion" in page.url
