"""Who verifies a token: its issuer's keys when it is a JWT of one that signs, else those who read tokens themselves."""

from collections.abc import Mapping

from access_core.authentication.failures import TokenRefused
from access_core.authentication.token_sign_in import Holder, TokenVerifier
from access_core.authentication.tokens.introspection import ShownTokens
from access_core.authentication.tokens.parts import LONGEST, TokenParts
from access_core.authentication.tokens.signed import SignedTokens
from access_core.config import IssuerSettings
from vaguemestre.kernel.clock import Clock


class IssuedTokens:
    """Verifies the tokens of every issuer in the settings (implements `TokenVerifier`)."""

    def __init__(self, issuers: Mapping[str, IssuerSettings], clock: Clock) -> None:
        self._signed: dict[str, TokenVerifier] = {}
        self._shown: list[TokenVerifier] = []
        for name, settings in issuers.items():
            if settings.method == "jwt":
                self._signed[settings.issuer] = SignedTokens(name, settings, clock)
            else:
                self._shown.append(ShownTokens(name, settings, clock))

    async def holder(self, token: str) -> Holder:
        """Verify a token and read who holds it.

        Raises:
            TokenRefused: nobody vouches for it.
            TemporaryFailure: its issuer cannot be asked.
        """
        signer = self._signer(token)
        if signer is not None:
            return await signer.holder(token)
        refused = TokenRefused("invalid_token")
        for issuer in self._shown if len(token) <= LONGEST else ():
            try:
                return await issuer.holder(token)
            except TokenRefused as error:
                refused = error
        raise refused

    def _signer(self, token: str) -> TokenVerifier | None:
        try:
            claimed = TokenParts.read(token).claims.get("iss")
        except TokenRefused:
            return None
        return self._signed.get(claimed) if isinstance(claimed, str) else None
