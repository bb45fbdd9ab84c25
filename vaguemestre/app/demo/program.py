"""The program as its user meets it: commands, and `serve` in the background."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from vaguemestre.kernel.errors import PermanentFailure

COMMAND_S = 60
READY_S = 90
STOP_S = 60


class Program:
    """Runs `vaguemestre` commands on the instance in FOLDER."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._serving: subprocess.Popen[str] | None = None

    def run(self, *arguments: str, standard_input: str = "") -> Any:
        """Run a command with `--json` and return what it printed.

        Raises:
            PermanentFailure: it ended with another status than 0; the text is its own sentence.
        """
        done = subprocess.run(
            [sys.executable, "-m", "vaguemestre.app.cli", *arguments, "--json"],
            input=standard_input,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
            env=self._environment(),
        )
        if done.returncode:
            raise PermanentFailure(f"vaguemestre {' '.join(arguments[:2])}: {done.stderr.strip()}")
        return json.loads(done.stdout) if done.stdout.strip() else None

    def serve(self, *roles: str) -> dict[str, int]:
        """Start every role, or those named; returns the ports once each listener accepts.

        Raises:
            PermanentFailure: it ended instead.
        """
        wanted = [option for role in roles for option in ("--role", role)]
        command = [sys.executable, "-m", "vaguemestre.app.cli", "serve", *wanted]
        journal = self.folder / "run" / "log.jsonl"
        log = journal.open("w")
        self._serving = subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=log, text=True, env=self._environment()
        )
        log.close()
        assert self._serving.stdout is not None
        for line in self._serving.stdout:
            event = json.loads(line)
            if event.get("event") == "ready":
                ports: dict[str, int] = event["ports"]
                return ports
        status = self._serving.wait()
        raise PermanentFailure(f"vaguemestre serve s'est arrêté (statut {status}) ; pourquoi : {journal}")

    def stop(self) -> int:
        """Ask it to drain and end; returns its exit status (0 when nothing runs)."""
        if self._serving is None:
            return 0
        with self._serving as serving:  # closes its standard output too
            serving.terminate()
            try:
                return serving.wait(STOP_S)
            except subprocess.TimeoutExpired:
                serving.kill()
                return serving.wait()

    def _environment(self) -> dict[str, str]:
        return {**os.environ, "VAGUEMESTRE_CONFIG": str(self.folder / "vaguemestre.toml")}
