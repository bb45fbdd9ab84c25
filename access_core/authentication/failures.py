"""How a sign-in fails, whatever the means: refused, put off, or with something for the client to read first."""

from vaguemestre.kernel.errors import TemporaryFailure, VaguemestreError


class AuthenticationFailed(VaguemestreError):
    """The proof is wrong, or the account may not sign in: which of them is not said."""


class NotAuthorized(AuthenticationFailed):
    """The client asks to act for another identity than the one that it proves, which is not offered."""


class Throttled(TemporaryFailure):
    """Too many failures lately, or too many sign-ins at once; `retry_after_s` says when to come back."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("sign-in: too many attempts")
        self.retry_after_s = retry_after_s


class TokenRefused(AuthenticationFailed):
    """An access token does not open the mailbox; `status` is a code of RFC 6750 §3.1.

    Attributes:
        status: "invalid_token" or "insufficient_scope".
        scope: the scopes that a token must have, separated by spaces; empty when none is asked.
        configuration: address of the issuer's OpenID configuration, empty when no issuer stands out.
    """

    def __init__(self, status: str, scope: str = "", configuration: str = "") -> None:
        super().__init__("sign-in: token refused")
        self.status = status
        self.scope = scope
        self.configuration = configuration
