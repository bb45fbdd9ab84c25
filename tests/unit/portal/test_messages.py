"""Conversations: what is shown, what is traced, what leaves, what is refused and how it is said."""

import io

import pytest
from PIL import Image

from access_core.trace.reader import by_message, history_of_patient
from mailstore.model import INBOX
from smtp_gateway.header import HeaderBlock
from tests.fictional.patient_space import Enclosure
from tests.fictional.people import INS_PERE, add_active_patient
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_pdf

HOSTILE = """<html><head><title>t</title><style>body{display:none}</style></head><body>
<h1>Résultats</h1><p onclick="alert(1)" style="color:red">Tout va <b>bien</b></p>
<script>alert(1)</script><img src="https://pisteur.test/p.gif"><iframe src="//x"></iframe>
<a href="javascript:alert(1)">piège</a> <a href="https://exemple.fr">lien</a>
<form action="/deconnexion"><input name="a"><button>Envoyer</button></form></body></html>"""


def photo() -> bytes:
    exif = Image.Exif()
    exif[0x010F] = "Telephone de Dominique"
    exif.get_ifd(0x8825)[1] = "N"
    out = io.BytesIO()
    Image.effect_noise((640, 480), 30).convert("RGB").save(out, "JPEG", exif=exif)
    return out.getvalue()


def reply_action(page) -> str:
    return f"{page.path}/repondre"


async def reply(browser, page, text, *files):
    sent = [("fichiers", (name, content, "application/octet-stream")) for name, content in files]
    return await browser.submit(page, reply_action(page), {"texte": text}, sent or [("fichiers", ("", b"", "x/y"))])


def acts(space) -> list[tuple[str, str]]:
    found = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
    return [(line.entry.act, line.entry.reason) for line in found]


def doctor_mail(space) -> list[tuple[HeaderBlock, object]]:
    def work(tx):
        folder = space.store.folder(tx, space.doctor.account_id, INBOX)
        readers = [
            space.store.open(tx, space.doctor.account_id, entry.message_id)
            for entry in space.store.entries(tx, folder.id)
        ]
        return [(HeaderBlock.parse(reader.header), reader) for reader in readers]

    return space.database.read_now(work)


async def test_the_list_says_who_what_and_unread(space, patient):
    await space.write("XDM/1.0/DDM+Compte rendu", files=[Enclosure("a.pdf", "application/pdf", fictional_pdf())])
    await space.write("Ordonnance")

    page = await patient.get("/messages")

    lines = [" ".join(line.text_content().split()) for line in page.tree.xpath("//ul[@class='lines']/li")]
    assert "2\u00a0messages non lus" in page.tree.text_content()
    assert lines[0].startswith("Non lu Dr Camille Martin")
    assert "Compte rendu" in lines[1]
    assert "XDM" not in page.text
    assert "1 pièce jointe" in lines[1].replace("\u00a0", " ")
    assert "Urgence : 15 ou 112" in page.text


async def test_what_one_page_does_not_hold_is_on_the_next(space, patient, monkeypatch):
    monkeypatch.setattr("portal.patient.messages.LISTED", 2)
    for subject in ("Premier", "Deuxième", "Troisième"):
        await space.write(subject)

    first = await patient.get("/messages")
    second = await patient.get(first.links("/messages?avant=")[0])

    assert "Troisième" in first.text
    assert "Premier" not in first.text
    assert "3\u00a0messages non lus" in first.tree.text_content()
    assert "Premier" in second.text
    assert "Deuxième" not in second.text
    assert second.links("/messages?avant=") == []


async def test_reading_marks_and_traces_once(space, patient):
    receipt = await space.write("Bonjour", "Comment allez-vous ?")

    first = await patient.open_conversation()
    again = await patient.open_conversation()

    assert "Comment allez-vous ?" in first.text
    assert ("Nouveau" in first.text, "Nouveau" in again.text) == (True, False)
    assert acts(space).count(("message_read", "OK")) == 1
    explained = space.database.read_now(lambda tx: by_message(tx, receipt.message_id_header))
    assert explained[-1].entry.act == "message_read"
    assert "Vous n'avez pas de message non lu" in (await patient.get("/")).text


