"""What the sender is told: delivery status notifications, a French text and the machine's part (RFC 3464, RFC 6522).

The text says what happened in plain words and names no subject, no file and nothing of the content; the message itself
comes back only when its sender asked for it (RET=FULL) and it failed. The peer's own words are not quoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from smtp_gateway.queue.model import Answer, Job, Trouble, Waiting
from smtp_gateway.queue.schedule import Action, Ruling
from smtp_gateway.receipts.fields import decode_xtext, encode_xtext
from smtp_gateway.receipts.report_mail import (
    PRINTABLE,
    ReportHead,
    header_part,
    join_report,
    machine_part,
    message_part,
    text_part,
)
from smtp_gateway.rules.peer_domain import domain_of

KIND = "delivery-status"
SUBJECTS = {
    Action.FAILED: "Message non distribué",
    Action.DELAYED: "Message retardé",
    Action.DELIVERED: "Message distribué",
    Action.RELAYED: "Message transmis",
}
OPENINGS = {
    Action.FAILED: "Votre message n'a pas pu être remis :",
    Action.DELAYED: "Votre message n'a pas encore pu être remis. Vous n'avez rien à faire : les essais continuent.",
    Action.DELIVERED: "Votre message a été remis :",
    Action.RELAYED: "Votre message a été transmis à l'opérateur du destinataire, qui n'envoie pas d'avis de remise :",
}
SENTENCES = {
    Trouble.UNREACHABLE: "la messagerie du destinataire ne répond pas.",
    Trouble.NO_ROUTE: "la messagerie du destinataire est introuvable.",
    Trouble.NO_TLS: "la messagerie du destinataire n'offre pas de liaison chiffrée.",
    Trouble.CERTIFICATE: "la messagerie du destinataire n'a pas pu prouver son identité.",
    Trouble.WITHDRAWN: "ce domaine n'appartient pas à l'espace de confiance MSSanté.",
    Trouble.LIST_STALE: "la liste des opérateurs de confiance est trop ancienne.",
    Trouble.INTERRUPTED: "la liaison avec la messagerie du destinataire a été interrompue.",
    Trouble.POSTPONED: "la messagerie du destinataire demande de réessayer plus tard.",
    Trouble.REFUSED: "la messagerie du destinataire a refusé le message.",
    Trouble.UNKNOWN_RECIPIENT: "cette adresse n'existe pas ou ne reçoit pas de message.",
    Trouble.FULL: "la boîte du destinataire est pleine.",
    Trouble.TOO_LARGE: "le message est trop volumineux pour la messagerie du destinataire.",
    Trouble.NOT_8BIT: "la messagerie du destinataire ne prend pas ce format de message.",
    Trouble.NOT_UTF8: "la messagerie du destinataire ne prend ni adresse ni en-tête avec des accents.",
    Trouble.NO_REQUIRETLS: "la messagerie du destinataire ne garantit pas une liaison chiffrée jusqu'au bout.",
    Trouble.UNREADABLE: "le message n'a pas pu être relu.",
    Trouble.DROPPED: "le message a été retiré de la file d'attente par l'exploitant.",
}
REASSURANCE = {Action.DELIVERED: "remis.", Action.RELAYED: "transmis."}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Told:
    """One recipient of a report."""

    waiting: Waiting
    answer: Answer
    ruling: Ruling


@dataclass(frozen=True, slots=True)
class Reporter:
    """Who reports (our host name), and when."""

    hostname: str
    at: datetime


def compose_report(job: Job, action: Action, told: Sequence[Told], original: bytes, *, reporter: Reporter) -> bytes:
    """Return a report on the recipients TOLD, all with the same ACTION.

    Args:
        job: the message and its envelope.
        action: what the report says.
        told: at least one recipient.
        original: the message itself when it goes back whole, else its header.
        reporter: who reports, when.
    """
    own = job.reverse_path if job.reporter_id is not None else told[0].waiting.recipient
    head = ReportHead(
        author=f"Messagerie <mailer-daemon@{domain_of(own)}>",
        to=job.reverse_path,
        subject=SUBJECTS[action],
        at=reporter.at,
        domain=domain_of(own),
        kind=KIND,
        about=job.message_id_header,
    )
    returned = message_part(original) if returns_whole(job, action) else header_part(original)
    machine = machine_part(KIND, _status(job, action, told, reporter.hostname))
    return join_report(head, [text_part(_text(action, told, job)), machine, returned])


def _text(action: Action, told: Sequence[Told], job: Job) -> str:
    lines = [OPENINGS[action], ""]
    for each in told:
        said = REASSURANCE.get(action) or SENTENCES[each.answer.trouble or Trouble.REFUSED]
        lines.append(f"- {each.waiting.recipient} : {said}")
    lines += ["", f"Message accepté le {job.accepted_at.strftime('%d/%m/%Y à %H:%M')} (temps universel).", ""]
    return "\r\n".join(lines)


def _status(job: Job, action: Action, told: Sequence[Told], hostname: str) -> list[str]:
    lines = [f"Reporting-MTA: dns; {hostname}"]
    if job.request.envid:
        lines.insert(0, f"Original-Envelope-Id: {_printable(job.request.envid)}")
    lines.append(f"Arrival-Date: {format_datetime(job.accepted_at)}")
    for each in told:
        lines += ["", *_recipient_status(action, each)]
    return lines


def _recipient_status(action: Action, each: Told) -> list[str]:
    lines = []
    if each.waiting.orcpt:
        kind, _, address = each.waiting.orcpt.partition(";")
        lines.append(f"Original-Recipient: {kind}; {_printable(address)}")
    recipient = each.waiting.recipient
    final = f"rfc822; {recipient}" if recipient.isascii() else f"utf-8; {encode_xtext(recipient)}"
    lines += [f"Final-Recipient: {final}", f"Action: {action}", f"Status: {each.ruling.status}"]
    if each.answer.reply_code is not None:
        lines.append(f"Diagnostic-Code: smtp; {each.answer.reply_code} {each.answer.status}")
    if action is Action.DELAYED:
        lines.append(f"Will-Retry-Until: {format_datetime(each.waiting.expires_at)}")
    return lines


def _printable(xtext: str) -> str:
    """Return what was written as xtext; as it came when it would not stay on one line (RFC 3461 §4.2, §4.4)."""
    plain = decode_xtext(xtext)
    return plain if PRINTABLE.fullmatch(plain) else xtext


def returns_whole(job: Job, action: Action) -> bool:
    """Tell whether the message itself goes back: with a failure only (RFC 3461 §4.3), never under REQUIRETLS."""
    return action is Action.FAILED and job.request.ret == "FULL" and not job.require_tls
