"""The submission role: what it answers to the mail programs of our professionals, step by step.

Trust comes from the account: MAIL FROM and the header From must be addresses that it may use. A patient does not
submit by SMTP: she writes from her space, behind two factors.
"""

from dataclasses import dataclass
from enum import StrEnum

from access_core.accounts import Account, AccountKind
from access_core.authentication.authenticator import Authenticator
from access_core.authentication.channel import Channel, Use
from access_core.authentication.exchange import Exchange
from access_core.case_inputs import Sender, local_sender, remote_sender
from access_core.facts import SubjectKind
from access_core.professionals import mailboxes_of, professional_by_account, professional_by_address
from mailstore.store import MailStore
from smtp_gateway import replies, trace_fields
from smtp_gateway.acceptance import Acceptance
from smtp_gateway.arrival import Arrival, Origin, Recipient, Refused, Writer, read_marks
from smtp_gateway.config import RateSettings, SmtpSettings
from smtp_gateway.content import ContentRules, Sending
from smtp_gateway.deciding import refusal_entry
from smtp_gateway.header import HeaderBlock
from smtp_gateway.intake import MessageIntake, header_limits
from smtp_gateway.queue.model import QueuedRecipient
from smtp_gateway.recipients import Asking, Mailboxes
from smtp_gateway.replies import Refusal, Reply, refuse
from smtp_gateway.rules.one_patient import check_named_patients, check_one_patient
from smtp_gateway.rules.order import check_submitted
from smtp_gateway.rules.peer_domain import domain_of
from smtp_gateway.rules.recipient import is_patient
from smtp_gateway.rules.sender_identity import check_reverse_path
from smtp_gateway.sender_name import display_name, lacks_name, with_name
from smtp_gateway.session import Intake, MailEnvelope, PeerSession
from smtp_gateway.trust.space import TrustSpace
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionParts:
    """What the role works with."""

    database: Database
    store: MailStore
    acceptance: Acceptance
    mailboxes: Mailboxes
    authenticator: Authenticator
    clock: Clock
    trust: TrustSpace
    smtp: SmtpSettings
    content: ContentRules
    rates: RateSettings


