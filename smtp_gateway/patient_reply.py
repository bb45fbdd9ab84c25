"""What a patient sends from her space: a reply in a conversation, or an attempt at a new one.

The engine decides before anything is composed and again when the message is accepted; a refusal is traced and says
why. A message that leaves is in the professional's mailbox and in her own sent folder in one transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from access_core.accounts import AccountState
from access_core.case_inputs import Session, remote_sender
from access_core.decision import Decision, Obligation, Verdict
from access_core.facts import Auth
from access_core.professionals import professional_by_address
from access_core.profiles import Profile
from access_core.reasons import REGISTER, Reason
from access_core.trace.entries import TraceEntry
from mailstore.store import MailStore
from smtp_gateway.acceptance import Acceptance
from smtp_gateway.answers import decide_answer, judge_new
from smtp_gateway.arrival import Arrival, Origin, Receipt, Recipient, Refused, Writer, read_marks
from smtp_gateway.compose import Attachment, Letter, compose, reply_subject
from smtp_gateway.config import ConversationSettings, SmtpSettings
from smtp_gateway.content import ContentRules, Sending
from smtp_gateway.conversation import conversation, messages_of
from smtp_gateway.deciding import Decided, refusal_entry
from smtp_gateway.fin import Answer, judge_patient
from smtp_gateway.header import HeaderBlock
from smtp_gateway.queue.model import QueuedRecipient, remote
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.peer_domain import domain_of
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.ids import new_id

__all__ = ["Attachment", "PatientReplies", "ReplyOutcome", "ReplyRules", "Seat"]


@dataclass(frozen=True, slots=True)
class ReplyOutcome:
    """What was decided, and the receipt when the message left."""

    decision: Decision
    receipt: Receipt | None = None
    refusal: Refusal | None = None
    """Why a rule of the gateway refused the message, whatever the engine decided."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """Who sits before the screen: the holder herself, or somebody who acts for her, and how they signed in."""

    session: Session
    actor: Profile | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Plan:
    """What a message needs, read in one transaction; RECIPIENT is None when the contact cannot be reached."""

    decided: Decided
    address: str
    recipient: Recipient | QueuedRecipient | None = None
    subject: str | None = None
    references: tuple[str, ...] = ()
    conversation_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplyRules:
    """What a message of a patient must obey."""

    smtp: SmtpSettings
    conversations: ConversationSettings
    content: ContentRules


TWO_FACTORS = Seat(session=Session(auth=Auth.LOGIN_OTP))


class PatientReplies:
    """Sends what patients write; one per instance."""

    def __init__(
        self,
        acceptance: Acceptance,
        store: MailStore,
        database: Database,
        clock: Clock,
        *,
        rules: ReplyRules,
    ) -> None:
        self._acceptance = acceptance
        self._store = store
        self._database = database
        self._clock = clock
        self._smtp, self._conversations, self._content = rules.smtp, rules.conversations, rules.content

    async def reply(
        self,
        profile: Profile,
        conversation_id: str,
        text: str,
        attachments: Sequence[Attachment] = (),
        *,
        seat: Seat = TWO_FACTORS,
    ) -> ReplyOutcome:
        """Answer in a conversation of PROFILE.

        Raises:
            TemporaryFailure: nothing was kept.
        """
        writer = self._writer(profile, seat)
        plan = await self._database.read(partial(self._plan_reply, writer=writer, conversation_id=conversation_id))
        return await self._send(writer, plan, text, attachments)

    async def write_new(
        self, profile: Profile, address: str, subject: str, text: str, *, seat: Seat = TWO_FACTORS
    ) -> ReplyOutcome:
        """Try to write to a professional anew; the setting `patient_new_conversation` and the engine say whether.

        Raises:
            TemporaryFailure: nothing was kept.
        """
        writer = self._writer(profile, seat)
        recipient = address.strip().lower()
        plan = await self._database.read(partial(self._plan_new, writer=writer, recipient=recipient, subject=subject))
        return await self._send(writer, plan, text, ())

    def _writer(self, profile: Profile, seat: Seat) -> Writer:
        address = f"{profile.ins.value}@{self._smtp.patient_domains[0]}".lower()
        return Writer(address=address, patient=profile, patient_address=address, actor=seat.actor, session=seat.session)

    def _plan_reply(self, tx: Transaction, writer: Writer, conversation_id: str) -> _Plan:
        found = conversation(tx, conversation_id)
        if found is not None and (writer.patient is None or found.profile_id != writer.patient.id):
            found = None
        answer = judge_patient(found.thread if found else None, None)
        decided = decide_answer(tx, writer, answer, now=self._clock.now())
        if found is None or writer.patient is None or not decided.decision.allowed:
            return _Plan(decided=decided, address=found.correspondent if found else "")
        messages = messages_of(tx, found.id)
        answered = [each for each in messages if each.direction == "in"][-1:]
        subject = None
        if answered:
            header = self._store.open(tx, writer.patient.account_id, answered[0].message_id).header
            subject = HeaderBlock.parse(header.removesuffix(b"\r\n")).text(b"subject")
        earlier = [each.message_id_header for each in messages if each not in answered]
        references = [*earlier, *(each.message_id_header for each in answered)]
        return _Plan(
            decided=decided,
            address=found.correspondent,
            recipient=self._mailbox(tx, found.correspondent),
            subject=reply_subject(subject),
            references=tuple(each for each in references if each),
            conversation_id=found.id,
        )

    def _plan_new(self, tx: Transaction, writer: Writer, recipient: str, subject: str) -> _Plan:
        answer: Answer = judge_new(tx, writer, recipient, self._conversations)
        decided = decide_answer(tx, writer, answer, now=self._clock.now())
        return _Plan(decided=decided, address=recipient, recipient=self._mailbox(tx, recipient), subject=subject)

    async def _send(self, writer: Writer, plan: _Plan, text: str, attachments: Sequence[Attachment]) -> ReplyOutcome:
        decision = plan.decided.decision
        if decision.allowed and plan.recipient is None:
            decision = _unreachable()
        if not decision.allowed or plan.recipient is None:
            await self._acceptance.trace(self._refusal(plan, decision))
            return ReplyOutcome(decision)
        try:
            arrival = await self._compose(writer, plan, _signed(text, writer, decision), attachments)
            return ReplyOutcome(decision, await self._acceptance.accept(arrival))
        except Refused as refused:
            if refused.decision is not None:
                return ReplyOutcome(refused.decision)
            if not isinstance(refused.reason, Refusal):
                return ReplyOutcome(_unreachable())
            writing = remote_sender(writer.address)
            await self._acceptance.trace(refusal_entry(refused.reason, writing, at=self._clock.now()))
            return ReplyOutcome(decision, refusal=refused.reason)

    def _refusal(self, plan: _Plan, decision: Decision) -> TraceEntry:
        return Decided(decision, plan.decided.facts).entry(self._clock.now())

    async def _compose(self, writer: Writer, plan: _Plan, text: str, attachments: Sequence[Attachment]) -> Arrival:
        assert writer.patient is not None
        assert plan.recipient is not None
        now = self._clock.now()
        letter = Letter(
            author=writer.patient,
            author_address=writer.address,
            recipient=plan.address,
            subject=plan.subject or "",
            text=text,
            at=now,
            message_id=f"<{new_id()}@{self._smtp.patient_domains[0]}>",
            references=plan.references,
            attachments=attachments,
        )
        draft = self._store.draft()
        whole = compose(letter)
        await draft.write(whole)
        header = HeaderBlock.parse(whole[: whole.find(b"\r\n\r\n") + 2])
        try:
            await self._content.check(draft, header, Sending(patient=True, submitted=True))
        except Refused:
            await draft.discard()
            raise
        return Arrival(
            origin=Origin.PORTAL,
            at=now,
            message=await draft.seal(),
            marks=read_marks(header),
            writer=writer,
            reverse_path=writer.address,
            recipients=(plan.recipient,) if isinstance(plan.recipient, Recipient) else (),
            queued=(plan.recipient,) if isinstance(plan.recipient, QueuedRecipient) else (),
            reporter_id=writer.patient.account_id,
            conversation_id=plan.conversation_id,
            opens_conversation=plan.conversation_id is None,
        )

    def _mailbox(self, tx: Transaction, address: str) -> Recipient | QueuedRecipient | None:
        """Return the professional's mailbox here, or his address at another operator; None: he cannot be reached."""
        found = professional_by_address(tx, address)
        if found is not None and found.state is not AccountState.CLOSED:
            return Recipient(address=found.address, mailbox_id=found.account_id)
        elsewhere = domain_of(address) not in self._smtp.domains and self._acceptance.may_answer(address)
        return remote(address) if elsewhere else None


def _unreachable() -> Decision:
    reason = Reason.D_SERVICE_INDISPONIBLE
    return Decision(Verdict.DEFER, reason, (), REGISTER[reason].sources)


def _signed(text: str, writer: Writer, decision: Decision) -> str:
    """Name the one who wrote for the patient (obligation MENTION_REDACTEUR)."""
    if Obligation.MENTION_REDACTEUR not in decision.obligations or writer.actor is None or writer.patient is None:
        return text
    return f"{text.rstrip()}\n\nCe message a été rédigé par {writer.actor.name}, pour {writer.patient.name}.\n"
