"""The mail that carries a report: its header and its parts, the same for delivery and disposition (RFC 6522). Pure.

Every value that comes from somebody else's message passes through here, so that none of them can begin a line of a
report: an identifier that is not plain is left out, an address that is not one is never written.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.header import Header
from email.utils import format_datetime

from smtp_gateway.header import HeaderBlock
from vaguemestre.kernel.ids import new_id

RETURNED_FIELDS = frozenset({b"from", b"to", b"cc", b"date", b"message-id", b"in-reply-to"})
"""What a report repeats of the header of the message; never its subject, which may name a patient."""
PLAIN_ID = re.compile(r"<[!-;=?-~]{1,900}>")
PRINTABLE = re.compile(r"[ -~]*")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReportHead:
    """The header of a report. KIND is `delivery-status` or `disposition-notification`; ABOUT a Message-ID."""

    author: str
    """As From writes it, a plain name with its address in angle brackets, or an address."""
    to: str
    subject: str
    at: datetime
    domain: str
    """Of the Message-ID."""
    kind: str
    about: str | None = None
    container: str = "report"


def join_report(head: ReportHead, parts: Sequence[bytes]) -> bytes:
    """Return the whole mail, CRLF line ends; each of PARTS has its own header."""
    boundary = f"rapport-{new_id()}"
    about = head.about if head.about and PLAIN_ID.fullmatch(head.about) else None
    answered = f"In-Reply-To: {about}\r\nReferences: {about}\r\n" if about else ""
    kind = f" report-type={head.kind};" if head.container == "report" else ""
    header = (
        f"Return-Path: <>\r\nFrom: {head.author}\r\nTo: <{head.to}>\r\n"
        f"Subject: {encoded(head.subject)}\r\nDate: {format_datetime(head.at)}\r\n"
        f"Message-ID: <{new_id()}@{head.domain}>\r\n{answered}"
        "Auto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        f'Content-Type: multipart/{head.container};{kind}\r\n\tboundary="{boundary}"\r\n'
    )
    opening = f"--{boundary}\r\n".encode()
    joined = b"".join(b"\r\n" + opening + part for part in parts)
    return header.encode() + joined + f"\r\n--{boundary}--\r\n".encode()


def encoded(text: str) -> str:
    """Return a text as a header value, in encoded words unless it is plain ASCII, folded."""
    plain = " ".join(text.split())
    if PRINTABLE.fullmatch(plain) and len(plain) < 900:
        return plain
    return Header(plain, "utf-8", maxlinelen=75).encode(linesep="\r\n")


def text_part(text: str) -> bytes:
    """Return what people read."""
    return b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + text.encode()


def machine_part(kind: str, lines: Sequence[str]) -> bytes:
    """Return what programs read: `message/KIND` with its fields."""
    return f"Content-Type: message/{kind}\r\n\r\n".encode() + "\r\n".join([*lines, ""]).encode()


def header_part(original: bytes) -> bytes:
    """Return what is repeated of the header of the message, given as stored or whole (RFC 6522 §4, RFC 6533 §6)."""
    header = HeaderBlock.parse(original[: original.find(b"\r\n\r\n") + 2])
    kept = header.without(lambda field: field.name not in RETURNED_FIELDS).to_bytes()
    kind = b"text/rfc822-headers" if kept.isascii() else b"message/global-headers"
    return b"Content-Type: " + kind + b"\r\n\r\n" + kept


def message_part(original: bytes) -> bytes:
    """Return the message itself as a part (RFC 6533 §5 for one whose header is not ASCII)."""
    kind = b"message/rfc822" if original[: original.find(b"\r\n\r\n")].isascii() else b"message/global"
    return b"Content-Type: " + kind + b"\r\n\r\n" + original
