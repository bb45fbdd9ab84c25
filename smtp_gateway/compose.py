"""Composing what a patient writes in her space, as an RFC 5322 message.

Source: MSS2:ECO.2.2.1 (Message-ID), MSS2:ECO.2.2.2 (In-Reply-To, References), MSS2:ECO.2.2.3 (UTF-8),
MSS2:ECO.3.1.2 (From: first name, name and patient address).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP

from access_core.profiles import Profile
from smtp_gateway.fin import REPLY_PREFIXES
from smtp_gateway.header import decode_words

LONGEST_SUBJECT = 200
REFERENCES_KEPT = 20
CONTROL = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]+")
TYPE = re.compile(r"[a-z0-9.+-]+/[a-z0-9.+-]+")


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file to attach: its type was told from its content by the caller."""

    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Letter:
    """What to write, to whom, in answer to what."""

    author: Profile
    author_address: str
    recipient: str
    subject: str
    text: str
    at: datetime
    message_id: str
    references: Sequence[str] = ()
    """Message-IDs of the conversation, oldest first; the last is the one that is answered."""
    attachments: Sequence[Attachment] = ()


def compose(letter: Letter) -> bytes:
    """Return the whole message, CRLF line ends."""
    message = EmailMessage(policy=SMTP.clone(max_line_length=200))
    name = one_line(f"{letter.author.given} {letter.author.family.upper()}")
    message["From"] = Address(name, addr_spec=letter.author_address)
    message["To"] = Address(addr_spec=letter.recipient)
    message["Subject"] = one_line(letter.subject)[:LONGEST_SUBJECT]
    message["Date"] = letter.at
    message["Message-ID"] = letter.message_id
    if letter.references:
        message["In-Reply-To"] = letter.references[-1]
        message["References"] = " ".join(_shortened(letter.references))
    message.set_content(letter.text, charset="utf-8", cte="base64" if _has_long_line(letter.text) else "8bit")
    for attachment in letter.attachments:
        _attach(message, attachment)
    return message.as_bytes()


def reply_subject(original: str | None) -> str:
    """Return the subject of an answer: one "Re:" before what the original says."""
    text = one_line(decode_words(original or ""))
    prefixes = REPLY_PREFIXES.match(text)
    return f"Re: {text[prefixes.end() :] if prefixes else text}".strip()


def one_line(text: str) -> str:
    """Return TEXT without anything that could end a header line."""
    return " ".join(CONTROL.sub(" ", text).split())


def _shortened(references: Sequence[str]) -> list[str]:
    """Keep the first and the last ones of a long exchange (RFC 5322 §3.6.4 lets us)."""
    if len(references) <= REFERENCES_KEPT:
        return list(references)
    return [references[0], *references[1 - REFERENCES_KEPT :]]


def _has_long_line(text: str) -> bool:
    return any(len(line.encode()) > 990 for line in text.splitlines())


def _attach(message: EmailMessage, attachment: Attachment) -> None:
    media_type = attachment.media_type.lower()
    main, _, sub = (media_type if TYPE.fullmatch(media_type) else "application/octet-stream").partition("/")
    if main in ("multipart", "message"):
        main, sub = "application", "octet-stream"
    filename = one_line(attachment.filename) or "document"
    message.add_attachment(attachment.content, maintype=main, subtype=sub, filename=filename)
