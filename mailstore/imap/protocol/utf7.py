"""Mailbox names on the wire: modified UTF-7 (RFC 3501 §5.1.3).

Source: RFC 3501 §5.1.3. Names that already hold UTF-8 bytes are read as such, which RFC 9051 §5.1 makes the rule.
"""

import base64
import binascii
import re
from functools import lru_cache

from vaguemestre.kernel.errors import ProtocolError

_SHIFTED = re.compile(rb"&([A-Za-z0-9+,]*)-")
_NOT_DIRECT = re.compile(r"[^\x20-\x7e]+|&")


@lru_cache(maxsize=1_024)
def decode_name(raw: bytes, *, utf8: bool = False) -> str:
    """Read a mailbox name, `INBOX` in any letter case as `INBOX`; with UTF8 an "&" stands for itself.

    Raises:
        ProtocolError: neither modified UTF-7 nor UTF-8, or it holds control characters.
    """
    try:
        name = _decode_shifts(raw) if raw.isascii() and not utf8 else raw.decode()
    except (UnicodeDecodeError, binascii.Error):
        raise ProtocolError("mailbox name: malformed encoding") from None
    if any(ord(character) < 0x20 or ord(character) == 0x7F for character in name):
        raise ProtocolError("mailbox name: control character")
    first, slash, rest = name.partition("/")
    return f"INBOX{slash}{rest}" if first.upper() == "INBOX" else name


def encode_name(name: str) -> bytes:
    """Write a mailbox name: "Envoyés" gives b"Envoy&AOk-s"."""
    return _NOT_DIRECT.sub(_encode_shift, name).encode("ascii")


def _decode_shifts(raw: bytes) -> str:
    parts: list[str] = []
    end = 0
    for shift in _SHIFTED.finditer(raw):
        parts += (_direct(raw[end : shift.start()]), _decode_shift(shift[1]))
        end = shift.end()
    parts.append(_direct(raw[end:]))
    return "".join(parts)


def _direct(raw: bytes) -> str:
    if b"&" in raw:
        raise ProtocolError("mailbox name: & without its end")
    return raw.decode("ascii")


def _decode_shift(encoded: bytes) -> str:
    if not encoded:
        return "&"
    padded = encoded.replace(b",", b"/") + b"=" * (-len(encoded) % 4)
    return base64.b64decode(padded, validate=True).decode("utf-16-be")


def _encode_shift(match: re.Match[str]) -> str:
    if match[0] == "&":
        return "&-"
    encoded = base64.b64encode(match[0].encode("utf-16-be", "surrogatepass")).rstrip(b"=")
    return f"&{encoded.replace(b'/', b',').decode()}-"
