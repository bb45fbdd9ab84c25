"""fetchmail hands each new message once, byte for byte, to the local delivery program; IDLE tells it of new mail."""

import subprocess
import sys
from pathlib import Path

from tests.standins import local_delivery
from tests.standins.local_delivery import kept, local
from tests.standins.mail_client import Client
from tests.standins.mail_office import HOST, MailOffice, letter, until
from vaguemestre.app.demo.people import MARTIN

CLIENT = Client(
    name="fetchmail",
    version="6.4.37",
    sign_in="LOGIN command, over TLS or after STARTTLS",
    settings="`proto IMAP`, `sslproto TLS1.2+`, `norewrite` for exact bytes; `idle` for new mail at once.",
)
CONFIGURATION = """
set no bouncemail
set no spambounce
set invisible
poll {host} service {port} proto IMAP
  user "{user}" password "{password}" {security} sslcertck sslcertfile {authority}
  {options} norewrite mda "{delivery}"
"""


def prepare(office: MailOffice, folder: Path, *, door: str = "imaps", options: str = "") -> list[str]:
    """Write the settings; returns the command."""
    (folder / "kept").mkdir()
    words = {
        "host": HOST, "port": office.ports[door], "user": MARTIN.address, "password": MARTIN.password,
        "security": "ssl sslproto TLS1.2+" if door == "imaps" else "sslproto TLS1.2+",
    }  # fmt: skip
    delivery = f"{sys.executable} {local_delivery.__file__} {folder}/kept"
    file = folder / "fetchmailrc"
    file.write_text(CONFIGURATION.format(**words, authority=office.authority, delivery=delivery, options=options))
    file.chmod(0o600)
    return ["fetchmail", "--fetchmailrc", str(file), "--pidfile", str(folder / "pid"), "--idfile", str(folder / "ids")]


def fetch(command: list[str], *, expected: int = 0) -> None:
    """Run it once; EXPECTED is 0 when mail was retrieved, 1 when there was none."""
    done = subprocess.run(command, capture_output=True, timeout=120, check=False)
    assert done.returncode == expected, done.stdout + done.stderr


def test_retrieves_each_message_once_byte_for_byte(office: MailOffice, tmp_path: Path) -> None:
    messages = [letter(f"m{number}") for number in range(30)]
    office.fill(messages)
    command = prepare(office, tmp_path, options="keep")

    fetch(command)
    fetch(command, expected=1)

    assert kept(tmp_path / "kept") == local(messages)
    assert set(office.held().values()) == {frozenset({"\\Seen"})}


def test_deletes_what_it_has_retrieved_after_starttls(office: MailOffice, tmp_path: Path) -> None:
    messages = [letter("un"), letter("deux")]
    office.fill(messages)

    fetch(prepare(office, tmp_path, door="imap"))

    assert kept(tmp_path / "kept") == local(messages)
    assert office.held() == {}


def test_hears_of_new_mail_by_idle(office: MailOffice, tmp_path: Path) -> None:
    command = prepare(office, tmp_path, options="idle keep")
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as waiting:
        office.deliver(letter("premier"))
        until(lambda: len(kept(tmp_path / "kept")) == 1)
        office.deliver(letter("second"))
        until(lambda: len(kept(tmp_path / "kept")) == 2)
        waiting.terminate()

    assert [b"<premier@essai.test>" in each for each in kept(tmp_path / "kept")].count(True) == 1
