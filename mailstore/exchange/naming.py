"""Names of folders elsewhere, as folders here.

Special uses (RFC 6154) and the names that programs give them lead to our special folders (`mailstore/aliases.py`);
characters that a folder here cannot have become `_`, so that no folder is left behind for its name.
"""

import unicodedata
from collections.abc import Mapping, Sequence

from mailstore import aliases
from mailstore.folders import FORBIDDEN, LEVELS_OF_PATHS, MAX_LEVELS, MAX_NAME_CHARACTERS, canonical_name
from mailstore.imap.protocol.utf7 import decode_name
from mailstore.model import INBOX, SEPARATOR
from vaguemestre.kernel.errors import ProtocolError

SPECIAL_USES: Mapping[str, str] = {
    "\\drafts": aliases.DRAFTS,
    "\\sent": aliases.SENT,
    "\\trash": aliases.TRASH,
    "\\junk": aliases.JUNK,
    "\\archive": aliases.ARCHIVE,
}


def read_name(raw: bytes) -> str:
    """Read a name as servers and Maildirs write it: modified UTF-7 or UTF-8, else the bytes that can be read."""
    try:
        return decode_name(raw)
    except ProtocolError:
        return raw.decode("utf-8", "replace")


def folder_here(levels: Sequence[str]) -> str:
    """Return the name here of the folder with these levels elsewhere, outermost first; none at all is INBOX."""
    kept = [_level(each) for each in levels[:MAX_LEVELS]]
    return canonical_name(SEPARATOR.join(kept)[:MAX_NAME_CHARACTERS].rstrip(SEPARATOR)) if kept else INBOX


def _level(text: str) -> str:
    composed = unicodedata.normalize("NFC", text)
    kept = "".join(
        character if character.isprintable() and character not in FORBIDDEN and character != SEPARATOR else "_"
        for character in composed
    )
    return "_" if not kept or kept in LEVELS_OF_PATHS else kept
