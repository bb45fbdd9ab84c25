"""SASL mechanisms, each from its bytes alone; the exchange of RFC 7677 §3 byte for byte."""

import base64
import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from access_core.accounts import Account, AccountKind, AccountState
from access_core.authentication.failures import AuthenticationFailed, NotAuthorized, TokenRefused
from access_core.authentication.sasl.mechanisms import Offer, begin
from access_core.authentication.sasl.preparation import saslprep
from access_core.authentication.sasl.scram import ScramSide, scram
from access_core.authentication.sasl.steps import (
    Challenge,
    CheckCertificate,
    CheckPassword,
    CheckToken,
    Dialogue,
    LookUpScram,
    ScramOffer,
    ScramSecret,
    SettleScram,
    Step,
)
from access_core.authentication.scram_keys import derive
from tests.standins.scram_client import ScramClient
from vaguemestre.kernel.errors import ProtocolError

ACCOUNT = Account("id", AccountKind.PROFESSIONAL, "user", "User", AccountState.ACTIVE)
END_POINT = b"hash of our certificate"
EVERYTHING = Offer(certificate=True, tokens=True, end_point=END_POINT)
PLAIN_ONLY = Offer(certificate=False, tokens=False, end_point=None)
SALT, ITERATIONS = base64.b64decode("W22ZaJ0SNY7soEsUEjb6gQ=="), 4096


def begun(mechanism: str, offer: Offer = EVERYTHING) -> Dialogue:
    dialogue = begin(mechanism, offer)
    assert dialogue is not None
    next(dialogue)
    return dialogue


def ended(dialogue: Dialogue, answer: object) -> Account:
    with pytest.raises(StopIteration) as end:
        dialogue.send(answer)
    assert isinstance(end.value.value, Account)
    return end.value.value


def test_what_is_offered_depends_on_the_connection() -> None:
    assert EVERYTHING.words == (
        "EXTERNAL", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-256", "OAUTHBEARER", "XOAUTH2", "PLAIN", "LOGIN",
    )  # fmt: skip
    assert PLAIN_ONLY.words == ("SCRAM-SHA-256", "PLAIN", "LOGIN")
    assert begin("external", PLAIN_ONLY) is begin("XOAUTH2", PLAIN_ONLY) is begin("CRAM-MD5", EVERYTHING) is None


@pytest.mark.parametrize("identity", ["", "login"])
def test_plain_carries_login_and_password(identity: str) -> None:
    dialogue = begun("plain")

    asked = dialogue.send(f"{identity}\0login\0pass wörd".encode())

    assert asked == CheckPassword("login", "pass wörd")
    assert "pass" not in repr(asked)
    assert ended(dialogue, ACCOUNT) is ACCOUNT


@pytest.mark.parametrize("response", [b"", b"x", b"a\0b", b"\0\0x", b"a\0b\0c\0d", b"\0\xff\0x"])
def test_plain_that_is_none(response: bytes) -> None:
    with pytest.raises(ProtocolError):
        begun("PLAIN").send(response)


def test_nobody_acts_for_another() -> None:
    with pytest.raises(NotAuthorized):
        begun("PLAIN").send(b"other\0login\0x")
    with pytest.raises(NotAuthorized):
        begun("SCRAM-SHA-256", PLAIN_ONLY).send(b"n,a=other,n=user,r=abc")


def test_login_asks_twice() -> None:
    dialogue = begin("LOGIN", EVERYTHING)
    assert dialogue is not None

    asked = [next(dialogue), dialogue.send(b"login"), dialogue.send("pass wörd".encode())]

    assert asked == [Challenge(b"Username:"), Challenge(b"Password:"), CheckPassword("login", "pass wörd")]


@pytest.mark.parametrize("identity", ["", "camille.martin@demo.mssante.fr"])
def test_external_says_which_mailbox(identity: str) -> None:
    assert begun("EXTERNAL").send(identity.encode()) == CheckCertificate(identity)


BEARER = [
    ("OAUTHBEARER", b"n,a=u@d.fr,\x01host=imap\x01port=143\x01auth=Bearer a.b-c_d~e+f/g==\x01\x01", "u@d.fr"),
    ("OAUTHBEARER", b"n,,\x01auth=bearer  a.b-c_d~e+f/g==\x01\x01", ""),
    ("OAUTHBEARER", b"y,a=a=2Cb=3Dc,\x01auth=Bearer a.b-c_d~e+f/g==\x01\x01", "a,b=c"),
    ("XOAUTH2", b"user=u@d.fr\x01auth=Bearer a.b-c_d~e+f/g==\x01\x01", "u@d.fr"),
]


