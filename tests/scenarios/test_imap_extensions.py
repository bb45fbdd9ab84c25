"""LIST-EXTENDED, MULTIAPPEND, BINARY, PREVIEW, OBJECTID, SAVEDATE, as clients ask for them."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse
from tests.unit.mailstore_imap.messages import NESTED, SIMPLE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path) as server:
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.signed_in()


# LIST-EXTENDED (RFC 5258)


def test_recursivematch_lists_the_folders_above_a_subscribed_one(client):
    for name in ("Cas/2026/Mars", "Seul"):
        client.command(f"CREATE {name}")
    for name in ("Cas", "Cas/2026", "Seul"):
        client.command(f"UNSUBSCRIBE {name}")

    above = client.command('LIST (SUBSCRIBED RECURSIVEMATCH) "" "Cas%"')
    plain = client.command('LIST (SUBSCRIBED) "" "Cas%"')
    uses = client.command('LIST (SPECIAL-USE RECURSIVEMATCH) "" "Sent%" RETURN (CHILDREN)')

    assert above.startswith(b'* LIST (\\HasChildren) "/" Cas ("CHILDINFO" ("SUBSCRIBED"))\r\nc')
    assert b"* LIST" not in plain
    assert b"* LIST" not in uses
    assert b" BAD " in client.command('LIST (RECURSIVEMATCH) "" "%"')


def test_several_patterns_are_asked_at_once(client):
    answer = client.command('LIST "" ("INBOX" "Arch%") RETURN (SUBSCRIBED STATUS (MESSAGES DELETED))')

    assert re.findall(rb'"/" (\S+)\r\n\* STATUS \S+ \(MESSAGES 0 DELETED 0\)', answer) == [b"INBOX", b"Archives"]


# MULTIAPPEND (RFC 3502)


def append_two(client: RawClient, second: bytes) -> bytes:
    client.send(b"x APPEND INBOX (\\Seen) {%d}\r\n" % len(SIMPLE))
    assert client.line().startswith(b"+ ")
    client.send(SIMPLE + b' (\\Flagged a) "03-Mar-2026 09:00:00 +0000" {%d}\r\n' % len(second))
    assert client.line().startswith(b"+ ")
    client.send(second + b"\r\n")
    return client.until(b"x ")


def test_two_messages_in_one_append(client):
    answer = append_two(client, NESTED)

    client.command("SELECT INBOX")
    fetched = client.command("FETCH 1:2 (FLAGS INTERNALDATE BODY.PEEK[])")
    assert re.search(rb"x OK \[APPENDUID \d+ 1:2\]", answer)
    assert fetched.count(SIMPLE) == fetched.count(NESTED) == 1
    assert re.search(rb'2 FETCH \(FLAGS \(\\Flagged a \\Recent\) INTERNALDATE " 3-Mar-2026 09:00:00', fetched)


def test_messages_of_one_append_need_no_waiting(client):
    client.send(b"x APPEND INBOX" + (b" {%d+}\r\n" % len(SIMPLE) + SIMPLE) * 3 + b"\r\n")

    assert re.search(rb"x OK \[APPENDUID \d+ 1:3\]", client.until(b"x "))


# BINARY (RFC 3516)


@pytest.mark.parametrize(
    ("item", "told"),
    [
        ("BINARY.PEEK[3]", b"BINARY[3] {9}\r\n%PDF-1.4\n"),
        ("BINARY.PEEK[3]<1.3>", b"BINARY[3]<1> {3}\r\nPDF"),
        ("BINARY.SIZE[3]", b"BINARY.SIZE[3] 9"),
        ("BINARY.PEEK[1]", b"BINARY[1] {22}\r\nIl a \xe9t\xe9 revu ce jour."),
        ("BINARY.PEEK[9]", b"BINARY[9] NIL"),
        ("BINARY.SIZE[9]", b"BINARY.SIZE[9] 0"),
        ("BINARY.PEEK[]", b"BINARY[] {%d}\r\n" % len(NESTED) + NESTED),
        ("BINARY.PEEK[]<0.4>", b"BINARY[]<0> {4}\r\nFrom"),
        ("BINARY.SIZE[]", b"BINARY.SIZE[] %d" % len(NESTED)),
    ],
)
def test_a_part_is_given_without_its_encoding(house, item, told):
    house.deliver(NESTED)
    with RawClient(house) as client:
        answer = client.selected().command(f"FETCH 1 {item}")

    assert answer.startswith(b"* 1 FETCH (" + told + b")\r\n")


def test_octets_that_no_text_holds_go_as_literal8_both_ways(client):
    message = b"Subject: x\r\nContent-Transfer-Encoding: binary\r\n\r\na\0b"
    client.send(b"x APPEND INBOX ~{%d}\r\n" % len(message))
    assert client.line().startswith(b"+ ")
    client.send(message + b"\r\n")
    assert b"x OK [APPENDUID" in client.until(b"x ")
    client.command("SELECT INBOX")

    assert client.command("FETCH 1 BINARY[1]").endswith(b"c3 OK Fait.\r\n")
    assert b"BINARY[1] ~{3}\r\na\0b" in client.command("FETCH 1 BINARY.PEEK[1]")
    assert b"\\Seen" in client.command("FETCH 1 FLAGS")


def test_an_encoding_that_cannot_be_undone_is_said_so(house):
    house.deliver(b"Content-Transfer-Encoding: x-uuencode\r\n\r\nbegin")
    with RawClient(house) as client:
        answer = client.selected().command("FETCH 1 BINARY.PEEK[1]")

    assert b" NO [UNKNOWN-CTE] " in answer


# PREVIEW (RFC 8970)

PAGE = (
    b"Content-Type: text/html; charset=utf-8\r\n\r\n<html><head><title>t</title></head><style>p {}</style>"
    b"<p>R\xc3\xa9sultats&nbsp;:  <b>bons</b></p><script>x</script>"
)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        (SIMPLE, "Bonjour docteur, voici la photo."),
        (NESTED, "Il a été revu ce jour."),
        (PAGE, "Résultats : bons"),
        (b"Subject: long\r\n\r\n" + b"mot " * 200, ("mot " * 50)),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"Content-Disposition: attachment\r\n\r\nx", ""),
    ],
)
def test_a_preview_gives_the_first_words(house, message, told):
    house.deliver(message)
    with RawClient(house) as client:
        answer = client.selected().command("FETCH 1 (PREVIEW FLAGS)")
        lazy = client.command("FETCH 1 PREVIEW (LAZY)")

    assert b"PREVIEW {%d}\r\n" % len(told.encode()) + told.encode() in answer
    assert b"\\Seen" not in answer
    assert b"PREVIEW NIL" in lazy


# OBJECTID (RFC 8474)


def test_ids_stay_when_messages_and_folders_move(client, house):
    house.deliver(SIMPLE)
    created = client.command("CREATE Cas")
    client.command("SELECT INBOX")
    before = client.command("FETCH 1 (EMAILID THREADID)")
    client.command("MOVE 1 Cas")
    client.command("RENAME Cas Dossier")

    status = client.command("STATUS Dossier (MAILBOXID)")
    opened = client.command("SELECT Dossier")
    after = client.command("FETCH 1 (EMAILID)")

    email_id = re.findall(rb"EMAILID \((M[0-9a-f]{32})\)", before + after)
    folder_id = re.findall(rb"MAILBOXID \((F\d+)\)", created + status + opened)
    assert b"THREADID NIL" in before
    assert len(email_id) == 2
    assert len(set(email_id)) == 1
    assert len(folder_id) == 3
    assert len(set(folder_id)) == 1
    assert client.command(f"SEARCH EMAILID {email_id[0].decode()}").startswith(b"* SEARCH 1\r\n")
    assert client.command("SEARCH THREADID T1").startswith(b"* SEARCH\r\n")


@pytest.mark.parametrize(
    "command", ["FETCH 1 BINARY[1.MIME]", "FETCH 1 BINARY.SIZE[1]<0.1>", "FETCH 1 PREVIEW (EAGER)", "FETCH 1 BINARY"]
)
def test_an_item_that_does_not_exist_is_bad(client, command):
    client.command("SELECT INBOX")

    assert b" BAD " in client.command(command)


# REPLACE (RFC 8508)


@pytest.mark.parametrize("command", ["REPLACE 2 INBOX", "UID REPLACE 2 INBOX"])
def test_a_new_version_takes_the_place_of_the_one_before(client, house, command):
    for _ in range(3):
        house.deliver(SIMPLE)
    client.command("SELECT INBOX")

    client.send(f"x {command} (\\Draft) {{{len(NESTED)}+}}\r\n".encode() + NESTED + b"\r\n")
    answer = client.until(b"x ")

    assert re.match(
        rb"\* OK \[APPENDUID \d+ 4\] \.\r\n\* 2 EXPUNGE\r\n\* 3 EXISTS\r\n\* 3 RECENT\r\n(\* 3 FETCH .*\r\n)?x OK ",
        answer,
    )
    assert NESTED in client.command("FETCH 3 BODY.PEEK[]")


@pytest.mark.parametrize(
    ("opening", "command", "answered"),
    [
        ("SELECT INBOX", b"x REPLACE 9 INBOX", b"x BAD "),
        ("SELECT INBOX", b"x REPLACE 1:2 INBOX", b"x BAD "),
        ("SELECT INBOX", b"x REPLACE 1 Absent", b"x NO [TRYCREATE]"),
        ("EXAMINE INBOX", b"x REPLACE 1 INBOX", b"x NO [CANNOT]"),
        ("NOOP", b"x REPLACE 1 INBOX", b"x BAD "),
    ],
)
def test_a_replacement_that_cannot_be_made_changes_nothing(client, house, opening, command, answered):
    for _ in range(2):
        house.deliver(SIMPLE)
    client.command(opening)

    client.send(command + b" {5+}\r\nA: b\n\r\n")

    assert client.until(b"x ").startswith(answered)
    assert b"(MESSAGES 2)" in client.command("STATUS INBOX (MESSAGES)")


def test_a_message_that_another_session_expunged_is_not_replaced(client, house):
    house.deliver(SIMPLE)
    client.command("SELECT INBOX")
    client.send(b"x REPLACE 1 INBOX {5}\r\n")
    assert client.line().startswith(b"+ ")
    with RawClient(house) as other:
        other.selected().command("STORE 1 +FLAGS (\\Deleted)")
        other.command("CLOSE")

    client.send(b"A: b\n\r\n")

    assert b"x NO [EXPUNGEISSUED] " in client.until(b"x ")
    assert b"(MESSAGES 0)" in client.command("STATUS INBOX (MESSAGES)")


# SAVEDATE (RFC 8514)


def test_savedate_is_when_the_message_came_into_the_folder(house, client):
    house.deliver(SIMPLE, when=datetime(2020, 3, 1, 9, tzinfo=UTC))
    client.command("SELECT INBOX")
    today = house.clock.now().strftime("%-d-%b-%Y")
    client.command("COPY 1 Archives")
    client.command("SELECT Archives")

    answer = client.command("FETCH 1 (INTERNALDATE SAVEDATE)")

    assert b'INTERNALDATE " 1-Mar-2020 09:00:00 +0000"' in answer
    assert re.search(rb'SAVEDATE "[ \d]\d-\w{3}-20[2-9]\d', answer)
    assert b"SAVEDATE" not in re.sub(rb'SAVEDATE "[^"]+"', b"", answer)
    assert client.command("SEARCH SAVEDBEFORE 1-Jan-2021").startswith(b"* SEARCH\r\n")
    assert client.command("SEARCH SAVEDSINCE 1-Jan-2021 SAVEDATESUPPORTED").startswith(b"* SEARCH 1\r\n")
    assert client.command(f"SEARCH OR SAVEDON {today} SAVEDSINCE {today}").startswith(b"* SEARCH 1\r\n")
    assert client.command("SEARCH BEFORE 1-Jan-2021").startswith(b"* SEARCH 1\r\n")
