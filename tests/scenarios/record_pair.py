"""Two Vaguemestres: one files documents, the other is the record elsewhere that it feeds, over real TLS."""

import contextlib
import os
import random
import signal
import sqlite3
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.processes import tree
from tests.fictional.structure_keys import issue_rsa
from tests.standins.ports import free_port_base
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_archive, fictional_cda
from vaguemestre.app.demo.people import DOMAIN, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import add_doctor
from vaguemestre.app.pki import Authority

STRUCTURE = "300000000000000"
SERVICE = "cardiologie@ch.test"
PATIENCE_S = 120
NOBODY = 2**22 + 1  # beyond the highest pid
_IDENTITY = (
    *("--family", DOMINIQUE.family, "--given", "Dominique"),
    *("--birth-date", f"{DOMINIQUE.birth_date:%Y-%m-%d}", "--sex", "F"),
)


class RecordPair:
    """The gateway, and the record elsewhere; `serve` starts them, `stop` ends both."""

    def __init__(self, folder: Path) -> None:
        self._serving: list[Program] = []
        base = free_port_base()
        self.record = Program(folder / "record")
        self.record.run("init", str(folder / "record"), "--domain", "ch.test", "--port-base", str(base))
        self.record.run(
            *("mailbox", "add", SERVICE, "--type", "ORG", "--name", "Cardiologie", "--structure", STRUCTURE),
            "--password-stdin",
            standard_input=MARTIN.password,
        )
        self.record.run("patient", "add", DOMINIQUE.ins, *_IDENTITY)
        self.record.run("care", "declare", DOMINIQUE.ins, "--by", SERVICE)
        self.gateway = Program(folder / "gateway")
        self._init_gateway(folder, base)

    def _init_gateway(self, folder: Path, base: int) -> None:
        url = f"https://localhost:{base + 443}/xds"
        self.gateway.run(
            *("init", str(folder / "gateway"), "--domain", DOMAIN, "--port-base", str(_another_base(base))),
            *("--dmp", "embedded", "--dmp", url),
        )
        add_doctor(self.gateway, MARTIN)
        self.gateway.run("patient", "add", DOMINIQUE.ins, *_IDENTITY)
        self.gateway.run("care", "declare", DOMINIQUE.ins, "--by", MARTIN.address)
        self._share_authority(folder)

    def _share_authority(self, folder: Path) -> None:
        """Give the gateway certificates of the record's own authority, and let it trust the record's server."""
        theirs, ours = folder / "record" / "pki", folder / "gateway" / "pki"
        (ours / "dmp-ca.pem").write_bytes((theirs / "ca.pem").read_bytes())
        authority, now = Authority.load(theirs), datetime.now(UTC)
        for stem, name in (("auth-cli", "LPS TEST AUTH"), ("sign", "LPS TEST SIGN")):
            (ours / f"{stem}.key").unlink()
            issue_rsa(authority, name, now, unit=STRUCTURE).write(ours, stem)
        settings = folder / "gateway" / "vaguemestre.toml"
        text = settings.read_text().replace('authority = "pki/ca.pem"', 'authority = "pki/dmp-ca.pem"')
        settings.write_text(text.replace("[instance]\n", "[instance]\nrestart_longest_s = 0.5\n"))

    def stop(self) -> None:
        """End both."""
        self.gateway.stop()
        self.record.stop()

    def serve(self) -> None:
        """Start what either of them needs here, unless it runs."""
        for program, roles in ((self.record, ("portal",)), (self.gateway, ("worker", "imap"))):
            if program not in self._serving:
                program.serve(*roles)
                self._serving.append(program)

    def file(self, folder: Path, count: int = 1) -> list[str]:
        """File an archive of fresh documents on the gateway; returns their unique ids."""
        archive = folder / "IHE_XDM.zip"
        archive.write_bytes(fictional_archive(*(fictional_cda() for _ in range(count))))
        outcomes = self.gateway.run("dmp", "file", str(archive), "--patient", DOMINIQUE.ins, "--as", MARTIN.address)
        assert [each["verdict"] for each in outcomes] == ["PERMIT"] * count, outcomes
        return [str(each["unique_id"]) for each in outcomes]

    def pending(self) -> list[dict[str, object]]:
        """What waits for the record elsewhere."""
        found: list[dict[str, object]] = self.gateway.run("dmp", "pending")
        return found

    def waiting(self) -> list[str | None]:
        """Why each document waits, read beside the program, since a command is slow to start."""
        with contextlib.closing(sqlite3.connect(self.gateway.folder / "catalogue.db", timeout=30)) as catalogue:
            return [code for (code,) in catalogue.execute("SELECT code FROM external_filing WHERE state = 'waiting'")]

    def filed(self) -> list[str]:
        """The unique ids of what the record holds."""
        return [each["unique_id"] for each in self.record.run("dmp", "list", "--patient", DOMINIQUE.ins)]

    def worker(self) -> int | None:
        """The pid of the gateway's worker, None while it is being started again."""
        supervisor = int((self.gateway.folder / "run" / "vaguemestre.pid").read_text())
        for pid in tree(supervisor):
            try:
                arguments = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            except OSError:
                continue
            if pid != supervisor and b"worker" in arguments:
                return pid
        return None


def _another_base(taken: int) -> int:
    """Return a free range of ports that is not the one of a program which does not listen yet."""
    base = free_port_base()
    while base == taken:
        base = free_port_base()
    return base


def kill_while_filing(pair: RecordPair, folder: Path, kills: int) -> list[str]:
    """File documents and kill the worker, again and again; returns their unique ids once nothing waits any more."""
    pair.serve()
    chance, sent = random.Random(2026), []
    for _ in range(kills):
        sent += pair.file(folder, 4)
        wait_until(lambda: pair.worker() is not None, "the worker runs")
        time.sleep(chance.uniform(0.0, 0.4))
        with contextlib.suppress(ProcessLookupError):
            os.kill(pair.worker() or NOBODY, signal.SIGKILL)
    wait_until(lambda: pair.worker() is not None, "the worker runs again")
    pair.gateway.run("dmp", "retry", "--all")  # at once, instead of when the lease of a dead worker ends
    wait_until(lambda: not pair.waiting(), "every document is filed")
    return sent


def wait_until(reached: Callable[[], bool], what: str) -> None:
    """Wait for something that another process does."""
    deadline = time.monotonic() + PATIENCE_S
    while not reached():
        assert time.monotonic() < deadline, f"not reached in {PATIENCE_S} s: {what}"
        time.sleep(0.2)
