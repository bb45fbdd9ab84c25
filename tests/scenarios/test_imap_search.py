"""SEARCH: every key of RFC 3501 §6.4.4 on a small library, in a bounded time."""

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from mailstore.imap.config import ImapSettings
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse
from tests.unit.mailstore_imap.messages import NESTED, SIMPLE

SEARCHES = [
    ("ALL", "1 2 3"),
    ("UNSEEN", "1 3"),
    ("SEEN", "2"),
    ("NOT DELETED 2:*", "2 3"),
    ("KEYWORD $urgent", "3"),
    ("UNKEYWORD $Urgent", "1 2"),
    ("NEW", "1 3"),
    ("OLD", ""),
    ("SUBJECT r\u00e9sultats", "1 3"),
    ("SUBJECT RENDU", "2"),
    ("FROM L\u00e9a", "1 3"),
    ("FROM lea@exemple.test", "1 3"),
    ("CC durand", "2"),
    ("BCC durand", ""),
    ("TO camille", "1 2 3"),
    ("HEADER Message-ID un@exemple.test", "1 3"),
    ("HEADER X-Suite second", "1 3"),
    ('HEADER X-Suite ""', "1 3"),
    ("BODY photo", "1 3"),
    ("BODY \u00e9t\u00e9", "2"),
    ("TEXT Rendu", "2"),
    ("TEXT absent", ""),
    ("SENTON 3-Mar-2026", "1 3"),
    ("SENTBEFORE 3-Mar-2026", "2"),
    ("SENTSINCE 4-Mar-2026", ""),
    ("ON 5-Mar-2026", "1"),
    ("BEFORE 6-Mar-2026", "1"),
    ("SINCE 6-Mar-2026", "2 3"),
    ("LARGER 400", "2"),
    ("SMALLER 400", "1 3"),
    ("OR FROM cardio (SEEN FLAGGED)", "2"),
    ("NOT (OR SUBJECT rendu KEYWORD $Urgent)", "1"),
    ("UID 2:3 UNSEEN", "3"),
    ("99", ""),
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawClient]:
    with ImapHouse(tmp_path_factory.mktemp("imap")) as server, RawClient(server) as connection:
        for content, flags, day in ((SIMPLE, (), 5), (NESTED, ("\\Seen",), 6), (SIMPLE, ("$Urgent",), 7)):
            server.deliver(content, flags=frozenset(flags), when=datetime(2026, 3, day, tzinfo=UTC))
        yield connection.selected()


@pytest.mark.parametrize(("keys", "found"), SEARCHES)
def test_search(library, keys, found):
    told = library.command(f"SEARCH CHARSET UTF-8 {quoted(keys)}")

    assert told.splitlines()[0] == f"* SEARCH {found}".strip().encode()
    assert b" OK " in told


def quoted(keys: str) -> str:
    """Quote the words that are not ASCII, as a client must."""
    return " ".join(word if word.isascii() else f'"{word}"' for word in keys.split(" "))


def test_a_search_that_takes_too_long_is_given_up(tmp_path):
    with ImapHouse(tmp_path, ImapSettings(search_time_s=1e-9)) as house, RawClient(house) as client:
        house.deliver(SIMPLE)
        client.selected()

        slow = client.command("SEARCH BODY photo")
        quick = client.command("SEARCH 1")

    assert b" NO [LIMIT] " in slow
    assert b"* SEARCH 1\r\n" in quick