async def test_html_is_reduced_to_its_structure(space, patient):
    await space.write("Résultats", "", html=HOSTILE)

    page = await patient.open_conversation()

    body = page.tree.xpath("//article//div[@class='body']")[0]
    assert body.xpath(".//script | .//style | .//img | .//iframe | .//form | .//input | .//@onclick | .//@style") == []
    assert body.xpath(".//a/@href") == ["https://exemple.fr"]
    assert "noopener" in body.xpath(".//a[@href]/@rel")[0]
    assert body.xpath(".//h1") == []
    assert "display:none" not in page.answer.text
    assert "Les images de ce message ne sont pas affichées" in page.text


async def test_plain_text_is_preferred_and_escaped(space, patient):
    await space.write("Résultats", "Texte <b>simple</b>", html="<p>riche</p>")

    page = await patient.open_conversation()

    assert "Texte <b>simple</b>" in page.text
    assert "riche" not in page.text


async def test_attachments_open_by_what_they_are(space, patient):
    files = [
        Enclosure("IHE_XDM.zip", "application/zip", fictional_archive()),
        Enclosure("compte rendu é.pdf", "application/pdf", fictional_pdf()),
        Enclosure("piege.pdf", "application/pdf", b"<html><script>alert(1)</script></html>"),
    ]
    await space.write("Documents", files=files)
    page = await patient.open_conversation()
    links = page.links("/messages/")
    opened = [link for link in links if "/pieces/" in link and "telecharger" not in link]
    downloads = [link for link in links if "telecharger" in link]

    pdf = await patient.client.get(opened[0])
    trap = await patient.client.get(opened[1])
    archive = await patient.client.get(downloads[0])

    assert (len(opened), len(downloads)) == (2, 3)
    assert "dossier de documents médicaux" in page.text
    assert "Les documents de ce dossier se rangent d'eux-mêmes" in page.text
    assert "ne peut pas être rangé" not in page.text
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.headers["content-disposition"].startswith("inline")
    assert "compte%20rendu%20%C3%A9.pdf" in pdf.headers["content-disposition"]
    assert trap.headers["content-type"].startswith("text/plain")
    assert "sandbox" in trap.headers["content-security-policy"]
    assert archive.headers["content-type"] == "application/octet-stream"
    assert archive.headers["content-disposition"].startswith("attachment")
    assert archive.content == files[0].content
    assert archive.headers["cache-control"] == "no-store"
    assert acts(space).count(("attachment_read", "OK")) == 3


async def test_a_reply_with_a_photo_leaves_without_its_metadata(space, patient):
    first = await space.write("Cicatrice", "Envoyez-moi une photo.")
    page = await patient.open_conversation()

    after = await reply(patient, page, "Voici la photo.", ("plaie.jpg", photo()))

    assert (after.status, after.path) == (200, page.path)
    assert "Votre message est envoyé." in after.text
    assert "Voici la photo." in after.text
    [(header, reader)] = doctor_mail(space)
    assert header.text(b"in-reply-to") == first.message_id_header
    part = next(part for part in reader.index.parts if part.filename == "plaie.jpg")
    content = reader.decoded(part.section)
    assert part.media_type == "image/jpeg"
    assert b"Telephone" not in content
    with Image.open(io.BytesIO(content)) as image:
        assert max(image.size) == 400
        assert not dict(image.getexif())
    assert ("reply_by_patient", "OK") in acts(space)


@pytest.mark.requirement("MSS2:ECO.2.2.8")
async def test_after_fin_there_is_no_reply_and_a_forced_one_is_refused(space, patient):
    first = await space.write("Suivi", "Bonjour")
    page = await patient.open_conversation()
    await space.write("[FIN] Suivi", "Au revoir", answers=first.message_id_header)

    refused = await reply(patient, page, "Encore une question.")
    closed = await patient.open_conversation()

    assert refused.status == 403
    assert refused.errors == ["Le professionnel a mis fin à cet échange."]
    assert "Encore une question." in refused.tree.get_element_by_id("texte").value
    assert doctor_mail(space) == []
    assert ("reply_by_patient", "C_ECHANGE_CLOS") in acts(space)
    assert "Dr Camille Martin a mis fin à vos échanges." in closed.text
    assert closed.links("#repondre") == []
    assert closed.tree.xpath("//textarea") == []


