"""The signature of the published list: only of a trusted signer, over the whole, and only what it covers is read."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from lxml import etree
from signxml.algorithms import DigestAlgorithm, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.admission import admit_list
from smtp_gateway.trust.refresh import Outcome, refresh
from tests.unit.smtp_gateway.test_refresh import Publisher, listed, publisher
from tests.unit.smtp_gateway.trust_space import LIST, ROW, SUBJECT, Pki
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError

__all__ = ["publisher"]
NOW = datetime.now(UTC)
SIGNER = SUBJECT.format(host="mx.operator.test")


@dataclass
class Registrar:
    """Who signs lists under the TEST authority; files in FOLDER."""

    folder: Path

    def sign(self, data: bytes, stem: str = "operator", *, chain: bool = True, identifier: str = "") -> bytes:
        certificate = (self.folder / f"{stem}.pem").read_text(encoding="ascii")
        key = load_pem_private_key((self.folder / f"{stem}.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        signer = XMLSigner(
            method=SignatureConstructionMethod.enveloped,
            signature_algorithm=SignatureMethod.ECDSA_SHA256,
            digest_algorithm=DigestAlgorithm.SHA256,
        )
        root = etree.fromstring(data)
        if identifier:
            root.set("Id", identifier)
        cert = certificate if chain else certificate[: certificate.index("-----END") + 26]
        signed = signer.sign(root, key=key, cert=cert, reference_uri=f"#{identifier}" if identifier else None)
        return etree.tostring(signed)

    def settings(self, **values: object) -> TrustSettings:
        defaults: dict[str, object] = {"whitelist": self.folder / "whitelist.xml", "signature": "required"}
        return TrustSettings.model_validate(defaults | values)

    def pinned(self, **values: object) -> TrustSettings:
        return self.settings(signers=self.folder / "operator.pem", signer=SIGNER, **values)


@pytest.fixture
def registrar(tmp_path: Path) -> Registrar:
    Pki(tmp_path)
    return Registrar(tmp_path)


def leaf_only(folder: Path, stem: str) -> Path:
    """Return a file with the signer's certificate alone, without the chain."""
    path = folder / f"{stem}.leaf.pem"
    pem = (folder / f"{stem}.pem").read_bytes()
    path.write_bytes(pem[: pem.index(b"-----END") + 26])
    return path


GOOD = listed(NOW, 3)


@pytest.mark.requirement("VGM:OP-4")
@pytest.mark.parametrize("identifier", ["", "list"])
def test_list_signed_by_the_pinned_certificate_is_read(registrar: Registrar, identifier: str) -> None:
    settings = registrar.settings(signers=leaf_only(registrar.folder, "operator"))

    admitted = admit_list(registrar.sign(GOOD, identifier=identifier), settings, NOW)

    assert len(admitted.subjects) == 3
    assert admitted.signer == SIGNER


def test_list_signed_under_the_authority_is_read_when_the_subject_is_the_one_set(registrar: Registrar) -> None:
    anchored = registrar.settings(signers=registrar.folder / "ca.pem", signer=SIGNER)

    assert admit_list(registrar.sign(GOOD), anchored, NOW).signer == SIGNER
    with pytest.raises(ProtocolError, match="nobody that is trusted"):
        admit_list(registrar.sign(GOOD, "stranger"), anchored, NOW)  # of the same authority, and not the signer


def test_an_authority_without_a_subject_would_let_everybody_sign(registrar: Registrar) -> None:
    with pytest.raises(ConfigurationError, match=r"trust\.signer"):
        admit_list(registrar.sign(GOOD), registrar.settings(signers=registrar.folder / "ca.pem"), NOW)


