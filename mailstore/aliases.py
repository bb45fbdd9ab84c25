"""The names under which mail programs know the special folders, in French and English.

Whatever name a program creates, asks for or files into, it gets the one folder of that use: `Sent`, `Sent Items` and
`Éléments envoyés` are `Envoyés` (VGM:M5). Letter case, accents and a leading `INBOX/` do not count.
"""

import unicodedata
from collections.abc import Mapping

from mailstore.model import INBOX, SEPARATOR

DRAFTS, SENT, TRASH, JUNK, ARCHIVE = "Brouillons", "Envoyés", "Corbeille", "Indésirables", "Archives"
ALIASES: Mapping[str, tuple[str, ...]] = {
    DRAFTS: ("Brouillon", "Draft", "Drafts", "Draft Messages", "Messages brouillons"),
    SENT: (
        "Courrier envoyé",
        "Éléments envoyés",
        "Messages envoyés",
        "Objets envoyés",
        "Sent",
        "Sent Items",
        "Sent Mail",
        "Sent-Mail",
        "Sent Messages",
    ),
    TRASH: (
        "Bin",
        "Deleted",
        "Deleted Items",
        "Deleted Messages",
        "Éléments supprimés",
        "Messages supprimés",
        "Objets supprimés",
        "Poubelle",
        "Trash",
    ),
    JUNK: (
        "Bulk Mail",
        "Courrier indésirable",
        "Junk",
        "Junk E-mail",
        "Junk Email",
        "Junk Mail",
        "Messages indésirables",
        "Pourriel",
        "Spam",
    ),
    ARCHIVE: ("Archive", "Messages archivés"),
}


def resolve(levels: list[str]) -> list[str]:
    """Return the levels of a folder's name with an alias of a special folder replaced by its name."""
    inside = levels[1:] if len(levels) > 1 and levels[0].upper() == INBOX else levels
    special = _NAMES.get(_plain(inside[0]))
    return levels if special is None else [special, *inside[1:]]


def is_alias(name: str) -> bool:
    """Say whether a name means a special folder that is called otherwise."""
    levels = unicodedata.normalize("NFC", name).split(SEPARATOR)
    return resolve(levels) != levels


def _plain(name: str) -> str:
    """Return a name without accents and letter case."""
    decomposed = unicodedata.normalize("NFKD", name)
    return "".join(character for character in decomposed if not unicodedata.combining(character)).casefold()


_NAMES = {_plain(alias): name for name, aliases in ALIASES.items() for alias in (name, *aliases)}
