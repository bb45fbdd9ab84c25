"""The whitelist and certificate subjects: tolerant of how the national list is written, exact in comparison."""

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.space import TrustSpace
from smtp_gateway.trust.subjects import parse_subject, split_subject, subject_of
from smtp_gateway.trust.whitelist import build_whitelist, parse_whitelist
from tests.unit.smtp_gateway.trust_space import SUBJECT, Pki, write_whitelist
from tests.unit.smtp_gateway.world import (
    PEER_DOMAIN,
)
from vaguemestre.kernel.errors import ConfigurationError, ProtocolError

NOW = datetime(2026, 11, 23, tzinfo=UTC)


def test_published_subjects_are_split_as_meant(corpus: Path) -> None:
    cases = json.loads((corpus / "mssante" / "whitelist" / "dn-edge-cases.json").read_text(encoding="utf-8"))

    for case in cases:
        expected = [tuple(pair) for pair in case["expected_attributes_in_order"]]
        assert split_subject(case["dn_as_published"]) == expected, case["case"]


def test_national_excerpt_and_sample_are_read_whole(corpus: Path) -> None:
    folder = corpus / "mssante" / "whitelist"

    excerpt = parse_whitelist((folder / "ans-excerpt-2025-03-13.xml").read_bytes(), max_bytes=10**7)
    sample = parse_whitelist((folder / "sample-own.xml").read_bytes(), max_bytes=10**7)

    assert excerpt.lists("uc-cmp.mssante.fr")
    assert len(excerpt.subjects["15-20.mssante.fr"]) >= 4
    assert len(sample.subjects["patient.mssante.fr"]) == 2
    (shared,) = sample.subjects["clinique-b.mssante.fr"]
    assert sample.domains_of(shared) == {"medecin.mssante.fr", "clinique-b.mssante.fr"}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("CN=a,O=B C,C=FR", "CN=a, O=B C, C=FR"),
        ("CN=a,O=B  C,C=FR", 'CN=a,O="B C",C=FR'),
        ("CN=a,O=B\u00a0C,C=FR", "CN=a,O=B C,C=FR"),
        ("CN=a,ST=Rho\u0302ne,C=FR", "CN=a,ST=Rhône,C=FR"),
        ("cn=a,s=Paris,c=FR", "CN=a,ST=Paris,C=FR"),
        ("CN=a,O=A\\, B,C=FR", "CN=a,O=A, B,C=FR"),
    ],
)
def test_ways_of_writing_one_subject_are_equal(one: str, other: str) -> None:
    assert parse_subject(one) == parse_subject(other)


@pytest.mark.parametrize(
    "other", ["CN=b,O=B,C=FR", "CN=a,O=B", "O=B,CN=a,C=FR", "CN=A,O=B,C=FR", "CN=a,O=B,C=FR,C=FR", ""]
)
def test_subjects_that_differ_in_one_attribute_are_not_equal(other: str) -> None:
    assert parse_subject("CN=a,O=B,C=FR") != parse_subject(other)


def test_certificate_reads_like_the_list(tmp_path: Path) -> None:
    pki = Pki(tmp_path)
    leaf = x509.load_pem_x509_certificate((tmp_path / "peer.pem").read_bytes())

    subject = subject_of(leaf.public_bytes(Encoding.DER))

    assert subject == parse_subject(SUBJECT.format(host="mx.peer.test"))
    assert subject.common_name == "mx.peer.test"
    assert str(subject).startswith("CN=mx.peer.test,OU=")
    assert pki.authority.certificate != leaf


def test_relation_is_many_to_many() -> None:
    rows = [("a.fr", "CN=x"), ("A.FR", "CN=y"), ("b.fr", "CN=x"), ("a.fr", "CN=x")]

    whitelist = build_whitelist(NOW, rows)

    assert whitelist.subjects["a.fr"] == {parse_subject("CN=x"), parse_subject("CN=y")}
    assert whitelist.domains_of(parse_subject("CN=x")) == {"a.fr", "b.fr"}
    assert whitelist.domains_of(parse_subject("CN=z")) == frozenset()
    assert whitelist.lists("B.fr")
    assert not whitelist.lists("c.fr")


GOOD = (
    '<ListeBlancheMSSante xmlns="https://listeblanche.mssante.fr/schema"><DateDeGeneration>2026-01-05T06:00:00Z'
    "</DateDeGeneration><ListeDomaines><Domaine><Nom>a.fr</Nom><DNCertificatOperateur>CN=x</DNCertificatOperateur>"
    "</Domaine></ListeDomaines></ListeBlancheMSSante>"
)


@pytest.mark.parametrize(
    "broken",
    [
        GOOD.replace("</ListeBlancheMSSante>", ""),
        GOOD.replace("listeblanche.mssante.fr", "elsewhere.example"),
        GOOD.replace("2026-01-05T06:00:00Z", "yesterday"),
        GOOD.replace("<Nom>a.fr</Nom>", ""),
        GOOD.replace("CN=x", "  "),
        '<!DOCTYPE x [<!ENTITY e "x">]>' + GOOD,
        "",
        "x" * 2_000,
    ],
)
def test_list_that_is_not_in_order_is_refused_whole(broken: str) -> None:
    assert parse_whitelist(GOOD.encode(), max_bytes=1_000).lists("a.fr")
    with pytest.raises(ProtocolError):
        parse_whitelist(broken.encode(), max_bytes=1_000)


def test_list_in_force_survives_a_broken_one_and_can_be_too_old(tmp_path: Path) -> None:
    path = tmp_path / "whitelist.xml"
    write_whitelist(path)
    space = TrustSpace(TrustSettings(whitelist=path, max_age_s=3_600))

    path.write_text("<broken", encoding="utf-8")

    assert space.reload() is False
    assert space.lists(PEER_DOMAIN)
    assert not space.is_stale(datetime.now(UTC))
    assert space.is_stale(datetime(2100, 1, 1, tzinfo=UTC))


def test_instance_without_a_list_does_not_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="whitelist"):
        TrustSpace(TrustSettings(whitelist=tmp_path / "whitelist.xml"))
