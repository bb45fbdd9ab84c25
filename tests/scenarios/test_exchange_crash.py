"""An import and an export that are killed again and again lose nothing and double nothing."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mailstore.exchange.mbox import MboxSource
from tests.fictional.carrier import Carrier
from tests.scenarios.conftest import prepare_instance
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.program import Program

COUNT = 3_000
LARGE = 40_000  # beyond what a catalogue row holds: such a body goes to a segment file


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return prepare_instance(tmp_path_factory.mktemp("exchange") / "vaguemestre")


def killed_until_done(program: Program, *arguments: str, after_s: float) -> tuple[int, dict[str, object]]:
    """Run a command, killed after a time that grows; returns how often it was killed, and what it printed at last."""
    kills, chance = 0, random.Random(1851)
    environment = {**os.environ, "VAGUEMESTRE_CONFIG": str(program.folder / "vaguemestre.toml")}
    while True:
        command = [sys.executable, "-m", "vaguemestre.app.cli", *arguments, "--json"]
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, text=True) as running:
            try:
                printed, _ = running.communicate(timeout=after_s * chance.uniform(0.6, 1.4))
            except subprocess.TimeoutExpired:
                running.send_signal(signal.SIGKILL)
                kills, after_s = kills + 1, after_s * 1.15
                running.wait()
                continue
        assert running.returncode == 0
        return kills, json.loads(printed)


def write_mbox(path: Path) -> None:
    with path.open("wb") as file:
        for number in range(COUNT):
            body = b"x" * (LARGE if number % 50 == 0 else 200)
            file.write(b"From a@b.fr Mon Nov 23 08:09:10 2026\nSubject: %d\n\n%b\n\n" % (number, body))


def test_a_killed_import_and_export_go_on_where_they_were(program: Program, tmp_path: Path):
    write_mbox(tmp_path / "in.mbox")
    started = time.monotonic()
    program.run("mailbox", "list")
    start_s = time.monotonic() - started

    out = str(tmp_path / "out.mbox")
    into = killed_until_done(
        program, "mailbox", "import", MARTIN.address, str(tmp_path / "in.mbox"), after_s=start_s + 0.3
    )
    out_of = killed_until_done(program, "mailbox", "export", MARTIN.address, out, after_s=start_s + 0.1)
    program.run("mailbox", "import", DURAND.address, out)

    assert into[0] > 0
    assert out_of[0] > 0
    with Carrier() as carrier:
        first, last = carrier.mailbox(), carrier.mailbox()
        carrier.bring_in(first, MboxSource(tmp_path / "in.mbox"))
        carrier.bring_in(last, MboxSource(tmp_path / "out.mbox"))
        assert carrier.letters(last) == carrier.letters(first)
        assert len(carrier.letters(last)) == COUNT
