"""IMAP strings (RFC 3501 §4.3): quoted where the bytes allow it, literal where not."""

import re

NIL = b"NIL"
_quotable = re.compile(rb"[\x01-\x09\x0b\x0c\x0e-\x7f]*").fullmatch


def quote(value: bytes) -> bytes:
    """Return VALUE as an IMAP string.

    NUL is not allowed in either form: it becomes 0x80, as in other servers.
    """
    if _quotable(value):
        if b"\\" in value or b'"' in value:
            value = value.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
        return b'"' + value + b'"'
    return b"{%d}\r\n%b" % (len(value), value.replace(b"\0", b"\x80"))


def nstring(value: bytes | None) -> bytes:
    """Return VALUE as an IMAP string, NIL when it is None."""
    return NIL if value is None else quote(value)
