"""Telling a patient by ordinary e-mail that something waits in her space: her message was not delivered.

The notice is the general one (`notice_texts.py`): it names neither the message nor whom it was for.
"""

from datetime import datetime

from access_core.acts import Act
from access_core.obligations import Deed, Notice, notify
from access_core.profiles import profile_by_account
from smtp_gateway.receipts.outcome import UNDELIVERED, Outcome
from vaguemestre.kernel.database import Transaction


def tell_patient(tx: Transaction, mailbox_id: str, message_id: str, state: Outcome, *, now: datetime) -> None:
    """Have a patient told, once per message, that it was not delivered; professionals get a report instead."""
    profile = profile_by_account(tx, mailbox_id) if state in UNDELIVERED else None
    if profile is not None:
        deed = Deed(act=Act.REPLY_BY_PATIENT, profile=profile, resource_kind="message", resource_id=message_id, now=now)
        notify(tx, deed, Notice.ANNOUNCEMENT)
