"""What each command answers, on a real server, byte for byte where clients depend on it."""

import base64
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from access_core.accounts import set_password
from mailstore.imap.config import ImapSettings
from tests.fictional.people import INS_MERE, add_active_patient
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ENCODED, LOGIN, PASSWORD, ImapHouse
from tests.unit.mailstore_imap.messages import NESTED, SIMPLE

UIDVALIDITY = re.compile(rb"UIDVALIDITY \d+|(?<=UID )\d{6,}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path) as server:
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.selected()


def answers(text: bytes) -> list[bytes]:
    """Return the untagged lines of an answer that ended in OK."""
    *lines, last = text.split(b"\r\n")[:-1]
    assert b" OK " in last, last
    return lines


def test_capabilities_change_with_tls_and_signing_in(house):
    with RawClient(house, secure=False) as plain, RawClient(house) as secure:
        before, inside = plain.greeting, secure.greeting
        after = secure.signed_in().command("CAPABILITY")

    assert b"STARTTLS LOGINDISABLED" in before
    assert b"AUTH=PLAIN" not in before
    assert b"SASL-IR AUTH=SCRAM-SHA-256 AUTH=PLAIN AUTH=LOGIN" in inside
    for word in b"IDLE NAMESPACE UIDPLUS MOVE UNSELECT CHILDREN SPECIAL-USE LITERAL- ID".split():
        assert word in after.split()


@pytest.mark.parametrize("initial", [True, False])
def test_authenticate_plain(house, initial):
    response = base64.b64encode(f"\0{LOGIN}\0{PASSWORD}".encode())
    with RawClient(house) as client:
        if initial:
            client.send(b"a AUTHENTICATE PLAIN " + response + b"\r\n")
        else:
            client.send(b"a AUTHENTICATE PLAIN\r\n")
            assert client.line() == b"+ \r\n"
            client.send(response + b"\r\n")
        answer = client.line()

    assert answer.startswith(b"a OK [CAPABILITY ")
    assert house.sign_ins() == ["PERMIT"]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"*", b"a BAD cancelled"),
        (b"!!!", b"a BAD base64 expected"),
        (base64.b64encode(b"x"), b"a BAD PLAIN: not authorisation, login, password"),
        (base64.b64encode(b"autre\0moi\0x"), b"a NO [AUTHORIZATIONFAILED]"),
        (base64.b64encode(b"\0moi\0x"), b"a NO [AUTHENTICATIONFAILED]"),
    ],
)
def test_authenticate_plain_that_fails(house, line, answer):
    with RawClient(house) as client:
        client.send(b"a AUTHENTICATE PLAIN\r\n" + line + b"\r\n")

        assert client.until(b"a ").splitlines()[-1].startswith(answer)
        assert client.command("NOOP").endswith(b"OK Fait.\r\n")


def test_guessing_is_slowed_down_and_said_to_be_temporary(house):
    with RawClient(house) as client:
        tries = [client.command(f"LOGIN {LOGIN} faux{number}") for number in range(5)]
    with RawClient(house) as client:
        after = client.command(f'LOGIN {LOGIN} "{PASSWORD}"')

    assert all(b"NO [AUTHENTICATIONFAILED]" in answer for answer in tries)
    assert b"NO [UNAVAILABLE]" in after
    assert house.sign_ins() == ["DENY"] * 5


@pytest.mark.parametrize(("patients", "answer"), [(False, b"NO [AUTHORIZATIONFAILED]"), (True, b"OK [CAPABILITY")])
def test_patients_sign_in_only_where_the_setting_says_so(tmp_path, patients, answer):
    with ImapHouse(tmp_path, ImapSettings(patients=patients)) as house, RawClient(house) as client:
        add_signed_up_patient(house)

        said = client.command(f'LOGIN {INS_MERE.value} "{PASSWORD}"')

    assert answer in said


def add_signed_up_patient(house: ImapHouse) -> None:
    def work(tx) -> None:
        now = house.clock.now()
        account_id = add_active_patient(tx, now).account_id
        set_password(tx, account_id, ENCODED, changed_at=now)
        house.store.create_mailbox(tx, account_id)

    house.database.write_now(work)