@pytest.mark.requirement("MSS2:ECO.1.2.1")
@pytest.mark.parametrize(("mechanism", "response", "login"), BEARER)
def test_a_token_comes_with_its_mailbox(mechanism: str, response: bytes, login: str) -> None:
    dialogue = begun(mechanism)

    assert dialogue.send(response) == CheckToken(login, "a.b-c_d~e+f/g==")
    assert ended(dialogue, ACCOUNT) is ACCOUNT


@pytest.mark.parametrize(("mechanism", "response", "_login"), BEARER)
def test_a_refused_token_is_explained_before_it_fails(mechanism: str, response: bytes, _login: str) -> None:
    dialogue = begun(mechanism)
    dialogue.send(response)

    said = dialogue.throw(
        TokenRefused("insufficient_scope", "mail", "https://psc.test/.well-known/openid-configuration")
    )

    assert isinstance(said, Challenge)
    assert json.loads(said.data) == {
        "status": "insufficient_scope",
        "scope": "mail",
        "openid-configuration": "https://psc.test/.well-known/openid-configuration",
    }
    with pytest.raises(AuthenticationFailed):
        dialogue.send(b"\x01")


@pytest.mark.parametrize(
    ("mechanism", "response"),
    [
        ("OAUTHBEARER", b""),
        ("OAUTHBEARER", b"auth=Bearer x\x01\x01"),
        ("OAUTHBEARER", b"p=tls-exporter,,\x01auth=Bearer x\x01\x01"),
        ("OAUTHBEARER", b"n,a==2D,\x01auth=Bearer x\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer x\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Basic x\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01host=x\x01\x01"),
        ("OAUTHBEARER", b"n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01"),
        ("XOAUTH2", b"auth=Bearer x\x01\x01"),
        ("XOAUTH2", b"user=u\x01auth=Bearer x y\x01\x01"),
        ("XOAUTH2", b"user=u\x01auth=Bearer \xff\x01\x01"),
        ("EXTERNAL", b"a\0b"),
    ],
)
def test_a_token_that_is_not_well_carried(mechanism: str, response: bytes) -> None:
    with pytest.raises(ProtocolError):
        begun(mechanism).send(response)


def offer_of(password: str) -> ScramOffer:
    return ScramOffer(SALT, ITERATIONS, (ScramSecret("own", *derive(password, SALT, ITERATIONS)),))


