"""The whitelist that `init` writes is one that the gateway reads."""

from datetime import UTC, datetime

from smtp_gateway.trust.subjects import parse_subject
from smtp_gateway.trust.whitelist import parse_whitelist
from vaguemestre.app.pki import operator_subject
from vaguemestre.app.trust_file import ListedDomain, extend_whitelist, render_whitelist

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OURS = operator_subject("demo.mssante.fr", "OPERATEUR TEST")
PEER = operator_subject("peer.mssante.fr", 'HOPITAL "A", SERVICE B')


def test_a_written_list_is_read_with_the_same_subjects() -> None:
    data = render_whitelist([ListedDomain("demo.mssante.fr", OURS), ListedDomain("patient.mssante.fr", OURS)], NOW)

    whitelist = parse_whitelist(data, max_bytes=10_000)

    assert whitelist.generated_at == NOW
    assert whitelist.domains_of(parse_subject(OURS.rfc4514_string())) == {"demo.mssante.fr", "patient.mssante.fr"}


def test_a_row_is_added_to_a_written_list() -> None:
    data = render_whitelist([ListedDomain("demo.mssante.fr", OURS)], NOW)

    whitelist = parse_whitelist(extend_whitelist(data, ListedDomain("peer.mssante.fr", PEER), NOW), max_bytes=10_000)

    assert set(whitelist.subjects) == {"demo.mssante.fr", "peer.mssante.fr"}
    assert whitelist.domains_of(parse_subject(OURS.rfc4514_string())) == {"demo.mssante.fr"}