def test_select_describes_the_folder(house):
    house.deliver(SIMPLE)
    with RawClient(house).signed_in() as first, RawClient(house).signed_in() as second:
        opened = first.command("SELECT inbox")
        again = second.command("SELECT INBOX")
        examined = second.command("EXAMINE INBOX")
        missing = second.command("SELECT Absent")
        outside = second.command("FETCH 1 UID")

    assert [UIDVALIDITY.sub(b"UIDVALIDITY 7", line) for line in answers(opened)] == [
        b"* FLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft)",
        b"* 1 EXISTS",
        b"* 1 RECENT",
        b"* OK [UIDVALIDITY 7] .",
        b"* OK [UIDNEXT 2] .",
        b"* OK [PERMANENTFLAGS (\\Answered \\Flagged \\Deleted \\Seen \\Draft \\*)] .",
        b"* OK [HIGHESTMODSEQ 2] .",
        b"* OK [MAILBOXID (F1)] .",
    ]
    assert b"* 0 RECENT" in again
    assert b"OK [READ-ONLY]" in examined
    assert b"[PERMANENTFLAGS ()]" in examined
    assert b"NO [NONEXISTENT]" in missing
    assert b"BAD not allowed in this state" in outside


def test_the_folder_tree(client):
    client.command("CREATE Cas/2026/Mars")
    client.command("UNSUBSCRIBE Cas/2026")
    told = {
        "LIST": answers(client.command('LIST "" "Cas*"')),
        "levels": answers(client.command('LIST "" "%"')),
        "LSUB": answers(client.command('LSUB "Cas" "*"')),
        "special": answers(client.command('LIST (SPECIAL-USE) "" (% "Cas/%") RETURN (CHILDREN SUBSCRIBED)')),
        "root": answers(client.command('LIST "" ""')),
        "status": answers(client.command('LIST "" INBOX RETURN (STATUS (MESSAGES))')),
    }

    assert told["LIST"] == [
        b'* LIST (\\HasChildren) "/" Cas',
        b'* LIST (\\HasChildren) "/" Cas/2026',
        b'* LIST (\\HasNoChildren) "/" Cas/2026/Mars',
    ]
    assert [line.rsplit(b" ", 1)[1] for line in told["levels"]] == [
        *(b"INBOX", b"Archives", b"Brouillons", b"Cas", b"Corbeille", b"Envoy&AOk-s", b"Ind&AOk-sirables"),
    ]
    assert [line.rsplit(b" ", 1)[1] for line in told["LSUB"]] == [b"Cas", b"Cas/2026/Mars"]
    assert b'* LIST (\\HasNoChildren \\Sent \\Subscribed) "/" Envoy&AOk-s' in told["special"]
    assert len(told["special"]) == 5
    assert told["root"] == [b'* LIST (\\Noselect) "/" ""']
    assert told["status"] == [b'* LIST (\\HasNoChildren) "/" INBOX', b"* STATUS INBOX (MESSAGES 0)"]


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("CREATE Archives", b"ALREADYEXISTS"),
        ("CREATE a//b", b"CANNOT"),
        ("CREATE x (USE (\\Archive))", b"USEATTR"),
        ("DELETE INBOX", b"CANNOT"),
        ("DELETE Absent", b"NONEXISTENT"),
        ("DELETE Pleine", b"HASCHILDREN"),
        ("RENAME Absent x", b"NONEXISTENT"),
        ("RENAME Pleine Archives", b"ALREADYEXISTS"),
        ("SUBSCRIBE Absent", b"NONEXISTENT"),
        ("STATUS Absent (MESSAGES)", b"NONEXISTENT"),
        ("COPY 1 Absent", b"TRYCREATE"),
        ("UID MOVE 1 Absent", b"TRYCREATE"),
        ("SEARCH CHARSET KOI8-R SUBJECT x", b"BADCHARSET (UTF-8 US-ASCII)"),
    ],
)
def test_refusals_carry_their_response_code(house, client, command, code):
    house.deliver(SIMPLE)
    client.command("CREATE Pleine/dessous")
    client.command("NOOP")

    assert b" NO [" + code + b"] " in client.command(command)


