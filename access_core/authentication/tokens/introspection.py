"""Tokens that only their issuer can read: each is shown to it. Source: RFC 7662 §2."""

from access_core.authentication.token_sign_in import Holder
from access_core.authentication.tokens.claims import holder_of, refusal
from access_core.authentication.tokens.documents import ask, find_url
from access_core.config import IssuerSettings
from vaguemestre.kernel.clock import Clock


class ShownTokens:
    """Verifies the tokens of one issuer by asking it."""

    def __init__(self, name: str, settings: IssuerSettings, clock: Clock) -> None:
        self._name = name
        self._settings = settings
        self._clock = clock
        self._url = settings.introspection_url

    async def holder(self, token: str) -> Holder:
        """Show a token to its issuer and read who holds it.

        Raises:
            TokenRefused: the issuer does not know it, or its claims are not right.
            TemporaryFailure: the issuer cannot be asked.
        """
        settings = self._settings
        self._url = self._url or await find_url(settings, "introspection_endpoint")
        claims = await ask(settings, self._url, {"token": token, "token_type_hint": "access_token"})
        if claims.get("active") is not True:
            raise refusal(settings)
        return holder_of(self._name, settings, claims, self._clock.now())
