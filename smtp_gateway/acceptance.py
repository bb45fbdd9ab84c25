"""Acceptance: one transaction for the mailboxes, the conversations, the decisions, the trace and the outbox.

The mail roles and the portal all end here. When `accept` returns, everything is durable; when it raises, nothing
was kept except the trace of a refusal. Decisions taken at RCPT are taken again inside the transaction, so that a
patient who opposes in between is obeyed.
"""

from collections.abc import Callable

from access_core.trace.entries import TraceEntry, record
from mailstore.store import Delivery, MailStore
from smtp_gateway.answers import post_patient_message
from smtp_gateway.arrival import Arrival, Origin, Receipt, Refused
from smtp_gateway.config import ConversationSettings, RelaySettings
from smtp_gateway.effects import deliver_to_patients, note_delegation, note_deliveries, note_queued, recheck_account
from smtp_gateway.queue import entries
from smtp_gateway.rates import count_submission
from smtp_gateway.receipts.arriving import is_report
from smtp_gateway.receipts.following import follow
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.log import get_logger

SENT_FOLDER = "Envoyés"
SEEN = frozenset({"\\Seen"})
log = get_logger(__name__)


class Acceptance:
    """Takes arrivals in.

    Args:
        may_answer: tells whether mail may go to an address, so that one that a professional gives as Reply-To may
            become the contact of a patient: it must lie in the trust space.
        relay: the queue's settings.
    """

    def __init__(
        self,
        database: Database,
        store: MailStore,
        settings: ConversationSettings,
        *,
        may_answer: Callable[[str], bool],
        relay: RelaySettings | None = None,
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self.may_answer = may_answer
        self._relay = relay or RelaySettings()

    async def accept(self, arrival: Arrival) -> Receipt:
        """Deliver a message to all its recipients.

        Raises:
            Refused: a rule said no inside the transaction; the refusal is traced, nothing else was kept.
            TemporaryFailure: nothing was kept; the sender may try again.
        """
        try:
            receipt = await self._database.write(lambda tx: self._accept(tx, arrival))
        except Refused as refused:
            await self.trace(*refused.entries)
            raise
        log.info(
            "message_accepted",
            message_id=receipt.message_id,
            size_bytes=arrival.message.size_bytes,
            recipients=len(arrival.recipients) + len(arrival.queued),
            kind=arrival.origin,
        )
        return receipt

    async def trace(self, *entries: TraceEntry) -> None:
        """Write trace entries of their own (refusals), durable on return."""

        def work(tx: Transaction) -> None:
            for entry in entries:
                record(tx, entry)

        if entries:
            await self._database.write(work)

    def _accept(self, tx: Transaction, arrival: Arrival) -> Receipt:
        recheck_account(tx, arrival)
        count_submission(tx, arrival)
        conversations: list[str] = []
        if arrival.writer.patient_address is None:
            conversations = deliver_to_patients(tx, arrival, self._settings, self.may_answer)
        elif not _is_report(arrival):
            conversations = post_patient_message(tx, arrival, self._settings)
        note_delegation(tx, arrival)
        note_deliveries(tx, arrival)
        follow(tx, arrival)
        if arrival.queued:
            self._queue(tx, arrival)
        else:
            self._store.deliver(tx, arrival.message, _deliveries(arrival))
        return Receipt(
            message_id=arrival.message.message_id,
            message_id_header=arrival.marks.message_id,
            conversation_ids=tuple(conversations),
        )

    def _queue(self, tx: Transaction, arrival: Arrival) -> None:
        """Deliver, have the store hold the message, and queue its recipients elsewhere."""
        places = [*_deliveries(arrival), self._store.holding_place(tx)]
        held = self._store.deliver(tx, arrival.message, places)[-1]
        message = {
            "message_id": arrival.message.message_id,
            "held_uid": held.uid,
            "reverse_path": arrival.reverse_path,
            "reporter_id": arrival.reporter_id if arrival.reverse_path else None,
            "message_id_header": arrival.marks.message_id,
            "envid": arrival.report.envid,
            "ret": arrival.report.ret,
            "require_tls": arrival.require_tls,
            "accepted_at": arrival.at,
            "size_bytes": arrival.message.size_bytes,
        }
        entries.add(tx, message, arrival.queued, self._relay.lifetime_s)
        note_queued(tx, arrival)


def _is_report(arrival: Arrival) -> bool:
    """Tell whether a machine reports on a message (receipt, non-delivery): it answers nobody (RFC 6522)."""
    return not arrival.reverse_path and is_report(arrival.message.index)


def _deliveries(arrival: Arrival) -> list[Delivery]:
    report = is_report(arrival.message.index)
    places = [
        Delivery(
            mailbox_id=each.mailbox_id,
            internal_date=arrival.at,
            flags=SEEN if report and each.profile is not None else frozenset(),  # her space shows it with her message
        )
        for each in arrival.recipients
    ]
    patient = arrival.writer.patient
    if arrival.origin is Origin.PORTAL and patient is not None:
        copy = Delivery(mailbox_id=patient.account_id, internal_date=arrival.at, folder=SENT_FOLDER, flags=SEEN)
        places.append(copy)
    return places
