r"""File names of Maildir messages: `UNIQUE:2,FLAGS`, and the keywords that small letters stand for.

Letters: `P` passed on (`$Forwarded`), `R` answered, `S` seen, `T` to be deleted, `D` draft, `F` flagged; `a` to `z`
are the keywords that `dovecot-keywords` numbers from 0. In UNIQUE, `,E=raw` says that the line ends of the file are
those of the message (ours alone; other files have LF where the message has CRLF).

Source: https://cr.yp.to/proto/maildir.html; Dovecot, "Maildir Mailbox Format".
"""

import re
from collections.abc import Mapping
from pathlib import Path

from mailstore.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN

KEYWORDS_FILE = "dovecot-keywords"
MORE_KEYWORDS_FILE = "vaguemestre-keywords"
"""Keywords beyond the 26 that letters can stand for: a line a message, its unique name, then they."""
FORWARDED = "$Forwarded"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
RAW = ",E=raw"
_FLAGS = {"D": DRAFT, "F": FLAGGED, "P": FORWARDED, "R": ANSWERED, "S": SEEN, "T": DELETED}
_SYSTEM_LETTERS = {flag: letter for letter, flag in _FLAGS.items() if flag != FORWARDED}
_INFO = re.compile(r"[:;!]2,([^/]*)\Z")  # file systems that know no colon have another sign
_LINE = re.compile(r"(\d{1,2}) (\S+)")


def split_name(name: str) -> tuple[str, str]:
    """Return the unique part of a file name, and the letters of its flags."""
    info = _INFO.search(name)
    return (name, "") if info is None else (name[: info.start()], info[1])


def flags_of(letters: str, keywords: Mapping[str, str]) -> frozenset[str]:
    """Return the flags that letters stand for; a letter that stands for nothing is left out."""
    names = (_FLAGS.get(letter) or keywords.get(letter) for letter in letters)
    return frozenset(name for name in names if name is not None)


def letters_of(flags: frozenset[str], keywords: Mapping[str, str]) -> str:
    """Write flags as sorted letters; KEYWORDS gives the letter of each keyword that has one."""
    known = {**_SYSTEM_LETTERS, **keywords}
    return "".join(sorted({known[flag] for flag in flags if flag in known}))


def read_keywords(folder: Path) -> dict[str, str]:
    """Return the keyword of each letter in a folder."""
    lines = _lines(folder / KEYWORDS_FILE)
    found = (_LINE.fullmatch(line.strip()) for line in lines)
    return {LETTERS[int(each[1])]: each[2] for each in found if each is not None and int(each[1]) < len(LETTERS)}


def read_more_keywords(folder: Path) -> dict[str, frozenset[str]]:
    """Return the keywords, by unique name, that no letter stands for."""
    split = (line.split() for line in _lines(folder / MORE_KEYWORDS_FILE))
    return {words[0]: frozenset(words[1:]) for words in split if words}


def _lines(file: Path) -> list[str]:
    return file.read_text("utf-8", "replace").splitlines() if file.is_file() else []
