"""The MX role: what it answers to other operators, step by step.

Trust comes from the client certificate: its subject, looked up in the whitelist, says for which domains the peer
speaks. An operator that is not listed is refused at its first recipient rather than at EHLO, with the same reply
whoever the recipient is, so that a patient's history shows that somebody from outside tried to write to her.
"""

from dataclasses import dataclass
from enum import StrEnum

from access_core.accounts import Account
from access_core.authentication.exchange import Exchange
from access_core.case_inputs import remote_sender
from mailstore.store import MailStore
from smtp_gateway import replies, trace_fields
from smtp_gateway.acceptance import Acceptance
from smtp_gateway.arrival import Arrival, Origin, Recipient, Refused, Writer, read_marks
from smtp_gateway.config import DkimSettings, SmtpSettings
from smtp_gateway.content import ContentRules, Sending
from smtp_gateway.deciding import refusal_entry
from smtp_gateway.dkim import KeyCache, authentication_results
from smtp_gateway.header import HeaderBlock
from smtp_gateway.intake import MessageIntake, header_limits
from smtp_gateway.recipients import Asking, Mailboxes
from smtp_gateway.replies import Refusal, Reply, refuse
from smtp_gateway.rules.order import check_relayed
from smtp_gateway.rules.peer_domain import check_reverse_path
from smtp_gateway.rules.recipient import is_patient
from smtp_gateway.session import Intake, MailEnvelope, PeerSession
from smtp_gateway.trust.revocation import Revocation
from smtp_gateway.trust.space import TrustSpace
from smtp_gateway.trust.standing import Standing
from smtp_gateway.trust.subjects import subject_of
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.log import get_logger

STANDINGS = {
    Standing.REVOKED: Refusal.PEER_REVOKED,
    Standing.EXPIRED: Refusal.PEER_EXPIRED,
    Standing.UNKNOWN: Refusal.REVOCATION_UNKNOWN,
}
log = get_logger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class MxParts:
    """What the role works with."""

    store: MailStore
    acceptance: Acceptance
    mailboxes: Mailboxes
    trust: TrustSpace
    keys: KeyCache
    clock: Clock
    smtp: SmtpSettings
    dkim: DkimSettings
    content: ContentRules
    revocation: Revocation | None = None


class MxSteps:
    """The answers of the MX."""

    client_certificate = True

    def __init__(self, parts: MxParts) -> None:
        self._parts = parts

    async def hello(self, session: PeerSession) -> Reply | None:
        """Look the certificate up, in the list and among the revoked ones; a list that is too old trusts nobody."""
        if session.certificate is None:
            return refuse(Refusal.PEER_UNKNOWN)
        if self._parts.trust.is_stale(self._parts.clock.now()):
            return refuse(Refusal.LIST_STALE)
        try:
            session.subject = subject_of(session.certificate)
            refusal = await self._revoked(session.certificate)
        except ValueError:
            return refuse(Refusal.PEER_UNKNOWN)
        if refusal is not None:
            await self._trace(refusal, session)
            return refuse(refusal)
        session.domains = self._parts.trust.domains_of(session.subject)
        session.trusted = bool(session.domains)
        return None

    async def _revoked(self, certificate: bytes) -> Refusal | None:
        """Say why a certificate does not do, though its handshake passed: a resumed session verified nothing."""
        revocation = self._parts.revocation
        if revocation is None:
            return None
        verdict = await revocation.check(certificate)
        return STANDINGS[verdict.standing] if not revocation.lets_pass(verdict) else None

    def mechanisms(self, session: PeerSession) -> tuple[str, ...]:
        """Offer none: operators do not sign in."""
        return ()

    def begin_sign_in(self, session: PeerSession, mechanism: str) -> Exchange | None:
        """Begin nothing."""
        return None

    async def admit(self, session: PeerSession, account: Account) -> Reply:
        """Admit no account here."""
        return refuse(Refusal.UNKNOWN_COMMAND)

    async def mail(self, session: PeerSession, sender: str) -> Reply:
        """Check that the peer speaks for the sender's domain."""
        refusal = check_reverse_path(sender, session.domains) if session.trusted else None
        return refuse(refusal) if refusal is not None else replies.SENDER_OK

    async def recipient(self, session: PeerSession, envelope: MailEnvelope, address: str) -> Reply:
        """Accept mailboxes of ours that this sender may write to."""
        sender, mailboxes = envelope.sender or "", self._parts.mailboxes
        if not session.trusted:
            await mailboxes.refuse_stranger(address, session.subject)
            return refuse(Refusal.PEER_UNKNOWN)
        if is_patient(sender, self._parts.smtp) and is_patient(address, self._parts.smtp):
            return refuse(await mailboxes.refuse_patient(sender.lower()))
        found = await mailboxes.find(
            address,
            Asking(key="", sender=lambda _tx: remote_sender(sender.lower()), size_bytes=envelope.declared_bytes),
        )
        if not isinstance(found, Recipient):
            return refuse(found)
        if all(each.mailbox_id != found.mailbox_id for each in envelope.recipients):
            envelope.recipients.append(found)
            if sender:  # a report is not reported (RFC 3461 §6.1)
                envelope.report_here(address)
        return replies.RECIPIENT_OK

    def receive(self, session: PeerSession, envelope: MailEnvelope) -> Intake:
        """Begin to take a message in, with the check of its DKIM signatures."""

        async def conclude(intake: MessageIntake, header: HeaderBlock) -> str:
            return await self._conclude(session, envelope, intake, header)

        return MessageIntake(
            self._parts.store.draft(),
            conclude,
            limits=header_limits(self._parts.smtp, envelope),
            max_signatures=self._parts.dkim.max_signatures,
        )

    async def _trace(self, refusal: StrEnum, session: PeerSession, message_id: str | None = None) -> None:
        peer = remote_sender(session.subject.common_name if session.subject else "")
        entry = refusal_entry(refusal, peer, at=self._parts.clock.now(), header=message_id)
        await self._parts.acceptance.trace(entry)

    async def _conclude(
        self, session: PeerSession, envelope: MailEnvelope, intake: MessageIntake, header: HeaderBlock
    ) -> str:
        parts, now = self._parts, self._parts.clock.now()
        marks, reverse_path = read_marks(header), envelope.sender or ""
        author = check_relayed(header, session.domains, parts.smtp.max_received)
        if isinstance(author, Refusal):
            await self._trace(author, session, marks.message_id)
            raise Refused(author)
        sending = Sending(patient=is_patient(author, parts.smtp), submitted=False)
        try:
            header = await parts.content.check(intake.draft, header, sending)
        except Refused as refused:
            await self._trace(refused.reason, session, marks.message_id)
            raise
        first = [trace_fields.return_path(reverse_path)]
        if intake.dkim is not None:
            results = await intake.dkim.finish(parts.keys, now_s=now.timestamp())
            first.append(authentication_results(parts.smtp.hostname, results))
        client = f"{session.host_name} ({session.peer_host})"
        first.append(trace_fields.received(parts.smtp.hostname, envelope.protocol + "S", now, client))
        final = trace_fields.without_dropped(header, parts.smtp.hostname).to_bytes(first) + b"\r\n"
        patient_address = author if sending.patient else None
        arrival = Arrival(
            origin=Origin.MX,
            at=now,
            message=await intake.draft.seal(final),
            marks=marks,
            writer=Writer(address=author, patient_address=patient_address),
            reverse_path=reverse_path,
            recipients=tuple(envelope.recipients),
            queued=tuple(envelope.queued),
            report=envelope.report,
            require_tls=envelope.require_tls,
        )
        return (await parts.acceptance.accept(arrival)).message_id
