"""PREVIEW: the first words of a message, for lists.

A lazy preview is not computed: the client asks again for those that it shows.

Source: RFC 8970.
"""

import html
import re

from mailstore.imap.protocol.items import Preview
from mailstore.imap.protocol.responses import literal
from mailstore.mime.index import Part
from mailstore.store import MessageReader

CHARACTERS = 200
LOOKED_AT = 65_536
_UNSEEN_IN_HTML = re.compile(r"<(script|style|head)\b.*?(?:</\1\s*>|\Z)|<[^>]*>?", re.IGNORECASE | re.DOTALL)
_BLANKS = re.compile(r"\s+")


def preview_item(item: Preview, message: MessageReader) -> bytes:
    """Write the item: at most CHARACTERS characters of the first text that is no attachment, blanks joined."""
    if item.lazy:
        return b"PREVIEW NIL"
    return b"PREVIEW " + literal(preview_of(message).encode())


def preview_of(message: MessageReader) -> str:
    """Return the first words of a message, empty when it has no text."""
    texts = [part for part in message.index.parts if _is_shown(part)]
    chosen = next((part for part in texts if part.media_type == "text/plain"), texts[0] if texts else None)
    if chosen is None:
        return ""
    text = message.text(chosen.section)[:LOOKED_AT]
    if chosen.media_type == "text/html":
        text = html.unescape(_UNSEEN_IN_HTML.sub(" ", text))
    return _BLANKS.sub(" ", text).strip()[:CHARACTERS]


def _is_shown(part: Part) -> bool:
    return part.media_type in ("text/plain", "text/html") and part.disposition != "attachment"
