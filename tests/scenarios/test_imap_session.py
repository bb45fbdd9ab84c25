"""Ordinary mail programs synchronise a mailbox, byte for byte, over real TLS."""

import contextlib
import imaplib
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.mail_office import until
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import LOGIN, PASSWORD, ImapHouse
from tests.unit.mailstore_imap.messages import NESTED, SIMPLE, large


@pytest.fixture
def house(tmp_path: Path) -> Iterator[ImapHouse]:
    with ImapHouse(tmp_path) as server:
        yield server


@contextlib.contextmanager
def program(house: ImapHouse) -> Iterator[imaplib.IMAP4_SSL]:
    with imaplib.IMAP4_SSL("localhost", house.tls_port, ssl_context=house.client_context()) as connection:
        connection._encoding = "utf-8"
        assert connection.login(LOGIN, PASSWORD)[0] == "OK"
        assert connection.select()[0] == "OK"
        yield connection


def literals(answer: tuple[str, list]) -> list[bytes]:
    assert answer[0] == "OK"
    return [item[1] for item in answer[1] if isinstance(item, tuple)]


@pytest.mark.requirement("MSS2:ECO.1.0.2")
def test_imaplib_reads_what_was_delivered(house):
    messages = [SIMPLE, NESTED, large(3_000_000)]
    for message in messages:
        house.deliver(message)

    with program(house) as client:
        fetched = literals(client.fetch("1:*", "(BODY.PEEK[])"))
        structure = client.fetch("2", "(RFC822.SIZE ENVELOPE BODYSTRUCTURE)")[1][0]

    assert fetched == messages
    assert f"RFC822.SIZE {len(NESTED)}".encode() in structure
    assert b'"message" "rfc822"' in structure


def test_imaplib_keeps_a_message_as_it_was_given(house):
    with program(house) as client:
        for message in (SIMPLE, large(500_000)):
            kept = client.append("Archives", "(\\Seen $Forwarded)", '" 3-Mar-2026 09:30:00 +0100"', message)
            assert kept[0] == "OK"
            assert b"APPENDUID" in kept[1][0]
        client.select("Archives")
        fetched = literals(client.fetch("1:*", "(FLAGS INTERNALDATE BODY.PEEK[])"))
        told = client.fetch("1", "(FLAGS INTERNALDATE)")[1][0]

    assert fetched == [SIMPLE, large(500_000)]
    assert b"$Forwarded" in told
    assert b'" 3-Mar-2026 08:30:00 +0000"' in told


