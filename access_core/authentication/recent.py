"""Passwords verified a moment ago, so that a mail program that reconnects costs no Argon2.

Nothing here opens anything by itself: an entry is an HMAC under a key that dies with the process, over the password
*and* its Argon2 string as the catalogue holds it now, for one login from one address. A changed password therefore
ends it in every process; one wrong password from that address ends it too, so that it never helps to guess.
"""

import hashlib
import hmac
import os

from vaguemestre.kernel.clock import Clock

ENTRIES_LIMIT = 10_000


class RecentSuccesses:
    """Remembers right passwords for a few minutes, in this process only."""

    def __init__(self, clock: Clock, remember_s: int) -> None:
        self._clock = clock
        self._remember_s = remember_s
        self._key = os.urandom(32)
        self._tags: dict[tuple[str, str], tuple[bytes, float]] = {}

    def holds(self, login: str, peer: str, password: str, encoded: str | None) -> bool:
        """Tell whether this password was verified lately for this login, from this address."""
        tag, until = self._tags.get((login, peer), (b"", 0.0))
        if encoded is None or self._clock.monotonic() >= until:
            return False
        if hmac.compare_digest(tag, self._tag(password, encoded)):
            return True
        del self._tags[login, peer]
        return False

    def keep(self, login: str, peer: str, password: str, encoded: str) -> None:
        """Remember a password that was just verified against ENCODED."""
        if self._remember_s == 0:
            return
        self._tags.pop((login, peer), None)  # goes to the end of the queue
        self._tags[login, peer] = (self._tag(password, encoded), self._clock.monotonic() + self._remember_s)
        while len(self._tags) > ENTRIES_LIMIT:
            del self._tags[next(iter(self._tags))]

    def _tag(self, password: str, encoded: str) -> bytes:
        return hmac.digest(self._key, f"{encoded}\0{password}".encode("utf-8", "surrogatepass"), hashlib.sha256)
