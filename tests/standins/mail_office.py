"""A served instance as mail programs meet it: real TLS, two doctors, and what a test needs to look on from outside."""

import contextlib
import smtplib
import ssl
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imapclient
import pytest

from tests.standins.instance import prepare_instance
from vaguemestre.app.demo.people import DURAND, MARTIN, Doctor
from vaguemestre.app.demo.program import Program

PATIENCE_S = 120
HOST = "localhost"


@dataclass(frozen=True, slots=True)
class MailOffice:
    """A running instance, its ports, and Dr Martin's mailbox seen by a second program."""

    program: Program
    ports: dict[str, int]

    @property
    def authority(self) -> Path:
        """The certificate that mail programs are told to trust."""
        return self.program.folder / "pki" / "ca.pem"

    def tls(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))

    @contextlib.contextmanager
    def onlooker(self, folder: str = "INBOX", doctor: Doctor = MARTIN) -> Iterator[imapclient.IMAPClient]:
        """Yield a signed-in session of its own, with FOLDER open."""
        with imapclient.IMAPClient(HOST, self.ports["imaps"], ssl_context=self.tls(), timeout=60) as client:
            client.login(doctor.address, doctor.password)
            client.select_folder(folder)
            yield client

    def held(self, folder: str = "INBOX") -> dict[str, frozenset[str]]:
        """Return the flags of each message of a folder by its Message-ID; each is there once."""
        with self.onlooker(folder) as client:
            found = client.fetch(client.search(), ["FLAGS", "ENVELOPE"])
        ids = [each[b"ENVELOPE"].message_id.decode() for each in found.values()]
        assert [name for name, count in Counter(ids).items() if count > 1] == []
        flags = [frozenset(flag.decode() for flag in each[b"FLAGS"] if flag != b"\\Recent") for each in found.values()]
        return dict(zip(ids, flags, strict=True))

    def contents(self, folder: str = "INBOX") -> list[bytes]:
        """Return every message of a folder, byte for byte, sorted."""
        with self.onlooker(folder) as client:
            found = client.fetch(client.search(), ["BODY.PEEK[]"])
        return sorted(each[b"BODY[]"] for each in found.values())

    def fill(self, messages: list[bytes], folder: str = "INBOX", flags: tuple[str, ...] = ()) -> None:
        """Put messages into a folder of Dr Martin's."""
        with self.onlooker(folder) as client:
            for start in range(0, len(messages), 100):
                client.multiappend(folder, [{"msg": each, "flags": flags} for each in messages[start : start + 100]])

    def empty(self) -> None:
        """Remove every message of Dr Martin's, and the folders that she made."""
        with self.onlooker() as client:
            for marks, _, folder in reversed(client.list_folders()):  # what is inside a folder comes after it
                client.select_folder(folder)
                client.delete_messages(client.search())
                client.expunge()
                client.unselect_folder()
                if folder != "INBOX" and not special(marks):
                    client.delete_folder(folder)

    def deliver(self, message: bytes, sender: Doctor = DURAND, recipient: Doctor = MARTIN) -> None:
        """Hand a message to the submission port as the other doctor."""
        with smtplib.SMTP_SSL(HOST, self.ports["submissions"], context=self.tls(), timeout=60) as client:
            client.login(sender.address, sender.password)
            client.sendmail(sender.address, [recipient.address], message)


def special(marks: tuple[bytes, ...]) -> bool:
    """Say whether a folder has a use of its own (RFC 6154)."""
    return bool({b"\\Sent", b"\\Drafts", b"\\Trash", b"\\Junk", b"\\Archive"} & set(marks))


def letter(name: str, body: str = "Bonjour docteur,\r\nà bientôt.\r\n", sender: Doctor = DURAND) -> bytes:
    """Return a message whose Message-ID is `<NAME@essai.test>` and whose subject holds NAME."""
    header = (
        f"From: {sender.name} <{sender.address}>\r\nTo: <{MARTIN.address}>\r\nSubject: Résultat {name}\r\n"
        f"Date: Mon, 23 Nov 2026 09:00:00 +0100\r\nMessage-ID: <{name}@essai.test>\r\nMIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
    )
    subject = header.replace("Résultat", "=?utf-8?q?R=C3=A9sultat?=")
    return (subject + body).encode()


@contextlib.contextmanager
def open_office(folder: Path) -> Iterator[MailOffice]:
    """Serve IMAP, submission and what they need until the block ends."""
    program = prepare_instance(folder)
    yield MailOffice(program, program.serve("imap", "submission"))
    assert program.stop() == 0


def until(said: Callable[[], object]) -> None:
    """Return once SAID gives something true: a program of another maker's gets there in its own time.

    Raises:
        TimeoutError: it did not in two minutes.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not said():
        if time.monotonic() > deadline:
            raise TimeoutError("it did not happen")
        time.sleep(0.1)


@pytest.fixture(scope="session")
def open_mail_office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MailOffice]:
    """One served instance for the run."""
    with open_office(tmp_path_factory.mktemp("office") / "instance") as opened:
        yield opened


@pytest.fixture
def office(open_mail_office: MailOffice) -> MailOffice:
    """That instance, with empty mailboxes."""
    open_mail_office.empty()
    return open_mail_office
