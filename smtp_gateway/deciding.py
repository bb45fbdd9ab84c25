"""Decisions of the gateway: the facts of a delivery or of a patient's answer, put to the access engine.

The engine decides; this file only says in its words what the gateway knows. It runs inside the transaction that
acts on the decision, and once more before, at RCPT, so that the sender learns early.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access_core.acts import Act
from access_core.case_facts import delivery_facts
from access_core.case_inputs import NO_PROFESSION, CaseFacts, ExchangeFacts, Sender
from access_core.decide import decide
from access_core.decision import Decision, Verdict
from access_core.facts import Auth, Context, Exchange, ReplyOption, Resource, Subject, SubjectKind
from access_core.facts import Recipient as RecipientFact
from access_core.identifiers import INS
from access_core.trace.entries import TraceEntry
from smtp_gateway.fin import Answer
from vaguemestre.kernel.database import Transaction

EXCHANGES: Mapping[Answer, ExchangeFacts] = {
    Answer.OPEN: ExchangeFacts(conversation=Exchange.OUVERTE),
    Answer.UNKNOWN: ExchangeFacts(conversation=Exchange.INEXISTANTE),
    Answer.CLOSED: ExchangeFacts(conversation=Exchange.CLOSE_FIN),
    Answer.NOT_ANSWERABLE: ExchangeFacts(conversation=Exchange.OUVERTE, reply=ReplyOption.BLOQUEE),
    Answer.SOMEBODY_ELSE: ExchangeFacts(conversation=Exchange.OUVERTE, recipient=RecipientFact.TIERS),
}
"""What an answer of `fin.py` is in the engine's facts `conversation`, `reponse`, `destinataire`."""


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision with the case that it answers."""

    decision: Decision
    facts: CaseFacts

    def entry(self, at: datetime, *, message_id: str | None = None, header: str | None = None) -> TraceEntry:
        """Return its trace entry; MESSAGE_ID and HEADER name the message once there is one."""
        profile, kind = self.facts.profile, self.facts.subject.sujet
        return TraceEntry(
            at=at,
            act=self.facts.act,
            verdict=self.decision.verdict,
            reason=self.decision.reason,
            subject_kind=kind if kind is not None else SubjectKind.SYSTEME,
            subject_id=self.facts.actor_id,
            subject_label=self.facts.actor_label,
            profile_id=profile.id if profile else None,
            mailbox_id=profile.account_id if profile else None,
            resource_kind="message",
            resource_id=message_id,
            message_id_header=header,
            obligations=tuple(self.decision.obligations),
        )


def refusal_entry(reason: StrEnum, sender: Sender, *, at: datetime, header: str | None = None) -> TraceEntry:
    """Return the trace entry of a message that a rule of the gateway refused."""
    return TraceEntry(
        at=at,
        act="message_refused",
        verdict=Verdict.DENY,
        reason=reason,
        subject_kind=sender.kind,
        subject_id=sender.id,
        subject_label=sender.label,
        mailbox_id=sender.id,
        resource_kind="message",
        message_id_header=header,
    )


def decide_delivery(
    tx: Transaction, sender: Sender, ins: INS | None, *, now: datetime, auth: Auth = Auth.MSSANTE
) -> Decided:
    """Decide `deliver_to_patient` for one recipient; INS None: the address names no well-formed INS."""
    facts = delivery_facts(tx, sender, ins, now=now, auth=auth)
    return Decided(facts.decide(), facts)


def decide_remote_reply(address: str, answer: Answer) -> Decided:
    """Decide `reply_by_patient` for a patient of another operator, who signed in there with two factors."""
    exchange = EXCHANGES[answer]
    facts = CaseFacts(
        act=Act.REPLY_BY_PATIENT,
        subject=Subject(auth=Auth.LOGIN_OTP, sujet=SubjectKind.TITULAIRE, profession=NO_PROFESSION),
        resource=Resource(conversation=exchange.conversation, reponse=exchange.reply, destinataire=exchange.recipient),
        context=Context(),
        profile=None,
        actor_id=None,
        actor_label=address,
    )
    return Decided(decide(facts.subject, facts.act, facts.resource, facts.context), facts)
