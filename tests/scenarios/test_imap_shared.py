"""An organisational mailbox in the mail programs of its members: seen, worked on by several, each act traced."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstore.imap.config import ImapSettings
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import LOGIN, ImapHouse
from tests.unit.mailstore_imap.messages import SIMPLE
from tests.unit.mailstore_imap.teams import COLLEAGUE, SECRETARIAT, SHARED, Team
from vaguemestre.kernel.database import Transaction


@pytest.fixture
def team(tmp_path: Path) -> Iterator[Team]:
    with ImapHouse(tmp_path, ImapSettings(recheck_s=0.001)) as house:
        yield Team(house)


@pytest.fixture
def client(team: Team) -> Iterator[RawClient]:
    with RawClient(team.house) as connection:
        yield connection.signed_in()


def test_a_member_sees_the_mailbox_beside_her_own(client):
    listed = client.command('LIST "" "*"')
    below = client.command('LIST "" "Autres utilisateurs/%" RETURN (SPECIAL-USE SUBSCRIBED)')

    assert b'(("" "/")) (("Autres utilisateurs/" "/")) NIL' in client.command("NAMESPACE")
    assert f'"Autres utilisateurs/{SECRETARIAT}/Archives"'.encode() in listed
    assert re.search(rb'\\NonExistent \\Noselect\) "/" "?Autres utilisateurs"?\r\n', listed)
    assert b"\\Subscribed" in below
    assert listed.count(b"\\Sent") == 1


def test_two_members_work_on_the_same_messages(team, client):
    team.deliver()
    client.command(f"SELECT {SHARED}")
    with RawClient(team.house) as other:
        colleague = other.signed_in(COLLEAGUE)
        assert b"* 1 EXISTS" in colleague.command(f"SELECT {SHARED}")

        client.command("FETCH 1 BODY[]")
        told = colleague.command("NOOP")
        colleague.command("STORE 1 +FLAGS (\\Deleted)")
        colleague.command("EXPUNGE")

    assert b"FETCH (UID 1 FLAGS (\\Seen" in told
    assert b"* 1 EXPUNGE" in client.command("NOOP")
    assert [act for act, _ in team.traced()] == [
        "shared_mailbox_opened",
        "shared_mailbox_opened",
        "shared_message_read",
        "shared_message_marked",
        "shared_message_deleted",
    ]


def test_a_message_goes_from_a_shared_mailbox_to_ones_own_and_back(team, client):
    team.deliver()
    client.command(f"SELECT {SHARED}")

    assert b"COPYUID" in client.command("COPY 1 Archives")
    assert b"COPYUID" in client.command("MOVE 1 INBOX")
    client.command("SELECT INBOX")
    assert SIMPLE in client.command("FETCH 1 BODY.PEEK[]")
    client.command(f'MOVE 1 "Autres utilisateurs/{SECRETARIAT}/Envoy&AOk-s"')
    client.command(f'SELECT "Autres utilisateurs/{SECRETARIAT}/Sent"')

    assert SIMPLE in client.command("FETCH 1 BODY.PEEK[]")
    assert [act for act, _ in team.traced()][1:4] == [
        "shared_message_copied",
        "shared_message_moved",
        "shared_message_added",
    ]


def test_a_member_files_into_folders_of_the_shared_mailbox(team, client):
    folder = f'"Autres utilisateurs/{SECRETARIAT}/Rendez-vous"'

    assert b" OK " in client.command(f"CREATE {folder}")
    client.send(f"x APPEND {folder} {{{len(SIMPLE)}+}}\r\n".encode() + SIMPLE + b"\r\n")
    assert b"x OK [APPENDUID" in client.until(b"x ")

    assert b"MESSAGES 1" in client.command(f"STATUS {folder} (MESSAGES)")
    assert b" OK " in client.command(f'RENAME {folder} "Autres utilisateurs/{SECRETARIAT}/RDV"')
    assert b" NO " in client.command(f'RENAME "Autres utilisateurs/{SECRETARIAT}/RDV" RDV')
    assert b" OK " in client.command(f'DELETE "Autres utilisateurs/{SECRETARIAT}/RDV"')


def test_a_stranger_learns_nothing(team):
    team.keep_only(COLLEAGUE)
    with RawClient(team.house) as stranger:
        client = stranger.signed_in()

        assert SECRETARIAT.encode() not in client.command('LIST "" "*"')
        refused = client.command(f"SELECT {SHARED}")
        unknown = client.command('SELECT "Autres utilisateurs/personne@demo.mssante.fr"')

    assert b" NO [NONEXISTENT]" in refused
    assert refused.partition(b" NO ")[2] == unknown.partition(b" NO ")[2]


def test_a_member_who_was_taken_off_is_shown_the_door(team, client):
    team.deliver()
    client.command(f"SELECT {SHARED}")

    team.keep_only(COLLEAGUE)
    client.send(b"x NOOP\r\n")

    assert b"* BYE [UNAVAILABLE]" in client.rest()


def test_rights_are_told_and_not_given(team, client):
    own, shared = client.command("MYRIGHTS INBOX"), client.command(f"MYRIGHTS {SHARED}")
    everybody = client.command(f"GETACL {SHARED}")

    assert b"* MYRIGHTS INBOX lrswipkxtea\r\n" in own
    assert b" lrswipkxte\r\n" in shared
    assert f'"{SECRETARIAT}" lrswipkxtea "{LOGIN}" lrswipkxte "{COLLEAGUE}" lrswipkxte'.encode() in everybody
    assert b'* LISTRIGHTS INBOX "fred" ""' in client.command("LISTRIGHTS INBOX fred")
    assert b" NO [NOPERM]" in client.command(f"SETACL {SHARED} fred lrs")
    assert b" NO [NOPERM]" in client.command(f"DELETEACL {SHARED} {COLLEAGUE}")
    assert b" NO [NONEXISTENT]" in client.command('GETACL "Autres utilisateurs/personne@demo.mssante.fr"')
    assert b" BAD " in client.command('SETACL INBOX "fr\\"ed" lrs')


# Each member with a mark of her own


@pytest.fixture
def apart(tmp_path: Path) -> Iterator[Team]:
    with ImapHouse(tmp_path, ImapSettings(shared_seen="member")) as house:
        yield Team(house)


def test_what_one_member_has_read_the_other_has_not(apart):
    apart.deliver()
    apart.deliver()
    with RawClient(apart.house) as one, RawClient(apart.house) as other, RawClient(apart.house) as again:
        reader, colleague, phone = one.signed_in(), other.signed_in(COLLEAGUE), again.signed_in()
        for client in (reader, colleague, phone):
            client.command(f"SELECT {SHARED}")

        reader.command("FETCH 1 BODY[]")
        colleague.command("STORE 2 +FLAGS (\\Flagged)")

        assert b"FETCH (UID 1 FLAGS (\\Seen" in phone.command("NOOP")
        assert b"* SEARCH 2\r\n" in reader.command("SEARCH UNSEEN")
        assert b"* SEARCH 1 2\r\n" in colleague.command("SEARCH UNSEEN")
        assert b"* SEARCH 2\r\n" in reader.command("SEARCH FLAGGED")
        assert b"(UNSEEN 1)" in reader.command(f"STATUS {SHARED} (UNSEEN)")
        assert b"(UNSEEN 2)" in colleague.command(f"STATUS {SHARED} (UNSEEN)")


def test_a_mark_of_ones_own_can_be_taken_back_replaced_and_moved_along(apart):
    apart.deliver()
    with RawClient(apart.house) as connection:
        client = connection.signed_in()
        client.command(f"SELECT {SHARED}")

        assert b"FLAGS (\\Seen" in client.command("STORE 1 FLAGS (\\Seen)")
        assert b"FLAGS (\\Answered" in client.command("STORE 1 FLAGS (\\Answered)")
        client.command("STORE 1 +FLAGS (\\Seen)")
        client.command(f'MOVE 1 "Autres utilisateurs/{SECRETARIAT}/Archives"')
        client.command(f'SELECT "Autres utilisateurs/{SECRETARIAT}/Archives"')

        assert re.search(rb"FLAGS \(\\(Seen|Answered) \\(Seen|Answered)", client.command("FETCH 1 FLAGS"))
        assert b"FLAGS (\\Answered" in client.command("STORE 1 -FLAGS (\\Seen)")


def test_the_mailbox_itself_is_not_marked_by_its_members(apart):
    apart.deliver()
    with RawClient(apart.house) as connection:
        client = connection.signed_in()
        client.command(f"SELECT {SHARED}")
        client.command("STORE 1 FLAGS (\\Seen \\Flagged)")

    def flags(tx: Transaction) -> frozenset[str]:
        inbox = apart.house.store.folder(tx, apart.mailbox_id, "INBOX")
        assert inbox is not None
        return apart.house.store.entries(tx, inbox.id)[0].flags

    assert apart.house.database.read_now(flags) == {"\\Flagged"}
