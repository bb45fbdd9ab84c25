"""NOTIFY: a client is told what happens in its mailboxes without asking (RFC 5465), by two sessions."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstore.imap.config import ImapSettings
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse
from tests.unit.mailstore_imap.messages import SIMPLE
from tests.unit.mailstore_imap.teams import COLLEAGUE, SECRETARIAT, SHARED, Team
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.database import Database

MESSAGES = "(MessageNew MessageExpunge FlagChange)"


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path, ImapSettings(notify_folders=20)) as server:
        yield server


@pytest.fixture
def client(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.signed_in()


@pytest.fixture
def other(house: ImapHouse) -> Iterator[RawClient]:
    with RawClient(house) as connection:
        yield connection.signed_in()


def append(client: RawClient, folder: str) -> None:
    client.send(f"x APPEND {folder} {{{len(SIMPLE)}+}}\r\n".encode() + SIMPLE + b"\r\n")
    assert b"x OK" in client.until(b"x ")


# Folders that are not selected


def test_how_things_stand_is_told_first(client):
    client.command("SELECT INBOX")

    answer = client.command(f"NOTIFY SET STATUS (mailboxes (INBOX Archives Nowhere) {MESSAGES})")

    assert re.findall(rb"\* STATUS (\S+) \(MESSAGES 0 UIDNEXT 1 UIDVALIDITY \d+ UNSEEN 0\)", answer) == [b"Archives"]
    assert b" OK " in answer


def test_a_client_that_does_nothing_hears_of_new_flagged_and_expunged_messages(client, other):
    client.command(f"NOTIFY SET (personal {MESSAGES})")

    append(other, "Archives")
    arrived = client.line()
    other.command("SELECT Archives")
    other.command("STORE 1 +FLAGS (\\Seen \\Deleted)")
    flagged = client.line()
    other.command("EXPUNGE")

    assert re.match(rb"\* STATUS Archives \(MESSAGES 1 UIDNEXT 2 UIDVALIDITY \d+ UNSEEN 1\)", arrived)
    assert b"UNSEEN 0" in flagged
    assert b"MESSAGES 0 UIDNEXT 2" in client.line()


def test_only_what_was_asked_for_is_told(client, other):
    client.command(
        "NOTIFY SET (mailboxes Archives NONE) (inboxes (MessageNew MessageExpunge)) (personal (MailboxName))"
    )

    append(other, "Archives")
    append(other, "INBOX")
    other.command("SELECT INBOX")
    other.command("STORE 1 +FLAGS (\\Seen)")
    other.command("UNSELECT")
    other.command("CREATE Cas")

    assert client.line().startswith(b"* STATUS INBOX (MESSAGES 1 ")
    assert client.line() == b'* LIST () "/" Cas\r\n'


def test_names_and_subscriptions(client, other):
    client.command("NOTIFY SET (subtree Cas (MailboxName SubscriptionChange))")

    other.command("CREATE Ailleurs")
    for text in (
        "CREATE Cas/Un",
        "RENAME Cas/Un Cas/Deux",
        "UNSUBSCRIBE Cas/Deux",
        "SUBSCRIBE Cas/Deux",
        "DELETE Cas/Deux",
    ):
        assert b" OK " in other.command(text)

    told = client.line() + client.until(b"* LIST (\\NonExistent)")
    assert b"Ailleurs" not in told
    assert re.search(rb'LIST \(\) "/" Cas\r\n', told)
    assert told.endswith(b'* LIST (\\NonExistent) "/" Cas/Deux\r\n')


def test_a_new_folder_is_listed_and_counted(client, other):
    client.command("NOTIFY SET (personal (MailboxName MessageNew MessageExpunge))")

    other.command("CREATE Cas")

    assert client.line() == b'* LIST () "/" Cas\r\n'
    assert client.line().startswith(b"* STATUS Cas (MESSAGES 0 ")


def test_a_renamed_folder_says_its_old_name(client, other):
    other.command("CREATE Cas")
    client.command("NOTIFY SET (personal (MailboxName))")

    other.command("RENAME Cas Dossiers")

    assert client.line() == b'* LIST () "/" Dossiers ("OLDNAME" (Cas))\r\n'


def test_a_client_that_knows_modseqs_is_told_them(client, other):
    client.command("ENABLE CONDSTORE")
    client.command(f"NOTIFY SET (subscribed {MESSAGES})")

    append(other, "Archives")

    assert re.search(rb"UNSEEN 1 HIGHESTMODSEQ \d+\)", client.line())


def test_folders_of_an_organisational_mailbox_are_told_of(house, client):
    team = Team(house)
    client.command('NOTIFY SET STATUS (subtree "Autres utilisateurs" (MailboxName MessageNew MessageExpunge))')

    team.deliver()
    told = client.line()
    with RawClient(house) as connection:
        connection.signed_in().command(f'CREATE "Autres utilisateurs/{SECRETARIAT}/RDV"')

    assert told.startswith(b"* STATUS " + SHARED.encode() + b" (MESSAGES 1 ")
    assert f'LIST () "/" "Autres utilisateurs/{SECRETARIAT}/RDV"'.encode() in client.line()


def test_what_another_process_writes_is_told(house, client):
    client.command(f"NOTIFY SET (personal {MESSAGES})")
    bus = LocalBus(house.folder / "bus")
    elsewhere = Database(f"sqlite:///{house.folder}/catalogue.db", publish=bus.publish)

    elsewhere.write_now(lambda tx: house.store.create_folder(tx, house.account_id, "Cas"))
    elsewhere.close()
    house.run(bus.close())

    assert client.line().startswith(b"* STATUS Cas (MESSAGES 0 ")


def test_who_is_no_member_any_more_hears_no_more_of_a_shared_mailbox(house, client):
    team = Team(house)
    client.command(f"NOTIFY SET (mailboxes {SHARED} (MailboxName MessageNew MessageExpunge)) (inboxes {MESSAGES})")

    team.keep_only(COLLEAGUE)
    team.deliver()
    gone = client.line()
    team.deliver()
    house.deliver(SIMPLE)

    assert gone == b'* LIST (\\NonExistent) "/" ' + SHARED.encode() + b"\r\n"
    assert client.line().startswith(b"* STATUS INBOX ")


# The selected folder


def test_the_selected_folder_is_told_at_once_with_what_is_to_be_fetched(house, client, other):
    client.command("SELECT INBOX")
    client.command("NOTIFY SET (selected (MessageNew (UID BODY[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")

    house.deliver(SIMPLE)
    assert client.line() == b"* 1 EXISTS\r\n"
    assert client.line() == b"* 1 RECENT\r\n"
    assert re.match(rb"\* 1 FETCH \(UID 1 BODY\[HEADER.FIELDS \(SUBJECT\)\] \{\d+\}\r\nSubject: ", client.line())
    other.command("SELECT INBOX")
    other.command("STORE 1 +FLAGS (\\Deleted)")
    assert client.line() == b"* 1 FETCH (UID 1 FLAGS (\\Deleted \\Recent))\r\n"
    other.command("EXPUNGE")
    assert client.line() == b"* 1 EXPUNGE\r\n"


def test_what_came_while_a_command_was_answered_is_fetched_too(house, client, other):
    house.deliver(SIMPLE)
    client.command("SELECT INBOX")
    client.command("NOTIFY SET (selected (MessageNew (UID FLAGS) MessageExpunge FlagChange))")

    client.send(b"a STORE 1 +FLAGS (\\Seen)\r\n" * 20)
    house.deliver(SIMPLE)
    told = client.until(b"a ")
    while b"FETCH (UID 2 FLAGS (\\Recent))" not in told:
        told += client.line()

    assert told.count(b"* 2 EXISTS") == 1
    assert told.count(b"* 2 FETCH ") == 1


def test_selected_delayed_holds_expunged_messages_back(house, client, other):
    house.deliver(SIMPLE)
    client.command("SELECT INBOX")
    client.command("NOTIFY SET (selected-delayed (MessageNew MessageExpunge))")

    other.command("SELECT INBOX")
    other.command("STORE 1 +FLAGS (\\Deleted)")
    other.command("EXPUNGE")
    house.deliver(SIMPLE)

    assert client.line() == b"* 2 EXISTS\r\n"
    assert client.line().endswith(b"RECENT\r\n")
    assert b"* 1 EXPUNGE" not in client.command("FETCH 2 (UID)")
    assert b"* 1 EXPUNGE" in client.command("NOOP")


def test_without_the_selected_folder_only_commands_bring_its_news(house, client, other):
    client.command("SELECT INBOX")
    client.command("NOTIFY SET (personal (MailboxName MessageNew MessageExpunge FlagChange))")

    house.deliver(SIMPLE)
    other.command("CREATE Cas")

    told = client.line() + client.line()
    assert told.startswith(b'* LIST () "/" Cas\r\n* STATUS Cas ')
    answer = client.command("NOOP")
    assert b"* 1 EXISTS" in answer
    assert b"STATUS" not in answer


def test_notify_none_ends_it(client, other):
    client.command(f"NOTIFY SET (personal {MESSAGES})")
    client.command("NOTIFY NONE")

    append(other, "Archives")

    assert client.command("NOOP").startswith(b"c4 OK")


def test_idle_goes_on_under_notify(house, client, other):
    client.command("SELECT INBOX")
    client.command("NOTIFY SET (selected-delayed (MessageNew MessageExpunge)) (personal (MessageNew MessageExpunge))")
    client.send(b"i IDLE\r\n")
    client.until(b"+ ")

    append(other, "Archives")
    assert client.line().startswith(b"* STATUS Archives (MESSAGES 1 ")
    house.deliver(SIMPLE)
    assert client.line() == b"* 1 EXISTS\r\n"
    client.send(b"DONE\r\n")
    assert b"i OK" in client.until(b"i ")


def test_the_words_of_evolution_are_understood(house, client):
    client.command("SELECT INBOX")
    answer = client.command(
        "NOTIFY SET (selected (MessageNew (UID RFC822.SIZE RFC822.HEADER FLAGS) MessageExpunge FlagChange))"
        " (personal (MailboxName SubscriptionChange)) (subscribed (MessageNew MessageExpunge))"
    )

    house.deliver(SIMPLE)

    assert answer.endswith(b" OK Fait.\r\n")
    assert b"FLAGS (\\Recent)" in client.until(b"* 1 FETCH (UID 1 RFC822.SIZE ")


# Limits and refusals


def test_too_many_folders_end_the_watch(house, client, other):
    for number in range(12):
        other.command(f"CREATE Cas{number}")
    client.command(f"NOTIFY SET (personal {MESSAGES})")

    for number in range(12, 16):
        other.command(f"CREATE Cas{number}")

    assert b"* OK [NOTIFICATIONOVERFLOW]" in client.until(b"* OK")
    append(other, "Cas1")
    assert b"STATUS" not in client.command("NOOP")
    assert b"* OK [NOTIFICATIONOVERFLOW]" in client.command(f"NOTIFY SET (personal {MESSAGES})")


def test_unknown_events_are_named(client):
    answer = client.command("NOTIFY SET (personal (MessageNew MessageExpunge AnnotationChange))")

    assert b" NO [BADEVENT (MessageNew MessageExpunge FlagChange MailboxName SubscriptionChange " in answer


@pytest.mark.parametrize(
    "text",
    [
        "",
        "SET",
        "SET STATUS",
        "SET (personal)",
        "SET (personal ())",
        "SET (nowhere NONE)",
        "SET (mailboxes (MessageNew MessageExpunge))",
        "SET (personal (MessageNew))",
        "SET (personal (FlagChange))",
        "SET (selected (MailboxName))",
        "SET (selected NONE) (selected-delayed NONE)",
        "SET (selected (MessageNew () MessageExpunge))",
        "SET (selected (MessageNew (NOTHING) MessageExpunge))",
        "SET" + " (personal NONE)" * 60,
    ],
)
def test_what_is_malformed_is_bad(client, text):
    assert b" BAD " in client.command(f"NOTIFY {text}")


# Annotations


def test_changes_of_annotations_are_told(house, client, other):
    client.command("NOTIFY SET (personal (MailboxMetadataChange)) (inboxes (ServerMetadataChange))")

    other.command('SETMETADATA Archives (/shared/comment "x" /private/comment "y")')
    assert client.line() == b"* METADATA Archives /private/comment /shared/comment\r\n"
    other.command('SETMETADATA "" (/private/comment "x")')
    assert client.line() == b'* METADATA "" /private/comment\r\n'
    other.command("SETMETADATA Archives (/shared/comment NIL)")
    assert client.line() == b"* METADATA Archives /shared/comment\r\n"


def test_a_client_that_enabled_metadata_hears_of_it_with_its_next_command(client, other):
    client.command("ENABLE METADATA")
    client.command('SETMETADATA INBOX (/private/comment "de moi")')

    silent = client.command("NOOP")
    other.command('SETMETADATA INBOX (/private/comment "x")')

    assert b"METADATA" not in silent
    assert client.command("NOOP").startswith(b"* METADATA INBOX /private/comment\r\n")
    assert b"METADATA" not in other.command("NOOP")


def test_a_session_that_asked_for_nothing_watches_nothing(house, client):
    client.command("SELECT INBOX")

    (connection,) = [each for each in house.service._connections if each.session.account is not None]

    assert connection.session.watch is None


def test_what_a_fetch_had_to_hold_back_is_told_as_soon_as_it_ends(house: ImapHouse, other: RawClient):
    house.deliver(SIMPLE)
    house.deliver(SIMPLE + b"x" * 76 * 100_000)
    other.command("SELECT INBOX")
    with RawClient(house, receive_buffer=4_096) as client:
        client.selected()
        client.command(f"NOTIFY SET (selected {MESSAGES})")
        client.send(b"f1 FETCH 2 BODY.PEEK[]\r\n")
        client.exactly(5)
        other.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        other.command("EXPUNGE")

        read = client.until(b"f1 OK")

        assert b"EXPUNGE\r\n" not in read[-200:]
        assert client.line() == b"* 1 EXPUNGE\r\n"
