"""Composing receipts: read by the patient, integrated into the record or not (RFC 8098, domain note §8). Pure.

The text names no subject. A failed integration is the exception that the ANS guide asks for: its subject repeats that
of the message, which its sender wrote, and the message comes back once, its archive inside.
"""

from dataclasses import dataclass
from datetime import datetime

from smtp_gateway.header import HeaderBlock, decode_words
from smtp_gateway.receipts.fields import encode_xtext
from smtp_gateway.receipts.integration import label_of
from smtp_gateway.receipts.report_mail import (
    PLAIN_ID,
    ReportHead,
    header_part,
    join_report,
    machine_part,
    message_part,
    text_part,
)
from smtp_gateway.receipts.rules import ReceiptWanted
from smtp_gateway.replies import to_ascii
from smtp_gateway.rules.peer_domain import domain_of

KIND = "disposition-notification"
READ = "manual-action/MDN-sent-automatically; displayed"
PROCESSED = "automatic-action/MDN-sent-automatically; processed"
LONGEST_SUBJECT = 300


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recipient:
    """In whose name a receipt is written: the mailbox that received the message. NAME may be empty."""

    address: str
    hostname: str
    at: datetime
    program: str = "Vaguemestre"


def compose_read(wanted: ReceiptWanted, recipient: Recipient, original: bytes) -> bytes:
    """Return the receipt of a message that was opened; ORIGINAL is its header, blank line included."""
    text = "Votre message a été affiché par son destinataire.\r\n"
    fields = _fields(wanted, recipient, READ)
    head = _head(wanted, recipient, "Accusé de lecture")
    return join_report(head, [text_part(text), machine_part(KIND, fields), header_part(original)])


def compose_integration(wanted: ReceiptWanted, recipient: Recipient, code: str, original: bytes) -> bytes:
    """Return the receipt of an integration; ORIGINAL is the whole message, or its header when it is too large.

    Args:
        wanted: to whom, about what.
        recipient: the mailbox that received the message.
        code: "" when all was integrated, else an application code, 900 to 906.
        original: as stored.
    """
    subject = original_subject(original)
    if not code:
        text = "Le document joint à votre message a été intégré automatiquement.\r\n"
        parts = [text_part(text), machine_part(KIND, _fields(wanted, recipient, PROCESSED)), header_part(original)]
        return join_report(_head(wanted, recipient, subject), parts)
    said = f"{code} {label_of(code)}"
    text = f"Le document joint à votre message n'a pas pu être intégré automatiquement : {said}.\r\n"
    fields = [*_fields(wanted, recipient, f"{PROCESSED}/error"), f"Error: {code}^{_ascii_label(code)}"]
    head = _head(wanted, recipient, f"[KO Intégration système !][{code}] {subject}")
    has_body = len(original) > original.find(b"\r\n\r\n") + 4
    returned = message_part(without_return_path(original)) if has_body else header_part(original)
    return join_report(head, [text_part(text), machine_part(KIND, fields), returned])


def original_subject(original: bytes) -> str:
    """Return the subject of a message, decoded, on one line."""
    header = HeaderBlock.parse(original[: original.find(b"\r\n\r\n") + 2])
    text = decode_words(header.text(b"subject") or "")
    return " ".join("".join(each if each.isprintable() else " " for each in text).split())[:LONGEST_SUBJECT]


def without_return_path(original: bytes) -> bytes:
    """Return a stored message as it goes back: without the field of its delivery here."""
    end = original.find(b"\r\n\r\n") + 2
    header = HeaderBlock.parse(original[:end]).without(lambda field: field.name == b"return-path")
    return header.to_bytes() + original[end:]


def _head(wanted: ReceiptWanted, recipient: Recipient, subject: str) -> ReportHead:
    return ReportHead(
        author=recipient.address,
        to=wanted.to,
        subject=subject,
        at=recipient.at,
        domain=domain_of(recipient.address),
        kind=KIND,
        about=wanted.about,
    )


def _fields(wanted: ReceiptWanted, recipient: Recipient, disposition: str) -> list[str]:
    kind = "rfc822" if recipient.address.isascii() else "utf-8"
    address = recipient.address if recipient.address.isascii() else encode_xtext(recipient.address)
    fields = [
        f"Reporting-UA: {recipient.hostname}; {recipient.program}",
        f"Original-Recipient: {kind}; {address}",
        f"Final-Recipient: {kind}; {address}",
    ]
    if wanted.about is not None and PLAIN_ID.fullmatch(wanted.about):
        fields.append(f"Original-Message-ID: {wanted.about}")
    return [*fields, f"Disposition: {disposition}"]


def _ascii_label(code: str) -> str:
    """Return the label without accents: the fields of a notification are ASCII (RFC 8098 §3.1)."""
    return to_ascii(label_of(code))