def test_signer_of_another_authority_with_the_right_subject_is_nobody(registrar: Registrar, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    Pki(elsewhere)

    with pytest.raises(ProtocolError):
        admit_list(Registrar(elsewhere).sign(GOOD), registrar.pinned(), NOW)


def test_unsigned_list_passes_only_when_it_may(registrar: Registrar) -> None:
    assert admit_list(GOOD, registrar.settings(signature="if_present"), NOW).signer is None
    with pytest.raises(ProtocolError, match="not signed"):
        admit_list(GOOD, registrar.pinned(), NOW)


def test_signed_list_is_not_taken_on_its_word(registrar: Registrar) -> None:
    with pytest.raises(ConfigurationError, match=r"trust\.signers"):
        admit_list(registrar.sign(GOOD), registrar.settings(signature="if_present"), NOW)
    assert admit_list(registrar.sign(GOOD), registrar.settings(signature="ignored"), NOW).signer is None


def forged_row() -> bytes:
    return ROW.format(domain="forged.mssante.fr", subject=SUBJECT.format(host="evil")).encode()


def changed_row(signed: bytes) -> bytes:
    return signed.replace(b"d1.mssante.fr", b"d9.mssante.fr")


def added_row(signed: bytes) -> bytes:
    return signed.replace(b"</ListeDomaines>", forged_row() + b"</ListeDomaines>")


def removed_signature(signed: bytes) -> bytes:
    return re.sub(rb"<ds:Signature .*</ds:Signature>", b"", signed, flags=re.DOTALL)


def signature_twice(signed: bytes) -> bytes:
    signature = re.search(rb"<ds:Signature .*</ds:Signature>", signed, flags=re.DOTALL)
    assert signature is not None
    return signed.replace(signature[0], signature[0] * 2)


def wrapped(signed: bytes) -> bytes:
    """The signed list put aside inside a forged one that carries its signature (XML signature wrapping)."""
    signature = re.search(rb"<ds:Signature .*</ds:Signature>", signed, flags=re.DOTALL)
    assert signature is not None
    original = signed.replace(signature[0], b"")
    forged = LIST.format(at=NOW.isoformat(), rows=forged_row().decode()).encode().partition(b"?>")[2]
    return forged.replace(b"</ListeBlancheMSSante>", signature[0] + original + b"</ListeBlancheMSSante>")


def wrapped_under_the_same_id(signed: bytes) -> bytes:
    return wrapped(signed).replace(b"<ListeBlancheMSSante", b'<ListeBlancheMSSante Id="list"', 1)


@pytest.mark.parametrize("identifier", ["", "list"])
@pytest.mark.parametrize(
    "attack",
    [changed_row, added_row, removed_signature, signature_twice, wrapped, wrapped_under_the_same_id],
    ids=lambda attack: attack.__name__,
)
def test_forged_list_is_refused(registrar: Registrar, attack: object, identifier: str) -> None:
    assert callable(attack)
    signed = registrar.sign(GOOD, identifier=identifier)

    with pytest.raises(ProtocolError):
        admit_list(attack(signed), registrar.pinned(), NOW)


def test_comment_cannot_cut_a_name_in_two(registrar: Registrar) -> None:
    """Canonical XML leaves comments out of the digest: what is read are the digested bytes, whatever stood there."""
    signed = registrar.sign(GOOD).replace(b"d1.mssante.fr", b"d1.mssante<!-- x -->.fr")

    admitted = admit_list(signed, registrar.pinned(), NOW)

    assert set(admitted.subjects) == {"d0.mssante.fr", "d1.mssante.fr", "d2.mssante.fr"}


def test_expired_signer_signs_no_new_list_and_the_one_in_force_stays(registrar: Registrar) -> None:
    leaf = x509.load_pem_x509_certificate((registrar.folder / "operator.pem").read_bytes())
    signed, later = registrar.sign(GOOD), leaf.not_valid_after_utc + timedelta(days=1)

    with pytest.raises(ProtocolError):
        admit_list(signed, registrar.pinned(), later)
    assert admit_list(signed, registrar.pinned()).signer == SIGNER


def test_refresh_takes_a_signed_list_and_keeps_it_when_a_forged_one_follows(publisher: Publisher) -> None:
    settings = publisher.settings.model_copy(
        update={"signature": "required", "signers": publisher.settings.authority, "signer": SIGNER}
    )
    registrar = Registrar(settings.whitelist.parent)
    publisher.data = good = registrar.sign(listed(NOW, 4))
    first = refresh(settings, NOW)
    publisher.data = added_row(registrar.sign(listed(NOW + timedelta(minutes=1), 4)))
    second = refresh(settings, NOW)

    assert (first.outcome, second.outcome) == (Outcome.REPLACED, Outcome.REJECTED)
    assert settings.whitelist.read_bytes() == good
