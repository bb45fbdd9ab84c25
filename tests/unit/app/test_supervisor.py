"""The supervisor, as its user meets it: the real program, its real processes, on loopback."""

import imaplib
import json
import os
import signal
import smtplib
import ssl
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from vaguemestre.app.pid_file import read_pid

ROLES = ("imap", "worker")
PATIENCE_S = 30.0


class Served:
    """`vaguemestre serve` on an instance, with some of its roles."""

    def __init__(self, folder: Path, *roles: str) -> None:
        self.folder = folder
        self.log = folder / "log.jsonl"
        command = [sys.executable, "-m", "vaguemestre.app.cli", "serve", *(f"--role={role}" for role in roles)]
        with self.log.open("w", encoding="utf-8") as log:
            self.process = subprocess.Popen(
                [*command, "--config", str(folder / "vaguemestre.toml")], stdout=subprocess.PIPE, stderr=log, text=True
            )

    def ready(self) -> dict[str, int]:
        """Return the ports of the ready line."""
        assert self.process.stdout is not None
        alarm = threading.Timer(PATIENCE_S, self.process.kill)
        alarm.start()
        line = self.process.stdout.readline()
        alarm.cancel()
        event = json.loads(line or "{}")
        assert event.get("event") == "ready", self.log.read_text(encoding="utf-8")
        ports: dict[str, int] = event["ports"]
        return ports

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the lines of the log with this event."""
        lines = self.log.read_text(encoding="utf-8").splitlines()
        events = [json.loads(line) for line in lines if line.startswith("{")]
        return [event for event in events if event["event"] == name]

    def children(self) -> list[int]:
        """Return the pids of the role processes."""
        path = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(pid) for pid in path.read_text(encoding="ascii").split()]

    def stop(self) -> int:
        """Ask it to stop; returns its exit status."""
        self.process.terminate()
        return self.process.wait(PATIENCE_S)


@pytest.fixture
def serve(instance_folder: Path) -> Iterator[Callable[..., Served]]:
    started: list[Served] = []

    def start(*roles: str) -> Served:
        started.append(Served(instance_folder, *roles))
        return started[-1]

    yield start
    for served in started:
        if served.process.poll() is None:
            served.stop()
        assert served.process.stdout is not None
        served.process.stdout.close()


def wait_until(claim: Callable[[], object], what: str) -> None:
    """Return once CLAIM holds; fail after a while."""
    deadline = time.monotonic() + PATIENCE_S
    while not claim():
        assert time.monotonic() < deadline, f"still not: {what}"
        time.sleep(0.02)


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode()


def presented_certificate(port: int) -> str:
    return ssl.get_server_certificate(("127.0.0.1", port))


def is_alive(pid: int) -> bool:
    """Say whether a thread of the process still runs: the last one to end closes its sockets."""
    try:
        threads = [(thread / "stat").read_text("ascii") for thread in Path(f"/proc/{pid}/task").iterdir()]
    except (FileNotFoundError, ProcessLookupError):
        return Path(f"/proc/{pid}").exists() and is_alive(pid)  # a thread ended meanwhile
    return any(status.rpartition(")")[2].split()[0] != "Z" for status in threads)


def test_it_says_when_every_listener_accepts_and_stops_cleanly(serve: Callable[..., Served]) -> None:
    served = serve(*ROLES)

    ports = served.ready()
    context = ssl.create_default_context(cafile=str(served.folder / "pki" / "ca.pem"))
    with imaplib.IMAP4_SSL("127.0.0.1", ports["imaps"], ssl_context=context) as client:
        assert "IMAP4REV1" in client.capabilities
    pid = read_pid(served.folder / "run" / "vaguemestre.pid")
    status = served.stop()

    assert set(ports) == {"imap", "imaps", "metrics"}
    assert pid == served.process.pid
    assert status == 0
    assert len(served.events("role_stopped")) == 2
    assert read_pid(served.folder / "run" / "vaguemestre.pid") is None


def test_health_and_figures_are_told_on_loopback(serve: Callable[..., Served]) -> None:
    served = serve(*ROLES)
    port = served.ready()["metrics"]

    answers = {path: get(port, path) for path in ("/healthz", "/readyz", "/metrics", "/other")}

    assert answers["/healthz"] == (200, "ok\n")
    assert json.loads(answers["/readyz"][1]) == {"ready": True, "roles": {"imap": True, "worker": True}}
    assert 'vaguemestre_role_up{role="imap"} 1.0' in answers["/metrics"][1]
    assert answers["/other"][0] == 404


def test_a_role_that_dies_is_started_again(serve: Callable[..., Served]) -> None:
    served = serve(*ROLES)
    port = served.ready()["metrics"]
    before = served.children()

    os.kill(before[0], signal.SIGKILL)
    wait_until(lambda: served.events("role_died"), "the death was noticed")
    wait_until(lambda: get(port, "/readyz")[0] == 200, "all roles are ready again")

    assert len(served.children()) == 2
    assert set(served.children()) != set(before)
    assert "vaguemestre_role_restarts_total" in get(port, "/metrics")[1]
    assert served.stop() == 0


def test_hangup_loads_the_new_certificate(serve: Callable[..., Served]) -> None:
    served = serve(*ROLES)
    port = served.ready()["imaps"]
    pki = served.folder / "pki"
    before = presented_certificate(port)

    for suffix in ("pem", "key"):
        (pki / f"server.{suffix}").write_bytes((pki / f"operator.{suffix}").read_bytes())
    served.process.send_signal(signal.SIGHUP)
    wait_until(lambda: presented_certificate(port) != before, "another certificate is shown")

    assert presented_certificate(port).strip() in (pki / "operator.pem").read_text(encoding="ascii")


def test_a_certificate_that_cannot_be_read_leaves_the_old_one(serve: Callable[..., Served]) -> None:
    served = serve(*ROLES)
    port = served.ready()["imaps"]
    before = presented_certificate(port)

    (served.folder / "pki" / "server.pem").write_text("rien", encoding="ascii")
    served.process.send_signal(signal.SIGHUP)
    wait_until(lambda: served.events("certificate_not_reloaded"), "the fault is logged")

    assert presented_certificate(port) == before


def test_children_end_when_the_supervisor_is_killed_and_another_can_start(serve: Callable[..., Served]) -> None:
    served = serve(*ROLES)
    served.ready()
    children = served.children()

    served.process.kill()
    served.process.wait(PATIENCE_S)
    again = serve(*ROLES)
    ports = again.ready()
    wait_until(lambda: not any(is_alive(pid) for pid in children), "the orphans ended")

    assert len(children) == 2
    assert ports["imaps"]
    assert again.stop() == 0


def test_a_second_supervisor_of_the_same_folder_is_refused(serve: Callable[..., Served]) -> None:
    serve(*ROLES).ready()

    second = serve(*ROLES)

    assert second.process.wait(PATIENCE_S) == 1
    assert "tourne déjà" in second.log.read_text(encoding="utf-8")


def test_a_role_that_cannot_start_ends_the_program_with_its_sentence(
    serve: Callable[..., Served], instance_folder: Path
) -> None:
    (instance_folder / "pki" / "server.key").unlink()

    served = serve(*ROLES)

    assert served.process.wait(PATIENCE_S) == 1
    assert "imap : server.pem, ou un fichier à côté : clé ou certificat illisible" in served.log.read_text(
        encoding="utf-8"
    )


def test_one_role_alone_runs_without_a_supervisor(serve: Callable[..., Served]) -> None:
    served = serve("imap")

    ports = served.ready()

    assert set(ports) == {"imap", "imaps"}
    assert served.children() == []
    assert served.stop() == 0


def greets(port: int) -> bool:
    """Say whether an SMTP server greets on PORT of this machine."""
    with smtplib.SMTP("127.0.0.1", port, timeout=5):
        return True


def test_processes_of_one_role_share_its_port(serve: Callable[..., Served], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VAGUEMESTRE__SMTP__PROCESSES", "2")
    served = serve("mx", "worker")
    ports = served.ready()
    first, second, _worker = served.children()

    roles = json.loads(get(ports["metrics"], "/readyz")[1])["roles"]
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: not is_alive(first), "the process is gone")
    still = greets(ports["mx"])
    wait_until(lambda: len(served.children()) == 3, "it was started again")

    assert roles == {"mx": True, "mx-2": True, "worker": True}
    assert still
    assert is_alive(second)
    assert served.stop() == 0
