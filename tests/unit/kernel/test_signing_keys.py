"""Keys that sign: from files and from a token, the same to whoever signs with them."""

import copy
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conftest import NOON
from tests.fictional.structure_keys import RsaPair, issue_rsa
from tests.standins.token import EMPTY_TOKEN, Token, start_token
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure
from vaguemestre.kernel.pkcs11_keys import KeyOnToken, TokenKey, TokenRSAKey, open_token_key
from vaguemestre.kernel.signing_keys import load_signing_key

V1_5 = padding.PKCS1v15()


@pytest.fixture(scope="module")
def pair() -> RsaPair:
    return issue_rsa(Authority.create(NOON), "LPS TEST SIGN", NOON)


@pytest.fixture(scope="module")
def token(pair: RsaPair) -> Iterator[Token]:
    with start_token(pair.key_pem) as started:
        yield started


@pytest.fixture
def certificate(pair: RsaPair, tmp_path: Path) -> Path:
    return pair.write(tmp_path, "sign")[0]


def changed(place: TokenKey, **values: object) -> TokenKey:
    facts = {name: getattr(place, name) for name in ("module", "token", "label", "pin")}
    return TokenKey(**{**facts, **values})


def test_a_key_is_read_from_files(pair: RsaPair, certificate: Path):
    loaded = load_signing_key(certificate, certificate.with_suffix(".key"))

    assert loaded.certificate == pair.certificate
    assert loaded.key.public_key() == pair.key.public_key()


def test_an_elliptic_curve_key_is_read_from_files(tmp_path: Path):
    issued = Authority.create(NOON).issue(
        CertificateRequest(subject=operator_subject("lps.test", "CH"), hosts=("lps.test",)), NOON
    )
    issued.write(tmp_path, "sign")

    loaded = load_signing_key(tmp_path / "sign.pem", tmp_path / "sign.key")

    assert isinstance(loaded.key, ec.EllipticCurvePrivateKey)


def test_files_that_do_not_belong_together_are_refused(certificate: Path, tmp_path: Path):
    other = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    key = tmp_path / "other.key"
    key.write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    key.chmod(0o600)

    with pytest.raises(ConfigurationError, match="another key"):
        load_signing_key(certificate, key)


def test_a_key_that_others_can_read_is_refused(certificate: Path):
    key = certificate.with_suffix(".key")
    key.chmod(0o644)

    with pytest.raises(ConfigurationError, match="chmod 600"):
        load_signing_key(certificate, key)


@pytest.mark.parametrize("content", [b"", b"not a key"])
def test_a_file_that_is_no_key_is_refused(certificate: Path, content: bytes):
    key = certificate.with_suffix(".key")
    key.write_bytes(content)

    with pytest.raises(ConfigurationError, match="no usable private key"):
        load_signing_key(certificate, key)


def test_a_file_that_is_no_certificate_is_refused(certificate: Path):
    with pytest.raises(ConfigurationError, match="no usable certificate"):
        load_signing_key(certificate.with_suffix(".key"), certificate.with_suffix(".key"))


@pytest.mark.parametrize("algorithm", [hashes.SHA256(), hashes.SHA384(), hashes.SHA512()])
def test_a_token_signs_as_the_key_would(
    token: Token, pair: RsaPair, certificate: Path, algorithm: hashes.HashAlgorithm
):
    opened = open_token_key(token.place, certificate)

    assert isinstance(opened.key, rsa.RSAPrivateKey)
    assert opened.key.sign(b"text", V1_5, algorithm) == pair.key.sign(b"text", V1_5, algorithm)
    assert opened.key.key_size == 2048
    assert copy.deepcopy(copy.copy(opened.key)) is opened.key


def test_the_key_never_leaves_its_token(token: Token, certificate: Path):
    key = open_token_key(token.place, certificate).key
    assert isinstance(key, TokenRSAKey)

    for refused in (
        key.private_numbers,
        lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda: key.decrypt(b"", V1_5),
        lambda: key.sign(b"text", V1_5, hashes.SHA1()),  # noqa: S303 - refused
        lambda: key.sign(b"text", padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256()),
    ):
        with pytest.raises(UnsupportedAlgorithm):
            refused()
    assert token.place.pin not in repr(token.place)


@pytest.mark.parametrize(
    "wrong",
    [
        {"token": EMPTY_TOKEN, "pin": "0000"},
        {"token": EMPTY_TOKEN},
        {"token": "absent"},
        {"label": "absent"},
        {"module": Path("/absent.so")},
    ],
)
def test_a_token_that_cannot_be_used_stops_the_start(token: Token, certificate: Path, wrong: dict[str, object]):
    with pytest.raises(ConfigurationError, match="PKCS#11") as raised:
        open_token_key(changed(token.place, **wrong), certificate)

    assert "0000" not in str(raised.value)


def test_a_certificate_of_another_key_stops_the_start(token: Token, tmp_path: Path):
    other = issue_rsa(Authority.create(NOON), "AUTRE", NOON).write(tmp_path, "other")[0]

    with pytest.raises(ConfigurationError, match="another key"):
        open_token_key(token.place, other)


def test_a_session_that_was_lost_is_opened_again(token: Token, pair: RsaPair):
    held = KeyOnToken(token.place)
    key = TokenRSAKey(held, pair.key.public_key())
    first = key.sign(b"text", V1_5, hashes.SHA256())

    held._found.session.close()

    assert key.sign(b"text", V1_5, hashes.SHA256()) == first


def test_a_token_that_went_away_is_a_temporary_failure(token: Token, pair: RsaPair):
    held = KeyOnToken(changed(token.place, token="absent"))

    with pytest.raises(TemporaryFailure, match="NoSuchToken"):
        TokenRSAKey(held, pair.key.public_key()).sign(b"text", V1_5, hashes.SHA256())


def test_only_rsa_is_used_on_a_token(token: Token, tmp_path: Path):
    request = CertificateRequest(subject=operator_subject("lps.test", "CH"), hosts=("lps.test",))
    Authority.create(datetime.now(NOON.tzinfo)).issue(request, NOON).write(tmp_path, "ec")

    with pytest.raises(ConfigurationError, match="RSA"):
        open_token_key(token.place, tmp_path / "ec.pem")
