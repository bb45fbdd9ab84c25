"""mbsync keeps 2,000 messages of a mailbox and a Maildir equal, though both sides change between two runs."""

import random
import subprocess
from collections import Counter
from dataclasses import dataclass
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter
from vaguemestre.app.demo.people import MARTIN

CLIENT = Client(
    name="mbsync (isync)",
    version="1.4.4",
    sign_in="SCRAM-SHA-256",
    settings="`Patterns *`, `Create Both`, `Expunge Both`; the Maildir's folders take the server's French names.",
)
MESSAGES = 2_000
LETTERS = {"F": "\\Flagged", "R": "\\Answered", "S": "\\Seen", "T": "\\Deleted", "D": "\\Draft"}
CONFIGURATION = """
IMAPAccount bureau
Host {host}
Port {port}
User {user}
Pass "{password}"
SSLType IMAPS
CertificateFile {authority}

IMAPStore far
Account bureau

MaildirStore near
Path {folder}/Maildir/
Inbox {folder}/Maildir/INBOX
SubFolders Verbatim

Channel tout
Far :far:
Near :near:
Patterns *
Create Both
Expunge Both
CopyArrivalDate yes
SyncState *
"""


@dataclass(frozen=True, slots=True)
class Maildir:
    """The near side."""

    folder: Path

    def files(self, name: str = "INBOX") -> dict[str, Path]:
        """Return each message's file by Message-ID; each is there once."""
        found = [(identity(path), path) for part in ("new", "cur") for path in (self.folder / name / part).iterdir()]
        assert [each for each, count in Counter(name for name, _ in found).items() if count > 1] == []
        return dict(found)

    def held(self, name: str = "INBOX") -> dict[str, frozenset[str]]:
        """Return each message's flags by Message-ID."""
        return {
            name: frozenset(LETTERS[each] for each in path.name.partition(":2,")[2])
            for name, path in self.files(name).items()
        }

    def flag(self, path: Path, flags: str) -> None:
        path.rename(path.parent.parent / "cur" / f"{path.name.partition(':')[0]}:2,{flags}")

    def add(self, name: str, folder: str = "INBOX") -> None:
        (self.folder / folder / "new" / f"{name}.poste.test").write_bytes(letter(name).replace(b"\r\n", b"\n"))


def identity(path: Path) -> str:
    return str(message_from_bytes(path.read_bytes())["Message-ID"])


@pytest.fixture
def configuration(office: MailOffice, tmp_path: Path) -> Path:
    (tmp_path / "Maildir").mkdir()
    file = tmp_path / "mbsyncrc"
    words = {"host": HOST, "port": office.ports["imaps"], "user": MARTIN.address, "password": MARTIN.password}
    file.write_text(CONFIGURATION.format(**words, authority=office.authority, folder=tmp_path))
    return file


def mbsync(configuration: Path) -> None:
    """Synchronise once."""
    done = subprocess.run(["mbsync", "-c", str(configuration), "-a"], capture_output=True, timeout=300, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_synchronises_2000_messages_both_ways(office: MailOffice, configuration: Path, tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "Maildir")
    names = [f"m{number}" for number in range(MESSAGES)]
    office.fill([letter(name) for name in names])
    mbsync(configuration)
    assert set(maildir.files()) == {f"<{name}@essai.test>" for name in names}

    expected = change_both_sides(office, maildir, names)
    mbsync(configuration)
    mbsync(configuration)  # what one side had to remove is told by the next run at the latest

    assert office.held() == expected
    assert maildir.held() == expected


def change_both_sides(office: MailOffice, maildir: Maildir, names: list[str]) -> dict[str, frozenset[str]]:
    """Flag, remove and add several hundred messages on each side; returns what both must hold afterwards."""
    chance, files = random.Random(4), maildir.files()
    picked = chance.sample(names, 900)
    far_flagged, near_flagged, far_gone, near_gone = (picked[a : a + 225] for a in range(0, 900, 225))
    with office.onlooker() as client:
        uids = {
            each[b"ENVELOPE"].message_id.decode(): uid
            for uid, each in client.fetch(client.search(), ["ENVELOPE"]).items()
        }
        client.add_flags([uids[f"<{name}@essai.test>"] for name in far_flagged], ["\\Flagged", "\\Seen"])
        client.delete_messages([uids[f"<{name}@essai.test>"] for name in far_gone])
        client.expunge()
    office.fill([letter(f"loin{number}") for number in range(100)], flags=("\\Answered",))
    for name in near_flagged:
        maildir.flag(files[f"<{name}@essai.test>"], "RS")
    for name in near_gone:
        files[f"<{name}@essai.test>"].unlink()
    for number in range(100):
        maildir.add(f"pres{number}")
    flags = {name: frozenset[str]() for name in set(names) - set(far_gone) - set(near_gone)}
    flags |= {name: frozenset({"\\Flagged", "\\Seen"}) for name in far_flagged}
    flags |= {name: frozenset({"\\Answered", "\\Seen"}) for name in near_flagged}
    flags |= {f"loin{number}": frozenset({"\\Answered"}) for number in range(100)}
    flags |= {f"pres{number}": frozenset() for number in range(100)}
    return {f"<{name}@essai.test>": each for name, each in flags.items()}


def test_takes_every_folder_and_moves_between_them(office: MailOffice, configuration: Path, tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "Maildir")
    office.fill([letter("recu")])
    office.fill([letter("parti")], "Sent")
    mbsync(configuration)
    files = maildir.files()

    made = maildir.folder / "Patients"
    for part in ("new", "cur", "tmp"):
        (made / part).mkdir(parents=True)
    moved = files["<recu@essai.test>"]
    moved.rename(made / "cur" / "deplace.poste.test:2,S")
    mbsync(configuration)

    assert {each.name for each in maildir.folder.iterdir()} >= {"INBOX", "Envoy&AOk-s", "Corbeille", "Brouillons"}
    assert set(maildir.held("Envoy&AOk-s")) == {"<parti@essai.test>"}
    assert office.held() == {}
    assert office.held("Patients") == {"<recu@essai.test>": {"\\Seen"}}


def test_a_run_with_nothing_new_changes_nothing(office: MailOffice, configuration: Path, tmp_path: Path) -> None:
    maildir = Maildir(tmp_path / "Maildir")
    office.fill([letter(f"m{number}") for number in range(20)])
    mbsync(configuration)
    before, changes = maildir.files(), highest_change(office)

    mbsync(configuration)

    assert maildir.files() == before
    assert highest_change(office) == changes


def highest_change(office: MailOffice) -> int:
    """Return the number of the last change of INBOX (RFC 7162)."""
    with office.onlooker("Archives") as client:
        return int(client.folder_status("INBOX", ["HIGHESTMODSEQ"])[b"HIGHESTMODSEQ"])
