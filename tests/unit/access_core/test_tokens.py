"""Access tokens: which are believed, by whose keys, and what a client is told of the others."""

import asyncio
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from access_core.authentication.failures import TokenRefused
from access_core.authentication.tokens.verifier import IssuedTokens
from access_core.config import IssuerSettings
from tests.standins.issuer import TokenIssuer, confused, new_curve_key, new_key, new_secret_key, unsigned
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.errors import TemporaryFailure

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SOON = int((NOW + timedelta(minutes=4)).timestamp())
DOCTOR = {"SubjectNameID": "810001234567", "exp": SOON, "scope": "openid mail"}


@pytest.fixture
def issuer() -> Iterator[TokenIssuer]:
    with TokenIssuer() as started:
        yield started


def verifier(issuer: TokenIssuer, clock: ManualClock, **other: Any) -> IssuedTokens:
    return IssuedTokens({"psc": IssuerSettings(**issuer.settings(**other))}, clock)


async def status(tokens: IssuedTokens, token: str) -> str:
    try:
        holder = await tokens.holder(token)
    except TokenRefused as refused:
        return refused.status
    return f"{holder.issuer} {holder.value} {holder.names}"


async def test_a_signed_token_says_who_holds_it(issuer: TokenIssuer, clock: ManualClock) -> None:
    tokens = verifier(issuer, clock, scope=("mail",))

    assert await status(tokens, issuer.sign(DOCTOR)) == "psc 810001234567 rpps"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"aud": ["other", "mail"]}, "psc 810001234567 rpps"),
        ({"aud": "other"}, "invalid_token"),
        ({"aud": None}, "invalid_token"),
        ({"aud": {"mail": 1}}, "invalid_token"),
        ({"iss": "https://elsewhere.test"}, "invalid_token"),
        ({"iss": None}, "invalid_token"),
        ({"iss": ["x"]}, "invalid_token"),
        ({"exp": SOON - 240}, "psc 810001234567 rpps"),  # within the leeway
        ({"exp": SOON - 300}, "invalid_token"),
        ({"exp": None}, "invalid_token"),
        ({"exp": str(SOON)}, "invalid_token"),
        ({"exp": True}, "invalid_token"),
        ({"nbf": SOON}, "invalid_token"),
        ({"nbf": "x"}, "invalid_token"),
        ({"typ": "ID"}, "invalid_token"),
        ({"typ": "Refresh"}, "invalid_token"),
        ({"scope": "openid"}, "insufficient_scope"),
        ({"scope": ["mail"]}, "psc 810001234567 rpps"),
        ({"scope": None}, "insufficient_scope"),
        ({"SubjectNameID": None}, "invalid_token"),
        ({"SubjectNameID": 8}, "invalid_token"),
    ],
)
async def test_claims_are_held_to_the_settings(
    issuer: TokenIssuer, clock: ManualClock, changed: dict[str, Any], said: str
) -> None:
    tokens = verifier(issuer, clock, scope=("mail",))

    assert await status(tokens, issuer.sign({**DOCTOR, **changed})) == said


async def test_what_nobody_signed_is_not_believed(issuer: TokenIssuer, clock: ManualClock) -> None:
    tokens = verifier(issuer, clock)
    good = issuer.sign(DOCTOR)
    header, claims, signature = good.split(".")
    stranger = new_key("stranger")
    forged = [
        unsigned(good),
        f"{header}.{claims}.",
        f"{header}.{claims}.{signature[:-6]}AAAAAA",
        f"{header}.{claims}",
        issuer.sign(DOCTOR, stranger, kid="first"),
        confused(good, issuer.keys[0]),
        issuer.sign(DOCTOR, typ="dpop+jwt"),
        "a" * 20_000,
        "",
        "..",
        "é.é.é",
        f"{'[' * 4_000}.x.y",
    ]

    assert [await status(tokens, token) for token in forged] == ["invalid_token"] * len(forged)
    assert await status(tokens, good) == "psc 810001234567 rpps"


async def test_a_secret_that_the_issuer_publishes_signs_nothing(issuer: TokenIssuer, clock: ManualClock) -> None:
    issuer.keys.append(new_secret_key("secret"))

    tokens = verifier(issuer, clock)

    assert await status(tokens, issuer.sign(DOCTOR, issuer.keys[1], alg="HS256")) == "invalid_token"
    assert await status(tokens, issuer.sign(DOCTOR)) == "psc 810001234567 rpps"