def test_imaplib_keeps_every_message_of_the_corpus(house, corpus):
    files = sorted((corpus / "eml").glob("*.eml"))
    messages = [file.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n") for file in files]

    with program(house) as client:
        for message in messages:
            # imaplib would rewrite lone line breaks itself: the literal is given to it as it is
            client.literal = message
            assert client._simple_command("APPEND", "INBOX")[0] == "OK"
        client.noop()
        fetched = literals(client.fetch("1:*", "(BODY.PEEK[])"))
        listed = client.fetch("1:*", "(ENVELOPE BODYSTRUCTURE)")

    assert fetched == messages
    assert listed[0] == "OK"


def test_curl_reads_and_writes(house, tmp_path):
    house.deliver(SIMPLE)
    house.deliver(large(400_000))
    letter = tmp_path / "lettre.eml"
    letter.write_bytes(NESTED)

    read = [curl(house, f"INBOX;UID={uid}") for uid in (1, 2)]
    written = curl(house, "Archives", "--upload-file", str(letter))
    found = curl(house, "Archives?SUBJECT%20rendu")
    back = curl(house, "Archives;UID=1")

    assert read == [SIMPLE, large(400_000)]
    assert written == b""
    assert found.strip() == b"* SEARCH 1"
    assert back == NESTED


def curl(house: ImapHouse, path: str, *options: str) -> bytes:
    address = f"imaps://localhost:{house.tls_port}/{path}"
    command = ["curl", "--silent", "--show-error", "--cacert", str(house.certificate), "--user", f"{LOGIN}:{PASSWORD}"]
    return subprocess.run([*command, *options, address], check=True, capture_output=True, timeout=30).stdout


def test_mbsync_synchronises_both_ways(house, tmp_path):
    messages = [SIMPLE, NESTED, large(200_000)]
    for message in messages:
        house.deliver(message)
    maildir = tmp_path / "maildir"
    (maildir / "INBOX" / "new").mkdir(parents=True)
    (maildir / "INBOX" / "cur").mkdir()
    (maildir / "INBOX" / "tmp").mkdir()
    configuration = write_mbsyncrc(house, tmp_path, maildir)

    mbsync(configuration)
    pulled = sorted(local_messages(maildir / "INBOX"))
    (maildir / "INBOX" / "new" / "1.local.test").write_bytes(b"Subject: parti d'ici\n\nune ligne\n")
    seen = next((maildir / "INBOX" / "new").glob("*U=1*"), None) or next((maildir / "INBOX").glob("*/*U=1*"))
    seen.rename(maildir / "INBOX" / "cur" / f"{seen.name.partition(':')[0]}:2,S")
    mbsync(configuration)

    assert pulled == sorted(message.replace(b"\r\n", b"\n") for message in messages)
    with program(house) as client:
        assert client.search(None, "SUBJECT", "parti")[1] == [b"4"]
        assert literals(client.fetch("4", "(BODY.PEEK[])"))[0].endswith(b"\r\n\r\nune ligne\r\n")
        assert client.search(None, "SEEN")[1][0].split()[:1] == [b"1"]


def local_messages(folder: Path) -> list[bytes]:
    """Return the messages of a Maildir without the line that mbsync adds to recognise its own."""
    return [strip_tuid(file.read_bytes()) for part in ("new", "cur") for file in (folder / part).iterdir()]


def strip_tuid(message: bytes) -> bytes:
    return b"".join(line for line in message.splitlines(keepends=True) if not line.startswith(b"X-TUID:"))


def write_mbsyncrc(house: ImapHouse, folder: Path, maildir: Path) -> Path:
    file = folder / "mbsyncrc"
    file.write_text(
        f"""
IMAPAccount test
Host localhost
Port {house.tls_port}
User {LOGIN}
Pass "{PASSWORD}"
SSLType IMAPS
CertificateFile {house.certificate}

IMAPStore far
Account test

MaildirStore near
Path {maildir}/
Inbox {maildir}/INBOX

Channel test
Far :far:
Near :near:
Patterns INBOX
Create Both
Expunge Both
SyncState *
"""
    )
    return file


def mbsync(configuration: Path) -> None:
    done = subprocess.run(["mbsync", "-c", str(configuration), "-a"], capture_output=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr


def test_idle_is_woken_by_a_delivery(house):
    with RawClient(house).selected() as client:
        client.send(b"i1 IDLE\r\n")
        assert client.line().startswith(b"+ ")

        house.deliver(SIMPLE)
        exists, recent = client.line(), client.line()  # its patience is shorter than the time between two looks
        client.send(b"DONE\r\n")

        assert (exists, recent) == (b"* 1 EXISTS\r\n", b"* 1 RECENT\r\n")
        assert client.line() == b"i1 OK Fait.\r\n"


def test_idle_hears_what_another_session_does(house):
    house.deliver(SIMPLE)
    with RawClient(house).selected() as watching, RawClient(house).selected() as working:
        watching.send(b"i1 IDLE\r\n")
        watching.line()

        working.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        flagged = watching.line()
        working.command("EXPUNGE")
        gone = watching.line()

        assert flagged.startswith(b"* 1 FETCH (UID 1 FLAGS (\\Deleted")
        assert gone == b"* 1 EXPUNGE\r\n"


def test_idle_tells_first_what_a_fetch_had_to_hold_back(house):
    for message in (SIMPLE, NESTED):
        house.deliver(message)
    with RawClient(house).selected() as reading, RawClient(house).selected() as working:
        working.command("STORE 1 +FLAGS.SILENT (\\Deleted)")
        working.command("EXPUNGE")
        held = reading.command("FETCH 2 (UID)")

        reading.send(b"i1 IDLE\r\n")
        reading.line()

        assert b"EXPUNGE\r\n" not in held
        assert reading.line() == b"* 1 EXPUNGE\r\n"


def test_a_piece_of_a_message_is_acknowledged_at_once(house):
    with RawClient(house).signed_in() as client:
        (connection,) = house.service._connections

        async def acknowledges_at_once() -> bool:
            link = connection._transport.get_extra_info("socket")
            return bool(link.getsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK))

        client.send(b"a APPEND INBOX {40}\r\n")
        client.line()
        assert not house.run(acknowledges_at_once())  # it answered: the kernel waits for the next answer
        client.send(SIMPLE[:20])

        until(lambda: house.run(acknowledges_at_once()))


def test_starttls_then_everything(house):
    with imaplib.IMAP4("localhost", house.port) as client:
        assert "LOGINDISABLED" in client.capabilities
        with pytest.raises(imaplib.IMAP4.error, match="PRIVACYREQUIRED"):
            client.login("x", "y")
        client.starttls(house.client_context())
        client._encoding = "utf-8"
        client.login(LOGIN, PASSWORD)

        assert client.select()[0] == "OK"


def test_what_arrives_while_a_folder_is_being_opened_is_told(house):
    with RawClient(house).signed_in() as client:
        read = house.database.read

        async def deliver_meanwhile(work, *, brief=False):
            opened = await read(work, brief=brief)
            if opened is not None:
                house.database.read = read
                await house.deliver_here(SIMPLE)
            return opened

        house.database.read = deliver_meanwhile
        opened = client.command("SELECT INBOX")

    assert opened.index(b"* 0 EXISTS") < opened.index(b"* 1 EXISTS")


def test_draining_says_goodbye_and_closes_the_door(house):
    with RawClient(house).selected() as idle:
        idle.send(b"i IDLE\r\n")
        idle.line()

        house.run(house.service.drain(5))

        assert idle.rest().startswith(b"* BYE [UNAVAILABLE] ")
        with pytest.raises(ConnectionRefusedError):
            RawClient(house)
