"""METADATA: annotations of folders and of the server, as mail programs set and read them (RFC 5464, RFC 9590)."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy

from mailstore.imap.config import ImapSettings
from mailstore.tables import annotation
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import LOGIN, ImapHouse
from tests.unit.mailstore_imap.teams import COLLEAGUE, SHARED, Team


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    settings = ImapSettings(metadata_value_bytes=1_000, metadata_entries=5, contact="mailto:aide@demo.mssante.fr")
    with ImapHouse(tmp_path, settings) as server:
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.signed_in()


def test_values_of_every_kind_are_kept_and_removed(client):
    client.send(
        b'x SETMETADATA INBOX (/private/comment "Cabinet \\"A\\"" /shared/comment {7+}\r\n'
        b"\xc3\xa9t\xc3\xa9\r\n /private/vendor/x/icon ~{3+}\r\n\0\1\2)\r\n"
    )
    assert b"x OK" in client.until(b"x ")

    kept = client.command("GETMETADATA INBOX (/private/comment /Shared/Comment /private/vendor/x/icon /private/none)")
    client.command("SETMETADATA INBOX (/private/comment NIL)")
    removed = client.command("GETMETADATA INBOX /private/comment")

    assert kept.startswith(
        b'* METADATA INBOX (/private/comment "Cabinet \\"A\\"" /private/vendor/x/icon ~{3}\r\n\0\1\2 '
        b"/Shared/Comment {7}\r\n\xc3\xa9t\xc3\xa9\r\n /private/none NIL)\r\n"
    )
    assert removed.startswith(b"* METADATA INBOX (/private/comment NIL)\r\n")


def test_depth_brings_what_lies_below(client):
    client.command('SETMETADATA INBOX (/private/vendor/x "0" /private/vendor/x/a "1" /private/vendor/x/a/b "2")')

    assert client.command("GETMETADATA (DEPTH 1) INBOX /private/vendor/x").startswith(
        b'* METADATA INBOX (/private/vendor/x "0" /private/vendor/x/a "1")\r\n'
    )
    assert b'/private/vendor/x/a/b "2"' in client.command("GETMETADATA INBOX (DEPTH infinity) (/private)")
    assert b"METADATA INBOX" not in client.command("GETMETADATA (DEPTH 1) INBOX /private")


def test_values_that_are_too_long_are_left_out_and_their_size_told(client):
    client.command('SETMETADATA INBOX (/private/comment "%s" /shared/comment "court")' % ("x" * 900))

    answer = client.command("GETMETADATA (MAXSIZE 100 DEPTH 0) INBOX (/private/comment /shared/comment)")

    assert answer.startswith(b'* METADATA INBOX (/shared/comment "court")\r\n')
    assert b" OK [METADATA LONGENTRIES 900] " in answer


def test_limits_are_told_and_nothing_is_kept_beyond(client):
    too_long = client.command('SETMETADATA INBOX (/private/comment "ici" /private/a "%s")' % ("x" * 1_001))
    too_many = client.command("SETMETADATA INBOX (" + " ".join(f'/private/{n} "x"' for n in range(6)) + ")")

    assert b" NO [METADATA MAXSIZE 1000] " in too_long
    assert b" NO [METADATA TOOMANY] " in too_many
    assert b"METADATA INBOX (/private" not in client.command("GETMETADATA (DEPTH infinity) INBOX /private")


def test_the_server_has_annotations_of_the_account_and_of_the_operator(client):
    assert b" OK " in client.command('SETMETADATA "" (/private/vendor/x "de la personne")')

    assert client.command('GETMETADATA "" (/private/vendor/x /shared/admin)').startswith(
        b'* METADATA "" (/private/vendor/x "de la personne" /shared/admin "mailto:aide@demo.mssante.fr")\r\n'
    )
    assert b" NO [NOPERM] " in client.command('SETMETADATA "" (/shared/comment "x")')


def test_special_uses_are_told_and_stay(client):
    told = client.command("GETMETADATA Sent /private/specialuse")

    assert told.startswith(b'* METADATA Sent (/private/specialuse "\\\\Sent")\r\n')
    assert b" NO [CANNOT] " in client.command('SETMETADATA Sent (/private/specialuse "\\\\Junk")')


def test_list_brings_annotations_along(client):
    client.command('SETMETADATA Archives (/shared/comment "vieux")')

    answer = client.command('LIST "" ("INBOX" "Arch*" "S%") RETURN (METADATA (/shared/comment))')
    longest = client.command('LIST "" "Arch*" RETURN (METADATA (MAXSIZE 3) (/shared/comment))')

    assert b"INBOX\r\n* METADATA INBOX (/shared/comment NIL)\r\n* LIST" in answer
    assert b'Archives\r\n* METADATA Archives (/shared/comment "vieux")\r\n' in answer
    assert b" OK [METADATA LONGENTRIES 5] " in longest


@pytest.mark.parametrize(
    "text",
    [
        "GETMETADATA INBOX",
        "GETMETADATA INBOX ()",
        "GETMETADATA INBOX /comment",
        "GETMETADATA INBOX /private/a*",
        "GETMETADATA INBOX /private//a",
        "GETMETADATA INBOX /private/",
        "GETMETADATA (DEPTH 2) INBOX /private/a",
        "GETMETADATA (DEPTH 1 DEPTH 1) INBOX /private/a",
        "GETMETADATA (WIDTH 1) INBOX /private/a",
        "GETMETADATA INBOX /private/" + "x" * 300,
        'SETMETADATA INBOX (/private "x")',
        "SETMETADATA INBOX (/private/a)",
        "SETMETADATA INBOX ()",
        "SETMETADATA INBOX (/private/a word)",
        'LIST "" % RETURN (METADATA)',
    ],
)
def test_what_is_malformed_is_bad(client, text):
    assert b" BAD " in client.command(text)


def test_annotations_follow_their_folder_and_end_with_it(house, client):
    client.command("CREATE Cas")
    client.command('SETMETADATA Cas (/shared/comment "a" /private/comment "b")')

    client.command("RENAME Cas Dossiers")
    followed = client.command("GETMETADATA Dossiers (/shared/comment /private/comment)")
    client.command("DELETE Dossiers")

    assert b'(/private/comment "b" /shared/comment "a")' in followed
    assert b" NO [NONEXISTENT] " in client.command("GETMETADATA Dossiers /shared/comment")
    assert house.database.read_now(lambda tx: tx.execute(sqlalchemy.select(annotation)).all()) == []


def test_nothing_of_a_value_lies_in_clear(house, client):
    client.command('SETMETADATA INBOX (/private/comment "MARQUEUR du patient")')

    files = [path for path in house.folder.rglob("*") if path.is_file()]

    assert any(b"/private/comment" in path.read_bytes() for path in files)
    assert not any(b"MARQUEUR" in path.read_bytes() for path in files)


def test_members_share_what_is_shared_and_nothing_else(house):
    team = Team(house)
    with RawClient(house) as one, RawClient(house) as other:
        author, colleague = one.signed_in(LOGIN), other.signed_in(COLLEAGUE)
        author.command(f'SETMETADATA {SHARED} (/shared/comment "pour tous" /private/comment "pour moi")')

        seen = colleague.command(f"GETMETADATA {SHARED} (/shared/comment /private/comment)")
        mine = author.command(f"GETMETADATA {SHARED} (/shared/comment /private/comment)")
        team.keep_only(LOGIN)

        assert b'(/shared/comment "pour tous" /private/comment NIL)' in seen
        assert b'(/private/comment "pour moi" /shared/comment "pour tous")' in mine
        assert b" NO [NONEXISTENT] " in colleague.command(f"GETMETADATA {SHARED} /shared/comment")
        assert b" NO [NONEXISTENT] " in colleague.command(f'SETMETADATA {SHARED} (/shared/comment "x")')
    assert [act for act, _ in team.traced()] == ["shared_mailbox_annotated"]