async def test_a_signature_is_believed_only_by_an_algorithm_of_the_settings(
    issuer: TokenIssuer, clock: ManualClock
) -> None:
    issuer.keys.append(new_curve_key("curve"))
    token = issuer.sign(DOCTOR, issuer.keys[1], alg="ES256")

    assert await status(verifier(issuer, clock), token) == "psc 810001234567 rpps"
    assert await status(verifier(issuer, clock, algorithms=("RS256",)), token) == "invalid_token"


async def test_keys_are_fetched_once_for_many_tokens(issuer: TokenIssuer, clock: ManualClock) -> None:
    tokens = verifier(issuer, clock)

    said = await asyncio.gather(*(status(tokens, issuer.sign(DOCTOR)) for _ in range(20)))

    assert set(said) == {"psc 810001234567 rpps"}
    assert issuer.asked == {"/.well-known/openid-configuration": 1, "/jwks": 1}


async def test_a_new_key_is_looked_for_but_not_all_the_time(issuer: TokenIssuer, clock: ManualClock) -> None:
    tokens = verifier(issuer, clock, jwks_url=f"{issuer.url}/jwks")
    await status(tokens, issuer.sign(DOCTOR))
    second = new_key("second")

    before = [await status(tokens, issuer.sign(DOCTOR, second)) for _ in range(5)]
    issuer.keys = [second]
    clock.advance(timedelta(seconds=11))
    after = await status(tokens, issuer.sign(DOCTOR, second))

    assert before == ["invalid_token"] * 5
    assert after == "psc 810001234567 rpps"
    assert issuer.asked["/jwks"] == 2


async def test_keys_stay_in_force_while_the_issuer_is_away(issuer: TokenIssuer, clock: ManualClock) -> None:
    tokens = verifier(issuer, clock, leeway_s=300)
    await status(tokens, issuer.sign(DOCTOR))
    issuer.away = True
    clock.advance(timedelta(hours=1))
    late = {**DOCTOR, "exp": int(clock.now().timestamp()) + 60}

    assert await status(tokens, issuer.sign(late)) == "psc 810001234567 rpps"
    with pytest.raises(TemporaryFailure):
        await verifier(issuer, clock).holder(issuer.sign(late))


async def test_an_opaque_token_is_shown_to_its_issuer(issuer: TokenIssuer, clock: ManualClock) -> None:
    tokens = verifier(issuer, clock, method="introspection", claim="email", names="address")
    issuer.opaque["good"] = {"active": True, "aud": "mail", "exp": SOON, "email": "a@demo.mssante.fr"}
    issuer.opaque["late"] = {**issuer.opaque["good"], "exp": SOON - 400}
    issuer.opaque["other"] = {**issuer.opaque["good"], "iss": "https://elsewhere.test"}
    issuer.opaque["doubtful"] = {**issuer.opaque["good"], "active": "true"}

    said = [await status(tokens, token) for token in ("good", "unknown", "late", "other", "doubtful")]

    assert said == ["psc a@demo.mssante.fr address", *["invalid_token"] * 4]


async def test_an_issuer_that_refuses_us_is_away(issuer: TokenIssuer, clock: ManualClock) -> None:
    with pytest.raises(TemporaryFailure):
        await verifier(issuer, clock, method="introspection", client_secret="faux").holder("good")


@pytest.mark.parametrize("url", ["http://issuer.test/jwks", "file:///etc/passwd", "", "https://"])
async def test_only_https_is_asked(issuer: TokenIssuer, clock: ManualClock, url: str) -> None:
    issuer.away = True  # an empty address asks the configuration

    with pytest.raises(TemporaryFailure):
        await verifier(issuer, clock, jwks_url=url).holder(issuer.sign(DOCTOR))


async def test_a_configuration_of_somebody_else_is_not_believed(issuer: TokenIssuer, clock: ManualClock) -> None:
    settings = issuer.settings(issuer=f"{issuer.url}/")  # what it says of itself has no slash at the end
    tokens = IssuedTokens({"psc": IssuerSettings(**settings)}, clock)

    with pytest.raises(TemporaryFailure):
        await tokens.holder(issuer.sign({**DOCTOR, "iss": f"{issuer.url}/"}))
