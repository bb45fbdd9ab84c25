"""DKIM verification, with dkimpy as the oracle: it signs, we verify, in every canonical form."""

import asyncio
import base64
import hashlib
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime

import dkim
import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from smtp_gateway.dkim import DkimCheck, DkimResult, KeyCache, Outcome, authentication_results
from smtp_gateway.dkim_sign import SigningKey
from smtp_gateway.dkim_signature import parse_key, parse_signature, signed_bytes
from smtp_gateway.header import Field, HeaderBlock
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError, TemporaryFailure

RSA = rsa.generate_private_key(65_537, 2_048)
RSA_PEM = RSA.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
SPKI = RSA.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
RSA_RECORD = f"v=DKIM1; k=rsa; p={base64.b64encode(SPKI).decode()}"
NOW = int(time.time())
ED25519 = ed25519.Ed25519PrivateKey.generate()
ED25519_RECORD = f"v=DKIM1; k=ed25519; p={base64.b64encode(ED25519.public_key().public_bytes_raw()).decode()}"
NAME = "test._domainkey.peer.mssante.fr"
HEAD = (
    b"From: Dr  Martin\t<a@peer.mssante.fr>\r\nTo: b@demo.mssante.fr\r\nSubject: un\r\n  deux   trois \r\n"
    b"X-Note: second\r\nX-Note: first\r\n"
)
BODIES = {
    "text": b"Bonjour,\r\n\r\nAu revoir.\r\n",
    "empty": b"",
    "only empty lines": b"\r\n\r\n\r\n",
    "trailing empty lines": b"a\r\n\r\n\r\n",
    "doubled blanks": b"a  b\t\tc \t d\r\n  indented\r\n",
    "trailing blanks": b"a \r\nb\t\r\n \r\n\t\r\nc\r\n",
    "blank lines at the end": b"a\r\n \r\n\t \r\n",
    "long": (b"x" * 70 + b"\r\n") * 2_000,
    "dots": b".\r\n..\r\n",
}
FORMS = [b"simple/simple", b"simple/relaxed", b"relaxed/simple", b"relaxed/relaxed"]


@pytest.fixture
def keys(clock: ManualClock) -> KeyCache:
    return KeyCache({NAME: RSA_RECORD}, None, clock)


def sign(body: bytes, form: bytes, *, head: bytes = HEAD, length: bool = False) -> bytes:
    """Return the DKIM-Signature field that dkimpy makes."""
    first, second = form.split(b"/")
    signature = dkim.sign(
        head + b"\r\n" + body,
        b"test",
        b"peer.mssante.fr",
        RSA_PEM,
        canonicalize=(first, second),
        length=length,
        include_headers=[b"From", b"To", b"Subject", b"X-Note", b"X-Note", b"X-Absent"],
    )
    assert isinstance(signature, bytes)
    return signature.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def check(head: bytes, body: bytes, keys: KeyCache, *, step: int = 0, now_s: float = NOW) -> list[DkimResult]:
    """Verify as the intake does, the body in pieces of STEP bytes, a CRLF never cut."""
    checking = DkimCheck(HeaderBlock.parse(head), max_signatures=3)
    while body:
        cut = step or len(body)
        if body[cut - 1 : cut + 1] == b"\r\n":
            cut += 1
        checking.update(body[:cut])
        body = body[cut:]
    return asyncio.run(checking.finish(keys, now_s=now_s))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES.keys())
@pytest.mark.parametrize("step", [0, 1, 2, 3, 1_000])
def test_what_the_oracle_signs_verifies(keys: KeyCache, form: bytes, body: bytes, step: int) -> None:
    if step in (1, 2, 3) and len(body) > 10_000:
        step = 997

    results = check(sign(body, form) + HEAD, body, keys, step=step)

    assert results == [DkimResult(Outcome.PASS, "peer.mssante.fr", "test")]


@pytest.mark.parametrize("form", FORMS)
def test_changed_body_or_header_fails(keys: KeyCache, form: bytes) -> None:
    body = BODIES["text"]
    signature = sign(body, form)

    changed_body = check(signature + HEAD, body.replace(b"Au", b"au"), keys)
    changed_header = check(signature + HEAD.replace(b"un\r\n", b"UN\r\n"), body, keys)
    added = check(signature + HEAD + b"X-Note: third\r\n", body, keys)
    harmless = check(signature + b"X-Mailer: any\r\n" + HEAD, body, keys)

    assert changed_body[0].outcome is changed_header[0].outcome is added[0].outcome is Outcome.FAIL
    assert harmless[0].outcome is Outcome.PASS