def test_status_counts(house, client):
    house.deliver(SIMPLE)
    house.deliver(NESTED, flags=frozenset({"\\Seen"}))

    told = answers(client.command("STATUS INBOX (MESSAGES UNSEEN UIDNEXT SIZE)"))

    assert told[0] == b"* STATUS INBOX (MESSAGES 2 UNSEEN 1 UIDNEXT 3 SIZE %d)" % (len(SIMPLE) + len(NESTED))


FETCHES = [
    ("BODY[]", b"BODY[] {%d}\r\n%s" % (len(NESTED), NESTED)),
    ("RFC822.SIZE", b"RFC822.SIZE %d" % len(NESTED)),
    ("BODY.PEEK[HEADER.FIELDS (SUBJECT CC)]",
     b"BODY[HEADER.FIELDS (SUBJECT CC)] {56}\r\nCc: dr.durand@demo.mssante.fr\r\nSubject: Compte rendu\r\n\r\n"),
    ("BODY.PEEK[1]", b"BODY[1] {26}\r\nIl a =E9t=E9 revu ce jour."),
    ("BODY.PEEK[1]<3.5>", b"BODY[1]<3> {5}\r\na =E9"),
    ("BODY.PEEK[1]<90.5>", b"BODY[1]<90> {0}\r\n"),
    ("BODY.PEEK[2.HEADER.FIELDS.NOT (FROM)]", b"BODY[2.HEADER.FIELDS.NOT (FROM)] {21}\r\nSubject: Original\r\n\r\n"),
    ("BODY.PEEK[2.TEXT]", b"BODY[2.TEXT] {14}\r\ntexte original"),
    ("BODY.PEEK[2.1]", b"BODY[2.1] {14}\r\ntexte original"),
    ("BODY.PEEK[3.MIME]<0.12>", b"BODY[3.MIME]<0> {12}\r\nContent-Type"),
    ("BODY.PEEK[4]", b"BODY[4] NIL"),
    ("BODY.PEEK[1.TEXT]", b"BODY[1.TEXT] NIL"),
    ("RFC822.HEADER", b"RFC822.HEADER {%d}\r\n%s" % (NESTED.index(b"--limite"), NESTED[: NESTED.index(b"--limite")])),
    ("INTERNALDATE", b'INTERNALDATE " 3-Mar-2026 09:30:00 +0000"'),
]  # fmt: skip


@pytest.mark.parametrize(("item", "expected"), FETCHES)
def test_fetch_gives_each_item(house, client, item, expected):
    house.deliver(NESTED, flags=frozenset({"\\Seen"}), when=datetime(2026, 3, 3, 9, 30, tzinfo=UTC))
    client.command("NOOP")

    answer = client.command(f"FETCH 1 ({item})")

    assert answer.startswith(b"* 1 FETCH (" + expected + b")\r\n")


def test_reading_a_body_sets_seen_and_says_so_once(house, client):
    house.deliver(SIMPLE)
    client.command("NOOP")

    peeked = client.command("UID FETCH 1 (BODY.PEEK[TEXT])")
    read = client.command("UID FETCH 1 (BODY[TEXT])")
    again = client.command("UID FETCH 1 (BODY[TEXT])")
    news = client.command("NOOP")

    assert b"Seen" not in peeked
    assert read.startswith(b"* 1 FETCH (UID 1 FLAGS (\\Seen \\Recent) BODY[TEXT]")
    assert b"Seen" not in again
    assert answers(news) == []


def test_examine_never_changes_anything(house):
    house.deliver(SIMPLE)
    with RawClient(house).signed_in() as client:
        client.command("EXAMINE INBOX")
        client.command("FETCH 1 BODY[]")
        refused = [client.command(text) for text in ("STORE 1 +FLAGS (\\Seen)", "EXPUNGE", "MOVE 1 Archives")]
        flags = client.command("FETCH 1 FLAGS")

    assert [b" NO [CANNOT] " in answer for answer in refused] == [True, True, True]
    assert flags.startswith(b"* 1 FETCH (FLAGS (\\Recent))")


