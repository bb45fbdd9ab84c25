"""What the claims of a token must say, whether a signature or the issuer itself vouches for them.

Source: RFC 7519 §4.1, RFC 9068 §4, RFC 7662 §2.2.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from access_core.authentication.failures import TokenRefused
from access_core.authentication.token_sign_in import Holder
from access_core.authentication.tokens.documents import configuration_url
from access_core.config import IssuerSettings

NOT_ACCESS = frozenset({"ID", "Refresh", "Offline"})  # `typ` of the other tokens that some issuers sign alike


def refusal(settings: IssuerSettings, status: str = "invalid_token") -> TokenRefused:
    """Return what a client is told of a token of this issuer."""
    return TokenRefused(status, " ".join(settings.scope), configuration_url(settings))


def holder_of(name: str, settings: IssuerSettings, claims: Mapping[str, Any], now: datetime) -> Holder:
    """Read who holds a token whose claims are vouched for.

    Raises:
        TokenRefused: it is of another issuer, for another service, late or early, or too narrow.
    """
    true = (
        claims.get("iss", settings.issuer) == settings.issuer
        and _in_time(claims, now.timestamp(), settings.leeway_s)
        and not _words(claims.get(settings.audience_claim)).isdisjoint(settings.audience)
        and claims.get("typ") not in NOT_ACCESS
    )
    if not true:
        raise refusal(settings)
    if not set(settings.scope) <= _words(claims.get("scope"), separator=" "):
        raise refusal(settings, "insufficient_scope")
    value = claims.get(settings.claim)
    if not isinstance(value, str) or not value:
        raise refusal(settings)
    return Holder(issuer=name, value=value, names=settings.names, refusal=refusal(settings))


def _in_time(claims: Mapping[str, Any], now_s: float, leeway_s: int) -> bool:
    end, start = _instant(claims.get("exp")), _instant(claims.get("nbf", 0))
    return end is not None and start is not None and start - leeway_s <= now_s < end + leeway_s


def _instant(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _words(value: object, separator: str | None = None) -> frozenset[str]:
    """Read one text, a list of texts, or texts in one."""
    if isinstance(value, str):
        return frozenset(value.split(separator)) if separator else frozenset((value,))
    return frozenset(each for each in value if isinstance(each, str)) if isinstance(value, list) else frozenset()
