"""The sender of a mail hears once of its documents: at once when one is refused here, else when the last has ended."""

import json
from collections.abc import Awaitable, Callable
from dataclasses import replace
from email.message import EmailMessage

import pytest
from sqlalchemy import select

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.external.client import Access
from dmp_bridge.intake import INTAKE_TASK, Intake
from dmp_bridge.receipt import RECEIPT_TASK
from mailstore.store import Delivery
from tests.standins import dmp
from tests.unit.dmp_bridge.external.gateway import Gateway
from vaguemestre.app.demo.fictional_documents import fictional_archive, fictional_cda
from vaguemestre.kernel.outbox import OutboxWorker, enqueue, task

Receive = Callable[..., Awaitable[None]]


@pytest.fixture
def receive(gateway: Gateway) -> Receive:
    """Deliver a mail with an archive of documents, and let the worker read it."""
    practice = gateway.practice

    async def deliver(*documents: bytes) -> None:
        message = EmailMessage()
        message["Message-ID"] = "<42@demo.mssante.fr>"
        message.set_content("Bonjour")
        archive = fictional_archive(*documents)
        message.add_attachment(archive, maintype="application", subtype="zip", filename="IHE_XDM.zip")
        draft = practice.store.draft()
        await draft.write(message.as_bytes())
        sealed = await draft.seal()
        patient, now = practice.patient, practice.clock.now()
        order = {
            "message_id": sealed.message_id,
            "mailbox_id": patient.account_id,
            "profile_id": patient.id,
            "sender_account_id": practice.doctor.account_id,
            "sender_address": None,
        }

        def accept(tx):
            practice.store.deliver(tx, sealed, [Delivery(mailbox_id=patient.account_id, internal_date=now)])
            enqueue(tx, INTAKE_TASK, sealed.message_id, order, due_at=now)

        await practice.database.write(accept)
        settings = BridgeSettings(
            ins_authorities=TEST_INS_AUTHORITIES, record=gateway.choice, external=gateway.access.settings
        )
        intake = Intake(database=practice.database, store=practice.store, clock=practice.clock, settings=settings)
        await OutboxWorker(practice.database, gateway.bus, practice.clock, {INTAKE_TASK: intake}).run_due()

    return deliver


def told(gateway: Gateway) -> list[str]:
    """The codes that the sender is told."""
    query = select(task.c.payload).where(task.c.kind == RECEIPT_TASK)
    payloads = gateway.practice.database.read_now(lambda tx: tx.execute(query).scalars().all())
    return [json.loads(each)["code"] for each in payloads]


async def test_a_receipt_waits_for_the_record_elsewhere(gateway: Gateway, receive: Receive):
    gateway.elsewhere.server.behaviour = dmp.hangs_up
    await receive(fictional_cda(), fictional_cda())
    await gateway.work()
    assert told(gateway) == []

    gateway.elsewhere.server.behaviour = None
    await gateway.work()

    assert told(gateway) == [""]
    assert gateway.told() == ["<42@demo.mssante.fr>", "<42@demo.mssante.fr>"]


async def test_a_refusal_here_is_told_at_once_and_once(gateway: Gateway, receive: Receive):
    stranger = fictional_cda().replace(b"PAT-TROIS", b"AUTRE")
    await receive(fictional_cda(), stranger)
    assert told(gateway) == ["904"]

    await gateway.work()

    assert told(gateway) == ["904"]


async def test_documents_that_stay_here_for_what_they_are_count_as_integrated(gateway: Gateway, receive: Receive):
    await receive(fictional_cda().replace(b'code="11488-4"', b'code="51851-4"', 1))

    assert told(gateway) == [""]


async def test_certificates_are_renewed_between_two_attempts(gateway: Gateway, access: Access):
    gateway.file()
    gateway.access = replace(access, settings=access.settings.model_copy(update={"url": "https://localhost:1/x"}))
    handler = gateway.handler()

    handler.renew(access)
    await gateway.work(handler)

    assert gateway.rows() == [("filed", None)]
