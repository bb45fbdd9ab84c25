"""An acknowledged message survives `kill -9` of the process that acknowledged it, at any instant.

Professionals submit without pause while the serving process is killed again and again. Whatever got its 250 is in
the mailbox once, with its own body; what did not may be there once, since the answer may have died with the process.
"""

import imaplib
import os
import random
import signal
import smtplib
import threading
import time
from collections import Counter
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import make_msgid
from pathlib import Path

import pytest

from benchmarks.processes import tree
from tests.standins.instance import prepare_instance
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.stage import Stage

KILLS = int(os.environ.get("VAGUEMESTRE_CRASH_KILLS", "30"))
SENDERS = 6
LARGE_BYTES = 90_000  # beyond what a catalogue row holds: such a body goes to a segment file


class Sender(threading.Thread):
    """Submits distinct messages until told to stop; remembers which were acknowledged."""

    def __init__(self, instance: Stage, number: int, stop: threading.Event) -> None:
        super().__init__(name=f"sender-{number}")
        self._instance = instance
        self._stop_asked = stop
        self._random = random.Random(number)
        self.acknowledged: dict[str, int] = {}
        self.attempted = 0

    def run(self) -> None:
        while not self._stop_asked.is_set():
            try:
                self._session()
            except (OSError, smtplib.SMTPException):
                time.sleep(0.05)

    def _session(self) -> None:
        with smtplib.SMTP("localhost", self._instance.ports["submission"], timeout=20) as client:
            client.starttls(context=self._instance.tls())
            client.login(MARTIN.address, MARTIN.password)
            while not self._stop_asked.is_set():
                message = EmailMessage()
                message["From"], message["To"], message["Subject"] = MARTIN.address, DURAND.address, "Essai"
                message["Message-ID"] = make_msgid(domain="essai.test")
                size = LARGE_BYTES if self._random.random() < 0.1 else self._random.randrange(10, 2_000)
                message.set_content("x" * size + "\n", cte="quoted-printable")
                self.attempted += 1
                client.send_message(message)
                self.acknowledged[message["Message-ID"]] = size


def serving_process(instance: Stage, role: str) -> int:
    """Return the pid of the process that runs ROLE."""
    supervisor = int((instance.program.folder / "run" / "vaguemestre.pid").read_text())
    for pid in tree(supervisor):
        arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        if pid != supervisor and role.encode() in arguments:
            return pid
    raise LookupError(role)


def accepts(port: int) -> bool:
    """Say whether an SMTP server greets on PORT."""
    try:
        with smtplib.SMTP("localhost", port, timeout=5):
            return True
    except (OSError, smtplib.SMTPException):
        return False


def held_messages(instance: Stage) -> dict[str, list[int]]:
    """Read the whole INBOX back: Message-ID -> sizes of the bodies under it."""
    found: dict[str, list[int]] = {}
    with imaplib.IMAP4_SSL("localhost", instance.ports["imaps"], ssl_context=instance.tls()) as client:
        client.login(DURAND.address, DURAND.password)
        client.select("INBOX", readonly=True)
        _, answer = client.fetch("1:*", "(BODY.PEEK[])")
        for part in answer:
            if isinstance(part, tuple):
                message = BytesParser().parsebytes(part[1])
                content = message.get_payload(decode=True)
                assert isinstance(content, bytes)
                found.setdefault(message["Message-ID"], []).append(content.count(b"x"))
    return found


@pytest.fixture
def crashing_instance(tmp_path: Path):
    program = prepare_instance(tmp_path / "vaguemestre")
    settings = tmp_path / "vaguemestre" / "vaguemestre.toml"
    settings.write_text(settings.read_text().replace("[instance]\n", "[instance]\nrestart_longest_s = 0.5\n"))
    yield Stage(program, program.serve(), "")
    program.stop()


@pytest.mark.requirement("VGM:STORE-01")
def test_no_acknowledged_message_is_lost_or_doubled_by_kill_9(crashing_instance: Stage):
    port = crashing_instance.ports["submission"]
    stop, chance = threading.Event(), random.Random(2026)
    senders = [Sender(crashing_instance, number, stop) for number in range(SENDERS)]
    for sender in senders:
        sender.start()

    for _ in range(KILLS):
        time.sleep(chance.uniform(0.05, 0.6))
        os.kill(serving_process(crashing_instance, "submission"), signal.SIGKILL)
        deadline = time.monotonic() + 60
        while not accepts(port):
            assert time.monotonic() < deadline, "the role was not restarted"
            time.sleep(0.05)
    time.sleep(0.5)
    stop.set()
    for sender in senders:
        sender.join(60)

    acknowledged = {key: size for sender in senders for key, size in sender.acknowledged.items()}
    held = held_messages(crashing_instance)
    copies = Counter({key: len(sizes) for key, sizes in held.items()})
    print(f"{KILLS} kills, {sum(s.attempted for s in senders)} attempts, {len(acknowledged)} acknowledged")
    assert len(acknowledged) > KILLS
    assert [key for key in acknowledged if key not in held] == []
    assert [key for key, count in copies.items() if count > 1] == []
    assert [key for key, size in acknowledged.items() if held[key] != [size]] == []
