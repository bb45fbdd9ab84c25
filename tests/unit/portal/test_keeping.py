"""What a patient does with documents: hide them, show them again, keep a file of a message among them."""

import dataclasses
import io

import pytest
from PIL import Image

from access_core.trace.reader import history_of_patient
from dmp_bridge.cda.body import read_body
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.record.documents import content, documents_of
from dmp_bridge.record.model import Availability, Origin
from tests.fictional.patient_space import Enclosure
from vaguemestre.app.demo.fictional_documents import fictional_cda, fictional_pdf

PDF = fictional_pdf("Ordonnance")


def documents(space):
    return space.database.read_now(lambda tx: documents_of(tx, space.patient.id))


def acts(space) -> list[tuple[str, str]]:
    found = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
    return [(line.entry.act, line.entry.reason) for line in found]


@pytest.mark.requirement("VGM:ACCESS-MASK")
async def test_a_document_is_masked_and_shown_again(space, patient):
    document_id = space.file(fictional_cda())
    before = documents(space)
    page = await patient.get(f"/documents/{document_id}")

    masked = await patient.submit(page, f"/documents/{document_id}/masquer", {})
    (hidden,) = documents(space)
    shown = await patient.submit(masked, f"/documents/{document_id}/rendre-visible", {})

    assert "est masqué" in masked.tree.xpath("//*[@role='status']")[0].text
    assert (hidden.id, hidden.masked, hidden.masked_by, hidden.version) == (document_id, True, "titulaire", 2)
    assert hidden.entry.logical_id == before[0].entry.entry_id != hidden.entry.entry_id
    assert "Visible des professionnels autorisés" in shown.text
    assert [(each.masked, each.version) for each in documents(space)] == [(False, 3)]
    assert {"mask_document", "unmask_document"} <= {act for act, _ in acts(space)}


async def test_a_mask_needs_the_token_of_its_form(space, patient):
    document_id = space.file(fictional_cda())

    answer = await patient.client.post(f"/documents/{document_id}/masquer", data={})

    assert answer.status_code == 403
    assert not documents(space)[0].masked


async def test_a_document_that_is_not_there_cannot_be_masked(space, patient):
    document_id = space.file(fictional_cda())
    page = await patient.get(f"/documents/{document_id}")
    form = page.form(f"/documents/{document_id}/masquer")

    answer = await patient.client.post(f"/documents/{'0' * 32}/masquer", data=form)

    assert answer.status_code == 403  # the token is that of another form


async def keep(space, patient, name: str, media_type: str, data: bytes):
    await space.write("Votre ordonnance", files=[Enclosure(name, media_type, data)])
    page = await patient.open_conversation()
    (action,) = page.tree.xpath("//form[contains(@action, '/enregistrer')]/@action")
    return page, action


async def test_a_file_of_a_message_becomes_a_document_of_hers_once(space, patient):
    page, action = await keep(space, patient, "ordonnance.pdf", "application/pdf", PDF)

    kept = await patient.submit(page, action, {})
    again = await patient.submit(page, action, {})

    (found,) = documents(space)
    cda = space.database.read_now(lambda tx: content(tx, space.store, found))
    assert (kept.path, again.path) == (f"/documents/{found.id}", f"/documents/{found.id}")
    assert (found.title, found.filing.origin, found.availability) == (
        "ordonnance",
        Origin.PATIENT,
        Availability.APPROVED,
    )
    assert found.entry.class_code.code == "90"
    assert found.filing.filed_by == space.patient.account_id
    assert found.author_name == "Dominique PAT-TROIS"
    assert (read_cda(cda).practice_setting.code, read_body(cda).content) == ("EXP_PATIENT", PDF)
    assert ("file_document", "OK") in acts(space)


async def test_a_file_that_is_not_what_it_says_is_not_kept(space, patient):
    page, action = await keep(space, patient, "ordonnance.pdf", "application/pdf", b"MZ\x90\x00 not a PDF")

    answer = await patient.submit(page, action, {})

    assert answer.status == 403
    assert "Ce type de fichier ne peut pas être rangé dans vos documents." in answer.text
    assert documents(space) == []


@pytest.mark.parametrize(("name", "media_type"), [("PNG", "image/png"), ("GIF", "image/gif"), ("JPEG", "image/jpeg")])
async def test_a_picture_is_kept_as_the_record_takes_it(space, patient, name, media_type):
    out = io.BytesIO()
    Image.new("RGB", (60, 30), (10, 90, 40)).save(out, name)
    page, action = await keep(space, patient, f"photo.{name.lower()}", media_type, out.getvalue())

    await patient.submit(page, action, {})

    (found,) = documents(space)
    body = read_body(space.database.read_now(lambda tx: content(tx, space.store, found)))
    assert (body.media_type, body.content[:3]) == ("image/jpeg", b"\xff\xd8\xff")
    assert found.entry.class_code.code == "90"


@pytest.mark.parametrize(
    ("file", "kept"),
    [
        (Enclosure("scan.tiff", "image/tiff", b"II*\0"), "image/tiff"),
        (Enclosure("notes.txt", "text/plain", "Jour 3 : ça va".encode("cp1252")), "text/plain"),
        (Enclosure("lettre.rtf", "application/rtf", rb"{\rtf1 Bonjour}"), "text/rtf"),
    ],
)
async def test_other_files_are_kept_as_they_are(space, patient, file, kept):
    page, action = await keep(space, patient, *dataclasses.astuple(file))

    await patient.submit(page, action, {})

    (found,) = documents(space)
    assert read_body(space.database.read_now(lambda tx: content(tx, space.store, found))).media_type == kept


async def test_a_picture_that_cannot_be_read_is_refused_with_its_reason(space, patient):
    page, action = await keep(space, patient, "photo.png", "image/png", b"\x89PNG\r\n\x1a\n broken")

    answer = await patient.submit(page, action, {})

    assert (answer.status, documents(space)) == (403, [])
    assert "Cette image ne peut pas être lue." in answer.text


async def test_a_file_that_no_document_has_room_for_is_refused(space, patient):
    pdf = fictional_pdf("Ordonnance") + bytes(20 * 1024 * 1024)
    page, action = await keep(space, patient, "ordonnance.pdf", "application/pdf", pdf)

    answer = await patient.submit(page, action, {})

    assert (answer.status, documents(space)) == (403, [])
    assert "trop lourd" in answer.text


async def test_what_no_document_can_hold_is_not_offered(space, patient):
    files = [
        Enclosure("x.zip", "application/zip", b"PK\x03\x04"), Enclosure("a.doc", "application/msword", b"\xd0\xcf"),
    ]  # fmt: skip
    await space.write("Archive", files=files)

    page = await patient.open_conversation()

    assert page.tree.xpath("//form[contains(@action, '/enregistrer')]") == []
    assert page.text.count("Ce type de fichier ne peut pas être rangé dans vos documents.") == 2
