"""The bytes that leave: the stored message without Return-Path, signed.

Return-Path is of the final delivery and must not travel (RFC 5321 §4.4).
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from mailstore.store import MessageReader
from smtp_gateway.dkim_sign import SigningKey, sign
from smtp_gateway.header import HeaderBlock, addresses
from smtp_gateway.rules.peer_domain import domain_of


def outgoing(reader: MessageReader, keys: Sequence[SigningKey], own: Collection[str], at: datetime) -> bytes:
    """Return a message ready to leave; the author's domain signs when it is one of OWN.

    Raises:
        IntegrityError: a segment was changed.
        TemporaryFailure: the blobs are away.
    """
    whole = reader.read()
    border = reader.index.header_bytes
    header = HeaderBlock.parse(whole[:border].removesuffix(b"\r\n")).without(lambda field: field.name == b"return-path")
    body = whole[border:]
    author = addresses(header.text(b"from") or "")
    domain = domain_of(author[0]) if author else ""
    signatures = sign(header, body, domain, keys, at) if domain in own else []
    return header.to_bytes(signatures) + b"\r\n" + body
