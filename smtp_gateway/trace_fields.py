"""The header fields that the gateway writes: Return-Path, Received, Date, Message-ID; and those that it drops.

Dropped are Bcc, Return-Path and the Authentication-Results that claim to be ours (RFC 8601 §5); and what a submitted
message has of Date and Message-ID beyond one of each that can be read.
"""

import re
from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from email.utils import format_datetime, parsedate_to_datetime
from functools import lru_cache

from smtp_gateway.header import Field, HeaderBlock, addresses, message_ids
from vaguemestre.kernel.ids import new_id


def return_path(sender: str) -> bytes:
    """Return the field that final delivery writes (RFC 5321 §4.4)."""
    return f"Return-Path: <{sender}>\r\n".encode()


def received(hostname: str, protocol: str, at: datetime, client: str | None = None) -> bytes:
    """Return a trace field.

    Args:
        hostname: ours.
        protocol: ESMTPS, ESMTPSA… (RFC 3848).
        at: aware.
        client: what the peer is called; None at submission, where a home address is nobody's business.
    """
    origin = f"from {client}\r\n\t" if client else ""
    date = _date_time(at.replace(microsecond=0))
    return f"Received: {origin}by {hostname} with {protocol} id {new_id()};\r\n\t{date}\r\n".encode()


@lru_cache(maxsize=8)
def _date_time(second: datetime) -> str:
    """Write a date (RFC 5322 §3.3); the messages of one second share it."""
    return format_datetime(second)


def without_unreadable(header: HeaderBlock) -> HeaderBlock:
    """Return the header with at most one Date and one Message-ID, those that can be read (RFC 5322 §3.6)."""
    kept: dict[bytes, Field] = {}
    for field in header.fields:
        if field.name in _READABLE and field.name not in kept and _READABLE[field.name](field.text):
            kept[field.name] = field
    return header.without(lambda field: field.name in _READABLE and field is not kept.get(field.name))


def missing_fields(header: HeaderBlock, at: datetime, domain: str) -> list[bytes]:
    """Return the Date and the Message-ID that a submitted message lacks (RFC 6409 §8)."""
    fields = []
    if not header.all(b"date"):
        fields.append(f"Date: {format_datetime(at)}\r\n".encode())
    if not header.all(b"message-id"):
        fields.append(f"Message-ID: <{new_id()}@{domain}>\r\n".encode())
    return fields


def without_dropped(header: HeaderBlock, hostname: str) -> HeaderBlock:
    """Return the header without the fields that must not reach a reader."""
    return header.without(lambda field: field.name in _DROPPED or _claims_to_be_ours(field, hostname))


def without_false_sender(header: HeaderBlock, own: Collection[str]) -> HeaderBlock:
    """Return the header without a Sender field (RFC 5322 §3.6.2) that names somebody else than its account.

    None is written in its place: which member wrote for an organisation is in the trace, not for every reader.
    """
    return header.without(lambda field: field.name == b"sender" and not set(addresses(field.text)) <= set(own))


def _claims_to_be_ours(field: Field, hostname: str) -> bool:
    """Tell whether a field names us as its author, or nobody; what cannot be read does (RFC 8601 §2.2, §5)."""
    if field.name != b"authentication-results":
        return False
    text = field.text
    for _ in range(_NESTED):  # a comment may hold comments
        text = _COMMENT.sub(" ", text)
    named = _AUTHOR.match(text)
    return named is None or named[1].strip('"').rstrip(".").lower() in ("", hostname.lower())


def _is_date(text: str) -> bool:
    try:
        parsedate_to_datetime(text)
    except (ValueError, TypeError, OverflowError):
        return False
    return True


_READABLE: Mapping[bytes, Callable[[str], bool]] = {
    b"date": _is_date,
    b"message-id": lambda text: len(message_ids(text)) == 1,
}
_COMMENT = re.compile(r"\((?:[^()\\]|\\.)*\)")
_AUTHOR = re.compile(r'\s*("[^"]*"|[^\s;"()/]+)(?=[\s;/]|$)')
_NESTED = 5
_DROPPED = frozenset({b"bcc", b"resent-bcc", b"return-path"})
