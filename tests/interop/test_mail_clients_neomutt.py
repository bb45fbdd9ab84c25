"""NeoMutt, by its own keys: reads, answers through submission, keeps the copy, searches, flags, moves, deletes."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter, until
from vaguemestre.app.demo.people import DURAND, MARTIN

CLIENT = Client(
    name="NeoMutt",
    version="20220429",
    sign_in="PLAIN by IMAP, SCRAM-SHA-256 by SMTP",
    settings="`set record`, `postponed`, `trash` to French or English names alike; sent from a pipe, it keeps no copy.",
)
SETTINGS = """
set my_user = "{user}"
set from = $my_user
set realname = "{name}"
set use_from = yes
set imap_user = $my_user
set imap_pass = "{password}"
set smtp_url = "smtps://{user}@{host}:{smtp_port}/"
set smtp_pass = "{password}"
set folder = "imaps://{host}:{imap_port}/"
set spoolfile = "+INBOX"
set record = "+Sent"
set postponed = "+Drafts"
set trash = "+Trash"
set certificate_file = "{authority}"
set ssl_ca_certificates_file = "{authority}"
set ssl_force_tls = yes
set imap_check_subscribed = yes
set charset = utf-8
set header_cache = "{folder}/headers"
set confirmappend = no
set confirmcreate = no
set delete = yes
set move = no
set mark_old = no
set abort_nosubject = no
set abort_unmodified = no
set wait_key = no
set quit = yes
set sleep_time = 0
set editor = "true"
set beep = no
"""


@pytest.fixture
def settings(office: MailOffice, tmp_path: Path) -> Path:
    words = {
        "host": HOST, "user": MARTIN.address, "name": MARTIN.name, "password": MARTIN.password, "folder": tmp_path,
        "imap_port": office.ports["imaps"], "smtp_port": office.ports["submissions"], "authority": office.authority,
    }  # fmt: skip
    file = tmp_path / "neomuttrc"
    file.write_text(SETTINGS.format(**words))
    return file


def neomutt(settings: Path, *options: str, body: bytes = b"", keys: str = "") -> str:
    """Run it once on a terminal of its own, with KEYS pressed as soon as a folder is open."""
    command = ["neomutt", "-n", "-F", str(settings)]
    if keys:
        command += ["-e", f'push "{keys}"']
    command = [*command, *options]
    if not body:
        command = ["script", "--quiet", "--return", "--command", subprocess.list2cmdline(command), "/dev/null"]
    words = {**os.environ, "HOME": str(settings.parent), "TERM": "xterm", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(command, input=body, capture_output=True, timeout=120, check=False, env=words)
    said = (done.stdout + done.stderr).decode("utf-8", "replace")
    assert done.returncode == 0, said
    return said


def test_sends_a_file_through_submission(office: MailOffice, settings: Path, tmp_path: Path) -> None:
    (tmp_path / "bilan.txt").write_text("Glycémie : 5,1 mmol/l\n")
    to = [DURAND.address, MARTIN.address]

    neomutt(settings, "-s", "Résultats", "-a", str(tmp_path / "bilan.txt"), "--", *to, body=b"Voici le bilan.\n")

    (arrived,) = office.contents()
    assert b"Voici le bilan." in arrived
    assert b'filename="bilan.txt"' in arrived


def test_reads_flags_searches_and_deletes_into_the_trash(office: MailOffice, settings: Path) -> None:
    office.fill([letter(name) for name in ("lu", "marque", "jete", "reste")])

    neomutt(
        settings,
        keys="<limit>~i lu@<enter><display-message><exit>"
        "<limit>~s marque<enter><flag-message>"
        "<limit>~b docteur ~s jete<enter><delete-message>"
        "<limit>all<enter><sync-mailbox><quit>",
    )

    assert office.held() == {
        "<lu@essai.test>": {"\\Seen"},
        "<marque@essai.test>": {"\\Flagged"},
        "<reste@essai.test>": frozenset(),
    }
    assert list(office.held("Corbeille")) == ["<jete@essai.test>"]


def test_moves_into_another_folder(office: MailOffice, settings: Path) -> None:
    office.fill([letter("range"), letter("reste")])

    neomutt(settings, keys="<limit>~s range<enter><save-message>=Archives<enter><sync-mailbox><quit>")

    assert list(office.held("Archives")) == ["<range@essai.test>"]
    assert list(office.held()) == ["<reste@essai.test>"]


def test_answers_keeps_the_copy_and_marks_what_was_answered(office: MailOffice, settings: Path) -> None:
    office.fill([letter("question")])

    neomutt(settings, keys="<reply><enter><enter>n<send-message><sync-mailbox><quit>")
    until(lambda: office.held("Envoyés"))

    assert "\\Answered" in office.held()["<question@essai.test>"]
    (sent,) = office.contents("Envoyés")
    assert b"In-Reply-To: <question@essai.test>" in sent


def test_postpones_a_draft(office: MailOffice, settings: Path) -> None:
    neomutt(settings, keys=f"<mail>{DURAND.address}<enter>A finir<enter><postpone-message><quit>")

    (draft,) = office.contents("Brouillons")
    assert b"Subject: A finir" in draft


@pytest.mark.parametrize("name", ["Corbeille", "Archives", "Brouillons"])
def test_opens_a_folder_from_its_list(office: MailOffice, settings: Path, name: str) -> None:
    office.fill([letter("trouve")], name)

    neomutt(settings, keys=f"<change-folder>?/{name}<enter><select-entry><flag-message><sync-mailbox><quit>")

    assert office.held(name) == {"<trouve@essai.test>": {"\\Flagged"}}
