"""BINARY: the content of a part with its transfer encoding undone, and its size.

Source: RFC 3516 §4; RFC 9051 §6.4.5 (BINARY, BINARY.PEEK, BINARY.SIZE), §7.1 (UNKNOWN-CTE).
"""

from mailstore.imap.outcome import Refused
from mailstore.imap.protocol.items import BinarySection
from mailstore.imap.protocol.responses import literal
from mailstore.store import MessageReader

_KNOWN = frozenset({"7bit", "8bit", "binary", "base64", "quoted-printable"})


def binary_item(section: BinarySection, message: MessageReader) -> bytes:
    """Write one item; a part that does not exist is NIL.

    Raises:
        Refused: UNKNOWN-CTE - its transfer encoding is none that can be undone.
    """
    if not section.part:  # BINARY.SIZE[] of the whole message
        return section.label + b" %d" % message.size_bytes
    content = _content(section, message)
    if content is None:
        return section.label + (b" 0" if section.size_only else b" NIL")
    if section.size_only:
        return section.label + b" %d" % len(content)
    if section.partial is not None:
        content = content[section.partial[0] : section.partial[0] + section.partial[1]]
    return section.label + b" " + (b"~" if b"\0" in content else b"") + literal(content)


def _content(section: BinarySection, message: MessageReader) -> bytes | None:
    name = ".".join(map(str, section.part))
    part = message.index.part(name)
    if part is None:
        return None
    if part.encoding not in _KNOWN:
        raise Refused(b"UNKNOWN-CTE", "Le codage de cette partie n'est pas connu.")
    return message.decoded(name)
