r"""Flags as the catalogue keeps them: system flags as bits, keywords as sorted text.

Names compare without letter case (RFC 3501 §2.3.2); a keyword keeps the form in which it was first set.
"""

import re
from functools import lru_cache

from mailstore.model import ANSWERED, DELETED, DRAFT, FLAGGED, SEEN
from vaguemestre.kernel.errors import ProtocolError

SEEN_BIT, ANSWERED_BIT, FLAGGED_BIT, DELETED_BIT, DRAFT_BIT = 1, 2, 4, 8, 16
_BITS = {SEEN: SEEN_BIT, ANSWERED: ANSWERED_BIT, FLAGGED: FLAGGED_BIT, DELETED: DELETED_BIT, DRAFT: DRAFT_BIT}
_BY_NAME = {name.lower(): bit for name, bit in _BITS.items()}
MAX_KEYWORDS = 64
_keyword = re.compile(r'[^\x00-\x20(){%*"\\\]\x7f-\U0010ffff]{1,60}').fullmatch  # an atom, RFC 3501 §9
Stored = tuple[int, str]


@lru_cache(maxsize=4_096)
def encode_flags(flags: frozenset[str]) -> Stored:
    r"""Return the bits and the keywords of a set of flags; `\Recent` is the session's and is left out.

    Raises:
        ProtocolError: an unknown system flag, a keyword that is no atom of at most 60 characters, or too many.
    """
    bits = 0
    keywords: dict[str, str] = {}
    for flag in sorted(flags):
        if flag.startswith("\\"):
            if flag.lower() == "\\recent":
                continue
            if flag.lower() not in _BY_NAME:
                raise ProtocolError("flag: not a system flag of RFC 3501")
            bits |= _BY_NAME[flag.lower()]
        elif _keyword(flag):
            keywords.setdefault(flag.lower(), flag)
        else:
            raise ProtocolError("flag: a keyword is an atom of at most 60 characters")
    if len(keywords) > MAX_KEYWORDS:
        raise ProtocolError("flag: too many keywords")
    return bits, _join(keywords)


def storable(flags: frozenset[str]) -> frozenset[str]:
    """Return those of the flags that can be kept: other servers have more system flags, and longer keywords."""
    kept = sorted(flag for flag in flags if flag.lower() in _BY_NAME or _keyword(flag))
    keywords = [flag for flag in kept if not flag.startswith("\\")][:MAX_KEYWORDS]
    return frozenset(keywords) | frozenset(flag for flag in kept if flag.startswith("\\"))


@lru_cache(maxsize=4_096)
def decode_flags(bits: int, keywords: str) -> frozenset[str]:
    """Return the flags that the catalogue holds."""
    return frozenset(name for name, bit in _BITS.items() if bits & bit) | frozenset(keywords.split())


def add_flags(before: Stored, added: Stored) -> Stored:
    """Return BEFORE with the other flags set.

    Raises:
        ProtocolError: too many keywords.
    """
    if not added[1]:
        return before[0] | added[0], before[1]
    keywords = _by_name(added[1]) | _by_name(before[1])
    if len(keywords) > MAX_KEYWORDS:
        raise ProtocolError("flag: too many keywords")
    return before[0] | added[0], _join(keywords)


def remove_flags(before: Stored, removed: Stored) -> Stored:
    """Return BEFORE with the other flags cleared."""
    gone = _by_name(removed[1])
    kept = {name: word for name, word in _by_name(before[1]).items() if name not in gone}
    return before[0] & ~removed[0], _join(kept)


def _by_name(keywords: str) -> dict[str, str]:
    return {word.lower(): word for word in keywords.split()}


def _join(keywords: dict[str, str]) -> str:
    return " ".join(keywords[name] for name in sorted(keywords))