class SubmissionSteps:
    """The answers of submission, on both ports."""

    client_certificate = False

    def __init__(self, parts: SubmissionParts) -> None:
        self._parts = parts

    async def hello(self, session: PeerSession) -> Reply | None:
        """Greet anybody; trust comes with AUTH."""
        return None

    def mechanisms(self, session: PeerSession) -> tuple[str, ...]:
        """Name what the authenticator offers this peer."""
        return self._parts.authenticator.mechanisms(_channel(session))

    def begin_sign_in(self, session: PeerSession, mechanism: str) -> Exchange | None:
        """Begin a SASL exchange."""
        return self._parts.authenticator.begin(mechanism, _channel(session))

    async def admit(self, session: PeerSession, account: Account) -> Reply:
        """Note which addresses an account that proved who it is may use."""
        if account.kind is AccountKind.PATIENT:
            return refuse(Refusal.AUTH_PATIENT)
        session.mailboxes = await self._parts.database.read(lambda tx: mailboxes_of(tx, account.id))
        session.account = account
        session.trusted = True
        return replies.AUTHENTICATED

    async def mail(self, session: PeerSession, sender: str) -> Reply:
        """Check that the sender is an address of the account."""
        refusal = check_reverse_path(sender, session.mailboxes)
        if refusal is not None:
            await self._trace(refusal, session)
            return refuse(refusal)
        return replies.SENDER_OK

    async def recipient(self, session: PeerSession, envelope: MailEnvelope, address: str) -> Reply:
        """Accept mailboxes of ours that this account may write to."""

        def sender(tx: Transaction) -> Sender:
            return _sender(tx, session, envelope.sender or "")

        found = await self._parts.mailboxes.find(
            address, Asking(key=envelope.sender or "", sender=sender, size_bytes=envelope.declared_bytes)
        )
        elsewhere = found is Refusal.REMOTE and self._parts.trust.lists(domain_of(address))
        if not isinstance(found, Recipient) and not elsewhere:
            return refuse(found)
        if (refusal := self._second_patient(envelope, address)) is not None:
            return refuse(refusal)
        if not isinstance(found, Recipient):
            return _queue(envelope, address)
        if all(each.mailbox_id != found.mailbox_id for each in envelope.recipients):
            envelope.recipients.append(found)
            envelope.report_here(address)
        return replies.RECIPIENT_OK

    def _second_patient(self, envelope: MailEnvelope, address: str) -> Refusal | None:
        if not self._parts.smtp.one_patient_per_message or not self._is_patient(address):
            return None
        return check_one_patient(address, [each for each in _addressed(envelope) if self._is_patient(each)])

    def receive(self, session: PeerSession, envelope: MailEnvelope) -> Intake:
        """Begin to take a message in."""

        async def conclude(intake: MessageIntake, header: HeaderBlock) -> str:
            return await self._conclude(session, envelope, intake, header)

        return MessageIntake(self._parts.store.draft(), conclude, limits=header_limits(self._parts.smtp, envelope))

    async def _trace(self, refusal: StrEnum, session: PeerSession, message_id: str | None = None) -> None:
        entry = refusal_entry(refusal, _own(session), at=self._parts.clock.now(), header=message_id)
        await self._parts.acceptance.trace(entry)

    async def _conclude(
        self, session: PeerSession, envelope: MailEnvelope, intake: MessageIntake, header: HeaderBlock
    ) -> str:
        parts, now = self._parts, self._parts.clock.now()
        author = check_submitted(header, session.mailboxes, parts.smtp.max_received)
        if not isinstance(author, Refusal) and parts.smtp.one_patient_per_message:
            author = check_named_patients(header, self._is_patient) or author
        if isinstance(author, Refusal):
            await self._trace(author, session, read_marks(header).message_id)
            raise Refused(author)
        try:
            header = await parts.content.check(intake.draft, header, Sending(patient=False, submitted=True))
        except Refused as refused:
            await self._trace(refused.reason, session, read_marks(header).message_id)
            raise
        header = await self._with_sender_name(session, header, author)
        header = trace_fields.without_false_sender(header, session.mailboxes)
        header = trace_fields.without_unreadable(header)
        reverse_path = envelope.sender or ""
        missing = trace_fields.missing_fields(header, now, domain_of(author))
        first = [
            trace_fields.return_path(reverse_path),
            trace_fields.received(parts.smtp.hostname, envelope.protocol + "SA", now),
            *missing,
        ]
        final = trace_fields.without_dropped(header, parts.smtp.hostname).to_bytes(first)
        arrival = Arrival(
            origin=Origin.SUBMISSION,
            at=now,
            message=await intake.draft.seal(final + b"\r\n"),
            marks=read_marks(HeaderBlock.parse(final) if missing else header),
            writer=_writer(session, author),
            reverse_path=reverse_path,
            recipients=tuple(envelope.recipients),
            queued=tuple(envelope.queued),
            patients_elsewhere=self._patients_elsewhere(envelope),
            report=envelope.report,
            require_tls=envelope.require_tls,
            rates=parts.rates,
            reporter_id=session.mailboxes.get(reverse_path.lower()),
        )
        return (await parts.acceptance.accept(arrival)).message_id

    def _patients_elsewhere(self, envelope: MailEnvelope) -> tuple[str, ...]:
        queued = [each.address.lower() for each in envelope.queued if each.destination]
        return tuple(each for each in queued if self._is_patient(each))

    def _is_patient(self, address: str) -> bool:
        return is_patient(address, self._parts.smtp)

    async def _with_sender_name(self, session: PeerSession, header: HeaderBlock, author: str) -> HeaderBlock:
        """Write the name of the mailbox into a From that has none; looked up once per session."""
        if not self._parts.smtp.sender_names or not lacks_name(header, author):
            return header
        if author not in session.names:
            found = await self._parts.database.read(lambda tx: professional_by_address(tx, author))
            session.names[author] = display_name(found) if found is not None else ""
        name = session.names[author]
        return with_name(header, name) if name else header


def _channel(session: PeerSession) -> Channel:
    return Channel(peer=session.peer_host, use=Use.SMTP, certificate=session.certificate, end_point=session.end_point)


def _queue(envelope: MailEnvelope, address: str) -> Reply:
    """Add a recipient at another operator, once."""
    if all(each.address.lower() != address.lower() for each in envelope.queued):
        wishes, destination = envelope.wishes, domain_of(address)
        envelope.queued.append(
            QueuedRecipient(address=address, destination=destination, notify=wishes.notify, orcpt=wishes.orcpt)
        )
    return replies.RECIPIENT_OK


def _addressed(envelope: MailEnvelope) -> list[str]:
    """Return whom the message goes to so far, here and elsewhere."""
    return [
        *(each.address for each in envelope.recipients),
        *(each.address for each in envelope.queued if each.destination),
    ]


def _writer(session: PeerSession, author: str) -> Writer:
    """Say who writes, and for which organisational mailbox when the author is not the account itself."""
    account_id, mailbox_id = session.account.id if session.account else None, session.mailboxes.get(author)
    delegated = mailbox_id if mailbox_id != account_id else None
    return Writer(address=author, account_id=account_id, delegated_mailbox_id=delegated)


def _own(session: PeerSession) -> Sender:
    """Describe the account itself."""
    account = session.account
    return Sender(
        kind=SubjectKind.PRO, label=account.display_name if account else "", id=account.id if account else None
    )


def _sender(tx: Transaction, session: PeerSession, address: str) -> Sender:
    """Describe the mailbox in whose name the account writes; its own for the null sender."""
    account_id = session.account.id if session.account else ""
    found = professional_by_address(tx, address) if address else professional_by_account(tx, account_id)
    return local_sender(found) if found is not None else remote_sender(address)
