"""Recipients: from the address of a RCPT command to a mailbox of ours, or to the reason why not.

A refused patient is traced here, in a small write of its own, before the refusal is answered.
"""

from collections.abc import Callable
from datetime import datetime

from access_core.accounts import AccountState
from access_core.case_inputs import Sender, remote_sender
from access_core.facts import Auth
from access_core.professionals import professional_by_address
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from smtp_gateway.arrival import Recipient
from smtp_gateway.config import SmtpSettings
from smtp_gateway.deciding import Decided, decide_delivery
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.recipient import PatientAddress, ProfessionalAddress, read_recipient
from smtp_gateway.trust.subjects import Subject
from vaguemestre.kernel.database import Database, Transaction

Found = Recipient | Refusal | Reason


class Mailboxes:
    """Looks recipients up."""

    def __init__(self, database: Database, settings: SmtpSettings) -> None:
        self._database = database
        self._settings = settings

    async def find(
        self, text: str, sender: Callable[[Transaction], Sender], *, now: datetime, auth: Auth = Auth.MSSANTE
    ) -> Found:
        """Return the mailbox that an address names, or why it takes no mail from this sender.

        Args:
            text: the address.
            sender: describes who writes, inside the transaction that decides.
            now: the instant of the decision.
            auth: how the sender proved that it belongs to the trust space.
        """
        named = read_recipient(text, self._settings)
        if isinstance(named, PatientAddress):
            patient = named
            decided = await self._database.read(
                lambda tx: decide_delivery(tx, sender(tx), patient.ins, now=now, auth=auth)
            )
            return await self._patient(patient, decided, now)
        if isinstance(named, ProfessionalAddress):
            address = str(named.address)
            return await self._database.read(lambda tx: _professional(tx, address))
        return named

    async def refuse_stranger(self, text: str, subject: Subject | None, *, now: datetime) -> None:
        """Trace that a sender from outside the trust space wrote to a patient of ours."""
        named = read_recipient(text, self._settings)
        if isinstance(named, PatientAddress):
            label = subject.common_name if subject is not None else ""
            await self.find(text, lambda _tx: remote_sender(label), now=now, auth=Auth.ORG_CERT)

    async def _patient(self, patient: PatientAddress, decided: Decided, now: datetime) -> Found:
        profile = decided.facts.profile
        if not decided.decision.allowed or profile is None:
            await self._trace(decided.entry(now))
            return decided.decision.reason
        return Recipient(address=str(patient.address), mailbox_id=profile.account_id, profile=profile)

    async def _trace(self, entry: TraceEntry) -> None:
        def work(tx: Transaction) -> None:
            record(tx, entry)

        await self._database.write(work)


def _professional(tx: Transaction, address: str) -> Found:
    found = professional_by_address(tx, address)
    if found is None or found.state is AccountState.CLOSED:
        return Reason.D_PROFIL_INEXISTANT  # the one answer for every mailbox that takes no mail
    return Recipient(address=found.address, mailbox_id=found.account_id)
