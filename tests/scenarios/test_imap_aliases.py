"""A mail program that has its own names for Sent, Trash and the others ends up in the one folder of each use."""

import imaplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import LOGIN, PASSWORD, ImapHouse
from tests.unit.mailstore_imap.messages import SIMPLE


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path) as server:
        yield server


@pytest.fixture
def program(house: ImapHouse) -> Iterator[imaplib.IMAP4_SSL]:
    """An ordinary client of Python's standard library, signed in."""
    with imaplib.IMAP4_SSL("127.0.0.1", house.tls_port, ssl_context=house.client_context()) as connection:
        connection.authenticate("PLAIN", lambda _: f"\0{LOGIN}\0{PASSWORD}".encode())
        yield connection


def names(program: imaplib.IMAP4_SSL) -> list[bytes]:
    return [line.rpartition(b'"/" ')[2] for line in program.list()[1] if isinstance(line, bytes)]


def test_what_a_program_files_under_its_own_name_is_in_the_special_folder(program):
    before = names(program)

    assert program.create('"Sent Items"')[0] == "OK"
    assert program.append('"Sent Items"', None, None, SIMPLE)[0] == "OK"
    assert program.append("Sent", None, None, SIMPLE)[0] == "OK"

    assert names(program) == before
    assert program.select("Envoy&AOk-s")[1] == [b"2"]
    assert program.select('"&AMk-l&AOk-ments envoy&AOk-s"')[1] == [b"2"]


def test_a_program_that_makes_a_folder_for_a_use_is_given_the_one_there_is(house):
    with RawClient(house) as connection:
        client = connection.signed_in()

        own_name = client.command('CREATE "Sent Items" (USE (\\Sent))')
        usual = client.command("CREATE Junk (USE (\\Junk))")
        refused = [
            client.command(f"CREATE {name} (USE ({use}))")
            for name, use in (("Patients", "\\Sent"), ("Junk", "\\Sent"), ("Patients", "\\All"), ("INBOX", "\\Sent"))
        ]

        assert [b" OK [MAILBOXID (F" in answer for answer in (own_name, usual)] == [True, True]
        assert [b" NO [USEATTR] " in answer for answer in refused] == [True] * 4
        assert b"Patients" not in client.command('LIST "" *')
        assert b"CREATE-SPECIAL-USE" in client.command("CAPABILITY")


def test_a_program_that_asks_for_its_own_name_hears_that_name(program):
    listed = program.list('""', "Trash")[1]
    counted = program.status("Trash", "(MESSAGES)")[1]

    assert listed == [b'(\\HasNoChildren \\Trash) "/" Trash']
    assert counted == [b"Trash (MESSAGES 0)"]


def test_an_alias_is_neither_deleted_nor_taken_by_another_folder(program):
    program.create("Patients")

    assert program.delete("Trash")[0] == "NO"
    assert program.rename("Patients", "Junk")[0] == "NO"
    assert program.create("Corbeille")[0] == "NO"


def test_revision_2_tells_the_name_of_the_folder_itself(house):
    with RawClient(house).signed_in() as client:
        client.command("ENABLE IMAP4rev2")

        answer = client.command("SELECT Sent")

    assert '"Envoyés"'.encode() in answer
