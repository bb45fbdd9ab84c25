"""ENVELOPE (RFC 3501 §7.4.2), made from the fields of a header."""

from mailstore.mime.addresses import address_list
from mailstore.mime.fields import Fields
from mailstore.mime.strings import NIL, nstring


def envelope(fields: Fields) -> bytes:
    """Return the ENVELOPE of a header; Sender and Reply-To default to From, as the norm says."""
    get = fields.get
    sender = address_list(get(b"from"))
    return b"(%b %b %b %b %b %b %b %b %b %b)" % (
        nstring(get(b"date")),
        nstring(get(b"subject")),
        sender,
        _list_or(sender, get(b"sender")),
        _list_or(sender, get(b"reply-to")),
        address_list(get(b"to")),
        address_list(get(b"cc")),
        address_list(get(b"bcc")),
        nstring(get(b"in-reply-to")),
        nstring(get(b"message-id")),
    )


def _list_or(default: bytes, value: bytes | None) -> bytes:
    if not value:
        return default
    found = address_list(value)
    return default if found == NIL else found
