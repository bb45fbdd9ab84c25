"""What the bridge tells the gateway once a mail's documents are filed or refused, in ours or in an external record.

The gateway writes to the sender (`smtp_gateway/receipts/integration.py` holds the contract of this outbox task); the
bridge only says what happened, as an application code. Source: dmp.md §4.3, VGM:DMP-MDN.
"""

from collections.abc import Sequence
from datetime import datetime

from access_core.reasons import Reason
from dmp_bridge import refusals
from dmp_bridge.refusals import Refusal
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import enqueue

RECEIPT_TASK = "mdn.integration"
OTHER = "906"
CODES = {
    Reason.H_AUTEUR_REQUIS: "901",
    Reason.D_PROFIL_INEXISTANT: "902",
    Reason.I_INS_ABSENTE: "903",
    Reason.I_INS_MALFORMEE: "903",
    Reason.I_INS_DISCORDANTE: "904",
    Reason.I_INS_NON_QUALIFIEE: "905",
}
"""Application codes of the engine's reasons; every other one is 906, which tells nothing of the patient's choices."""


def application_code(reason: str) -> str:
    """Return the code, 900 to 906, of a refusal; "" when the document was filed."""
    if reason == Reason.OK:
        return ""
    if reason in set(Refusal):
        return refusals.REGISTER[Refusal(reason)].mdn_code
    return CODES.get(Reason(reason), OTHER) if reason in set(Reason) else OTHER


def announce(tx: Transaction, message_id: str, mailbox_id: str, reasons: Sequence[str], *, now: datetime) -> bool:
    """Leave word of what became of a message's documents; returns whether it was the first word of it.

    Args:
        tx: the unit of work that files them.
        message_id: of the store.
        mailbox_id: that received it.
        reasons: one per document or unreadable archive, in their order: "OK", a `Reason` or a `Refusal`.
        now: aware.
    """
    if not reasons:
        return False
    refused = next((each for each in reasons if each != Reason.OK), None)
    payload = {
        "message_id": message_id,
        "mailbox_id": mailbox_id,
        "code": "" if refused is None else application_code(refused),
        "reason": str(refused or Reason.OK),
    }
    return enqueue(tx, RECEIPT_TASK, f"{message_id}:{mailbox_id}", payload, due_at=now)