def test_blanks_matter_to_the_simple_form_alone(keys: KeyCache) -> None:
    body = BODIES["text"]

    simple = check(sign(body, b"simple/simple") + HEAD, body.replace(b", ", b",  ").replace(b".\r", b". \r"), keys)
    relaxed = check(sign(body, b"relaxed/relaxed") + HEAD, body.replace(b".\r", b". \r"), keys)

    assert simple[0].outcome is Outcome.FAIL
    assert relaxed[0].outcome is Outcome.PASS


# RFC 8463 appendix A: one message with an Ed25519 and an RSA signature.
FOOTBALL_HEAD = (
    b"DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;\r\n d=football.example.com;"
    b" i=@football.example.com;\r\n q=dns/txt; s=brisbane; t=1528637909; h=from : to :\r\n"
    b" subject : date : message-id : from : subject : date;\r\n"
    b" bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus\r\n Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==\r\n"
    b"DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;\r\n d=football.example.com;"
    b" i=@football.example.com;\r\n q=dns/txt; s=test; t=1528637909; h=from : to : subject :\r\n"
    b" date : message-id : from : subject : date;\r\n bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;\r\n"
    b" b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3\r\n"
    b" DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz\r\n"
    b" dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=\r\n"
    b"From: Joe SixPack <joe@football.example.com>\r\nTo: Suzie Q <suzie@shopping.example.net>\r\n"
    b"Subject: Is dinner ready?\r\nDate: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)\r\n"
    b"Message-ID: <20030712040037.46341.5F8J@football.example.com>\r\n"
)
FOOTBALL_BODY = b"Hi.\r\n\r\nWe lost the game.  Are you hungry yet?\r\n\r\nJoe.\r\n\r\n"
FOOTBALL_KEYS = {
    "brisbane._domainkey.football.example.com": "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=",
    "test._domainkey.football.example.com": "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWRiGs5V6"
    "NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqMKrM3rG4hstT5QjvH"
    "O9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB",
}


def test_vectors_of_rfc_8463_verify(clock: ManualClock) -> None:
    results = check(FOOTBALL_HEAD, FOOTBALL_BODY, KeyCache(FOOTBALL_KEYS, None, clock))
    changed = check(FOOTBALL_HEAD, FOOTBALL_BODY.replace(b"lost", b"won"), KeyCache(FOOTBALL_KEYS, None, clock))

    assert [each.outcome for each in results] == [Outcome.PASS, Outcome.PASS]
    assert [each.outcome for each in changed] == [Outcome.FAIL, Outcome.FAIL]


def test_key_of_another_kind_fails(clock: ManualClock) -> None:
    brisbane, test = FOOTBALL_KEYS
    swapped = {brisbane: FOOTBALL_KEYS[test], test: FOOTBALL_KEYS[brisbane]}

    results = check(FOOTBALL_HEAD, FOOTBALL_BODY, KeyCache(swapped, None, clock))

    assert [each.outcome for each in results] == [Outcome.FAIL, Outcome.FAIL]


def test_message_without_signature_has_none(keys: KeyCache) -> None:
    assert check(HEAD, b"a\r\n", keys) == [DkimResult(Outcome.NONE)]


@pytest.mark.parametrize(
    ("old", "new", "outcome"),
    [
        (b"v=1;", b"v=2;", Outcome.PERMERROR),
        (b"a=rsa-sha256;", b"a=rsa-sha1;", Outcome.PERMERROR),
        (b"d=peer.mssante.fr;", b"", Outcome.PERMERROR),
        (b"d=peer.mssante.fr;", b"d=peer.mssante.fr; i=@other.fr;", Outcome.PERMERROR),
        (b"d=peer.mssante.fr;", b"d=unknown.mssante.fr;", Outcome.PERMERROR),
        (b"d=peer.mssante.fr;", b"d=peer.mssante.fr; x=1;", Outcome.FAIL),
        (b"d=peer.mssante.fr;", b"d=peer.mssante.fr; l=many;", Outcome.PERMERROR),
        (b"d=peer.mssante.fr;", b"d=peer.mssante.fr; q=dns/other;", Outcome.PERMERROR),
        (b"d=peer.mssante.fr;", b"d=peer.mssante.fr; d=peer.mssante.fr;", Outcome.PERMERROR),
        (b"bh=", b"bh=%%%", Outcome.PERMERROR),
        (b"b=", b"b=AAAA", Outcome.PERMERROR),
        (b"from", b"subject", Outcome.PERMERROR),
        (b"s=test;", b"s=../../etc;", Outcome.PERMERROR),
        (b"c=relaxed/relaxed", b"c=loose", Outcome.PERMERROR),
    ],
)
def test_signature_that_is_not_in_order(keys: KeyCache, old: bytes, new: bytes, outcome: Outcome) -> None:
    body = BODIES["text"]
    signature = sign(body, b"relaxed/relaxed").replace(b"h=From", b"h=from")
    assert old in signature

    (result,) = check(signature.replace(old, new, 1) + HEAD, body, keys)

    assert result.outcome in (outcome, Outcome.FAIL)
    assert result.outcome is not Outcome.PASS


