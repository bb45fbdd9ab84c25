"""IMAP4rev2, names in UTF-8, quotas."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstore.imap.config import ImapSettings
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse
from tests.unit.mailstore_imap.messages import SIMPLE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path) as server:
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.signed_in()


# IMAP4rev2 (RFC 9051)


def test_revision_2_opens_a_folder_with_its_list_line_and_nothing_recent(client, house):
    house.deliver(SIMPLE)
    client.command("ENABLE IMAP4rev2")

    opened = client.command("SELECT INBOX")
    fetched = client.command("FETCH 1 (FLAGS)")
    house.deliver(SIMPLE)
    news = client.command("NOOP")

    assert b'* LIST (\\HasNoChildren) "/" INBOX\r\n' in opened
    assert b"* 2 EXISTS\r\n" in news
    assert b"recent" not in (opened + fetched + news).lower()


def test_revision_2_answers_a_search_in_ranges(client, house):
    for _ in range(3):
        house.deliver(SIMPLE)
    client.command("ENABLE IMAP4rev2")
    client.command("SELECT INBOX")

    assert client.command("SEARCH UNSEEN").startswith(b'* ESEARCH (TAG "c4") ALL 1:3\r\n')
    assert client.command("UID SEARCH SEEN").startswith(b'* ESEARCH (TAG "c5") UID\r\n')


def test_deleted_messages_are_counted(client, house):
    house.deliver(SIMPLE, flags=frozenset({"\\Deleted"}))
    house.deliver(SIMPLE)

    told = client.command("STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)")

    assert b"(MESSAGES 2 DELETED 1 DELETED-STORAGE %d)" % len(SIMPLE) in told


# UTF8=ACCEPT (RFC 6855)


@pytest.mark.parametrize("word", ["UTF8=ACCEPT", "IMAP4rev2"])
def test_names_are_utf_8_once_enabled(client, word):
    before = client.command('LIST "" "Envoy*"')
    client.command(f"ENABLE {word}")
    client.command('CREATE "Suivi & été"')

    after = client.command('LIST "" "*"')
    opened = client.command('EXAMINE "Envoyés"')

    assert b"Envoy&AOk-s" in before
    assert '"Envoyés"\r\n'.encode() in after
    assert '"Suivi & été"\r\n'.encode() in after
    assert b" OK " in opened


def test_a_message_is_given_as_utf_8(client):
    message = "Subject: été\r\n\r\nà".encode()
    client.command("ENABLE UTF8=ACCEPT")
    client.send(b"x APPEND INBOX UTF8 (~{%d+}\r\n" % len(message) + message + b")\r\n")
    kept = client.until(b"x ")
    client.send(b"y APPEND INBOX UTF8 (~{%d+}\r\n" % len(message) + message + b"\r\n")
    unclosed = client.until(b"y ")

    assert b"x OK [APPENDUID" in kept
    assert unclosed.startswith(b"y BAD ")
    assert b"(MESSAGES 1)" in client.command("STATUS INBOX (MESSAGES)")


# QUOTA (RFC 9208)


def test_without_a_limit_there_is_no_root(client):
    assert client.command("GETQUOTAROOT INBOX").startswith(b"* QUOTAROOT INBOX\r\nc")
    assert b" NO [NONEXISTENT] " in client.command('GETQUOTA ""')
    assert b" NO [NOPERM] " in client.command('SETQUOTA "" (STORAGE 10)')
    assert b" BAD " in client.command('SETQUOTA "" (STORAGE)')


def test_a_full_mailbox_takes_no_more(tmp_path):
    with ImapHouse(tmp_path, ImapSettings(quota_bytes=4_096)) as house, RawClient(house) as client:
        house.deliver(b"Subject: x\r\n\r\n" + b"a" * 3_000)
        client.selected()

        root = client.command("GETQUOTAROOT INBOX")
        client.send(b"x APPEND INBOX {2000}\r\n")
        refused = client.until(b"x ")
        copied = client.command("COPY 1 Archives")
        moved = client.command("MOVE 1 Archives")
        client.send(b"y APPEND INBOX (\\Seen) {%d+}\r\n" % len(SIMPLE) + SIMPLE + b"\r\n")

        assert root.startswith(b'* QUOTAROOT INBOX ""\r\n* QUOTA "" (STORAGE 3 4)\r\n')
        assert b"x NO [OVERQUOTA] " in refused
        assert b" NO [OVERQUOTA] " in copied
        assert re.search(rb"COPYUID \d+ 1 1\]", moved)
        assert b"y OK [APPENDUID" in client.until(b"y ")
