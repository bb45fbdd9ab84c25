"""A patient's message: may she write to this professional, and into which conversation does it go?

The decision is the engine's (`reply_by_patient`); the facts come from the conversations. It is asked before a reply
is composed and again in the transaction that accepts it. Source: contract §7, domain note §7.1.
"""

from collections.abc import Sequence
from datetime import datetime

from access_core.case_facts import reply_facts
from access_core.case_inputs import ReplyRequest
from access_core.trace.entries import record
from smtp_gateway.arrival import Arrival, Refused, Writer
from smtp_gateway.config import ConversationSettings
from smtp_gateway.conversation import (
    Conversation,
    Patient,
    add_patient_message,
    conversation,
    conversations_referenced,
    conversations_with,
    open_by_patient,
)
from smtp_gateway.deciding import EXCHANGES, Decided, decide_remote_reply
from smtp_gateway.effects import posted
from smtp_gateway.fin import Answer, State, judge_patient
from vaguemestre.kernel.database import Transaction


def decide_answer(tx: Transaction, writer: Writer, answer: Answer, *, now: datetime) -> Decided:
    """Decide `reply_by_patient`, for a patient of ours by all that is known of her, for another by the exchange."""
    if writer.patient is None or writer.session is None:
        return decide_remote_reply(writer.address, answer)
    request = ReplyRequest(
        profile=writer.patient,
        actor=writer.actor or writer.patient,
        exchange=EXCHANGES[answer],
        session=writer.session,
        now=now,
    )
    facts = reply_facts(tx, request)
    return Decided(facts.decide(), facts)


def judge_new(tx: Transaction, writer: Writer, recipient: str, settings: ConversationSettings) -> Answer:
    """Say how a new message of a patient stands: under "never" it answers nothing, whoever it goes to."""
    if settings.patient_new_conversation == "never" or writer.patient_address is None:
        return Answer.UNKNOWN
    known = conversations_with(tx, writer.patient_address, recipient)
    return judge_contact([each for each in known if each.correspondent == recipient])


def judge_contact(known: Sequence[Conversation]) -> Answer:
    """Say whether a professional may be written to, from all conversations in which he is the contact."""
    if not known:
        return Answer.UNKNOWN
    if any(each.open for each in known):
        return Answer.OPEN
    return Answer.CLOSED if any(each.state is State.CLOSED for each in known) else Answer.NOT_ANSWERABLE


def post_patient_message(tx: Transaction, arrival: Arrival, settings: ConversationSettings) -> list[str]:
    """Decide for each recipient and put the message into its conversation; returns the ids of these.

    Raises:
        Refused: she may not write to one of them.
    """
    elsewhere = [each.address.lower() for each in arrival.queued if each.destination]
    addresses = [*(each.address for each in arrival.recipients), *elsewhere]
    found = [_post(tx, arrival, address, settings) for address in addresses]
    return list(dict.fromkeys(found))


def _post(tx: Transaction, arrival: Arrival, recipient: str, settings: ConversationSettings) -> str:
    writer = arrival.writer
    answered = None if arrival.opens_conversation else _answered(tx, arrival, recipient)
    if arrival.opens_conversation:
        answer = judge_new(tx, writer, recipient, settings)
    else:
        answer = judge_patient(answered.thread if answered else None, recipient)
    decided = decide_answer(tx, writer, answer, now=arrival.at)
    entry = decided.entry(arrival.at, message_id=arrival.message.message_id, header=arrival.marks.message_id)
    if not decided.decision.allowed:
        raise Refused(decided.decision.reason, decided.decision, (entry,))
    record(tx, entry)
    if answered is not None:
        add_patient_message(tx, answered.id, posted(arrival))
        return answered.id
    patient = Patient(
        address=writer.patient_address or writer.address, profile_id=writer.patient.id if writer.patient else None
    )
    return open_by_patient(tx, patient, recipient, posted(arrival))


def _answered(tx: Transaction, arrival: Arrival, recipient: str) -> Conversation | None:
    """Return the conversation that the message answers, one with that recipient before others."""
    if arrival.conversation_id is not None:
        return conversation(tx, arrival.conversation_id)
    address = arrival.writer.patient_address or arrival.writer.address
    referenced = conversations_referenced(tx, address, arrival.marks.references)
    with_recipient = [each for each in referenced if each.correspondent == recipient]
    return next(iter([*with_recipient, *referenced]), None)
