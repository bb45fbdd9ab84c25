"""A full disk and a database that goes away: the sender is asked to come again, nothing acknowledged is lost."""

import os
import smtplib
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from email.utils import make_msgid
from pathlib import Path

import pytest

from tests.scenarios.test_crash import held_messages
from tests.standins.instance import prepare_instance
from tests.standins.ports import free_port_base
from tests.standins.postgres import start_postgres
from vaguemestre.app.demo.people import DOMAIN, DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import Stage, add_doctor

DISK = "48m"
LEFT_BYTES = 60_000
LARGE_BYTES = 300_000


def submit(stage: Stage, size_bytes: int) -> tuple[str, str]:
    """Submit a message; returns its Message-ID and the server's answer, `250` when it was taken."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = MARTIN.address, DURAND.address, "Essai"
    message["Message-ID"] = make_msgid(domain="essai.test")
    message.set_content("x" * size_bytes + "\n", cte="quoted-printable")
    with smtplib.SMTP("localhost", stage.ports["submission"], timeout=60) as client:
        client.starttls(context=stage.tls())
        try:
            client.login(MARTIN.address, MARTIN.password)
            client.send_message(message)
        except smtplib.SMTPResponseException as refused:
            return message["Message-ID"], f"{refused.smtp_code} {bytes(refused.smtp_error).decode()}"
        except smtplib.SMTPRecipientsRefused as refused:
            code, text = next(iter(refused.recipients.values()))
            return message["Message-ID"], f"{code} {text.decode()}"
    return message["Message-ID"], "250"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", str(disk)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting is not allowed in this sandbox")
    yield disk
    subprocess.run(["umount", "--lazy", str(disk)], check=True)


@pytest.fixture
def stage_on_small_disk(small_disk: Path) -> Iterator[Stage]:
    program = prepare_instance(small_disk / "vaguemestre")
    stage = Stage(program, program.serve(), "")
    yield stage
    program.stop()


def test_a_full_disk_gives_452_and_loses_nothing(small_disk: Path, stage_on_small_disk: Stage):
    stage, acknowledged = stage_on_small_disk, []
    acknowledged += [submit(stage, 500), submit(stage, LARGE_BYTES)]
    filler = small_disk / "filler"
    fill(filler, small_disk)

    refused = [submit(stage, LARGE_BYTES) for _ in range(3)]
    smalls = [submit(stage, 2_000) for _ in range(40)]
    filler.unlink()
    acknowledged += [submit(stage, LARGE_BYTES), submit(stage, 500)]

    assert {answer[:9] for _, answer in refused} == {"452 4.3.1"}
    assert {answer[:3] for _, answer in smalls} <= {"250", "452"}
    assert [answer for _, answer in acknowledged] == ["250"] * 4
    taken = [key for key, answer in [*acknowledged, *smalls] if answer == "250"]
    held = held_messages(stage)
    assert {key: len(held.get(key, ())) for key in taken} == dict.fromkeys(taken, 1)
    assert not {key for key, _ in refused} & set(held)


def fill(filler: Path, disk: Path) -> None:
    """Leave about LEFT_BYTES free."""
    free = os.statvfs(disk)
    with filler.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, free.f_bavail * free.f_frsize - LEFT_BYTES)


def test_a_database_that_goes_away_defers_and_comes_back(tmp_path: Path):
    with start_postgres() as server:
        program = Program(tmp_path / "vaguemestre")
        place = ("--domain", DOMAIN, "--port-base", str(free_port_base()), "--db", server.fresh_database())
        program.run("init", str(program.folder), *place)
        for doctor in (MARTIN, DURAND):
            add_doctor(program, doctor)
        stage = Stage(program, program.serve(), "")
        before = submit(stage, 500)
        server.stop()
        away = submit(stage, 500)
        server.start()
        after = submit(stage, 500)
        held = held_messages(stage)
        assert program.stop() == 0

    assert (before[1], after[1]) == ("250", "250")
    assert away[1].startswith(("451 4.", "454 4."))
    assert sorted(held) == sorted([before[0], after[0]])
