"""What the sender is told: delivery status notifications, a French text and the machine's part (RFC 3464, RFC 6522).

The text says what happened in plain words and names no subject, no file and nothing of the content; the message itself
comes back only when its sender asked for it (RET=FULL) and it failed. The peer's own words are not quoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from smtp_gateway.header import HeaderBlock
from smtp_gateway.queue.model import Answer, Job, Trouble, Waiting
from smtp_gateway.queue.schedule import Action, Ruling
from smtp_gateway.rules.peer_domain import domain_of
from vaguemestre.kernel.ids import new_id

RETURNED_FIELDS = frozenset({b"from", b"to", b"cc", b"date", b"message-id", b"in-reply-to"})
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
    boundary = f"rapport-{new_id()}"
    domain = domain_of(job.reverse_path)
    answered = f"In-Reply-To: {job.message_id_header}\r\nReferences: {job.message_id_header}\r\n"
    head = (
        f"Return-Path: <>\r\nFrom: Messagerie <mailer-daemon@{domain}>\r\nTo: <{job.reverse_path}>\r\n"
        f"Subject: {_encoded(SUBJECTS[action])}\r\nDate: {format_datetime(reporter.at)}\r\n"
        f"Message-ID: <{new_id()}@{domain}>\r\n{answered if job.message_id_header else ''}"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n\tboundary="{boundary}"\r\n'
    )
    parts = [
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + _text(action, told, job).encode(),
        b"Content-Type: message/delivery-status\r\n\r\n" + _status(job, action, told, reporter.hostname).encode(),
        _original(job, action, original),
    ]
    opening = f"--{boundary}\r\n".encode()
    joined = b"".join(b"\r\n" + opening + part for part in parts)
    return head.encode() + joined + f"\r\n--{boundary}--\r\n".encode()


def _encoded(text: str) -> str:
    return text if text.isascii() else Header(text, "utf-8").encode()


def _text(action: Action, told: Sequence[Told], job: Job) -> str:
    lines = [OPENINGS[action], ""]
    for each in told:
        said = REASSURANCE.get(action) or SENTENCES[each.answer.trouble or Trouble.REFUSED]
        lines.append(f"- {each.waiting.recipient} : {said}")
    lines += ["", f"Message accepté le {job.accepted_at.strftime('%d/%m/%Y à %H:%M')} (temps universel).", ""]
    return "\r\n".join(lines)


def _status(job: Job, action: Action, told: Sequence[Told], hostname: str) -> str:
    lines = [f"Reporting-MTA: dns; {hostname}"]
    if job.request.envid:
        lines.insert(0, f"Original-Envelope-Id: {job.request.envid}")
    lines.append(f"Arrival-Date: {format_datetime(job.accepted_at)}")
    for each in told:
        lines.append("")
        if each.waiting.orcpt:
            lines.append(f"Original-Recipient: {each.waiting.orcpt}")
        lines += [f"Final-Recipient: rfc822; {each.waiting.recipient}", f"Action: {action}"]
        lines.append(f"Status: {each.ruling.status}")
        if each.answer.reply_code is not None:
            lines.append(f"Diagnostic-Code: smtp; {each.answer.reply_code} {each.answer.status}")
        if action is Action.DELAYED:
            lines.append(f"Will-Retry-Until: {format_datetime(each.waiting.expires_at)}")
    return "\r\n".join([*lines, ""])


def returns_whole(job: Job, action: Action) -> bool:
    """Tell whether the message itself goes back (RFC 3461 §4.3: only with a failure)."""
    return action is Action.FAILED and job.request.ret == "FULL"


def _original(job: Job, action: Action, original: bytes) -> bytes:
    if returns_whole(job, action):
        return b"Content-Type: message/rfc822\r\n\r\n" + original
    header = HeaderBlock.parse(original[: original.find(b"\r\n\r\n") + 2])
    kept = header.without(lambda field: field.name not in RETURNED_FIELDS)
    return b"Content-Type: text/rfc822-headers\r\n\r\n" + kept.to_bytes()
