"""The public keys of an issuer: fetched once for many tokens, again when they age or when a token names another.

A key that nobody knows is looked for at most every few seconds, so that false tokens do not make us ask all the time;
keys that cannot be fetched again stay in force.
"""

import asyncio
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from access_core.authentication.tokens.documents import ask, find_url
from access_core.config import IssuerSettings
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.log import get_logger

BETWEEN_FETCHES_S = 10.0
KEYS_LIMIT = 50
log = get_logger(__name__)


class IssuerKeys:
    """The keys of one issuer, in this process."""

    def __init__(self, settings: IssuerSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._keys: KeySet | None = None
        self._fetched_at = float("-inf")
        self._tried_at = float("-inf")
        self._lock = asyncio.Lock()

    async def current(self) -> KeySet:
        """Return the keys in force.

        Raises:
            TemporaryFailure: none was ever had, and none can be now.
        """
        if self._keys is None or self._clock.monotonic() - self._fetched_at >= self._settings.keys_lifetime_s:
            await self._refresh(self._keys)
        if self._keys is None:
            raise TemporaryFailure("issuer: its keys cannot be had")
        return self._keys

    async def knowing(self, kid: object) -> KeySet:
        """Return the keys in force, fetched again when they do not hold the one that a token names.

        Raises:
            TemporaryFailure: none was ever had, and none can be now.
        """
        keys = await self.current()
        if kid is None or any(key.kid == kid for key in keys.keys):
            return keys
        await self._refresh(keys)
        return await self.current()

    async def _refresh(self, seen: KeySet | None) -> None:
        """Fetch the keys, unless somebody did since they were SEEN, or just tried."""
        async with self._lock:
            now = self._clock.monotonic()
            if self._keys is not seen or now - self._tried_at < BETWEEN_FETCHES_S:
                return
            self._tried_at = now
            try:
                self._keys = await self._fetch()
                self._fetched_at = now
            except TemporaryFailure as error:
                log.warning("issuer_keys_not_fetched", error=error)

    async def _fetch(self) -> KeySet:
        settings = self._settings
        url = settings.jwks_url or await find_url(settings, "jwks_uri")
        document = await ask(settings, url)
        kept = [each for each in document.get("keys") or () if _is_public(each)][:KEYS_LIMIT]
        try:
            return KeySet.import_key_set({"keys": kept})
        except (JoseError, ValueError, TypeError, KeyError) as error:
            raise TemporaryFailure(f"issuer: its keys cannot be used ({type(error).__name__})") from None


def _is_public(key: Any) -> bool:
    """Keep what can only verify: a secret key would make its own signatures."""
    return isinstance(key, dict) and key.get("kty") in ("RSA", "EC", "OKP") and key.get("use", "sig") == "sig"
