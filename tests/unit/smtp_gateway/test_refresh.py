"""The published whitelist fetched again: what is taken, what is not, and that the last good one stays."""

import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path

import pytest

from smtp_gateway.config import TrustSettings
from smtp_gateway.trust.refresh import Outcome, check_list, refresh
from smtp_gateway.trust.space import TrustSpace
from smtp_gateway.trust.whitelist import Whitelist, build_whitelist
from tests.unit.smtp_gateway.trust_space import LIST, ROW, SUBJECT, Pki
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)


def listed(at: datetime, count: int) -> bytes:
    rows = (ROW.format(domain=f"d{number}.mssante.fr", subject=SUBJECT.format(host="mx")) for number in range(count))
    return LIST.format(at=at.isoformat(), rows="".join(rows)).encode()


class Publisher:
    """Publishes `data` by HTTPS under an ETag, and counts whole answers."""

    def __init__(self, folder: Path) -> None:
        publisher = self
        self.data = b""
        self.whole = 0
        self.status = 200

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                etag = f'"{hash(publisher.data)}"'
                status = 304 if self.headers.get("If-None-Match") == etag else publisher.status
                self.send_response(status)
                self.send_header("ETag", etag)
                self.end_headers()
                if status == 200:
                    publisher.whole += 1
                    self.wfile.write(publisher.data)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.socket = Pki(folder).server(clients=False).wrap_socket(self.server.socket, server_side=True)
        self.settings = TrustSettings(
            whitelist=folder / "whitelist.xml",
            url=f"https://localhost:{self.server.server_address[1]}/liste.xml",
            authority=folder / "ca.pem",
        )


@pytest.fixture
def publisher(tmp_path: Path) -> Iterator[Publisher]:
    made = Publisher(tmp_path)
    thread = threading.Thread(target=made.server.serve_forever, args=(0.01,))
    thread.start()
    yield made
    made.server.shutdown()
    thread.join()
    made.server.server_close()


def parsed(at: datetime, count: int) -> Whitelist:
    return build_whitelist(at, [(f"d{number}", SUBJECT.format(host="mx")) for number in range(count)])


@pytest.mark.parametrize(
    ("fresh", "taken"),
    [
        (parsed(NOW, 10), True),
        (parsed(NOW - timedelta(days=1), 10), True),
        (parsed(NOW - timedelta(days=3), 10), False),
        (parsed(NOW + timedelta(minutes=4), 10), True),
        (parsed(NOW + timedelta(minutes=6), 10), False),
        (parsed(NOW, 5), True),
        (parsed(NOW, 4), False),
        (parsed(NOW, 0), False),
    ],
)
def test_only_a_list_that_makes_sense_is_taken(fresh: Whitelist, taken: bool) -> None:
    current = parsed(NOW - timedelta(days=2), 10)

    assert (check_list(fresh, current, NOW, 0.5) is None) == taken


@pytest.mark.requirement("VGM:OP-4")
def test_list_is_replaced_once_and_other_processes_follow(publisher: Publisher) -> None:
    publisher.settings.whitelist.write_bytes(listed(NOW - timedelta(days=1), 2))
    space = TrustSpace(publisher.settings)
    publisher.data = listed(NOW, 3)

    outcomes = [refresh(publisher.settings, NOW).outcome for _ in range(2)]

    assert outcomes == [Outcome.REPLACED, Outcome.UNCHANGED]
    assert publisher.whole == 1
    assert [space.follow(), space.follow()] == [True, False]
    assert space.lists("d2.mssante.fr")


@pytest.mark.requirement("VGM:OP-4")
@pytest.mark.parametrize("data", [b"<html>", listed(NOW, 1), listed(NOW - timedelta(days=9), 4)])
def test_bad_list_leaves_the_last_good_one(publisher: Publisher, data: bytes) -> None:
    good = listed(NOW - timedelta(days=1), 4)
    publisher.settings.whitelist.write_bytes(good)
    publisher.data = data

    assert refresh(publisher.settings, NOW).outcome is Outcome.REJECTED

    assert publisher.settings.whitelist.read_bytes() == good


