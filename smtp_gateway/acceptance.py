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
from smtp_gateway.config import ConversationSettings
from smtp_gateway.effects import deliver_to_patients, note_deliveries, recheck_account
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.log import get_logger

SENT_FOLDER = "Envoyés"
SEEN = frozenset({"\\Seen"})
log = get_logger(__name__)


class Acceptance:
    """Takes arrivals in.

    Args:
        may_answer: tells whether an address that a professional gives as Reply-To may become the contact of a
            patient (it must lie in the trust space).
    """

    def __init__(
        self,
        database: Database,
        store: MailStore,
        settings: ConversationSettings,
        *,
        may_answer: Callable[[str], bool],
    ) -> None:
        self._database = database
        self._store = store
        self._settings = settings
        self._may_answer = may_answer

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
            recipients=len(arrival.recipients),
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
        conversations: list[str] = []
        if arrival.writer.patient_address is None:
            conversations = deliver_to_patients(tx, arrival, self._settings, self._may_answer)
        elif not _is_report(arrival):
            conversations = post_patient_message(tx, arrival, self._settings)
        note_deliveries(tx, arrival)
        self._store.deliver(tx, arrival.message, _deliveries(arrival))
        return Receipt(
            message_id=arrival.message.message_id,
            message_id_header=arrival.marks.message_id,
            conversation_ids=tuple(conversations),
        )


def _is_report(arrival: Arrival) -> bool:
    """Tell whether a machine reports on a message (receipt, non-delivery): it answers nobody (RFC 6522)."""
    return not arrival.reverse_path and arrival.message.index.parts[0].media_type == "multipart/report"


def _deliveries(arrival: Arrival) -> list[Delivery]:
    places = [Delivery(mailbox_id=each.mailbox_id, internal_date=arrival.at) for each in arrival.recipients]
    patient = arrival.writer.patient
    if arrival.origin is Origin.PORTAL and patient is not None:
        copy = Delivery(mailbox_id=patient.account_id, internal_date=arrival.at, folder=SENT_FOLDER, flags=SEEN)
        places.append(copy)
    return places
