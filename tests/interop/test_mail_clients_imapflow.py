"""ImapFlow, the library of many web mail programs, does a day's work; a lock file says its version and its needs."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.standins.mail_client import Client
from tests.standins.mail_office import MailOffice, letter
from vaguemestre.app.demo.people import MARTIN

CLIENT = Client(
    name="ImapFlow",
    version="2.10.2",
    sign_in="PLAIN",
    settings="Nothing to set: folders are found by their uses; CONDSTORE and IDLE need nothing. Node 20 or newer.",
)
SOURCES = Path(__file__).parent / "imapflow"


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The script with what it needs beside it."""
    folder = tmp_path_factory.mktemp("imapflow")
    for file in SOURCES.iterdir():
        shutil.copy(file, folder)
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=300)
    return folder / "session.mjs"


def test_reads_searches_flags_moves_deletes_files_and_hears_of_new_mail(office: MailOffice, session: Path) -> None:
    received = [letter(name) for name in ("un", "deux", "trois")]
    office.fill(received)
    office.fill([letter("parti")], "Envoyés")
    draft = letter("brouillon")

    found = play(session, office, draft)

    assert found["signedInBy"] == ["AUTH=PLAIN"]
    assert "CONDSTORE" in found["enabled"]
    uses = {"Envoyés": "\\Sent", "Brouillons": "\\Drafts", "Corbeille": "\\Trash", "Indésirables": "\\Junk"}
    assert found["special"] == {**uses, "Archives": "\\Archive", "INBOX": "\\Inbox"}
    assert found["alias"] == 1
    assert (found["created"], found["renamed"]) == (True, "Patients/Hiver")
    assert [each[1:] for each in found["envelopes"]] == [
        [f"Résultat {name}", "text/plain"] for name in ("un", "deux", "trois")
    ]
    assert base64.b64decode(found["source"]) == received[0]
    assert found["searched"] == [each[0] for each in found["envelopes"]]
    assert found["changed"] == found["searched"][:1]
    assert found["told"] == 2
    assert office.held() == {"<un@essai.test>": {"\\Flagged", "$Relu"}, "<neuf@essai.test>": frozenset()}
    assert list(office.held("Corbeille")) == ["<deux@essai.test>"]
    assert list(office.held("Archives")) == ["<un@essai.test>"]
    assert office.contents("Brouillons") == [draft]


@contextlib.contextmanager
def ending(running: subprocess.Popen[bytes]) -> Iterator[None]:
    """End the program when the block fails, so that nothing waits for it."""
    try:
        yield
    except BaseException:
        running.kill()
        raise


def play(session: Path, office: MailOffice, draft: bytes) -> dict[str, object]:
    """Run the script, deliver a message once it waits, and return what it found."""
    command = ["node", str(session), str(office.ports["imaps"]), MARTIN.address, str(office.authority)]
    words = {**os.environ, "PASSWORD": MARTIN.password}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    with subprocess.Popen(command, env=words, cwd=session.parent, **pipes) as running, ending(running):
        assert running.stdin is not None
        assert running.stderr is not None
        running.stdin.write(draft)
        running.stdin.close()
        assert running.stderr.readline() == b"idle\n", running.stderr.read()
        office.deliver(letter("neuf"))
        assert running.wait(120) == 0, running.stderr.read()
        assert running.stdout is not None
        found: dict[str, object] = json.loads(running.stdout.read())
    return found
