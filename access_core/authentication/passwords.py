"""Passwords: Argon2id (RFC 9106) through `cryptography`, kept as PHC strings.

The parameters are in the string, so that raising the constants below leaves old passwords valid; `is_outdated`
tells which ones to encode again at the next sign-in. One computation takes about 50 ms and 46 MiB: never on the
event loop, never in a transaction.
"""

import base64
import os
import re
import unicodedata
from enum import StrEnum

from cryptography.exceptions import InvalidKey
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

MEMORY_KIB = 47_104  # OWASP Password Storage Cheat Sheet: 46 MiB, one pass, one lane
ITERATIONS = 1
LANES = 1
SALT_BYTES = 16
HASH_BYTES = 32
SHORTEST = 9  # access.md §4.6: 9 characters or more, lower, upper, digit, special
LONGEST = 256
CLASSES = (r"[a-zà-öø-ÿ]", r"[A-ZÀ-ÖØ-Þ]", r"[0-9]", r"[^0-9A-Za-zÀ-ÖØ-öø-ÿ\s]")

_CURRENT = f"$argon2id$v=19$m={MEMORY_KIB},t={ITERATIONS},p={LANES}$"


class Weakness(StrEnum):
    """Why a password is not taken."""

    TOO_SHORT = "too_short"
    TOO_LONG = "too_long"
    TOO_PLAIN = "too_plain"


SENTENCES = {
    Weakness.TOO_SHORT: f"Le mot de passe compte au moins {SHORTEST} caractères.",
    Weakness.TOO_LONG: f"Le mot de passe compte au plus {LONGEST} caractères.",
    Weakness.TOO_PLAIN: "Le mot de passe mêle minuscules, majuscules, chiffres et caractères spéciaux.",
}


def weakness(text: str) -> Weakness | None:
    """Return why a new password is refused, None when it is good enough."""
    if len(text) < SHORTEST:
        return Weakness.TOO_SHORT
    if len(text) > LONGEST:
        return Weakness.TOO_LONG
    return None if all(re.search(each, text) for each in CLASSES) else Weakness.TOO_PLAIN


def hash_password(text: str) -> str:
    """Encode a password as an Argon2id PHC string with a fresh salt (about 50 ms)."""
    function = Argon2id(
        salt=os.urandom(SALT_BYTES), length=HASH_BYTES, iterations=ITERATIONS, lanes=LANES, memory_cost=MEMORY_KIB
    )
    return function.derive_phc_encoded(_normalised(text))


def verify_password(text: str, encoded: str) -> bool:
    """Tell whether TEXT is the password that was encoded (about 50 ms, constant-time comparison)."""
    try:
        Argon2id.verify_phc_encoded(_normalised(text), encoded)
    except InvalidKey:
        return False
    return True


def is_outdated(encoded: str) -> bool:
    """Tell whether an encoded password was made with other parameters than those in force."""
    return not encoded.startswith(_CURRENT)


def _normalised(text: str) -> bytes:
    """Return one byte string however the keyboard composed the accents (RFC 8265 §4.2: NFC)."""
    return unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")


def decoy() -> str:
    """Return a PHC string that no password matches and that costs as much to verify, for accounts that are not."""
    salt, digest = (base64.b64encode(os.urandom(size)).decode().rstrip("=") for size in (SALT_BYTES, HASH_BYTES))
    return f"{_CURRENT}{salt}${digest}"
