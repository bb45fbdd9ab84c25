"""`trust show` in words: each way not to be trusted has its sentence."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.explaining import explain_certificate, explain_domain, explain_list
from smtp_gateway.trust.revocation import Revocation
from smtp_gateway.trust.whitelist import build_whitelist
from tests.standins.igc import Igc, Wish
from tests.unit.smtp_gateway.trust_space import SUBJECT
from vaguemestre.app.pki import operator_subject
from vaguemestre.kernel.clock import SystemClock

NOW = datetime.now(UTC)
ROWS = [("peer.fr", SUBJECT.format(host="mx.peer.test")), ("other.fr", SUBJECT.format(host="mx.other.test"))]
WHITELIST = build_whitelist(NOW, ROWS)


def said(folder: Path, igc: Igc, stem: str, wish: Wish | None = None) -> list[tuple[bool, str]]:
    settings = TrustSettings(whitelist=folder / "w.xml")
    revocation = Revocation.build(folder / "ca.pem", folder, settings, SystemClock())
    certificate = igc.issue(stem, wish).public_bytes(Encoding.DER)
    found = explain_certificate(certificate, "PEER.fr", WHITELIST, revocation)
    return [(each.passed, each.sentence) for each in found]


def test_good_certificate_passes_every_check(tmp_path: Path) -> None:
    found = said(tmp_path, Igc(tmp_path), "peer")

    assert [passed for passed, _ in found] == [True, True, True]


@pytest.mark.parametrize(
    ("stem", "wish", "sentence"),
    [
        ("peer", Wish(ends=NOW - timedelta(minutes=1)), "hors de ses dates de validité"),
        ("other", None, "son sujet est sur la liste pour 1 autre(s) domaine(s), pas pour celui-ci"),
        ("nobody", None, "son sujet n'est pas sur la liste"),
        ("peer", Wish(subject=operator_subject("mx.peer.test", "AUTRE")), "son sujet diffère de la liste par O"),
        (
            "peer",
            Wish(lists=["http://127.0.0.1:1/ca.crl"]),
            "sa liste de révocation et son répondeur sont injoignables",
        ),
    ],
)
def test_the_check_that_fails_is_the_one_named(tmp_path: Path, stem: str, wish: Wish | None, sentence: str) -> None:
    found = said(tmp_path, Igc(tmp_path), stem, wish)

    assert [text for passed, text in found if not passed] == [sentence]


def test_certificate_of_another_authority_says_so(tmp_path: Path) -> None:
    Igc(tmp_path)

    found = said(tmp_path, Igc(tmp_path / "foreign"), "peer")

    assert (False, "son autorité n'est pas dans [pki] authority") in found


def test_domain_and_list_have_their_sentences(tmp_path: Path) -> None:
    settings = TrustSettings(whitelist=tmp_path / "w.xml", max_age_s=3_600)

    assert explain_domain(WHITELIST, "Peer.FR").passed
    assert not explain_domain(WHITELIST, "absent.fr").passed
    assert all(each.passed for each in explain_list(WHITELIST, settings, NOW))
    assert not explain_list(WHITELIST, settings, NOW + timedelta(hours=2))[0].passed
