"""What is filed here goes on elsewhere, once, whatever the other side does; mail and our own record never wait."""

from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import select

from dmp_bridge.external.queue import retry_filing
from dmp_bridge.external.troubles import Trouble
from dmp_bridge.preparation import Tolerance
from dmp_bridge.receipt import RECEIPT_TASK
from dmp_bridge.refusals import Refusal
from dmp_bridge.tables import external_filing
from tests.conftest import NOON
from tests.fictional.structure_keys import issue_rsa
from tests.standins import dmp
from tests.standins.dmp import Behaviour, start_dmp
from tests.unit.dmp_bridge.conftest import on_each_engine
from tests.unit.dmp_bridge.external.conftest import BEFORE, with_settings
from tests.unit.dmp_bridge.external.gateway import LOST, Gateway
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_cda
from vaguemestre.app.pki import Authority
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.outbox import TaskState, task


@on_each_engine
@pytest.mark.requirement("VGM:DMP-03")
async def test_a_document_is_filed_here_and_there(gateway: Gateway):
    (outcome,) = gateway.file()

    await gateway.work()

    assert (outcome.reason, outcome.warnings) == ("OK", (Tolerance.NOT_PDF_A,))
    assert len(gateway.practice.documents()) == 1
    (there,) = gateway.elsewhere.documents()
    assert there.entry.unique_id == outcome.unique_id
    assert gateway.rows() == [("filed", None)]
    assert gateway.sent() == [("PERMIT", "OK")]
    assert gateway.told() == ["<1@demo.mssante.fr>"]
    assert gateway.open() == []


async def test_the_same_document_again_is_sent_once(gateway: Gateway):
    document = fictional_cda()
    gateway.file(document)
    await gateway.work()

    gateway.file(document)
    await gateway.work()

    assert len(gateway.elsewhere.documents()) == 1
    assert gateway.rows() == [("filed", None)]


@pytest.mark.parametrize(
    ("behaviour", "trouble"),
    [
        (dmp.hangs_up, Trouble.UNREACHABLE),
        (dmp.says(200, "text/html", b"<html/>"), Trouble.ANSWER),
        (dmp.says(502, "text/html", b"<html/>"), Trouble.HTTP),
        (dmp.says(500, "text/plain", b"oops"), Trouble.ANSWER),
        (dmp.faults("Receiver"), Trouble.BUSY),
        (dmp.registers("XDSRegistryBusy"), Trouble.BUSY),
        (dmp.answers_another, Trouble.ANSWER),
        (dmp.hangs, Trouble.SLOW),
        (dmp.drips, Trouble.SLOW),
        (dmp.floods, Trouble.ANSWER),
    ],
)
@pytest.mark.requirement("VGM:DMP-03")
async def test_a_bad_server_delays_filing_and_nothing_else(gateway: Gateway, behaviour: Behaviour, trouble: Trouble):
    gateway.access = with_settings(gateway.access, request_timeout_s=2)
    gateway.elsewhere.server.behaviour = behaviour
    gateway.file()

    await gateway.work()

    assert len(gateway.practice.documents()) == 1
    (waiting,) = gateway.open()
    assert (waiting["state"], waiting["code"], waiting["attempts"]) == ("waiting", trouble, 1)
    assert gateway.sent() == []

    gateway.elsewhere.server.behaviour = None
    await gateway.work()

    assert gateway.rows() == [("filed", None)]
    assert len(gateway.elsewhere.documents()) == 1


async def test_an_impostor_delays_filing_and_gets_nothing(gateway: Gateway, tmp_path: Path):
    real, chain = gateway.access, (gateway.elsewhere.folder / "ca.pem").read_bytes()
    pair = issue_rsa(Authority.create(BEFORE), "localhost", NOON, hosts=("localhost",))
    async with start_dmp(pair, chain, tmp_path) as impostor:
        gateway.access = with_settings(real, url=impostor.url)
        gateway.file()
        await gateway.work()
    assert gateway.open()[0]["code"] == Trouble.UNREACHABLE
    assert impostor.asked == []

    gateway.access = real
    await gateway.work()

    assert gateway.rows() == [("filed", None)]


async def test_a_lost_answer_does_not_file_twice(gateway: Gateway):
    gateway.elsewhere.server.behaviour = dmp.does_and_hangs_up
    gateway.file()
    await gateway.work()
    assert gateway.open()[0]["code"] == Trouble.UNREACHABLE
    gateway.elsewhere.server.asked.clear()

    gateway.elsewhere.server.behaviour = None
    await gateway.work()

    assert gateway.rows() == [("filed", None)]
    assert len(gateway.elsewhere.documents()) == 1
    assert gateway.elsewhere.server.count("repository") == 0


async def test_a_document_that_is_there_already_is_filed(gateway: Gateway):
    document = fictional_cda()
    gateway.file(document)
    await gateway.work()
    gateway.elsewhere.server.behaviour = dmp.registers("XDSDuplicateUniqueIdInRegistry")
    gateway.practice.write(lambda tx: tx.execute(external_filing.update().values(state="waiting", code=None)))
    gateway.practice.write(lambda tx: tx.execute(task.update().values(state="waiting", attempts=0)))

    await gateway.work()

    assert gateway.rows() == [("filed", "XDSDuplicateUniqueIdInRegistry")]


