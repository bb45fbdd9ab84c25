"""What is filed here goes on elsewhere, once, whatever the other side does; mail and our own record never wait."""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from lxml import etree
from sqlalchemy import select

from access_core.case_acts import Asking
from access_core.case_inputs import Session, local_sender
from access_core.facts import Auth
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.external.client import Access
from dmp_bridge.external.config import RecordChoice
from dmp_bridge.external.filing_task import ExternalFilingTask, TaskParts
from dmp_bridge.external.queue import FILE_TASK, open_filings, retry_filing
from dmp_bridge.external.troubles import Trouble
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import FilingOutcome
from dmp_bridge.preparation import prepare_archive
from dmp_bridge.receipt import RECEIPT_TASK
from dmp_bridge.record.acts import Change, delete_document, mask_document
from dmp_bridge.record.model import Availability
from dmp_bridge.refusals import Refusal
from dmp_bridge.tables import external_filing
from tests.standins import dmp
from tests.standins.dmp import Behaviour
from tests.unit.dmp_bridge.conftest import Practice, on_each_engine
from tests.unit.dmp_bridge.external.conftest import Elsewhere, with_settings
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_archive, fictional_cda
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.outbox import OutboxWorker, Patience, TaskState, task

A_DAY = timedelta(days=1)
LOST = "c" * 32


@dataclass
class Gateway:
    """Our own record with its way out, and the worker that goes it."""

    practice: Practice
    elsewhere: Elsewhere
    access: Access
    bus: LocalBus
    choice: RecordChoice = RecordChoice.BOTH

    def file(self, *documents: bytes, **changes: object) -> list[FilingOutcome]:
        """File documents as the intake does."""
        settings = BridgeSettings(
            ins_authorities=TEST_INS_AUTHORITIES, record=self.choice, external=self.access.settings
        )
        filer = build_filer(self.practice.store, settings)
        prepared = prepare_archive(fictional_archive(*documents), settings.reader_rules())
        case = self.practice.case(message_id=LOST, **changes)
        return self.practice.write(lambda tx: [filer.file(tx, case, each) for each in prepared])

    async def work(self) -> None:
        """Do once what is due, and let a day pass, so that whatever was put off is due next time."""
        parts = TaskParts(
            database=self.practice.database,
            store=self.practice.store,
            clock=self.practice.clock,
            access=self.access,
            choice=self.choice,
        )
        handlers = {FILE_TASK: ExternalFilingTask(parts)}
        worker = OutboxWorker(
            self.practice.database, self.bus, self.practice.clock, handlers,
            patience=Patience(max_attempts=self.access.settings.attempts),
        )  # fmt: skip
        await worker.run_due()
        self.practice.clock.advance(A_DAY)

    def rows(self) -> list[tuple[str, str | None]]:
        """State and code of each document of the queue."""
        query = select(external_filing.c.state, external_filing.c.code).order_by(external_filing.c.id)
        return [(row.state, row.code) for row in self.practice.database.read_now(lambda tx: tx.execute(query).all())]

    def tasks(self, kind: str) -> list[str]:
        """The tasks of a kind, as state and payload."""
        query = select(task.c.payload).where(task.c.kind == kind)
        return list(self.practice.database.read_now(lambda tx: tx.execute(query).scalars().all()))

    def open(self) -> list[dict[str, object]]:
        """What `dmp pending` lists."""
        return [dict(each) for each in self.practice.database.read_now(open_filings)]

    def sent(self) -> list[tuple[str, str]]:
        """What the trace tells of what was sent."""
        return [(each.verdict, each.reason) for each in self.practice.history() if each.act == "send_document"]


@pytest.fixture
async def gateway(practice: Practice, elsewhere: Elsewhere, access: Access, tmp_path: Path) -> AsyncIterator[Gateway]:
    bus = LocalBus(tmp_path / "bus")
    # the VIHF and its reader share a clock that stands still, while the worker's own moves on
    yield Gateway(practice, elsewhere, access, bus)
    await bus.close()


@on_each_engine
@pytest.mark.requirement("VGM:DMP-03")
async def test_a_document_is_filed_here_and_there(gateway: Gateway):
    (outcome,) = gateway.file()

    await gateway.work()

    assert (outcome.reason, outcome.warnings) == ("OK", ())
    assert len(gateway.practice.documents()) == 1
    (there,) = gateway.elsewhere.documents()
    assert there.entry.unique_id == outcome.unique_id
    assert gateway.rows() == [("filed", None)]
    assert gateway.sent() == [("PERMIT", "OK")]
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
    ],
)
@pytest.mark.requirement("VGM:DMP-03")
async def test_a_bad_server_delays_filing_and_nothing_else(gateway: Gateway, behaviour: Behaviour, trouble: Trouble):
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
    _change(gateway, mask_document, found.id)

    await gateway.work()

    (there,) = gateway.elsewhere.documents()
    assert there.masked


async def test_what_was_deleted_while_it_waited_is_not_sent(gateway: Gateway):
    gateway.file()
    (found,) = gateway.practice.documents()
    _change(gateway, delete_document, found.id)

    await gateway.work()

    assert gateway.rows() == [("kept", Refusal.DMP_WITHDRAWN)]
    assert gateway.elsewhere.server.asked == []


def _change(gateway: Gateway, act: Callable[..., object], document_id: str) -> None:
    practice = gateway.practice
    (found,) = (each for each in practice.documents() if each.id == document_id)
    asking = Asking(
        profile=practice.patient,
        actor=local_sender(practice.doctor),
        session=Session(auth=Auth.PSC_ECPS, since_min=0),
        now=practice.clock.now(),
    )
    outcome = practice.write(lambda tx: act(tx, Change(asking=asking, found=found)))
    assert outcome.decision.allowed  # type: ignore[attr-defined]


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


async def test_a_task_that_was_done_does_nothing_more(gateway: Gateway):
    gateway.file()
    await gateway.work()
    gateway.practice.write(lambda tx: tx.execute(task.update().values(state="waiting")))

    await gateway.work()

    assert len(gateway.elsewhere.server.asked) == 2
    states = gateway.practice.database.read_now(lambda tx: tx.execute(select(task.c.state)).scalars().all())
    assert set(states) <= {TaskState.DONE, TaskState.WAITING}