def test_the_exchange_of_rfc_7677() -> None:
    side = ScramSide(nonce="%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", end_point=None, plus=False, plus_offered=False)
    dialogue = scram(side)
    next(dialogue)

    asked = dialogue.send(b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO")
    first = dialogue.send(offer_of("pencil"))
    settled = dialogue.send(
        b"c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="
    )
    final = dialogue.send(ACCOUNT)

    assert asked == LookUpScram("user")
    assert first == Challenge(b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
    assert settled == SettleScram("user", "own")
    assert final == Challenge(b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=")
    assert ended(dialogue, b"") is ACCOUNT


@dataclass
class Tried:
    """How an exchange with a client of our own writing ended: what is settled, or why it broke off."""

    client: ScramClient
    offer: Offer = EVERYTHING
    mechanism: str = "SCRAM-SHA-256"

    def settled(self) -> Step:
        dialogue = begun(self.mechanism, self.offer)
        dialogue.send(self.client.first())
        first = dialogue.send(offer_of("pencil"))
        assert isinstance(first, Challenge)
        return dialogue.send(self.client.final(first.data))


def test_a_wrong_password_settles_nobody() -> None:
    assert Tried(ScramClient("user", "pen"), PLAIN_ONLY).settled() == SettleScram("user", None)


def test_an_unknown_login_fails_where_a_wrong_password_does() -> None:
    dialogue = begun("SCRAM-SHA-256", PLAIN_ONLY)
    client = ScramClient("nobody", "pencil")
    dialogue.send(client.first())
    first = dialogue.send(ScramOffer(SALT, ITERATIONS, ()))
    assert isinstance(first, Challenge)

    assert dialogue.send(client.final(first.data)) == SettleScram("nobody", None)


def test_any_of_several_passwords_proves_and_the_server_proves_with_the_same() -> None:
    secrets = tuple(ScramSecret(word, *derive(word, SALT, ITERATIONS)) for word in ("one", "two", "three"))
    dialogue = begun("SCRAM-SHA-256", PLAIN_ONLY)
    client = ScramClient("a,b=c", "two")
    dialogue.send(client.first())
    first = dialogue.send(ScramOffer(SALT, ITERATIONS, secrets))
    assert isinstance(first, Challenge)

    settled = dialogue.send(client.final(first.data))
    final = dialogue.send(ACCOUNT)

    assert settled == SettleScram("a,b=c", "two")
    assert isinstance(final, Challenge)
    assert client.believes(final.data)


def test_plus_is_bound_to_our_certificate() -> None:
    bound = ScramClient("user", "pencil", "p=tls-server-end-point,,", END_POINT)
    elsewhere = ScramClient("user", "pencil", "p=tls-server-end-point,,", b"hash of somebody else's")

    assert Tried(bound, mechanism="SCRAM-SHA-256-PLUS").settled() == SettleScram("user", "own")
    assert Tried(elsewhere, mechanism="SCRAM-SHA-256-PLUS").settled() == SettleScram("user", None)


def test_a_client_that_was_shown_no_plus_is_not_believed() -> None:
    deceived = ScramClient("user", "pencil", "y,,")

    with pytest.raises(AuthenticationFailed):
        Tried(deceived).settled()
    assert Tried(deceived, PLAIN_ONLY).settled() == SettleScram("user", "own")


@pytest.mark.parametrize(
    ("mechanism", "gs2", "fault"),
    [
        ("SCRAM-SHA-256-PLUS", "n,,", ProtocolError),
        ("SCRAM-SHA-256-PLUS", "y,,", ProtocolError),
        ("SCRAM-SHA-256-PLUS", "p=tls-unique,,", AuthenticationFailed),
        ("SCRAM-SHA-256", "p=tls-server-end-point,,", ProtocolError),
    ],
)
def test_flag_and_mechanism_agree(mechanism: str, gs2: str, fault: type[Exception]) -> None:
    with pytest.raises(fault):
        Tried(ScramClient("user", "pencil", gs2, END_POINT), mechanism=mechanism).settled()


@pytest.mark.parametrize("change", [b"c=biws,r=other,p=", b"c=biws,p=", b"c=AAAA,r=%s,p="])
def test_a_final_message_of_another_exchange_settles_nobody(change: bytes) -> None:
    dialogue = begun("SCRAM-SHA-256", PLAIN_ONLY)
    client = ScramClient("user", "pencil")
    dialogue.send(client.first())
    first = dialogue.send(offer_of("pencil"))
    assert isinstance(first, Challenge)
    proof = client.final(first.data).rpartition(b"p=")[2]
    nonce = first.data.partition(b",")[0][2:]

    try:
        outcome: object = dialogue.send((change % nonce if b"%s" in change else change) + proof)
    except ProtocolError:
        outcome = SettleScram("user", None)

    assert outcome == SettleScram("user", None)


def test_an_exchange_that_is_played_again_settles_nobody() -> None:
    client = ScramClient("user", "pencil")
    heard = begun("SCRAM-SHA-256", PLAIN_ONLY)
    heard.send(client.first())
    first = heard.send(offer_of("pencil"))
    assert isinstance(first, Challenge)
    proof = client.final(first.data)

    again = begun("SCRAM-SHA-256", PLAIN_ONLY)
    again.send(client.first())
    again.send(offer_of("pencil"))

    assert again.send(proof) == SettleScram("user", None)


@given(st.sampled_from(EVERYTHING.words), st.lists(st.binary(max_size=80), max_size=3))
def test_any_bytes_end_in_a_step_or_in_a_refusal(mechanism: str, responses: list[bytes]) -> None:
    dialogue = begun(mechanism)
    try:
        for response in responses:
            step = dialogue.send(response)
            if isinstance(step, LookUpScram):
                step = dialogue.send(ScramOffer(SALT, ITERATIONS, ()))
            if not isinstance(step, Challenge):
                return
    except (ProtocolError, AuthenticationFailed):
        return


@given(st.binary(max_size=60), st.binary(max_size=120))
def test_scram_takes_any_bytes_after_a_good_beginning(first: bytes, final: bytes) -> None:
    dialogue = begun("SCRAM-SHA-256", PLAIN_ONLY)
    try:
        step = dialogue.send(b"n,,n=user,r=abc" + first)
        assert step == LookUpScram("user")
        dialogue.send(offer_of("pencil") if first == b"never" else ScramOffer(SALT, ITERATIONS, ()))
        settled = dialogue.send(final)
    except ProtocolError:
        return
    assert settled == SettleScram("user", None)


@pytest.mark.parametrize(
    ("text", "prepared"),
    [
        ("I\u00adX", "IX"),
        ("user", "user"),
        ("USER", "USER"),
        ("\u00aa", "a"),
        ("\u2168", "IX"),
        ("\u00a0", " "),
        ("e\u0301", "\u00e9"),
        ("\u0007", "\u0007"),
        ("\u0627\u0031", "\u0627\u0031"),
        ("", ""),
    ],
)
def test_passwords_are_prepared_as_rfc_4013_says(text: str, prepared: str) -> None:
    assert saslprep(text) == prepared
