"""What a professional's message does beside being stored: decisions, conversations, notices, filing, trace.

Every function is part of the one unit of work of `acceptance.py` and raises `Refused` when a rule says no.
"""

from collections.abc import Callable
from dataclasses import dataclass

from access_core.accounts import AccountState, account_by_id
from access_core.case_inputs import Sender, local_sender, remote_sender
from access_core.decision import Obligation, Verdict
from access_core.facts import SubjectKind
from access_core.obligations import Deed, carry_out
from access_core.professionals import mailboxes_of, professional_by_address
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.store import MessageIndex, Part
from smtp_gateway.arrival import Arrival, Recipient, Refused
from smtp_gateway.config import ConversationSettings
from smtp_gateway.conversation import (
    Patient,
    Posted,
    apply_change,
    conversations_referenced,
    conversations_with,
)
from smtp_gateway.deciding import decide_delivery, refusal_entry
from smtp_gateway.fin import Fin, ProfessionalMessage, follow_professional, read_fin
from smtp_gateway.receipts.arriving import is_report
from smtp_gateway.receipts.automatic import Authorship
from smtp_gateway.replies import Refusal
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import enqueue

INTAKE_TASK = "dmp.intake"
NOT_FOR_REPORTS = frozenset({Obligation.NOTIF_TITULAIRE, Obligation.INVITE_ACTIVATION})
"""A report shows in her space under her message: there is no new message to tell her of."""
TEXT_TYPES = frozenset({"text/plain", "text/html"})


def recheck_account(tx: Transaction, arrival: Arrival) -> None:
    """Check that the submitting account still may write under the author's address."""
    account_id = arrival.writer.account_id
    if account_id is None or arrival.writer.patient is not None:
        return
    account = account_by_id(tx, account_id)
    refusal: Refusal | None = None
    if account is None or account.state is not AccountState.ACTIVE:
        refusal = Refusal.ACCOUNT_CLOSED
    elif arrival.writer.address not in mailboxes_of(tx, account_id):
        refusal = Refusal.FROM
    if refusal is not None:
        label = account.display_name if account is not None else ""
        writer = Sender(kind=SubjectKind.PRO, label=label, id=account_id)
        raise Refused(refusal, None, (refusal_entry(refusal, writer, at=arrival.at, header=arrival.marks.message_id),))


@dataclass(frozen=True, slots=True)
class _Author:
    """The professional who writes, loaded once for all recipients."""

    sender: Sender
    addresses: frozenset[str]


def _author(tx: Transaction, arrival: Arrival) -> _Author:
    writer = arrival.writer
    if writer.account_id is None:
        return _Author(remote_sender(writer.address), frozenset({writer.address}))
    professional = professional_by_address(tx, writer.address)
    addresses = frozenset(mailboxes_of(tx, writer.account_id)) | {writer.address}
    sender = local_sender(professional) if professional is not None else remote_sender(writer.address)
    return _Author(sender, addresses)


def deliver_to_patients(
    tx: Transaction,
    arrival: Arrival,
    settings: ConversationSettings,
    may_answer: Callable[[str], bool],
) -> list[str]:
    """Decide for each patient recipient of ours, and let the message join or open a conversation with each patient.

    Whether a patient of another operator takes the message is decided there; who may answer is known here.

    Returns:
        The ids of the conversations.
    """
    patients = [each for each in arrival.recipients if each.profile is not None]
    if not patients and not arrival.patients_elsewhere:
        return []
    author = _author(tx, arrival)
    reached = [
        Patient(address=each.address, profile_id=_deliver(tx, arrival, author, each).id) for each in patients
    ] + [Patient(address=address, profile_id=None) for address in arrival.patients_elsewhere]
    if not arrival.reverse_path or is_report(arrival.message.index):
        return []  # reports belong to no conversation
    message = _professional_message(arrival, author, settings, may_answer)
    return [_follow(tx, arrival, author, message, patient) for patient in reached]


def _deliver(tx: Transaction, arrival: Arrival, author: _Author, recipient: Recipient) -> Profile:
    """Decide, carry out and trace `deliver_to_patient`; returns the profile as it is now."""
    assert recipient.profile is not None
    decided = decide_delivery(tx, author.sender, recipient.profile.ins, now=arrival.at)
    message_id, header = arrival.message.message_id, arrival.marks.message_id
    entry = decided.entry(arrival.at, message_id=message_id, header=header)
    profile = decided.facts.profile
    if not decided.decision.allowed or profile is None:
        raise Refused(decided.decision.reason, decided.decision, (entry,))
    deed = Deed(
        act=decided.facts.act,
        profile=profile,
        resource_kind="message",
        resource_id=message_id,
        now=arrival.at,
        professional_id=author.sender.id,
    )
    report = is_report(arrival.message.index)
    carry_out(tx, decided.decision, deed, done=NOT_FOR_REPORTS if report else ())
    record(tx, entry)
    if not report and has_attachments(arrival.message.index):
        _enqueue_intake(tx, arrival, profile)
    return profile


