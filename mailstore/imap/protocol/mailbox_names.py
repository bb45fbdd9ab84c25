"""Mailbox names in commands: modified UTF-7, or UTF-8 once that was agreed, of a bounded length.

Source: RFC 9051 §5.1; RFC 6855 §3.
"""

from mailstore.imap.protocol.cursor import Cursor
from mailstore.imap.protocol.utf7 import decode_name
from vaguemestre.kernel.errors import ProtocolError

NAME_BYTES = 1_000


def mailbox(cursor: Cursor) -> str:
    """Read a mailbox name."""
    return decoded(cursor, cursor.astring())


def pattern(cursor: Cursor) -> str:
    """Read a mailbox name with wildcards."""
    return decoded(cursor, cursor.list_mailbox())


def decoded(cursor: Cursor, raw: bytes) -> str:
    """Return what a name's bytes say.

    Raises:
        ProtocolError: too long, or not in the encoding that was agreed.
    """
    if len(raw) > NAME_BYTES:
        raise ProtocolError("mailbox name too long")
    return decode_name(raw, utf8=cursor.utf8)
