"""`make demo ONCE=1`: the first conversation, every line as expected."""

import subprocess
import sys
from pathlib import Path

from tests.standins.ports import free_port_base


def test_the_first_conversation_goes_as_the_mission_says(tmp_path: Path):
    folder, base = tmp_path / "demo", free_port_base()

    done = subprocess.run(
        [sys.executable, "-m", "vaguemestre.app.demo", "--once", "--folder", str(folder), "--port-base", str(base)],
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )

    assert done.returncode == 0, done.stdout + done.stderr
    assert "│ NON │" not in done.stdout
    log = (folder / "run" / "log.jsonl").read_text()
    for private in ("ROUX", "JEANNE", "279035121518989", "Compte rendu", "camille.martin", "plaie"):
        assert private not in log
