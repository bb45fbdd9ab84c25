"""Recipients: from the address of a RCPT command to a mailbox of ours, or to the reason why not.

A refused patient is traced here, in a small write of its own, before the refusal is answered. An accepted recipient
is remembered for a moment, since messages come in bursts; the delivery to a patient is decided again in the
transaction that accepts the message, so that only the answer at RCPT may be a moment old.
"""

from collections.abc import Callable
from dataclasses import dataclass

from access_core.accounts import AccountState
from access_core.case_inputs import Sender, remote_sender
from access_core.facts import Auth
from access_core.professionals import professional_by_address
from access_core.reasons import Reason
from access_core.trace.entries import record
from smtp_gateway.arrival import Recipient
from smtp_gateway.config import SmtpSettings
from smtp_gateway.deciding import Decided, decide_delivery, decide_remote_reply
from smtp_gateway.fin import Answer
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.recipient import PatientAddress, ProfessionalAddress, read_recipient
from smtp_gateway.trust.subjects import Subject
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction

Found = Recipient | Refusal | Reason
MEMORY_LIMIT = 10_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """Who wants to write.

    Attributes:
        key: tells senders apart whose answers may differ.
        sender: describes the sender, inside the transaction that decides.
        auth: how the sender proved that it belongs to the trust space.
        size_bytes: of the message, as far as it was declared.
    """

    key: str
    sender: Callable[[Transaction], Sender]
    auth: Auth = Auth.MSSANTE
    size_bytes: int = 0


Holds = Callable[[Transaction, str, int], bool]
"""Tells whether a mailbox has room for so many bytes more."""


def room(usage_bytes: Callable[[Transaction, str], int], quota_bytes: int) -> Holds | None:
    """Return what tells whether professional mailboxes have room; None when there is no quota (RFC 9208 shows it)."""
    if not quota_bytes:
        return None
    return lambda tx, mailbox_id, size_bytes: usage_bytes(tx, mailbox_id) + max(1, size_bytes) <= quota_bytes


class Mailboxes:
    """Looks recipients up."""

    def __init__(self, database: Database, settings: SmtpSettings, clock: Clock, holds: Holds | None = None) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._holds = holds
        self._remembered: dict[tuple[str, str], tuple[float, Recipient]] = {}

    async def find(self, text: str, asking: Asking) -> Found:
        """Return the mailbox that an address names, or why it takes no mail from this sender."""
        key = (text, asking.key)
        remembered = self._remembered.get(key)
        if remembered is not None and remembered[0] > self._clock.monotonic():
            return remembered[1]
        found = await self._look_up(text, asking)
        if isinstance(found, Recipient):
            if len(self._remembered) >= MEMORY_LIMIT:
                self._remembered.clear()
            self._remembered[key] = (self._clock.monotonic() + self._settings.recipient_memory_s, found)
        return found

    async def refuse_stranger(self, text: str, subject: Subject | None) -> None:
        """Trace that a sender from outside the trust space wrote to a patient of ours."""
        label = subject.common_name if subject is not None else ""
        if isinstance(read_recipient(text, self._settings), PatientAddress):
            asking = Asking(key="", sender=lambda _tx: remote_sender(label), auth=Auth.ORG_CERT)
            await self._look_up(text, asking)

    async def refuse_patient(self, address: str) -> Reason:
        """Decide and trace a message from a patient of another operator to a patient: nobody wrote to her first."""
        decided = decide_remote_reply(address, Answer.UNKNOWN)
        entry = decided.entry(self._clock.now())
        await self._database.write(lambda tx: record(tx, entry))
        return decided.decision.reason

    async def _look_up(self, text: str, asking: Asking) -> Found:
        named = read_recipient(text, self._settings)
        if isinstance(named, PatientAddress):
            return await self._patient(named, asking)
        if isinstance(named, ProfessionalAddress):
            address = str(named.address)
            return await self._database.read(lambda tx: self._professional(tx, address, asking.size_bytes), brief=True)
        return named

    async def _patient(self, patient: PatientAddress, asking: Asking) -> Found:
        now = self._clock.now()

        def decide(tx: Transaction) -> Decided:
            return decide_delivery(tx, asking.sender(tx), patient.ins, now=now, auth=asking.auth)

        decided = await self._database.read(decide, brief=True)
        profile = decided.facts.profile
        if decided.decision.allowed and profile is not None:
            return Recipient(address=str(patient.address), mailbox_id=profile.account_id, profile=profile)
        entry = decided.entry(now)
        await self._database.write(lambda tx: record(tx, entry))
        return decided.decision.reason

    def _professional(self, tx: Transaction, address: str, size_bytes: int) -> Found:
        found = professional_by_address(tx, address)
        if found is None or found.state is AccountState.CLOSED:
            return Reason.D_PROFIL_INEXISTANT  # the one answer for every mailbox that takes no mail
        if self._holds is not None and not self._holds(tx, found.account_id, size_bytes):
            return Refusal.MAILBOX_FULL
        return Recipient(address=found.address, mailbox_id=found.account_id)
