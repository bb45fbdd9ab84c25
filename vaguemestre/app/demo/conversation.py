"""The eight steps of the first conversation, each through the real ports."""

import asyncio
import base64
import json
import time
from collections.abc import Callable
from email.message import EmailMessage
from io import BytesIO
from typing import Any

from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.twofactor.totp import TOTP
from PIL import Image

from dmp_bridge.packaging import pdf_copies
from vaguemestre.app.demo.fictional_documents import FictionalPatient, fictional_archive, fictional_cda, fictional_pdf
from vaguemestre.app.demo.mail import Reader, compose, knock_at_mx, submit
from vaguemestre.app.demo.people import DURAND, MARTIN, ROUX
from vaguemestre.app.demo.report import Line
from vaguemestre.app.demo.stage import Stage
from vaguemestre.app.demo.web import Form, Page, Upload, form_of, links_of

FILED_WITHIN_S = 30
CLOSED_SENTENCE = "Le professionnel a mis fin à cet échange."


class FirstConversation:
    """Plays the steps in order and remembers what each saw."""

    def __init__(self, stage: Stage) -> None:
        self.lines: list[Line] = []
        self._stage = stage
        self._browser = stage.browser()
        self._report = compose(
            MARTIN, ROUX.address, "Compte rendu de consultation", "Bonjour, voici votre compte rendu."
        )
        self._reply: EmailMessage | None = None
        self._reply_form: Form | None = None

    async def play(self) -> list[Line]:
        """Play every step; a step that breaks is a line that is not as expected, and the next ones go on."""
        reader = Reader(self._stage.ports["imaps"], self._stage.tls(), MARTIN)
        await reader.open()
        waiting = asyncio.ensure_future(reader.wait())
        await self._step(1, self._doctor_writes)
        await self._step(2, self._document_is_filed)
        await self._step(3, self._patient_reads_and_replies)
        await self._doctor_is_woken(reader, waiting)
        await self._step(5, self._doctor_ends_the_conversation)
        await self._step(6, self._patient_is_refused)
        await self._step(7, self._stranger_is_refused)
        await self._step(8, self._trace_is_whole)
        await reader.close()
        return self.lines

    async def _step(self, number: int, step: Callable[[], None]) -> None:
        try:
            await asyncio.to_thread(step)
        except Exception as error:  # noqa: BLE001 - the table says what broke, whatever it was
            self._note(number, step.__name__.strip("_"), "", f"{type(error).__name__}: {error}", as_expected=False)

    def _note(self, step: int, did: str, expected: str, seen: str, *, as_expected: bool | None = None) -> None:
        verdict = expected in seen if as_expected is None else as_expected
        self.lines.append(Line(step, did, expected, seen, verdict))

    def _doctor_writes(self) -> None:
        patient = FictionalPatient(ins=ROUX.ins, family=ROUX.family, given=ROUX.given)
        pdf = fictional_pdf("Compte rendu de consultation", "Dr Camille MARTIN")
        document = fictional_cda(patient, title="Compte rendu de consultation", pdf=pdf)
        archive = fictional_archive(document)
        self._report.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
        for copy in pdf_copies([document]):
            self._report.add_attachment(copy.content, maintype="application", subtype="pdf", filename=copy.name)
        answer = submit(self._stage.ports["submission"], self._stage.tls(), MARTIN, self._report)
        self._note(1, "le Dr Martin envoie un compte rendu (IHE_XDM.zip et PDF)", "250", answer)

    def _document_is_filed(self) -> None:
        run = self._stage.program.run
        documents = _until(lambda: run("dmp", "list", "--patient", ROUX.ins), FILED_WITHIN_S)
        threads = run("thread", "list", "--patient", ROUX.ins)
        self._note(
            2, "le message est dans l'espace de la patiente", "open", ", ".join(each["state"] for each in threads)
        )
        self._note(2, "le document est dans son dossier", "1 document", f"{len(documents)} document")
        decided = [f"{each['act']} {each['verdict']} {each['reason']}" for each in self._explained(self._report)]
        for act in ("deliver_to_patient", "file_document"):
            expected = f"{act} PERMIT OK"
            self._note(2, "décision DICAH", expected, next((each for each in decided if act in each), "aucune"))

    def _patient_reads_and_replies(self) -> None:
        home = self._sign_in()
        self._note(3, "la patiente se connecte avec deux facteurs", "200 /", f"{home.status} {_path(home)}")
        messages = self._browser.get("/messages")
        thread = self._browser.get(next(link for link in links_of(messages, "/messages/") if len(link) > 10))
        self._note(3, "elle lit le message", "voici votre compte rendu", _excerpt(thread, "voici votre compte rendu"))
        self._reply_form = form_of(thread, "/repondre")
        photo = {"fichiers": Upload("plaie.jpg", "image/jpeg", _photo())}
        text = {"texte": "Bonjour docteur, voici la photo demandée."}
        answer = self._browser.post(self._reply_form, text, photo)
        self._note(3, "elle répond avec une photo", "200", str(answer.status))
        self._reply_form = form_of(self._browser.get(_path(thread)), "/repondre")

    async def _doctor_is_woken(self, reader: Reader, waiting: "asyncio.Future[int]") -> None:
        try:
            self._reply = await reader.fetch(await waiting)
        except Exception as error:  # noqa: BLE001 - as in _step
            self._note(4, "doctor_is_woken", "", f"{type(error).__name__}: {error}", as_expected=False)
            return
        kinds = [part.get_content_type() for part in self._reply.iter_attachments()]
        self._note(4, "IDLE réveille le Dr Martin, qui relève la réponse", ROUX.address, str(self._reply["From"]))
        self._note(4, "References renvoie à son message", self._report["Message-ID"], str(self._reply["References"]))
        self._note(4, "la photo est jointe", "image/jpeg", ", ".join(kinds))

    def _doctor_ends_the_conversation(self) -> None:
        final = compose(MARTIN, ROUX.address, "[FIN] Compte rendu de consultation", "Tout va bien, bonne continuation.")
        if self._reply is not None:
            final["In-Reply-To"] = self._reply["Message-ID"]
            final["References"] = f"{self._reply['References']} {self._reply['Message-ID']}"
        answer = submit(self._stage.ports["submission"], self._stage.tls(), MARTIN, final)
        self._note(5, "le Dr Martin répond avec [FIN]", "250", answer)
        threads = self._stage.program.run("thread", "list", "--patient", ROUX.ins)
        self._note(5, "l'échange est clos", "closed", ", ".join(each["state"] for each in threads))

    def _patient_is_refused(self) -> None:
        assert self._reply_form is not None
        page = self._browser.post(self._reply_form, {"texte": "Encore une question."}, {})
        self._note(6, "la réponse suivante est refusée", CLOSED_SENTENCE, _excerpt(page, CLOSED_SENTENCE))
        body = json.dumps({"recipient": DURAND.address, "subject": "Bonjour", "text": "Bonjour docteur."}).encode()
        refused = self._browser.post_json("/api/v1/messages", body, self._api_headers())
        code = json.loads(refused.text).get("code", "")
        self._note(6, "un message à qui n'a jamais écrit est refusé", "C_ECHANGE_NON_INITIE", code)

    def _stranger_is_refused(self) -> None:
        message = EmailMessage()
        message["From"], message["To"] = "quelquun@inconnu.mssante.fr", ROUX.address
        answer = knock_at_mx(self._stage.ports["mx"], self._stage.unlisted_operator_tls(), message)
        self._note(7, "un opérateur hors liste blanche frappe au MX", "5.7.1", answer)

    def _trace_is_whole(self) -> None:
        verified = self._stage.program.run("trace", "verify")
        self._note(8, "la chaîne des traces est intacte", "True", str(verified["ok"]))
        rows = self._stage.program.run("trace", "list", "--patient", ROUX.ins)
        acts = {f"{row['act']} {row['reason']}" for row in rows}
        wanted = {
            *("deliver_to_patient OK", "file_document OK", "reply_by_patient OK"),
            *("reply_by_patient C_ECHANGE_CLOS", "reply_by_patient C_ECHANGE_NON_INITIE"),
        }
        missing = ", ".join(sorted(wanted - acts)) or "rien ne manque"
        self._note(8, "le registre de la patiente montre chaque acte, refus compris", "rien ne manque", missing)
        page = self._browser.get("/historique")
        self._note(8, "elle le lit sous « Historique des accès »", CLOSED_SENTENCE, _excerpt(page, CLOSED_SENTENCE))

    def _sign_in(self) -> Page:
        first = form_of(self._browser.get("/connexion"), "/connexion")
        second = self._browser.post(first, {"identifiant": ROUX.ins, "mot_de_passe": ROUX.password})
        secret = base64.b32decode(self._stage.totp_secret)
        code = TOTP(secret, 6, SHA1(), 30, enforce_key_length=False)  # noqa: S303 - what RFC 6238 apps use
        form = form_of(second, "/connexion/code")
        return self._browser.post(form, {"code": code.generate(int(time.time())).decode()})

    def _api_headers(self) -> dict[str, str]:
        """Return what the API wants beside the cookie: the token that every form carries."""
        assert self._reply_form is not None
        return {f"X-{name.title()}": value for name, value in self._reply_form.fields.items()}

    def _explained(self, message: EmailMessage) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._stage.program.run("explain", str(message["Message-ID"]))
        return found


def _until(ask: Callable[[], list[Any]], within_s: float) -> list[Any]:
    """Ask until there is an answer, WITHIN_S seconds at most; returns the last one."""
    deadline = time.monotonic() + within_s
    while not (found := ask()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _photo() -> bytes:
    """Return a JPEG photo with a place in its EXIF data, as a telephone takes it."""
    photo = Image.effect_noise((320, 240), 40).convert("RGB")
    exif = Image.Exif()
    exif[0x010F] = "Telephone"
    exif.get_ifd(0x8825)[1] = "N"
    buffer = BytesIO()
    photo.save(buffer, "JPEG", exif=exif)
    return buffer.getvalue()


def _path(page: Page) -> str:
    return "/" + page.url.split("/", 3)[3]


def _excerpt(page: Page, sentence: str) -> str:
    """Return SENTENCE when the page holds it, else the status that it has."""
    return sentence if sentence in page.text else f"HTTP {page.status}"
