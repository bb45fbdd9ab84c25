"""The bytes that leave: the stored message without Return-Path, in 7 bits where the peer takes no more, signed.

Return-Path is of the final delivery and must not travel (RFC 5321 §4.4).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from mailstore.store import MessageReader
from smtp_gateway.dkim_sign import SigningKey, sign
from smtp_gateway.header import HeaderBlock, addresses
from smtp_gateway.queue.seven_bit import to_seven_bit
from smtp_gateway.rules.peer_domain import domain_of


def outgoing(
    reader: MessageReader, keys: Sequence[SigningKey], own: Collection[str], at: datetime, *, seven_bit: bool = False
) -> bytes:
    """Return a message ready to leave; the author's domain signs when it is one of OWN.

    Raises:
        NotConvertible: SEVEN_BIT is asked for, and cannot be had (`seven_bit.py`).
        IntegrityError: a segment was changed.
        TemporaryFailure: the blobs are away.
    """
    stored = reader.read()
    whole = to_seven_bit(stored, reader.index.parts) if seven_bit else stored
    border = reader.index.header_bytes if whole is stored else whole.index(b"\r\n\r\n") + 4
    header = HeaderBlock.parse(whole[:border].removesuffix(b"\r\n")).without(lambda field: field.name == b"return-path")
    body = whole[border:]
    author = addresses(header.text(b"from") or "")
    domain = domain_of(author[0]) if author else ""
    signatures = sign(header, body, domain, keys, at) if domain in own else []
    return header.to_bytes(signatures) + b"\r\n" + body
