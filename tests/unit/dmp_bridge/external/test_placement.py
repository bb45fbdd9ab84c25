"""Which record a document goes to, and what it looks like there: what the other cannot take stays here, and says so."""

from asyncio import StreamWriter

import pytest

from dmp_bridge.external.config import RecordChoice
from dmp_bridge.external.queue import retry_filing
from dmp_bridge.external.troubles import Trouble
from dmp_bridge.preparation import Tolerance
from dmp_bridge.record.acts import delete_document, mask_document
from dmp_bridge.record.erasure import erase_record
from dmp_bridge.record.model import Availability
from dmp_bridge.refusals import Refusal
from tests.standins import dmp
from tests.standins.dmp import Asked, DmpServer
from tests.unit.dmp_bridge.conftest import on_each_engine
from tests.unit.dmp_bridge.external.conftest import with_settings
from tests.unit.dmp_bridge.external.gateway import Gateway
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_cda


@pytest.mark.parametrize(
    ("told", "code"),
    [
        (None, Refusal.DMP_ABSENT),
        (("terminated", "VALIDE"), Refusal.DMP_ABSENT),
        (("active", "INTERDIT"), Refusal.DMP_FORBIDDEN),
    ],
)
@pytest.mark.requirement("VGM:DMP-04")
async def test_without_an_open_record_there_it_stays_here(
    gateway: Gateway, told: tuple[str, str] | None, code: Refusal
):
    gateway.elsewhere.server.states = {} if told is None else {DOMINIQUE.ins: told}
    gateway.file()

    await gateway.work()

    assert gateway.rows() == [("kept", code)]
    assert gateway.elsewhere.documents() == []
    assert len(gateway.practice.documents()) == 1
    assert gateway.elsewhere.server.count("repository") == 0
    assert gateway.open() == []


async def test_a_record_that_was_closed_meanwhile_is_told(gateway: Gateway):
    gateway.elsewhere.server.behaviour = dmp.registers("DMPClosed")
    gateway.file()

    await gateway.work()

    assert gateway.rows() == [("kept", Refusal.DMP_ABSENT)]


async def test_the_existence_test_can_be_left_out(gateway: Gateway):
    gateway.access = with_settings(gateway.access, existence_test=False)
    gateway.elsewhere.server.states = {}
    gateway.file()

    await gateway.work()

    assert gateway.rows() == [("filed", None)]
    assert gateway.elsewhere.server.count("patients") == 0


OUTSIDE = {
    "a type that the national list lacks": ((b'code="11488-4"', b'code="51851-4"'), Refusal.DMP_TYPE),
    "restricted": ((b'<confidentialityCode code="N"', b'<confidentialityCode code="R"'), Refusal.DMP_CONFIDENTIAL),
}


@pytest.mark.parametrize(("change", "kept"), OUTSIDE.values(), ids=OUTSIDE)
@pytest.mark.requirement("VGM:DMP-04")
async def test_what_the_record_elsewhere_lacks_stays_here_and_says_so(
    gateway: Gateway, change: tuple[bytes, bytes], kept: Refusal
):
    document = fictional_cda()
    assert change[0] in document

    (outcome,) = gateway.file(document.replace(*change, 1))
    await gateway.work()

    assert outcome.reason == "OK"
    assert kept in outcome.warnings
    assert gateway.rows() == [("kept", kept)]
    assert gateway.elsewhere.server.asked == []
    assert len(gateway.practice.documents()) == 1


async def test_a_document_that_is_too_large_for_them_stays_here(gateway: Gateway):
    gateway.access = with_settings(gateway.access, max_document_bytes=100)

    (outcome,) = gateway.file()

    assert Refusal.DMP_SIZE in outcome.warnings
    assert gateway.rows() == [("kept", Refusal.DMP_SIZE)]


@pytest.mark.requirement("VGM:CDA-06")
async def test_a_pdf_that_does_not_say_pdf_a_may_be_kept_from_them(gateway: Gateway):
    gateway.access = with_settings(gateway.access, pdf_a_only=True)

    (outcome,) = gateway.file()

    assert {Tolerance.NOT_PDF_A, Refusal.DMP_PDF} <= set(outcome.warnings)
    assert gateway.rows() == [("kept", Refusal.DMP_PDF)]


async def test_with_the_record_elsewhere_alone_what_was_filed_leaves_ours(gateway: Gateway):
    gateway.choice = RecordChoice.EXTERNAL
    gateway.file()
    assert len(gateway.practice.documents()) == 1

    await gateway.work()

    assert gateway.practice.documents() == []
    assert len(gateway.elsewhere.documents()) == 1


async def test_with_the_record_elsewhere_alone_what_it_refuses_stays(gateway: Gateway):
    gateway.choice = RecordChoice.EXTERNAL
    gateway.elsewhere.server.states = {}
    gateway.file()

    await gateway.work()

    assert len(gateway.practice.documents()) == 1