def _enqueue_intake(tx: Transaction, arrival: Arrival, profile: Profile) -> None:
    message_id = arrival.message.message_id
    payload = {
        "message_id": message_id,
        "mailbox_id": profile.account_id,
        "profile_id": profile.id,
        "sender_account_id": arrival.writer.account_id,
        "sender_address": arrival.writer.address,
        "sent_at": arrival.at.isoformat(),
    }
    enqueue(tx, INTAKE_TASK, f"{message_id}:{profile.id}", payload, due_at=arrival.at)


def has_attachments(index: MessageIndex) -> bool:
    """Tell whether a message carries anything but its text."""
    return any(_is_attachment(part) for part in index.parts)


def _is_attachment(part: Part) -> bool:
    if part.is_multipart:
        return False
    return part.disposition == "attachment" or part.filename is not None or part.media_type not in TEXT_TYPES


def _professional_message(
    arrival: Arrival, author: _Author, settings: ConversationSettings, may_answer: Callable[[str], bool]
) -> ProfessionalMessage:
    marks, reply_to = arrival.marks, arrival.marks.reply_to
    if reply_to is not None and not may_answer(reply_to):
        reply_to = None
    return ProfessionalMessage(
        sender=arrival.writer.address,
        writer_addresses=author.addresses,
        reply_to=reply_to,
        fin=read_fin(marks.subject, marks.mes, match=settings.fin_match),
        answerable=settings.automatic_messages_answerable or not marks.automatic or reply_to is not None,
        by_program=marks.authorship is Authorship.REPLY,
    )


def _follow(tx: Transaction, arrival: Arrival, author: _Author, message: ProfessionalMessage, patient: Patient) -> str:
    referenced = conversations_referenced(tx, patient.address, arrival.marks.references)
    own = conversations_with(tx, patient.address, message.sender) if message.fin is Fin.ALL else []
    change = follow_professional(message, [each.thread for each in referenced], [each.thread for each in own])
    conversation_id = apply_change(tx, patient, change, posted(arrival))
    closed = (*change.also_closed, *((conversation_id,) if change.closes else ()))
    for each in closed:
        record(tx, _closed_entry(arrival, author, patient, each))
    return conversation_id


def posted(arrival: Arrival) -> Posted:
    """Return the message as a conversation keeps it."""
    return Posted(
        message_id=arrival.message.message_id,
        message_id_header=arrival.marks.message_id,
        sender=arrival.writer.address,
        at=arrival.at,
    )


def _closed_entry(arrival: Arrival, author: _Author, patient: Patient, conversation_id: str) -> TraceEntry:
    return TraceEntry(
        at=arrival.at,
        act="conversation_closed",
        verdict=Verdict.PERMIT,
        reason=Reason.OK,
        subject_kind=SubjectKind.PRO,
        subject_id=arrival.writer.account_id,
        subject_label=author.sender.label,
        profile_id=patient.profile_id,
        resource_kind="conversation",
        resource_id=conversation_id,
        message_id_header=arrival.marks.message_id,
    )


def note_delegation(tx: Transaction, arrival: Arrival) -> None:
    """Trace which member wrote in the name of an organisational mailbox; the decisions name the mailbox only."""
    mailbox_id, account_id = arrival.writer.delegated_mailbox_id, arrival.writer.account_id
    if mailbox_id is None or account_id is None:
        return
    member = account_by_id(tx, account_id)
    entry = TraceEntry(
        at=arrival.at,
        act="message_sent_on_behalf",
        verdict=Verdict.PERMIT,
        reason=Reason.OK,
        subject_kind=SubjectKind.PRO,
        subject_id=account_id,
        subject_label=member.login if member is not None else "",
        mailbox_id=mailbox_id,
        resource_kind="message",
        resource_id=arrival.message.message_id,
        message_id_header=arrival.marks.message_id,
    )
    record(tx, entry)


def note_deliveries(tx: Transaction, arrival: Arrival) -> None:
    """Trace the delivery to each professional mailbox; those to patients are traced as decisions."""
    patient = arrival.writer.patient
    for recipient in arrival.recipients:
        if recipient.profile is None:
            entry = TraceEntry(
                at=arrival.at,
                act="message_delivered",
                verdict=Verdict.PERMIT,
                reason=Reason.OK,
                subject_kind=SubjectKind.PRO if arrival.writer.patient_address is None else SubjectKind.TITULAIRE,
                subject_id=patient.id if patient is not None else arrival.writer.account_id,
                subject_label=arrival.writer.address,
                mailbox_id=recipient.mailbox_id,
                resource_kind="message",
                resource_id=arrival.message.message_id,
                message_id_header=arrival.marks.message_id,
            )
            record(tx, entry)


def note_queued(tx: Transaction, arrival: Arrival) -> None:
    """Trace that a recipient elsewhere was queued."""
    patient = arrival.writer.patient
    for recipient in arrival.queued:
        if recipient.destination:
            entry = TraceEntry(
                at=arrival.at,
                act="message_queued",
                verdict=Verdict.PERMIT,
                reason=Reason.OK,
                subject_kind=SubjectKind.PRO if arrival.writer.patient_address is None else SubjectKind.TITULAIRE,
                subject_id=patient.id if patient is not None else arrival.writer.account_id,
                subject_label=arrival.writer.address,
                mailbox_id=arrival.reporter_id,
                resource_kind="message",
                resource_id=arrival.message.message_id,
                message_id_header=arrival.marks.message_id,
            )
            record(tx, entry)