async def test_every_attempt_sends_the_same_ids(gateway: Gateway):
    gateway.elsewhere.server.behaviour = dmp.registers("XDSRepositoryBusy")
    gateway.file()

    await gateway.work()
    await gateway.work()

    sent = [each.body for each in gateway.elsewhere.server.asked if each.service == "repository"]
    ids = [sorted(set(_unique_ids(each))) for each in sent]
    assert len(sent) == 2
    assert ids[0] == ids[1]
    assert len(ids[0]) == 3


def _unique_ids(body: bytes) -> list[str]:
    start, end = body.index(b"<env:Envelope"), body.index(b"</env:Envelope>") + len(b"</env:Envelope>")
    path = "//*[local-name()='ExternalIdentifier'][descendant::*[contains(@value, 'uniqueId')]]/@value"
    return [str(each) for each in etree.fromstring(body[start:end]).xpath(path)]


@pytest.mark.parametrize(
    ("behaviour", "code"),
    [
        (dmp.registers("XDSRepositoryMetadataError"), "XDSRepositoryMetadataError"),
        (dmp.faults("Sender", "DMPInvalidCertificate"), "DMPInvalidCertificate"),
    ],
)
async def test_a_refusal_waits_for_a_person_and_is_tried_again_by_her(
    gateway: Gateway, behaviour: Behaviour, code: str
):
    gateway.elsewhere.server.behaviour = behaviour
    gateway.file()
    await gateway.work()
    (refused,) = gateway.open()
    assert (refused["state"], refused["code"]) == ("failed", code)
    assert gateway.sent() == [("DENY", Refusal.DMP_REFUSED)]

    gateway.elsewhere.server.behaviour = None
    await gateway.work()
    assert gateway.rows() == [("failed", code)]

    now, filing = gateway.practice.clock.now(), str(refused["id"])
    assert gateway.practice.write(lambda tx: retry_filing(tx, filing, now))
    await gateway.work()

    assert gateway.rows() == [("filed", None)]
    assert not gateway.practice.write(lambda tx: retry_filing(tx, filing, now))
    assert not gateway.practice.write(lambda tx: retry_filing(tx, "absent", now))


async def test_a_server_that_stays_away_is_given_up_in_the_end(gateway: Gateway):
    gateway.access = with_settings(gateway.access, attempts=3)
    gateway.elsewhere.server.behaviour = dmp.hangs_up
    gateway.file()

    for _ in range(5):
        await gateway.work()

    assert gateway.rows() == [("failed", Refusal.DMP_GIVEN_UP)]
    assert len(gateway.elsewhere.server.asked) == 3
    assert gateway.sent() == [("DENY", Refusal.DMP_GIVEN_UP)]


async def test_the_sender_hears_once_when_the_last_document_has_ended(gateway: Gateway):
    gateway.file(fictional_cda(), fictional_cda())
    gateway.elsewhere.server.behaviour = dmp.hangs_up
    await gateway.work()
    assert gateway.tasks(RECEIPT_TASK) == []

    gateway.elsewhere.server.behaviour = None
    await gateway.work()

    (receipt,) = gateway.tasks(RECEIPT_TASK)
    assert '"code":""' in receipt
    assert LOST in receipt


@pytest.mark.parametrize(
    ("behaviour", "states", "code"),
    [
        (None, {}, "902"),
        (None, {DOMINIQUE.ins: ("active", "INTERDIT")}, "901"),
        (dmp.registers("XDSRepositoryMetadataError"), {DOMINIQUE.ins: ("active", "VALIDE")}, "906"),
    ],
)
async def test_the_sender_hears_why_it_was_not_integrated(
    gateway: Gateway, behaviour: Behaviour | None, states: dict[str, tuple[str, str]], code: str
):
    gateway.elsewhere.server.behaviour, gateway.elsewhere.server.states = behaviour, states
    gateway.file()

    await gateway.work()

    (receipt,) = gateway.tasks(RECEIPT_TASK)
    assert f'"code":"{code}"' in receipt


async def test_many_documents_are_sent_at_once(gateway: Gateway):
    gateway.file(*(fictional_cda() for _ in range(12)))

    await gateway.work()

    assert len(gateway.elsewhere.documents()) == 12
    assert {state for state, _ in gateway.rows()} == {"filed"}


async def test_a_key_that_is_away_is_tried_again(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    def away(*_: object) -> object:
        raise TemporaryFailure("PKCS#11: TokenNotPresent")

    gateway.file()
    with monkeypatch.context() as patched:
        patched.setattr("dmp_bridge.external.client.write_vihf", away)
        await gateway.work()
    assert gateway.open()[0]["code"] == Trouble.TOKEN

    await gateway.work()

    assert gateway.rows() == [("filed", None)]


async def test_an_attempt_ends_before_its_lease(gateway: Gateway, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("dmp_bridge.external.filing_task.ATTEMPT_S", 0.3)
    gateway.elsewhere.server.behaviour = dmp.hangs
    gateway.file()

    await gateway.work()

    assert gateway.open()[0]["code"] == Trouble.SLOW


async def test_a_task_that_was_done_does_nothing_more(gateway: Gateway):
    gateway.file()
    await gateway.work()
    gateway.practice.write(lambda tx: tx.execute(task.update().values(state="waiting")))

    await gateway.work()

    assert len(gateway.elsewhere.server.asked) == 2
    states = gateway.practice.database.read_now(lambda tx: tx.execute(select(task.c.state)).scalars().all())
    assert set(states) <= {TaskState.DONE, TaskState.WAITING}