async def test_a_new_version_replaces_there_what_it_replaces_here(gateway: Gateway):
    first, second = _versions()
    gateway.file(first)
    await gateway.work()

    gateway.file(second)
    await gateway.work()

    states = {each.cda_version: each.availability for each in gateway.elsewhere.documents()}
    assert states == {1: Availability.DEPRECATED, 2: Availability.APPROVED}


def _versions() -> tuple[bytes, bytes]:
    """A document and its next version, which names it as its parent."""
    first = fictional_cda()
    unique_id = first.split(b'<id root="', 1)[1].split(b'"', 1)[0]
    second = first.replace(unique_id, b"2.25.77001", 1).replace(b'versionNumber value="1"', b'versionNumber value="2"')
    related = b'<relatedDocument typeCode="RPLC"><parentDocument><id root="%s"/></parentDocument></relatedDocument>'
    return first, second.replace(b"<componentOf>", related % unique_id + b"<componentOf>", 1)


async def test_what_was_masked_while_it_waited_is_sent_masked(gateway: Gateway):
    gateway.file()
    (found,) = gateway.practice.documents()
    gateway.change(mask_document, found)

    await gateway.work()

    (there,) = gateway.elsewhere.documents()
    assert there.masked


async def test_what_was_deleted_while_it_waited_is_not_sent(gateway: Gateway):
    gateway.file()
    (found,) = gateway.practice.documents()
    gateway.change(delete_document, found)

    await gateway.work()

    assert gateway.rows() == [("kept", Refusal.DMP_WITHDRAWN)]
    assert gateway.elsewhere.server.asked == []


@on_each_engine
async def test_an_erased_record_leaves_nothing_in_the_queue(gateway: Gateway):
    gateway.file(fictional_cda(), fictional_cda())

    gateway.practice.write(lambda tx: erase_record(tx, gateway.practice.patient.id))
    await gateway.work()

    assert gateway.rows() == []
    assert gateway.elsewhere.server.asked == []


@on_each_engine
async def test_what_is_deleted_here_leaves_the_record_elsewhere(gateway: Gateway):
    gateway.file()
    await gateway.work()
    (found,) = gateway.practice.documents()

    gateway.change(delete_document, found)
    assert [each["state"] for each in gateway.open()] == ["leaving"]
    await gateway.work()

    assert gateway.elsewhere.documents() == []
    assert gateway.rows() == [("gone", None)]
    acts = [(each.act, each.reason) for each in gateway.practice.history()][-2:]
    assert acts == [("delete_document", "OK"), ("withdraw_document", "OK")]


async def test_a_deletion_waits_for_a_record_that_is_away(gateway: Gateway):
    gateway.file()
    await gateway.work()
    gateway.change(delete_document, *gateway.practice.documents())
    gateway.elsewhere.server.behaviour = dmp.hangs_up

    await gateway.work()
    assert [(each["state"], each["code"]) for each in gateway.open()] == [("leaving", Trouble.UNREACHABLE)]
    gateway.elsewhere.server.behaviour = None
    await gateway.work()

    assert gateway.elsewhere.documents() == []


async def test_a_deletion_that_is_refused_waits_for_a_person(gateway: Gateway):
    gateway.file()
    await gateway.work()
    gateway.change(delete_document, *gateway.practice.documents())
    gateway.elsewhere.server.behaviour = dmp.faults("Sender", "DMPAccessDeniedByRightsService")
    await gateway.work()
    (remaining,) = gateway.open()
    assert (remaining["state"], remaining["code"]) == ("remains", "DMPAccessDeniedByRightsService")

    gateway.elsewhere.server.behaviour = None
    now, filing = gateway.practice.clock.now(), str(remaining["id"])
    assert gateway.practice.write(lambda tx: retry_filing(tx, filing, now))
    await gateway.work()

    assert gateway.rows() == [("gone", None)]
    assert gateway.elsewhere.documents() == []


async def test_a_deletion_that_is_given_up_waits_for_a_person(gateway: Gateway):
    gateway.file()
    await gateway.work()
    gateway.change(delete_document, *gateway.practice.documents())
    gateway.elsewhere.server.behaviour = dmp.hangs_up
    gateway.access = with_settings(gateway.access, attempts=2)

    for _ in range(3):
        await gateway.work()

    assert gateway.rows() == [("remains", Refusal.DMP_GIVEN_UP)]


async def test_what_is_deleted_while_it_is_being_sent_leaves_again(gateway: Gateway):
    async def deletes_meanwhile(server: DmpServer, asked: Asked, writer: StreamWriter) -> None:
        if "ProvideAndRegister" in asked.action:
            gateway.change(delete_document, *gateway.practice.documents())
            server.behaviour = None
        await dmp.well(server, asked, writer)

    gateway.elsewhere.server.behaviour = deletes_meanwhile
    gateway.file()

    await gateway.work()

    assert gateway.rows() == [("gone", None)]
    assert gateway.elsewhere.documents() == []


async def test_what_left_ours_for_theirs_stays_there(gateway: Gateway):
    gateway.choice = RecordChoice.EXTERNAL
    gateway.file()

    await gateway.work()
    await gateway.work()

    assert gateway.rows() == [("filed", None)]
    assert len(gateway.elsewhere.documents()) == 1
