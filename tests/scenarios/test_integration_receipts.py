"""From a document by mail to the receipt of its integration: submission, the record, the sender's mailbox."""

import email
from collections.abc import Iterator
from datetime import UTC, date, datetime
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import pytest

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.intake import INTAKE_TASK, Intake
from smtp_gateway.receipts.outcome import Outcome
from tests.unit.smtp_gateway.post import ABOUT, Post
from tests.unit.smtp_gateway.world import MARTIN, PATIENT, Options, running
from vaguemestre.app.demo.fictional_documents import FictionalPatient, fictional_archive, fictional_cda
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.outbox import OutboxWorker

SUBJECT = "XDM/1.0/DDM+Compte rendu de consultation PAT-TROIS DOMINIQUE 28/03/1979"


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with running(tmp_path, Options(clock=ManualClock(datetime.now(UTC)))) as world:
        made = Post(world)
        yield made
        world.run(made.peer.close())


def send(post: Post, archive: bytes, *, asked: bool) -> None:
    message = EmailMessage(policy=SMTP)
    message["From"], message["To"], message["Subject"], message["Message-ID"] = MARTIN, PATIENT, SUBJECT, ABOUT
    if asked:
        message["Disposition-Notification-To"] = MARTIN
    message.set_content("Bonjour.")
    message.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
    with post.world.at_submission() as client:
        client.send_message(message, MARTIN, [PATIENT])


def file_into_the_record(post: Post) -> None:
    world = post.world
    settings = BridgeSettings(ins_authorities=sorted(TEST_INS_AUTHORITIES))

    async def once() -> None:
        intake = Intake(
            database=world.database, store=world.store, clock=world.clock, settings=settings, presume_care=True
        )
        await OutboxWorker(world.database, world.bus, world.clock, {INTAKE_TASK: intake}).run_due()

    world.run(once())
    post.work()


@pytest.mark.requirement("VGM:DMP-MDN")
@pytest.mark.parametrize(
    ("birth_date", "code", "state"),
    [(date(1979, 3, 28), "", Outcome.INTEGRATED), (date(1980, 1, 1), "904", Outcome.NOT_INTEGRATED)],
)
def test_sender_who_asked_hears_what_the_record_did(post: Post, birth_date: date, code: str, state: Outcome) -> None:
    send(post, fictional_archive(fictional_cda(FictionalPatient(birth_date=birth_date))), asked=True)

    file_into_the_record(post)
    file_into_the_record(post)

    (receipt,) = post.inbox()
    subject = str(make_header(decode_header(receipt["Subject"])))
    assert subject == (f"[KO Intégration système !][{code}] {SUBJECT}" if code else SUBJECT)
    assert ("Error: 904^INS ou traits differents de l'identite locale" in receipt.as_string()) == bool(code)
    assert post.states() == [(PATIENT, state, code or None)]
    if code:
        returned = receipt.get_payload()[-1].get_payload(0)  # type: ignore[union-attr]
        assert isinstance(returned, email.message.Message)
        assert [part.get_filename() for part in returned.walk() if part.get_filename()] == ["IHE_XDM.zip"]


def test_sender_who_did_not_ask_hears_nothing(post: Post) -> None:
    send(post, fictional_archive(), asked=False)

    file_into_the_record(post)

    assert post.inbox() == []
    assert post.states() == [(PATIENT, Outcome.DELIVERED, None)]
