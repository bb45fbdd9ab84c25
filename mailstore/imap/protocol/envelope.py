"""Reads a ready-made ENVELOPE back into fields, for SEARCH, SORT and THREAD.

Source: RFC 3501 §7.4.2 and §9, envelope.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from vaguemestre.kernel.errors import ProtocolError

_TOKEN = re.compile(rb" ?(?:(\()|(\))|\"((?:[^\"\\]|\\.)*)\"|\{(\d{1,9})\}\r\n|(NIL))", re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)
DEPTH = 4
Value = bytes | None | list["Value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The fields that SEARCH, SORT and THREAD look at, as sent (encoded words not decoded); absent ones are empty."""

    date: bytes
    subject: bytes
    from_: bytes
    to: bytes
    cc: bytes
    bcc: bytes
    in_reply_to: bytes
    message_id: bytes
    first_from: bytes
    """The mailbox name, before the @, of the first address; of TO and CC too."""
    first_to: bytes
    first_cc: bytes


def parse_envelope(data: bytes) -> Envelope:
    """Read an ENVELOPE string.

    Raises:
        ProtocolError: it is not one.
    """
    fields = _read_list(_tokens(data), 0) if data.startswith(b"(") else []
    if len(fields) != 10:
        raise ProtocolError("envelope: ten fields expected")
    date, subject, from_, _sender, _reply_to, to, cc, bcc, in_reply_to, message_id = fields
    return Envelope(
        date=_text(date),
        subject=_text(subject),
        from_=_people(from_),
        to=_people(to),
        cc=_people(cc),
        bcc=_people(bcc),
        in_reply_to=_text(in_reply_to),
        message_id=_text(message_id),
        first_from=_first_mailbox(from_),
        first_to=_first_mailbox(to),
        first_cc=_first_mailbox(cc),
    )


def _tokens(data: bytes) -> Iterator[bytes | bool | None]:
    """Give True for "(", False for ")", None for NIL, and the strings."""
    at = 1
    while at < len(data):
        found = _TOKEN.match(data, at)
        if found is None:
            raise ProtocolError("envelope: string expected")
        at = found.end()
        if found[1] or found[2]:
            yield bool(found[1])
        elif found[4]:
            size = int(found[4])
            yield data[at : at + size]
            at += size
        else:
            yield None if found[5] else _ESCAPED.sub(rb"\1", found[3])


def _read_list(tokens: Iterator[bytes | bool | None], depth: int) -> list[Value]:
    if depth > DEPTH:
        raise ProtocolError("envelope: nested too deep")
    values: list[Value] = []
    for token in tokens:
        if token is False:
            return values
        values.append(_read_list(tokens, depth + 1) if token is True else token)
    raise ProtocolError("envelope: parenthesis missing")


def _text(value: Value) -> bytes:
    return value if isinstance(value, bytes) else b""


def _people(value: Value) -> bytes:
    """Write addresses as `name <mailbox@host>` or `mailbox@host`, separated by commas."""
    people = value if isinstance(value, list) else []
    return b", ".join(_person(person) for person in people if isinstance(person, list) and len(person) == 4)


def _first_mailbox(value: Value) -> bytes:
    first = value[0] if isinstance(value, list) and value else None
    return _text(first[2]) if isinstance(first, list) and len(first) == 4 else b""


def _person(person: list[Value]) -> bytes:
    name, _route, local, host = (_text(part) for part in person)
    address = b"%s@%s" % (local, host) if host else local
    return b"%s <%s>" % (name, address) if name else address
