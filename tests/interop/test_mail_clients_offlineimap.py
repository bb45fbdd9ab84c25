"""OfflineIMAP synchronises every folder both ways, and a second run finds nothing to do."""

import subprocess
from pathlib import Path

import pytest

from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter
from vaguemestre.app.demo.people import MARTIN

CLIENT = Client(
    name="OfflineIMAP",
    version="8.0.0",
    sign_in="PLAIN",
    settings="`sslcacertfile`, `utf8foldernames = yes` for `Envoyés` and the others on disk.",
)
CONFIGURATION = """
[general]
accounts = bureau
metadata = {folder}/metadata
ui = basic
maxsyncaccounts = 1

[Account bureau]
localrepository = ici
remoterepository = bureau
utf8foldernames = yes

[Repository ici]
type = Maildir
localfolders = {folder}/Maildir

[Repository bureau]
type = IMAP
remotehost = {host}
remoteport = {port}
remoteuser = {user}
remotepass = {password}
ssl = yes
sslcacertfile = {authority}
ssl_version = tls1_2
tls_level = tls_compat
maxconnections = 2
"""


@pytest.fixture
def configuration(office: MailOffice, tmp_path: Path) -> Path:
    words = {"host": HOST, "port": office.ports["imaps"], "user": MARTIN.address, "password": MARTIN.password}
    file = tmp_path / "offlineimaprc"
    file.write_text(CONFIGURATION.format(**words, authority=office.authority, folder=tmp_path))
    return file


def offlineimap(configuration: Path) -> str:
    """Synchronise once; returns what it says that it did."""
    command = ["offlineimap", "-c", str(configuration), "-o"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    assert "ERROR" not in said
    return said


def files(maildir: Path) -> dict[str, bytes]:
    """Return the messages of a Maildir by file name."""
    return {path.name: path.read_bytes() for part in ("new", "cur") for path in (maildir / part).iterdir()}


def test_second_run_has_nothing_to_do(office: MailOffice, configuration: Path, tmp_path: Path) -> None:
    kept = [letter(f"m{number}") for number in range(100)]
    office.fill(kept[:60])
    office.fill(kept[60:], "Sent")
    offlineimap(configuration)
    here, there = files(tmp_path / "Maildir" / "INBOX"), office.held()

    said = offlineimap(configuration)

    assert sorted(here.values()) == sorted(each.replace(b"\r\n", b"\n") for each in kept[:60])
    assert len(files(tmp_path / "Maildir" / "Envoyés")) == 40
    assert "Copy message" not in said
    assert "Deleting" not in said
    assert files(tmp_path / "Maildir" / "INBOX") == here
    assert office.held() == there


def test_synchronises_both_ways(office: MailOffice, configuration: Path, tmp_path: Path) -> None:
    inbox = tmp_path / "Maildir" / "INBOX"
    office.fill([letter(name) for name in ("lu", "efface", "range", "loin")])
    offlineimap(configuration)
    by_name = {
        text.partition(b"Message-ID: <")[2].partition(b"@")[0].decode(): name for name, text in files(inbox).items()
    }

    (inbox / "new" / by_name["lu"]).rename(inbox / "cur" / f"{by_name['lu'].partition(':')[0]}:2,FS")
    (inbox / "new" / by_name["efface"]).unlink()
    (inbox / "new" / "essai.poste.test").write_bytes(letter("ici").replace(b"\r\n", b"\n"))
    with office.onlooker() as client:
        (uid,) = client.search(["SUBJECT", "range"])
        client.move([uid], "Archives")
    office.fill([letter("neuf")])
    offlineimap(configuration)
    offlineimap(configuration)

    names = {"<lu@essai.test>", "<loin@essai.test>", "<ici@essai.test>", "<neuf@essai.test>"}
    assert set(office.held()) == names
    assert office.held()["<lu@essai.test>"] == {"\\Flagged", "\\Seen"}
    assert {text.partition(b"Message-ID: ")[2].partition(b"\n")[0].decode() for text in files(inbox).values()} == names
    assert len(files(inbox)) == 4
    assert len(files(tmp_path / "Maildir" / "Archives")) == 1
