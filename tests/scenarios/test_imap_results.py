"""What a client may ask of a search: ESEARCH, `$`, pages, ages, orders, threads."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from mailstore.imap.config import ImapSettings
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
# number, subject, from, date, references
LETTERS = (
    (1, "Bilan", "zoe", "Mon, 2 Mar 2026 10:00:00 +0100", ""),
    (2, "Re: Bilan", "alain", "Mon, 2 Mar 2026 11:00:00 +0100", "<m1@x>"),
    (3, "Ordonnance", "Marc", "Sun, 1 Mar 2026 10:00:00 +0100", ""),
    (4, "RE: [liste] bilan (fwd)", "bob", "Mon, 2 Mar 2026 09:00:00 +0100", "<m1@x> <absent@x> <m2@x>"),
    (5, "Re: Bilan", "carl", "illisible", "<m1@x>"),
)


def letter(number: int, subject: str, sender: str, date: str, references: str) -> bytes:
    lines = [f"Subject: {subject}", f"From: X <{sender}@exemple.test>", f"Date: {date}", f"Message-ID: <m{number}@x>"]
    if references:
        lines.append(f"References: {references}")
    return ("\r\n".join(lines) + "\r\n\r\n" + "texte " * number * 20).encode()


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path_factory.mktemp("imap")) as server:
        for each in LETTERS:
            flags = frozenset({"\\Flagged"}) if each[0] in (2, 3, 5) else frozenset()
            server.deliver(letter(*each), flags=flags, when=START + timedelta(hours=each[0]))
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.selected()


@pytest.mark.parametrize(
    ("command", "told"),
    [
        ("SEARCH RETURN (MIN MAX COUNT) FLAGGED", b"MIN 2 MAX 5 COUNT 3"),
        ("SEARCH RETURN () FLAGGED", b"ALL 2:3,5"),
        ("UID SEARCH RETURN (ALL) 2:*", b"UID ALL 2:5"),
        ("SEARCH RETURN (ALL COUNT) DELETED", b"COUNT 0"),
        ("SEARCH RETURN (MIN) DELETED", b""),
        ("UID SEARCH RETURN (ALL) MODSEQ 5", b"UID ALL 4:5 MODSEQ 6"),
        ("UID SEARCH RETURN (PARTIAL 2:3) ALL", b"UID PARTIAL (2:3 2:3)"),
        ("UID SEARCH RETURN (PARTIAL -1:-2 COUNT) ALL", b"UID COUNT 5 PARTIAL (-1:-2 4:5)"),
        ("UID SEARCH RETURN (PARTIAL 10:20) ALL", b"UID PARTIAL (10:20 NIL)"),
        ("SORT RETURN (ALL) (REVERSE ARRIVAL) UTF-8 FLAGGED", b"ALL 5,3,2"),
    ],
)
def test_an_extended_answer_tells_what_was_asked(client, command, told):
    (line,) = [line for line in client.command(command).splitlines() if b"ESEARCH" in line]

    assert line == b'* ESEARCH (TAG "c3")' + (b" " + told if told else b"")


@pytest.mark.parametrize(
    ("returns", "kept"),
    [("SAVE", b"2 3 5"), ("SAVE MIN", b"2"), ("SAVE MIN MAX", b"2 5"), ("SAVE COUNT MIN", b"2 3 5"),
     ("SAVE PARTIAL 1:2", b"2 3")],
)  # fmt: skip
def test_a_result_is_kept_under_its_name(client, returns, kept):
    client.command(f"SEARCH RETURN ({returns}) FLAGGED")

    fetched = client.command("FETCH $ (UID)")
    searched = client.command("UID SEARCH $")
    within = client.command("SEARCH UID 1:4 $ SMALLER 100000")

    assert b" ".join(re.findall(rb"UID (\d)", fetched)) == kept
    assert searched.splitlines()[0] == b"* SEARCH " + kept
    assert within.splitlines()[0].split()[2:] == [each for each in kept.split() if each != b"5"]


def test_save_alone_says_nothing_and_a_failure_empties_it(client):
    alone = client.command("SEARCH RETURN (SAVE) FLAGGED")
    client.command('SEARCH RETURN (SAVE) CHARSET KOI8-R SUBJECT "x"')

    assert alone.startswith(b"c3 OK")
    assert client.command("SEARCH $").splitlines()[0] == b"* SEARCH"


def test_a_kept_result_goes_with_the_messages_and_the_folder(tmp_path):
    with ImapHouse(tmp_path) as house, RawClient(house) as client:
        for _ in range(3):
            house.deliver(b"Subject: a\r\n\r\nb")
        client.selected().command("SEARCH RETURN (SAVE) 2:3")
        client.command("STORE 2 +FLAGS.SILENT (\\Deleted)")
        client.command("EXPUNGE")
        left = client.command("UID SEARCH $")
        copied = client.command("COPY $ Archives")
        client.command("SELECT INBOX")

        assert left.startswith(b"* SEARCH 3\r\n")
        assert re.search(rb"COPYUID \d+ 3 1\]", copied)
        assert client.command("SEARCH $").startswith(b"* SEARCH\r\n")


def test_older_and_younger_compare_with_now(tmp_path):
    with ImapHouse(tmp_path) as house, RawClient(house) as client:
        for hours in (1, 100):
            house.deliver(b"Subject: a\r\n\r\nb", when=house.clock.now() - timedelta(hours=hours))
        client.selected()

        assert client.command("SEARCH YOUNGER 86400").startswith(b"* SEARCH 1\r\n")
        assert client.command("SEARCH OLDER 86400").startswith(b"* SEARCH 2\r\n")
        assert b" BAD " in client.command("SEARCH OLDER 0")


def test_a_plain_search_tells_the_highest_modseq_when_asked_for_one(client):
    assert client.command("SEARCH MODSEQ 5").startswith(b"* OK [HIGHESTMODSEQ 6] .\r\n* SEARCH 4 5 (MODSEQ 6)\r\n")
    assert client.command('SEARCH MODSEQ "/flags/\\\\draft" all 5').startswith(b"* SEARCH 4 5 (MODSEQ 6)\r\n")


def test_uid_fetch_gives_a_page(client):
    answer = client.command("UID FETCH 1:* (UID) (PARTIAL -1:-2)")

    assert re.findall(rb"UID (\d)", answer) == [b"4", b"5"]
    assert b" BAD " in client.command("FETCH 1:* (UID) (PARTIAL 1:2)")


@pytest.mark.parametrize(
    ("order", "told"),
    [
        ("ARRIVAL", b"1 2 3 4 5"),
        ("REVERSE SIZE", b"5 4 3 2 1"),
        ("DATE", b"3 4 1 2 5"),
        ("FROM", b"2 4 5 3 1"),
        ("SUBJECT REVERSE ARRIVAL", b"5 4 2 1 3"),
        ("TO CC", b"1 2 3 4 5"),
    ],
)
def test_sort(client, order, told):
    assert client.command(f"UID SORT ({order}) UTF-8 ALL").splitlines()[0] == b"* SORT " + told


def test_threads(client):
    assert client.command("THREAD REFERENCES UTF-8 ALL").startswith(b"* THREAD (3)(1 (2 4)(5))\r\n")
    assert client.command("UID THREAD ORDEREDSUBJECT UTF-8 ALL").startswith(b"* THREAD (3)(4 (1)(2)(5))\r\n")
    assert client.command("THREAD REFERENCES UTF-8 DELETED").startswith(b"* THREAD\r\n")


@pytest.mark.parametrize(
    "command",
    [
        "SEARCH RETURN (OTHER) ALL",
        "SEARCH RETURN (PARTIAL 0:1) ALL",
        "SEARCH RETURN (PARTIAL 1:-1) ALL",
        "SORT () UTF-8 ALL",
        "SORT (OTHER) UTF-8 ALL",
        "SORT (ARRIVAL) UTF-8",
        "THREAD OTHER UTF-8 ALL",
    ],
)
def test_what_is_not_a_search_is_bad(client, command):
    assert b" BAD " in client.command(command)


@pytest.mark.parametrize("command", ["SORT (ARRIVAL) KOI8-R ALL", "THREAD REFERENCES KOI8-R ALL"])
def test_a_charset_that_is_not_read_is_refused(client, command):
    assert b" NO [BADCHARSET " in client.command(command)


@pytest.mark.parametrize("command", ["SORT (ARRIVAL) UTF-8 BODY x", "THREAD REFERENCES UTF-8 BODY x"])
def test_an_order_that_takes_too_long_is_given_up(tmp_path, command):
    with ImapHouse(tmp_path, ImapSettings(search_time_s=1e-9)) as house, RawClient(house) as client:
        house.deliver(b"Subject: a\r\n\r\nb")

        assert b" NO [LIMIT] " in client.selected().command(command)
