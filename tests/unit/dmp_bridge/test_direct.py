"""Filing a file by command: archives, CDA, and plain files that are wrapped."""

from dataclasses import replace

import pytest

from access_core.care import declare_care
from access_core.decision import Verdict
from dmp_bridge.bodies import media_type_of
from dmp_bridge.cda.body import read_body
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.direct import DirectFiling, file_document_directly
from dmp_bridge.record.documents import content
from dmp_bridge.refusals import Refusal
from tests.fictional.people import add_service
from vaguemestre.app.demo.fictional_documents import SOURCE_ID, fictional_archive, fictional_cda, fictional_pdf

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")


@pytest.fixture
def deposit(practice):
    """File bytes as the doctor."""

    def work(data: bytes, **changes):
        filing = DirectFiling(
            profile=practice.patient,
            professional=practice.doctor,
            data=data,
            now=practice.clock.now(),
            source_id=SOURCE_ID,
            rules=BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES).reader_rules(),
        )
        filing = replace(filing, **changes)
        return practice.write(lambda tx: file_document_directly(tx, practice.filer, filing))

    return work


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (fictional_pdf(), "application/pdf"),
        (JPEG, "image/jpeg"),
        (b"Bonjour, tout va bien.\r\n", "text/plain"),
        (b"{\\rtf1 Bonjour}", "text/rtf"),
    ],
)
def test_a_plain_file_is_wrapped_and_filed(practice, deposit, data, media_type):
    (outcome,) = deposit(data)

    (found,) = practice.documents()
    cda = practice.write(lambda tx: content(tx, practice.store, found))
    body = read_body(cda)
    header = read_cda(cda)
    assert (outcome.verdict, outcome.document_id) == (Verdict.PERMIT, found.id)
    assert body is not None
    assert (body.media_type, body.content) == (media_type, data)
    assert header.patient.ins is not None
    assert header.patient.ins.extension == practice.patient.ins.value
    assert (header.authors[0].given, header.authors[0].family) == ("Camille", "Martin")


@pytest.mark.parametrize("data", [fictional_cda(), fictional_archive()], ids=["cda", "archive"])
def test_what_is_a_document_already_is_filed_as_it_is(practice, deposit, data):
    (outcome,) = deposit(data)

    assert outcome.reason == "OK"
    (found,) = practice.documents()
    assert found.title == "Compte rendu de consultation"


def test_type_and_title_are_those_asked_for(practice, deposit):
    deposit(fictional_pdf(), type_code="34112-3", title="Votre séjour")

    (found,) = practice.documents()
    assert (found.title, found.type_label) == ("Votre séjour", "CR hospitalier (séjour)")


@pytest.mark.parametrize(
    ("data", "changes", "reason"),
    [
        (b"\x89PNG\r\n\x1a\n", {}, Refusal.DOCUMENT_NOT_CDA),
        (b"", {}, Refusal.DOCUMENT_NOT_CDA),
        (b"<html/>", {}, Refusal.DOCUMENT_NOT_CDA),
        (b"<html", {}, Refusal.CDA_UNREADABLE),
        (b"PK\x03\x04", {}, Refusal.ARCHIVE_UNREADABLE),
        (fictional_pdf(), {"type_code": "inconnu"}, Refusal.CDA_INCOMPLETE),
        (fictional_pdf(), {"type_code": "DOCPAT01"}, "H_TYPE_NON_DEPOSABLE"),
    ],
)
def test_other_files_are_refused_and_traced(practice, deposit, data, changes, reason):
    (outcome,) = deposit(data, **changes)

    assert (outcome.verdict, outcome.reason) == (Verdict.DENY, reason)
    assert practice.documents() == []
    assert [entry.reason for entry in practice.history()] == [reason]


def test_binary_that_looks_like_nothing_has_no_type():
    assert media_type_of(b"\x00\x01\x02") is None
    assert media_type_of(b"text with \x1b escape") is None
    assert media_type_of(b"\xef\xbb\xbf <x/>") == "text/xml"


def test_a_structure_deposits_in_its_own_name(practice, deposit):
    now = practice.clock.now()
    service = practice.write(lambda tx: add_service(tx, now))
    practice.write(lambda tx: declare_care(tx, practice.patient.id, service.account_id, until=None, now=now))

    (outcome,) = deposit(fictional_pdf(), professional=service)

    (found,) = practice.documents()
    assert (outcome.reason, found.author_name) == ("OK", "Cardiologie, CH Démo")
    assert [each.identifier for each in found.entry.authors[0].institutions] == ["1750000000"]