def test_store_answers_with_the_flags_unless_silent(house, client):
    for _ in range(3):
        house.deliver(SIMPLE)
    client.command("NOOP")

    told = {
        text: answers(client.command(f"STORE {text}"))
        for text in ("1 +FLAGS (\\Flagged $Urgent)", "1:2 FLAGS.SILENT (\\Seen)", "1 -FLAGS (\\Seen)", "3 FLAGS ()")
    }

    assert told == {
        "1 +FLAGS (\\Flagged $Urgent)": [b"* 1 FETCH (UID 1 FLAGS (\\Flagged $Urgent \\Recent))"],
        "1:2 FLAGS.SILENT (\\Seen)": [],
        "1 -FLAGS (\\Seen)": [b"* 1 FETCH (UID 1 FLAGS (\\Recent))"],
        "3 FLAGS ()": [b"* 3 FETCH (UID 3 FLAGS (\\Recent))"],
    }


def test_two_sessions_see_each_other_when_they_may(house):
    for _ in range(3):
        house.deliver(SIMPLE)
    with RawClient(house).selected() as one, RawClient(house).selected() as other:
        one.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        one.command("EXPUNGE")

        fetched = other.command("FETCH 1:3 (UID)")
        uid_fetched = other.command("UID FETCH 1:* (UID)")

    assert b"EXPUNGE\r\n" not in fetched
    assert b"* 1 FETCH" not in fetched
    assert b"* 2 FETCH (UID 2)" in fetched
    assert b" OK [EXPUNGEISSUED] " in fetched
    assert b"* 1 EXPUNGE\r\n" in uid_fetched
    assert uid_fetched.index(b"* 2 FETCH (UID 2)") < uid_fetched.index(b"* 1 EXPUNGE")


def test_copy_and_move_answer_with_the_new_uids(house, client):
    for _ in range(4):
        house.deliver(SIMPLE)
    client.command("NOOP")

    copied = client.command("COPY 2:3 Archives")
    moved = client.command("UID MOVE 1,4 Archives")
    left = client.command("UID SEARCH ALL")

    assert re.search(rb"OK \[COPYUID \d+ 2:3 1:2\] ", copied)
    assert re.match(rb"\* OK \[COPYUID \d+ 1,4 3:4\] .*\r\n\* 4 EXPUNGE\r\n\* 1 EXPUNGE\r\n", moved)
    assert b"* SEARCH 2 3\r\n" in left


def test_uid_expunge_removes_only_what_it_names(house, client):
    for _ in range(3):
        house.deliver(SIMPLE, flags=frozenset({"\\Deleted"}))
    client.command("NOOP")

    told = answers(client.command("UID EXPUNGE 2"))
    client.command("UNSELECT")
    kept = client.command("STATUS INBOX (MESSAGES)")
    client.command("SELECT INBOX")
    closed = client.command("CLOSE")
    empty = client.command("STATUS INBOX (MESSAGES)")

    assert told == [b"* 2 EXPUNGE"]
    assert b"MESSAGES 2" in kept
    assert b"EXPUNGE" not in closed
    assert b"MESSAGES 0" in empty


def test_noop_asks_the_store_only_when_something_changed(house, client):
    client.command("NOOP")
    reads = count_reads(house)

    client.command("NOOP")
    client.command("NOOP")
    calm = len(reads)
    house.deliver(SIMPLE)
    news = client.command("NOOP")

    assert calm == 0
    assert answers(news) == [b"* 1 EXISTS", b"* 1 RECENT"]
    assert len(reads) == 1


def count_reads(house: ImapHouse) -> list[object]:
    """Note each unit of work that the server asks the catalogue to read."""
    reads: list[object] = []
    read = house.database.read

    async def noting(work, *, brief=False):
        reads.append(work)
        return await read(work, brief=brief)

    house.database.read = noting
    return reads


def test_id_and_namespace(client):
    assert answers(client.command('ID ("name" "essai")')) == [b'* ID ("name" "Vaguemestre")']
    assert answers(client.command("NAMESPACE")) == [b'* NAMESPACE (("" "/")) (("Autres utilisateurs/" "/")) NIL']


def test_idle_that_ends_in_something_else_is_refused(client):
    client.send(b"i IDLE\r\n")
    client.line()
    client.send(b"NOOP\r\n")

    assert client.line() == b"i BAD DONE expected\r\n"
    assert client.command("NOOP").endswith(b"OK Fait.\r\n")
