"""ENABLE, CONDSTORE and QRESYNC: a client that kept its memory of a folder learns only what it missed."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstore.expunged_log import prune_all
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse
from tests.unit.mailstore_imap.messages import SIMPLE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path) as server:
        for _ in range(4):
            server.deliver(SIMPLE)
        with RawClient(server) as first:
            first.selected()  # nothing is recent to the sessions that follow
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.signed_in()


def number_after(word: bytes, answer: bytes) -> int:
    found = re.search(word + rb" \(?(\d+)", answer)
    assert found is not None, answer
    return int(found[1])


def test_enable_names_what_it_began_once(client):
    first = client.command("ENABLE qresync X-UNKNOWN")
    again = client.command("ENABLE QRESYNC")

    assert first.startswith(b"* ENABLED QRESYNC\r\n")
    assert again.startswith(b"* ENABLED\r\n")
    assert b" BAD " in client.command("ENABLE")


def test_select_and_status_tell_the_highest_modseq(client):
    opened = client.command("SELECT INBOX (CONDSTORE)")

    told = client.command("STATUS INBOX (HIGHESTMODSEQ)")

    assert number_after(b"HIGHESTMODSEQ", told) == number_after(b"HIGHESTMODSEQ", opened) == 5


def test_a_first_question_about_modseqs_makes_the_session_aware(client):
    client.command("SELECT INBOX")
    before = client.command("STORE 1 +FLAGS (\\Seen)")
    asked = client.command("FETCH 1:2 (MODSEQ)")
    after = client.command("STORE 2 +FLAGS (\\Seen)")

    assert b"MODSEQ" not in before
    assert b"* OK [HIGHESTMODSEQ 6] ." in asked
    assert b"* 1 FETCH (MODSEQ (6))\r\n* 2 FETCH (MODSEQ (3))\r\n" in asked
    assert b"* 2 FETCH (UID 2 FLAGS (\\Seen) MODSEQ (7))" in after


def test_fetch_changedsince_leaves_out_what_did_not_change(client):
    client.command("SELECT INBOX")

    answer = client.command("FETCH 1:* (FLAGS) (CHANGEDSINCE 3)")
    none = client.command("UID FETCH 1:* (UID) (CHANGEDSINCE 5)")

    assert re.findall(rb"\* (\d) FETCH", answer) == [b"3", b"4"]
    assert b"MODSEQ (4)" in answer
    assert b"FETCH (" not in none
    assert b" OK Fait." in none


def test_store_unchangedsince_leaves_what_changed_since(client, house):
    client.command("SELECT INBOX (CONDSTORE)")
    with RawClient(house) as other:
        other.selected().command("STORE 2 +FLAGS (\\Flagged)")

    by_number = client.command("STORE 1:3 (UNCHANGEDSINCE 5) +FLAGS.SILENT (\\Deleted)")
    by_uid = client.command("UID STORE 2 (UNCHANGEDSINCE 5) FLAGS ()")
    flags = client.command("FETCH 1:4 (FLAGS)")

    assert b" OK [MODIFIED 2] " in by_number
    assert b"* 1 FETCH (UID 1 MODSEQ (7))\r\n" in by_number
    assert b" OK [MODIFIED 2] " in by_uid
    assert re.findall(rb"\* (\d) FETCH \(FLAGS \((.*?)\)\)", flags) == [
        (b"1", b"\\Deleted"),
        (b"2", b"\\Flagged"),
        (b"3", b"\\Deleted"),
        (b"4", b""),
    ]


def missed_something(house: ImapHouse) -> None:
    """Expunge UID 2, flag UID 3 and add UID 5."""
    with RawClient(house) as other:
        other.selected().command("STORE 2 +FLAGS (\\Deleted)")
        other.command("EXPUNGE")
        other.command("UID STORE 3 +FLAGS (\\Flagged)")
    house.deliver(SIMPLE)


@pytest.mark.parametrize(
    ("known", "vanished", "flagged"),
    [("", [b"2"], [b"3", b"5"]), (" 1:2 (1,2 1,2)", [b"2"], []), (" (1 1)", [b"2"], [b"3", b"5"]), (" 3", [], [b"3"])],
)
def test_qresync_tells_what_was_missed(client, house, known, vanished, flagged):
    client.command("ENABLE QRESYNC")
    opened = client.command("SELECT INBOX")
    uidvalidity, modseq = number_after(b"UIDVALIDITY", opened), number_after(b"HIGHESTMODSEQ", opened)
    missed_something(house)

    answer = client.command(f"SELECT INBOX (QRESYNC ({uidvalidity} {modseq}{known}))")

    assert answer.startswith(b"* OK [CLOSED]")
    assert re.findall(rb"VANISHED \(EARLIER\) (\S+)\r\n", answer) == vanished
    assert re.findall(rb"FETCH \(UID (\d+) FLAGS \(.*?\) MODSEQ \(\d+\)\)", answer) == flagged


def test_another_uidvalidity_makes_the_memory_of_no_use(client, house):
    client.command("ENABLE QRESYNC")
    missed_something(house)

    answer = client.command("SELECT INBOX (QRESYNC (1 1))")

    assert b"VANISHED" not in answer
    assert b"FETCH" not in answer


def test_expunges_are_told_as_vanished_uids(client):
    client.command("ENABLE QRESYNC")
    client.command("SELECT INBOX")
    client.command("STORE 2:3 +FLAGS.SILENT (\\Deleted)")

    expunged = client.command("EXPUNGE")
    left = client.command("UID SEARCH ALL")

    assert expunged.startswith(b"* VANISHED 2:3\r\n")
    assert b" OK [HIGHESTMODSEQ 7] " in expunged
    assert b"* SEARCH 1 4\r\n" in left


def test_uid_fetch_tells_what_vanished(client):
    client.command("ENABLE QRESYNC")
    client.command("SELECT INBOX")
    client.command("STORE 2:3 +FLAGS.SILENT (\\Deleted)")
    client.command("EXPUNGE")

    answer = client.command("UID FETCH 3:10 (FLAGS) (CHANGEDSINCE 5 VANISHED)")

    assert answer.startswith(b"* VANISHED (EARLIER) 3\r\n")


@pytest.mark.parametrize(
    "command",
    [
        "SELECT INBOX (QRESYNC (1 1))",
        "SELECT INBOX (QRESYNC (1))",
        "SELECT INBOX (OTHER)",
        "FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "UID FETCH 1 (FLAGS) (VANISHED)",
        "UID FETCH 1 (FLAGS) (CHANGEDSINCE 1 VANISHED)",
        "STORE 1 (UNCHANGEDSINCE 99999999999999999999) FLAGS ()",
        "STORE 1 (OTHER 1) FLAGS ()",
    ],
)
def test_what_makes_no_sense_without_qresync_is_bad(client, command):
    client.command("SELECT INBOX")

    assert b" BAD " in client.command(command)


def test_a_client_away_for_longer_than_the_log_learns_all_that_is_missing(house, client):
    client.command("ENABLE QRESYNC")
    uidvalidity = number_after(b"UIDVALIDITY", client.command("SELECT INBOX"))
    client.command("STORE 2:3 +FLAGS (\\Deleted)")
    client.command("EXPUNGE")
    client.command("UNSELECT")

    assert prune_all(house.database, before=house.clock.now(), keep=0) > 0

    back = client.command(f"SELECT INBOX (QRESYNC ({uidvalidity} 1 1:3))")
    asked = client.command("UID FETCH 1:9 (FLAGS) (CHANGEDSINCE 1 VANISHED)")
    fresh = client.command(f"SELECT INBOX (QRESYNC ({uidvalidity} 9))")
    assert b"* VANISHED (EARLIER) 2:3\r\n" in back
    assert b"* VANISHED (EARLIER) 2:3\r\n" in asked
    assert b"VANISHED" not in fresh
