"""curl reads, searches, flags, moves, files and sends by the mail doors of the whole program."""

import subprocess
from pathlib import Path

import pytest

from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter
from vaguemestre.app.demo.people import DURAND, MARTIN

CLIENT = Client(
    name="curl",
    version="7.88.1",
    sign_in="PLAIN by itself; `--login-options` for LOGIN, XOAUTH2, OAUTHBEARER, EXTERNAL",
    settings="`--ssl-reqd` on 143 and 587; folder names in modified UTF-7, percent-encoded, or their English alias.",
)


def curl(office: MailOffice, path: str, *options: str, door: str = "imaps") -> bytes:
    """Return what curl prints for a path below one of the doors."""
    scheme = {"imap": "imap", "imaps": "imaps", "submission": "smtp", "submissions": "smtps"}[door]
    command = ["curl", "--silent", "--show-error", "--ssl-reqd", "--cacert", str(office.authority)]
    command += [
        "--user",
        f"{MARTIN.address}:{MARTIN.password}",
        *options,
        f"{scheme}://{HOST}:{office.ports[door]}/{path}",
    ]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    return done.stdout


@pytest.mark.parametrize("door", ["imaps", "imap"])
def test_lists_folders(office: MailOffice, door: str) -> None:
    listed = curl(office, "", door=door).decode()

    assert '(\\HasNoChildren \\Sent) "/" Envoy&AOk-s' in listed
    assert listed.count("\\Trash") == 1


@pytest.mark.parametrize("name", ["Sent", "Sent%20Items", "Envoy%26AOk-s", "%26AMk-l%26AOk-ments%20envoy%26AOk-s"])
def test_files_under_french_and_english_names(office: MailOffice, tmp_path: Path, name: str) -> None:
    kept = letter("range")
    (tmp_path / "lettre.eml").write_bytes(kept)

    curl(office, name, "--upload-file", str(tmp_path / "lettre.eml"))

    assert office.contents("Envoyés") == [kept]
    assert curl(office, f"{name}?ALL").split()[:2] == [b"*", b"SEARCH"]


def test_reads_a_message_a_part_and_its_header(office: MailOffice) -> None:
    kept = letter("lu")
    office.fill([kept])
    (uid,) = curl(office, "INBOX", "--request", "UID SEARCH ALL").split()[2:]

    whole = curl(office, f"INBOX;UID={uid.decode()}")
    part = curl(office, f"INBOX;UID={uid.decode()};SECTION=TEXT")
    header = curl(office, f"INBOX;UID={uid.decode()};SECTION=HEADER.FIELDS%20(Message-ID)")

    assert whole == kept
    assert part == kept.partition(b"\r\n\r\n")[2]
    assert header == b"Message-ID: <lu@essai.test>\r\n\r\n"


def test_searches_flags_moves_and_expunges(office: MailOffice) -> None:
    office.fill([letter(name) for name in ("un", "deux", "trois")])

    found = curl(office, "INBOX?SUBJECT%20deux")
    curl(office, "INBOX", "--request", "STORE 1 +FLAGS (\\Flagged)")
    curl(office, "INBOX", "--request", "MOVE 2 Trash")
    curl(office, "INBOX", "--request", "STORE 2 +FLAGS.SILENT (\\Deleted)")
    curl(office, "INBOX", "--request", "EXPUNGE")

    assert found.strip() == b"* SEARCH 2"
    assert office.held() == {"<un@essai.test>": {"\\Flagged"}}
    assert office.held("Corbeille") == {"<deux@essai.test>": frozenset()}


@pytest.mark.parametrize("door", ["submission", "submissions"])
def test_sends(office: MailOffice, tmp_path: Path, door: str) -> None:
    (tmp_path / "lettre.eml").write_bytes(letter(f"envoi-{door}", sender=MARTIN))
    to = ["--mail-from", MARTIN.address, "--mail-rcpt", DURAND.address, "--mail-rcpt", MARTIN.address]

    curl(office, "curl.test", *to, "--upload-file", str(tmp_path / "lettre.eml"), door=door)

    assert list(office.held()) == [f"<envoi-{door}@essai.test>"]
