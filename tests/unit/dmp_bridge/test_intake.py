"""The worker's handler: from a delivered message to the record, whatever the message carries."""

import pytest

from access_core.care import declare_care
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.refusals import Refusal
from tests.fictional.people import add_service
from tests.unit.dmp_bridge.archives import zip_of
from tests.unit.dmp_bridge.conftest import on_each_engine
from tests.unit.dmp_bridge.mail_intake import mail
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda, fictional_pdf
from vaguemestre.kernel.outbox import TaskState


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("IHE_XDM.zip", "application/zip"),
        ("ihe_xdm.ZIP", "application/octet-stream"),
        ("envoi.zip", "application/octet-stream"),
        ("sans-nom", "application/x-zip-compressed"),
    ],
)
@pytest.mark.requirement("MSS2:ECO.2.1.1")
async def test_an_archive_is_found_and_filed(practice, receive, name, media_type):
    archive = fictional_archive()

    state = await receive(mail(("CR.pdf", fictional_pdf(), "application/pdf"), (name, archive, media_type)))

    assert state is TaskState.DONE
    (found,) = practice.documents()
    assert found.filing.label == "Dr Camille Martin"
    (entry,) = practice.history()
    assert (entry.act, entry.reason, entry.message_id_header) == ("file_document", "OK", "<42@demo.mssante.fr>")
    assert (entry.resource_id, entry.mailbox_id) == (found.id, practice.patient.account_id)


@on_each_engine
async def test_the_same_mail_twice_files_once(practice, receive):
    content = mail(("IHE_XDM.zip", fictional_archive(), "application/zip"))

    states = [await receive(content), await receive(content)]

    assert states == [TaskState.DONE, TaskState.DONE]
    assert len(practice.documents()) == 1
    assert [entry.obligations for entry in practice.history()] == [("NOTIF_TITULAIRE",), ("DEDUP",)]


async def test_several_archives_of_a_mail_are_filed_up_to_the_limit(practice, receive):
    archives = [("IHE_XDM.zip", fictional_archive(fictional_cda()), "application/zip") for _ in range(3)]

    await receive(mail(*archives), BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES, max_archives=2))

    assert len(practice.documents()) == 2
    assert [entry.reason for entry in practice.history()] == ["OK", "OK", Refusal.ARCHIVE_ENTRIES]


@pytest.mark.parametrize(
    ("attachment", "reasons"),
    [
        (("IHE_XDM.zip", b"not a zip at all", "application/zip"), [Refusal.ARCHIVE_UNREADABLE]),
        (("IHE_XDM.zip", zip_of({"A.TXT": b"a"}), "application/zip"), [Refusal.ARCHIVE_NOT_XDM]),
        (("photos.zip", zip_of({"A.JPG": b"a"}), "application/zip"), []),
        (("CR.pdf", fictional_pdf(), "application/pdf"), []),
    ],
)
async def test_a_refusal_is_traced_and_ends_the_task(practice, receive, attachment, reasons):
    state = await receive(mail(attachment))

    assert state is TaskState.DONE
    assert practice.documents() == []
    assert [(entry.verdict, entry.reason) for entry in practice.history()] == [("DENY", each) for each in reasons]


async def test_an_archive_that_is_too_large_is_not_even_decoded(practice, receive):
    content = mail(("IHE_XDM.zip", fictional_archive(), "application/zip"))

    await receive(content, BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES, max_archive_bytes=1_000))

    assert [entry.reason for entry in practice.history()] == [Refusal.ARCHIVE_TOO_LARGE]


async def test_a_sender_elsewhere_is_named_by_her_address(practice, receive):
    content = mail(("IHE_XDM.zip", fictional_archive(), "application/zip"))

    await receive(content, sender_account_id=None, sender_address="dr.loin@autre.mssante.fr")

    (entry,) = practice.history()
    assert (entry.subject_label, entry.subject_id) == ("dr.loin@autre.mssante.fr", None)
    assert entry.reason == "H_HORS_PRISE_EN_CHARGE"


async def test_a_member_who_writes_for_her_service_files_in_its_name(practice, receive):
    now = practice.clock.now()
    service = practice.write(lambda tx: add_service(tx, now, practice.doctor.address))
    content = mail(("IHE_XDM.zip", fictional_archive(), "application/zip"))

    await receive(content, sender_address=service.address)
    practice.write(lambda tx: declare_care(tx, practice.patient.id, service.account_id, until=None, now=now))
    await receive(content, sender_address=service.address)

    entries = practice.history()
    assert [(entry.subject_kind, entry.reason) for entry in entries] == [
        ("structure", "H_HORS_PRISE_EN_CHARGE"),
        ("structure", "OK"),
    ]
    assert {entry.subject_label for entry in entries} == {"Cardiologie, CH Démo"}


@pytest.mark.parametrize("payload", [{"message_id": "0" * 32}, {"profile_id": None}, {"profile_id": "0" * 32}])
async def test_a_task_that_can_never_be_done_ends(practice, receive, payload):
    state = await receive(mail(("IHE_XDM.zip", fictional_archive(), "application/zip")), **payload)

    assert state is TaskState.FAILED
    assert practice.documents() == []
