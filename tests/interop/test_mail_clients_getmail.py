"""getmail retrieves each message once, byte for byte, and deletes only when it is asked to."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.standins import local_delivery
from tests.standins.local_delivery import kept, local
from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter, until
from vaguemestre.app.demo.people import MARTIN

CLIENT = Client(
    name="getmail",
    version="6.18.11",
    sign_in="LOGIN command",
    settings="`delivered_to = false`, `received = false`; adds its own `Return-Path` and `X-getmail-…` lines.",
)
CONFIGURATION = """
[retriever]
type = SimpleIMAPSSLRetriever
server = {host}
port = {port}
username = {user}
password = {password}
mailboxes = ("INBOX", "Envoyés")
ca_certs = {authority}

[destination]
type = MDA_external
path = {python}
arguments = ("{program}", "{folder}/kept")
allow_root_commands = true

[options]
read_all = false
delete = {delete}
delivered_to = false
received = false
verbose = 1
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "kept").mkdir()
    return tmp_path


def getmail(office: MailOffice, folder: Path, *, delete: bool = False) -> str:
    words = {"host": HOST, "port": office.ports["imaps"], "user": MARTIN.address, "password": MARTIN.password}
    words |= {"python": sys.executable, "program": local_delivery.__file__, "delete": str(delete).lower()}
    file = folder / "getmailrc"
    file.write_text(CONFIGURATION.format(**words, authority=office.authority, folder=folder))
    command = ["getmail", "--getmaildir", str(folder), "--rcfile", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def as_sent(messages: list[bytes]) -> list[bytes]:
    """Return messages without the lines by which getmail says where it found them."""
    return sorted(re.sub(rb"^(Return-Path|X-getmail-[\w-]+):.*\n", b"", each, flags=re.MULTILINE) for each in messages)


def test_retrieves_each_message_once_byte_for_byte(office: MailOffice, folder: Path) -> None:
    messages = [letter(f"m{number}") for number in range(50)]
    office.fill(messages[:40])
    office.fill(messages[40:], "Sent")

    getmail(office, folder)
    again = getmail(office, folder)

    assert as_sent(kept(folder / "kept")) == local(messages)
    assert "0 messages (0 bytes) retrieved" in again
    assert len(office.held()) == 40


def test_takes_what_came_since(office: MailOffice, folder: Path) -> None:
    office.fill([letter("ancien")])
    getmail(office, folder)

    office.deliver(letter("nouveau"))
    until(lambda: len(office.held()) == 2)
    said = getmail(office, folder)

    assert "1 messages" in said
    assert len(kept(folder / "kept")) == 2


def test_deletes_what_it_has_retrieved(office: MailOffice, folder: Path) -> None:
    office.fill([letter("un"), letter("deux")])

    getmail(office, folder, delete=True)

    assert len(kept(folder / "kept")) == 2
    assert office.held() == {}
