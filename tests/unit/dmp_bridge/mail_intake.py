"""Mail as it comes for the record: delivered into the patient's mailbox, then worked on by the outbox worker."""

from email.message import EmailMessage

import pytest
from sqlalchemy import select

from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.intake import INTAKE_TASK, Intake
from mailstore.store import Delivery
from vaguemestre.kernel.bus.local import LocalBus
from vaguemestre.kernel.outbox import OutboxWorker, TaskState, enqueue, task


def mail(*attachments: tuple[str, bytes, str], **headers: str) -> bytes:
    """Write a mail; HEADERS with `_` for `-`."""
    message = EmailMessage()
    message["From"] = "camille.martin@demo.mssante.fr"
    message["To"] = "279035121518989@patient.mssante.fr"
    message["Subject"] = "XDM/1.0/DDM+Compte rendu PAT-TROIS Dominique"
    message["Message-ID"] = "<42@demo.mssante.fr>"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Bonjour, voici votre compte rendu.")
    for name, content, media_type in attachments:
        maintype, _, subtype = media_type.partition("/")
        message.add_attachment(content, maintype=maintype, subtype=subtype, filename=name)
    return message.as_bytes()


@pytest.fixture
def receive(practice, tmp_path):
    """Deliver a mail into the patient's mailbox and let the worker do what is due."""

    async def deliver_and_work(
        content: bytes, settings: BridgeSettings | None = None, **payload: str | None
    ) -> TaskState:
        draft = practice.store.draft()
        await draft.write(content)
        sealed = await draft.seal()
        patient, now = practice.patient, practice.clock.now()
        order: dict[str, str | None] = {
            "message_id": sealed.message_id,
            "mailbox_id": patient.account_id,
            "profile_id": patient.id,
            "sender_account_id": practice.doctor.account_id,
            "sender_address": None,
            "sent_at": now.isoformat(),
        }

        def accept(tx):
            practice.store.deliver(tx, sealed, [Delivery(mailbox_id=patient.account_id, internal_date=now)])
            enqueue(tx, INTAKE_TASK, sealed.message_id, {**order, **payload}, due_at=now)

        await practice.database.write(accept)
        intake = Intake(
            database=practice.database,
            store=practice.store,
            clock=practice.clock,
            settings=settings or BridgeSettings(ins_authorities=TEST_INS_AUTHORITIES),
        )
        bus = LocalBus(tmp_path / "bus")
        worker = OutboxWorker(practice.database, bus, practice.clock, {INTAKE_TASK: intake})
        try:
            await worker.run_due()
        finally:
            await bus.close()
        query = select(task.c.state).where(task.c.kind == INTAKE_TASK, task.c.key == sealed.message_id)
        return TaskState(await practice.database.read(lambda tx: tx.execute(query).scalar_one()))

    return deliver_and_work
