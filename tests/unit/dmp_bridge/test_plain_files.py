"""Plain files of a mail go to the record when the message or the mailbox says so, and only then."""

import base64
import io
from datetime import timedelta

import pytest
from PIL import Image

from access_core.care import declare_care
from dmp_bridge.cda.body import read_body
from dmp_bridge.filing_choice import choose_filing, filing_choice
from dmp_bridge.plain_files import asked_type, is_medical
from dmp_bridge.record.documents import content
from tests.fictional.people import add_service
from tests.unit.dmp_bridge.mail_intake import mail
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_pdf

PDF = ("Courrier.pdf", fictional_pdf("Courrier"), "application/pdf")


def picture() -> tuple[str, bytes, str]:
    data = io.BytesIO()
    Image.new("RGB", (40, 30), "white").save(data, "PNG")
    return "plaie.png", data.getvalue(), "image/png"


def choose(practice, type_code: str | None) -> None:
    now = practice.clock.now()
    practice.write(lambda tx: choose_filing(tx, practice.doctor.account_id, type_code, now=now))


@pytest.mark.requirement("VGM:FILING-PLAIN")
async def test_a_pdf_stays_mail_unless_somebody_says_otherwise(practice, receive):
    await receive(mail(PDF))

    assert practice.documents() == []
    assert practice.history() == []


@pytest.mark.requirement("VGM:FILING-PLAIN")
async def test_the_header_of_a_message_files_its_files_under_a_type(practice, receive):
    await receive(mail(PDF, picture(), X_Vaguemestre_Type_Document="11506-3"))

    found = sorted(practice.documents(), key=lambda each: each.title)
    assert [(each.title, each.entry.type_code.code) for each in found] == [
        ("Courrier", "11506-3"),
        ("plaie", "11506-3"),
    ]
    bodies = [practice.database.read_now(lambda tx, each=each: content(tx, practice.store, each)) for each in found]
    assert [read_body(each).media_type for each in bodies] == ["application/pdf", "image/jpeg"]
    assert [entry.reason for entry in practice.history()] == ["OK", "OK"]
    assert found[0].filing.label == practice.doctor.name


@pytest.mark.requirement("VGM:FILING-PLAIN")
async def test_the_mailbox_files_its_files_and_a_message_can_say_no(practice, receive):
    choose(practice, "11488-4")

    await receive(mail(PDF))
    await receive(mail(PDF, X_Vaguemestre_Type_Document="aucun"))

    (found,) = practice.documents()
    assert found.entry.type_code.code == "11488-4"


async def test_the_choice_of_a_mailbox_is_kept_and_dropped(practice):
    account_id = practice.doctor.account_id

    choose(practice, "11488-4")
    choose(practice, "11506-3")
    kept = practice.database.read_now(lambda tx: filing_choice(tx, account_id))
    choose(practice, None)

    assert kept == "11506-3"
    assert practice.database.read_now(lambda tx: filing_choice(tx, account_id)) is None


async def test_the_same_message_worked_on_twice_files_once(practice, receive):
    choose(practice, "11488-4")
    sent_at = practice.clock.now().isoformat()

    await receive(mail(PDF), sent_at=sent_at)
    (first,) = practice.documents()
    practice.clock.advance(timedelta(hours=1))
    await receive(mail(PDF), message_id=first.filing.message_id, sent_at=sent_at)

    assert len(practice.documents()) == 1
    assert [entry.obligations for entry in practice.history()][-1] == ("DEDUP",)


@pytest.mark.requirement("VGM:FILING-PLAIN")
async def test_copies_beside_an_archive_are_not_filed_again(practice, receive):
    choose(practice, "11488-4")

    await receive(mail(PDF, ("IHE_XDM.zip", fictional_archive(), "application/zip")))

    (found,) = practice.documents()
    assert found.title == "Compte rendu de consultation"


@pytest.mark.parametrize(
    "attachments",
    [
        [PDF, ("rdv.ics", b"BEGIN:VCALENDAR\r\nEND:VCALENDAR\r\n", "text/calendar")],
        [("notes.docx", b"PK\x03\x04 not a picture", "application/octet-stream")],
        [("faux.pdf", b"MZ\x90\x00", "application/pdf")],
    ],
    ids=["invitation", "word", "not-a-pdf"],
)
@pytest.mark.requirement("VGM:FILING-PLAIN")
async def test_medico_administrative_mail_and_other_files_stay_mail(practice, receive, attachments):
    choose(practice, "11488-4")

    await receive(mail(*attachments))

    assert practice.documents() == []


async def test_a_type_that_is_in_no_list_is_refused_and_traced(practice, receive):
    await receive(mail(PDF, X_Vaguemestre_Type_Document="courrier"))

    assert practice.documents() == []
    assert [entry.reason for entry in practice.history()] == ["X_TYPE_INCONNU"]


async def test_a_damaged_picture_is_refused_and_the_other_file_is_filed(practice, receive):
    damaged = ("radio.png", b"\x89PNG\r\n\x1a\n" + base64.b64decode("AAAA"), "image/png")

    await receive(mail(damaged, PDF, X_Vaguemestre_Type_Document="11488-4"))

    assert [entry.reason for entry in practice.history()] == ["X_IMAGE_ILLISIBLE", "OK"]
    assert len(practice.documents()) == 1


async def test_a_sender_elsewhere_chooses_nothing(practice, receive):
    await receive(
        mail(PDF, X_Vaguemestre_Type_Document="11488-4"), sender_account_id=None, sender_address="x@ailleurs.fr"
    )

    assert practice.documents() == []


async def test_the_service_that_writes_is_the_author(practice, receive):
    now = practice.clock.now()
    service = practice.write(lambda tx: add_service(tx, now, practice.doctor.address))
    practice.write(lambda tx: declare_care(tx, practice.patient.id, service.account_id, until=None, now=now))

    await receive(mail(PDF, X_Vaguemestre_Type_Document="11488-4"), sender_address=service.address)

    (found,) = practice.documents()
    assert found.filing.label == service.name
    assert found.entry.authors[0].institutions[0].identifier == service.structure


@pytest.mark.parametrize(
    ("header", "said"),
    [
        (b"Subject: x\r\n\r\n", None),
        (b"X-Vaguemestre-Type-Document: \r\n\r\n", None),
        (b"X-Vaguemestre-Type-Document:  11488-4 \r\n\r\n", "11488-4"),
        (b"x-vaguemestre-type-document: Aucun\r\n\r\n", "AUCUN"),
    ],
)
def test_what_a_message_says_of_its_files(header: bytes, said: str | None):
    assert asked_type(header) == said


@pytest.mark.parametrize(("code", "medical"), [("11488-4", True), ("AUCUN", False), ("51851-4", False), ("x", True)])
def test_medico_administrative_types_are_no_documents_of_the_record(code: str, medical: bool):
    assert is_medical(code) is medical