def ours_and_the_oracles(signature: bytes, body: bytes, records: dict[bytes, bytes]) -> tuple[Outcome, bool]:
    message = signature + HEAD + b"\r\n" + body
    cache = KeyCache(
        {name.decode(): record.decode() for name, record in records.items()}, None, ManualClock(datetime.now(UTC))
    )
    (result,) = check(signature + HEAD, body, cache, step=5)
    return result.outcome, dkim.verify(message, dnsfunc=lambda name, timeout=5: records.get(name.rstrip(b".")))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize(
    ("body", "added", "outcome"),
    [
        (b"Bonjour.\r\n", b"", Outcome.PASS),
        (b"Bonjour.\r\n", b"Et ceci.\r\n", Outcome.POLICY),
        (b"Bonjour.\r\n", b"\r\n\r\n", Outcome.PASS),
        (b"a  b\tc \r\n\r\nd\r\n", b"e\r\n", Outcome.POLICY),
    ],
)
def test_length_that_leaves_nothing_out_passes_and_what_was_added_is_told(
    form: bytes, body: bytes, added: bytes, outcome: Outcome
) -> None:
    signature = sign(body, form, length=True)
    assert b"l=" in signature

    ours, oracle = ours_and_the_oracles(signature, body + added, {NAME.encode(): RSA_RECORD.encode()})

    assert ours is outcome
    assert oracle  # which takes what is signed for the whole


def test_length_beyond_the_body_or_over_another_text_fails(keys: KeyCache) -> None:
    signature = sign(b"Bonjour.\r\nBonsoir.\r\n", b"relaxed/relaxed", length=True)

    (cut,) = check(signature + HEAD, b"Bonjour.\r\n", keys)
    (changed,) = check(signature + HEAD, b"bonjour.\r\nBonsoir.\r\nplus\r\n", keys)

    assert cut.outcome is changed.outcome is Outcome.FAIL


def resigned(tags: bytes, algorithm: str) -> tuple[bytes, bytes]:
    """Return a field with more TAGS, signed for the text body, and the record of its key."""
    key = SigningKey("test", RSA if algorithm == "rsa" else ED25519)
    record = RSA_RECORD if algorithm == "rsa" else ED25519_RECORD
    digest = base64.b64encode(hashlib.sha256(b"Bonjour,\r\n\r\nAu revoir.\r\n").digest())
    head = b"DKIM-Signature: v=1; a=%s; c=relaxed/relaxed; d=peer.mssante.fr; s=test; h=from:to;\r\n\tbh=%s; %s b="
    unsigned = head % (key.algorithm.encode(), digest, tags)
    field = Field(b"dkim-signature", unsigned + b"\r\n")
    plain = parse_signature(Field(b"dkim-signature", head % (key.algorithm.encode(), digest, b"") + b"\r\n"))
    covered = signed_bytes(replace(plain, field=field), HeaderBlock.parse(HEAD))
    return unsigned + base64.b64encode(key.sign(covered)) + b"\r\n", record.encode()