async def test_a_message_without_fin_opens_again(space, patient):
    await space.write("[FIN] Suivi")
    closed = await patient.open_conversation()
    await space.write("Suivi", answers="")

    reopened = await patient.open_conversation()

    assert closed.links("#repondre") == []
    assert reopened.links("#repondre") == ["#repondre"]


@pytest.mark.parametrize(
    ("text", "files", "expected"),
    [
        ("", [], ("texte", "Écrivez votre message")),
        ("x" * 20_050, [], ("texte", "trop long de 50 caractères")),
        ("Voici", [("scan.pdf", b"MZ" + bytes(400))], ("fichiers", "Fichier 1 : ce type de fichier n'est pas accepté")),
        ("Voici", [("a.jpg", b"\xff\xd8\xff\xe0" + bytes(400))], ("fichiers", "Fichier 1 : cette image")),
        ("Voici", [("a.txt", b"a" * 600_000), ("b.txt", b"b" * 600_000)], ("fichiers", "1,2 Mo")),
        ("Voici", [("a.txt", b"a")] * 11, ("fichiers", "10 fichiers au plus")),
    ],
    ids=["empty", "long", "program", "broken image", "too large", "too many"],
)
async def test_what_is_wrong_is_said_and_the_text_stays(space, patient, text, files, expected):
    field, said = expected
    await space.write("Suivi")
    page = await patient.open_conversation()

    answer = await reply(patient, page, text, *files)

    assert answer.status == 422
    assert said in answer.errors[0].replace("\u00a0", " ")
    assert answer.tree.get_element_by_id("texte").value.strip() == text
    assert answer.tree.get_element_by_id(field).get("aria-invalid") == "true"
    assert doctor_mail(space) == []


async def test_another_patients_conversation_is_absent(space, patient):
    receipt = await space.write("Suivi", files=[Enclosure("a.txt", "text/plain", b"a")])
    other = space.database.write_now(lambda tx: add_active_patient(tx, space.clock.now(), INS_PERE))
    space.database.write_now(lambda tx: space.store.create_mailbox(tx, other.account_id))
    theirs = await space.write("Secret", "pas pour elle", to=other)
    mine, alien = receipt.conversation_ids[0], theirs.conversation_ids[0]
    page = await patient.get(f"/messages/{mine}")

    shown = await patient.get(f"/messages/{alien}")
    forged = await patient.client.post(f"/messages/{alien}/repondre", data=page.form(f"/messages/{mine}/repondre"))
    part = await patient.get(f"/messages/{mine}/pieces/{theirs.message_id}/1")

    assert (shown.status, forged.status_code, part.status) == (404, 403, 404)
    assert "Secret" not in (await patient.get("/messages")).text


@pytest.mark.parametrize("path", ["/messages/x", "/messages/%00", "/messages/x/pieces/y/1", "/documents/1.2.3", "/a/b"])
async def test_unknown_addresses_are_absent(patient, path):
    assert (await patient.get(path)).status == 404


async def test_attachments_have_thumbnails_on_their_page_only(space, patient):
    files = [Enclosure("a.pdf", "application/pdf", fictional_pdf("Bonjour")), Enclosure("b.txt", "text/plain", b"b")]
    await space.write("Bonjour", files=files)
    page = await patient.open_conversation()
    (source,) = page.tree.xpath("//main//img/@src")

    shown = await patient.client.get(source)
    unproven = await patient.client.get(source.partition("?")[0])

    assert (shown.status_code, shown.headers["content-type"]) == (200, "image/jpeg")
    assert shown.headers["cache-control"] == "no-store"
    assert unproven.status_code == 404
