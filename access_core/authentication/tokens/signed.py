"""Tokens that are JWT signed by their issuer. Source: RFC 7519, RFC 9068; RFC 8725 §3 for what is not believed."""

from joserfc import jwt
from joserfc.errors import JoseError

from access_core.authentication.token_sign_in import Holder
from access_core.authentication.tokens.claims import holder_of, refusal
from access_core.authentication.tokens.keys import IssuerKeys
from access_core.authentication.tokens.parts import TokenParts
from access_core.config import IssuerSettings
from vaguemestre.kernel.clock import Clock

TYPES = frozenset({"jwt", "at+jwt", "application/at+jwt"})


class SignedTokens:
    """Verifies the tokens of one issuer by its keys."""

    def __init__(self, name: str, settings: IssuerSettings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._keys = IssuerKeys(settings, clock)

    async def holder(self, token: str) -> Holder:
        """Verify a token and read who holds it.

        Raises:
            TokenRefused: no signature of this issuer by an algorithm that is believed, or claims that are not right.
            TemporaryFailure: the keys of the issuer cannot be had.
        """
        settings = self._settings
        header = TokenParts.read(token).header
        if header.get("alg") not in settings.algorithms or str(header.get("typ", "JWT")).lower() not in TYPES:
            raise refusal(settings)  # before any key is looked at: the algorithm is our choice, not the token's
        keys = await self._keys.knowing(header.get("kid"))
        try:
            claims = jwt.decode(token, keys, algorithms=list(settings.algorithms)).claims
        except (JoseError, ValueError, TypeError):
            raise refusal(settings) from None
        if claims.get("iss") != settings.issuer:
            raise refusal(settings)
        return holder_of(self._name, settings, claims, self._clock.now())