@pytest.mark.parametrize("algorithm", ["rsa", "ed25519"])
@pytest.mark.parametrize(
    ("tags", "passes"),
    [
        (b"", True),
        (b"t=%d;" % NOW, True),
        (b"t=%d;" % (NOW + 3_600), True),
        (b"t=%d;" % (NOW + 100_000), False),
        (b"t=%d; x=%d;" % (NOW - 100, NOW + 100), True),
        (b"x=%d;" % (NOW - 100_000), False),
        (b"t=%d; x=%d;" % (NOW, NOW - 5), False),
        (b"x=soon;", False),
        (b"i=dr@service.peer.mssante.fr;", True),
        (b"i=dr@peer.mssante.fr.evil.fr;", False),
        (b"q=dns/txt;", True),
        (b"q=http;", False),
        (b"z=From:a@b|To:c@d; n=note;", True),
    ],
)
def test_verdict_is_that_of_the_oracle(algorithm: str, tags: bytes, passes: bool) -> None:
    signature, record = resigned(tags, algorithm)

    ours, oracle = ours_and_the_oracles(signature, BODIES["text"], {NAME.encode(): record})

    assert (ours is Outcome.PASS) == passes
    if algorithm == "rsa":  # without PyNaCl dkimpy verifies no Ed25519; the vectors of RFC 8463 do
        assert oracle == passes


@pytest.mark.parametrize(
    "record",
    [
        "v=DKIM1; k=rsa; p=",
        "v=DKIM2; p=AAAA",
        "k=rsa; p=AAAA",
        "k=dsa; " + RSA_RECORD.partition(";")[2].partition(";")[2],
        RSA_RECORD + "; s=tlsrpt",
        RSA_RECORD + "; h=sha1",
        "not a tag list",
        "k=ed25519; p=AAAA",
    ],
)
def test_key_records_that_are_of_no_use(record: str) -> None:
    with pytest.raises(ProtocolError):
        parse_key(record)


def test_key_for_the_domain_itself_refuses_a_subdomain_identity(clock: ManualClock) -> None:
    body = BODIES["text"]
    signature = (
        dkim.sign(HEAD + b"\r\n" + body, b"test", b"peer.mssante.fr", RSA_PEM, identity=b"x@sub.peer.mssante.fr")
        .replace(b"\n", b"\r\n")
        .replace(b"\r\r\n", b"\r\n")
    )

    loose = check(signature + HEAD, body, KeyCache({NAME: RSA_RECORD}, None, clock))
    strict = check(signature + HEAD, body, KeyCache({NAME: RSA_RECORD + "; t=s"}, None, clock))

    assert (loose[0].outcome, strict[0].outcome) == (Outcome.PASS, Outcome.FAIL)


def test_wrong_key_in_the_settings_stops_the_start(clock: ManualClock) -> None:
    with pytest.raises(ConfigurationError, match=r"\[dkim.public_keys\]"):
        KeyCache({NAME: "v=DKIM1; p="}, None, clock)


class Records:
    """A resolver that counts."""

    def __init__(self, answers: Iterator[str | None]) -> None:
        self.answers = answers
        self.asked: list[str] = []

    async def record(self, name: str) -> str | None:
        self.asked.append(name)
        answer = next(self.answers)
        if answer == "away":
            raise TemporaryFailure("away")
        return answer


def test_keys_of_dns_are_kept_an_hour_and_failures_a_minute(clock: ManualClock) -> None:
    from datetime import timedelta

    records = Records(iter(["away", None, RSA_RECORD, RSA_RECORD]))
    keys = KeyCache({}, records, clock)
    body = BODIES["text"]
    head = sign(body, b"relaxed/relaxed") + HEAD

    outcomes = [check(head, body, keys)[0].outcome, check(head, body, keys)[0].outcome]
    clock.advance(timedelta(seconds=61))
    outcomes.append(check(head, body, keys)[0].outcome)
    clock.advance(timedelta(seconds=61))
    outcomes += [check(head, body, keys)[0].outcome for _ in range(3)]
    clock.advance(timedelta(seconds=3_601))
    outcomes.append(check(head, body, keys)[0].outcome)

    assert outcomes == [
        Outcome.TEMPERROR, Outcome.TEMPERROR, Outcome.PERMERROR, Outcome.PASS, Outcome.PASS, Outcome.PASS, Outcome.PASS,
    ]  # fmt: skip
    assert records.asked == [NAME] * 4


def test_results_become_one_header_field() -> None:
    results = [DkimResult(Outcome.PASS, "peer.mssante.fr", "a"), DkimResult(Outcome.PERMERROR)]

    field = authentication_results("mx.demo.test", results)

    assert field == (
        b"Authentication-Results: mx.demo.test;\r\n\tdkim=pass header.d=peer.mssante.fr header.s=a;\r\n"
        b"\tdkim=permerror\r\n"
    )