def test_server_that_fails_changes_nothing(publisher: Publisher) -> None:
    publisher.settings.whitelist.write_bytes(listed(NOW, 4))
    publisher.status = 503

    with pytest.raises(TemporaryFailure):
        refresh(publisher.settings, NOW)

    assert publisher.settings.whitelist.read_bytes() == listed(NOW, 4)


@pytest.mark.parametrize("url", [None, "http://localhost/liste.xml", "file:///etc/passwd"])
def test_only_https_is_fetched(tmp_path: Path, url: str | None) -> None:
    with pytest.raises(ConfigurationError):
        refresh(TrustSettings(whitelist=tmp_path / "whitelist.xml", url=url), NOW)


def test_publisher_that_confirms_the_list_keeps_it_young_in_every_process(publisher: Publisher) -> None:
    publisher.data = listed(NOW - timedelta(days=30), 4)
    refresh(publisher.settings, NOW - timedelta(days=10))
    space = TrustSpace(publisher.settings)
    before = space.is_stale(NOW)

    outcome = refresh(publisher.settings, NOW - timedelta(hours=1)).outcome
    space.follow()

    assert outcome is Outcome.UNCHANGED
    assert publisher.whole == 1
    assert (before, space.is_stale(NOW)) == (True, False)
    assert space.is_stale(NOW + timedelta(hours=72))  # 72 h after the last confirmation


@pytest.mark.parametrize(
    ("settings", "stale"),
    [
        ({}, False),
        ({"url": "https://localhost/"}, True),
        ({"url": "https://localhost/", "max_age_s": 0}, False),
        ({"max_age_s": 3_600}, True),
    ],
)
def test_list_that_nobody_publishes_does_not_grow_too_old_by_default(
    tmp_path: Path, settings: dict[str, object], stale: bool
) -> None:
    (tmp_path / "whitelist.xml").write_bytes(listed(NOW - timedelta(days=4), 1))
    given = TrustSettings.model_validate({"whitelist": tmp_path / "whitelist.xml"} | settings)

    assert TrustSpace(given).is_stale(NOW) == stale


def test_broken_state_is_no_state(publisher: Publisher) -> None:
    publisher.data = listed(NOW, 4)
    refresh(publisher.settings, NOW)
    for state in (b"", b"[]", b'{"confirmed_at": "yesterday"}', b"\xff"):
        publisher.settings.whitelist.with_name("whitelist.xml.state").write_bytes(state)

        assert refresh(publisher.settings, NOW).outcome is Outcome.REPLACED


def test_list_larger_than_allowed_is_not_read_to_its_end(publisher: Publisher) -> None:
    publisher.settings = publisher.settings.model_copy(update={"max_bytes": 100_000})
    publisher.data = b"x" * 1_000_000

    refused = refresh(publisher.settings, NOW)

    assert refused.outcome is Outcome.REJECTED
    assert refused.reason is not None
    assert "100000 bytes" in refused.reason


BOMB = (
    '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + "".join(f'<!ENTITY {name} "{f"&{before};" * 10}">' for before, name in pairwise("abcdefghij"))
    + "]>"
)


@pytest.mark.parametrize("doctype", [BOMB, '<!DOCTYPE x SYSTEM "file:///etc/passwd">', "<!DOCTYPE x>"])
def test_list_with_a_doctype_is_refused_before_anything_is_expanded(publisher: Publisher, doctype: str) -> None:
    body = listed(NOW, 4).decode().partition("?>")[2].replace("d0.mssante.fr", "&j;" if doctype == BOMB else "d0")
    publisher.data = (doctype + body).encode()

    assert refresh(publisher.settings, NOW).outcome is Outcome.REJECTED
