"""An import and an export that are killed again and again lose nothing and double nothing."""

import contextlib
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from mailstore.exchange.mbox import MboxSource
from tests.fictional.carrier import Carrier
from tests.standins.instance import prepare_instance
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.program import Program

COUNT = 1_500
LARGE = 40_000  # beyond what a catalogue row holds: such a body goes to a segment file


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return prepare_instance(tmp_path_factory.mktemp("exchange") / "vaguemestre")


def killed_until_done(program: Program, *arguments: str, progress: Callable[[], int], step: int) -> int:
    """Run a command, killed each time that it made some progress; returns how often it was killed."""
    kills, chance = 0, random.Random(1851)
    environment = {**os.environ, "VAGUEMESTRE_CONFIG": str(program.folder / "vaguemestre.toml")}
    command = [sys.executable, "-m", "vaguemestre.app.cli", *arguments]
    while True:
        enough = progress() + chance.randrange(step // 2, step)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, env=environment) as running:
            while running.poll() is None and progress() < enough:
                time.sleep(0.01)
            if running.poll() is not None:
                assert running.returncode == 0
                return kills
            running.send_signal(signal.SIGKILL)
        kills += 1


def messages_in(catalogue: Path) -> int:
    with contextlib.closing(sqlite3.connect(f"file:{catalogue}?mode=ro", uri=True, timeout=30)) as connection:
        count: int = connection.execute("SELECT count(*) FROM imported_message").fetchone()[0]
    return count


def size_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def write_mbox(path: Path) -> None:
    with path.open("wb") as file:
        for number in range(COUNT):
            body = b"x" * (LARGE if number % 50 == 0 else 200)
            file.write(b"From a@b.fr Mon Nov 23 08:09:10 2026\nSubject: %d\n\n%b\n\n" % (number, body))


def test_a_killed_import_and_export_go_on_where_they_were(program: Program, tmp_path: Path):
    write_mbox(tmp_path / "in.mbox")
    catalogue, out, part = program.folder / "catalogue.db", tmp_path / "out.mbox", tmp_path / "out.mbox.part"

    into = killed_until_done(
        program,
        *("mailbox", "import", MARTIN.address, str(tmp_path / "in.mbox")),
        progress=lambda: messages_in(catalogue),
        step=COUNT // 2,
    )
    out_of = killed_until_done(
        program,
        *("mailbox", "export", MARTIN.address, str(out)),
        progress=lambda: size_of(part),
        step=size_of(tmp_path / "in.mbox") // 2,
    )
    program.run("mailbox", "import", DURAND.address, str(out))

    assert min(into, out_of) > 0
    with Carrier() as carrier:
        first, last = carrier.mailbox(), carrier.mailbox()
        carrier.bring_in(first, MboxSource(tmp_path / "in.mbox"))
        carrier.bring_in(last, MboxSource(tmp_path / "out.mbox"))
        assert carrier.letters(last) == carrier.letters(first)
        assert len(carrier.letters(last)) == COUNT
