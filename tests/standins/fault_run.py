"""A fault run: many messages to operators that fail at random, by worker processes that are killed at random.

The instance is a whole one, made by the program's own commands; its relay runs in two processes of their own, which
are killed with SIGKILL and started again. Time is lapsed by settings. Chance is seeded; what the processes make of it
is theirs, so that a test asks what must hold whatever happened.
"""

import asyncio
import contextlib
import os
import random
import signal
import smtplib
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from ssl import SSLContext

from sqlalchemy import select

from access_core.tables import trace_entry
from mailstore.tables import entry as stored_entry
from smtp_gateway.queue.model import EntryState
from smtp_gateway.tables import queue_entry, queue_lane, queue_message, recipient_state
from tests.standins.peer import PeerOperator, Taken
from vaguemestre.app.demo.people import DOMAIN, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import Stage, add_doctor
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.app.settings import load_settings
from vaguemestre.app.trust_file import ListedDomain, extend_whitelist
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.tls import server_context

PEERS = ("un.mssante.fr", "deux.mssante.fr", "trois.mssante.fr")
WORKERS = 2
LANES = 4
SUBMITTERS = 4
PER_CONNECTION = 500
ANSWERS = ("250 2.0.0 OK",) * 14 + ("451 4.3.0 later", "452 4.2.2 full", "554 5.6.0 no", "lose", "drop", "stall")
RECIPIENT_ANSWERS = ("250 2.1.5 OK",) * 37 + ("450 4.2.1 later", "550 5.1.1 no", "552 5.2.2 full")
WRONG_CERTIFICATE = 0.1
FINAL_ACTS = ("message_relayed", "message_bounced", "message_dropped")
RELAY = """
[relay]
retry_first_s = 0.2
retry_longest_s = 2
lifetime_s = {lifetime_s}
lease_s = 4
connection_lease_s = 2
poll_s = 0.2
connect_timeout_s = 2
command_timeout_s = 0.5
attempt_timeout_s = 3
connections_per_destination = {lanes}
batch = 60

[relay.routes]
{routes}
"""


@dataclass(frozen=True)
class Plan:
    """How much is asked of it; LIFETIME_S is when a message is given up."""

    messages: int
    kills: int
    lifetime_s: int
    database_url: str | None = None
    """Of a PostgreSQL; None: the embedded catalogue."""
    seed: int = 20_261_123
    patience_s: float = 900


@dataclass
class Ledger:
    """What was seen at the end: by recipient, and counted."""

    acknowledged: set[str] = field(default_factory=set)
    states: dict[str, str] = field(default_factory=dict)
    followed: dict[str, str] = field(default_factory=dict)
    ends: Counter[str] = field(default_factory=Counter)
    taken: dict[str, list[Taken]] = field(default_factory=dict)
    reports: int = 0
    held: int = 0
    lanes: int = 0
    kills: int = 0
    seconds: float = 0

    @property
    def doubled(self) -> dict[str, int]:
        """Count the recipients who have a message twice: after a lost answer, after a kill."""
        extra: Counter[str] = Counter()
        for copies in self.taken.values():
            lost = sum(not each.answered for each in copies)
            extra["after a lost answer"] += min(lost, len(copies) - 1)
            extra["after a kill"] += max(0, len(copies) - lost - 1)
        return dict(extra)

    def summary(self) -> str:
        """Say it on one line."""
        counted = ", ".join(f"{count} {state}" for state, count in sorted(Counter(self.states.values()).items()))
        return f"{len(self.acknowledged)} messages, {self.kills} kills, {self.seconds:.0f} s: {counted}; {self.doubled}"


class FaultRun:
    """The instance, the operators, the workers."""

    def __init__(self, folder: Path, plan: Plan, port_base: int) -> None:
        self.plan = plan
        self.chance = random.Random(plan.seed)
        self.program = Program(folder)
        elsewhere = ("--db", plan.database_url) if plan.database_url else ()
        self.program.run("init", str(folder), "--domain", DOMAIN, "--port-base", str(port_base), *elsewhere)
        add_doctor(self.program, MARTIN)
        self.config = folder / "vaguemestre.toml"
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self._thread.start()
        self.peers = [self._peer(number, domain) for number, domain in enumerate(PEERS)]
        routes = "\n".join(
            f'"{domain}" = "127.0.0.1:{peer.port}"' for domain, peer in zip(PEERS, self.peers, strict=True)
        )
        relay = RELAY.format(lifetime_s=plan.lifetime_s, lanes=LANES, routes=routes)
        self.config.write_text(self.config.read_text(encoding="utf-8") + relay, encoding="utf-8")
        self._list_peers()
        self.ledger = Ledger()
        self._lock = threading.Lock()

    def _certificate(self, stem: str) -> SSLContext:
        """Return the context of an operator, its certificate issued when it is first asked for."""
        pki, folder = self.program.folder / "pki", self.program.folder / "run"
        if not (folder / f"{stem}.pem").exists():
            subject = operator_subject(f"mx.{stem}.test", "OPERATEUR TEST")
            request = CertificateRequest(subject=subject, hosts=(f"mx.{stem}.test", "127.0.0.1"), for_client=True)
            Authority.load(pki).issue(request, datetime.now(UTC)).write(folder, stem)
        return server_context(folder / f"{stem}.pem", folder / f"{stem}.key", client_ca=pki / "ca.pem")

    def _peer(self, number: int, domain: str) -> PeerOperator:
        chance = random.Random(self.plan.seed + number)
        good, wrong = self._certificate(domain), self._certificate("stranger")
        peer = PeerOperator(good)
        peer.manners.certificate = lambda: wrong if chance.random() < WRONG_CERTIFICATE else good
        peer.manners.recipient = lambda _address: chance.choice(RECIPIENT_ANSWERS)
        peer.manners.data = lambda: chance.choice(ANSWERS)
        return asyncio.run_coroutine_threadsafe(peer.start(), self.loop).result(10)

    def _list_peers(self) -> None:
        path = load_settings(self.config, {}).trust.whitelist
        data = path.read_bytes()
        for domain in PEERS:
            row = ListedDomain(domain, operator_subject(f"mx.{domain}.test", "OPERATEUR TEST"))
            data = extend_whitelist(data, row, datetime.now(UTC))
        path.write_bytes(data)

    def run(self) -> Ledger:
        """Submit everything while workers work and die; return what is left when nothing waits any more."""
        started = time.monotonic()
        try:
            self._play(Stage(self.program, self.program.serve("submission"), ""), started + self.plan.patience_s)
        finally:
            self._end()
        self.ledger.seconds = time.monotonic() - started
        return self.ledger

    def _play(self, stage: Stage, deadline: float) -> None:
        submitters = [
            threading.Thread(target=self._submit, args=(stage, range(start, self.plan.messages, SUBMITTERS)))
            for start in range(SUBMITTERS)
        ]
        for each in submitters:
            each.start()
        url = load_settings(self.config, {}).database_url()
        with self._workers() as workers, contextlib.closing(Database(url)) as database:
            while self._goes_on(submitters, database):
                assert time.monotonic() < deadline, f"still waiting: {self._waiting(database)}"
                self._pause_and_kill(workers)
            self._read(database)

    def _goes_on(self, submitters: list[threading.Thread], database: Database) -> bool:
        busy = any(each.is_alive() for each in submitters)
        return busy or self.ledger.kills < self.plan.kills or self._waiting(database) > 0

    def _end(self) -> None:
        """Stop everything, and count what the operators took."""
        self.program.stop()
        for peer in self.peers:
            for message in peer.taken:
                for recipient in message.recipients:
                    self.ledger.taken.setdefault(recipient, []).append(message)
            asyncio.run_coroutine_threadsafe(peer.close(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def _submit(self, stage: Stage, numbers: range) -> None:
        for start in range(0, len(numbers), PER_CONNECTION):
            with smtplib.SMTP("localhost", stage.ports["submission"], timeout=60) as client:
                client.starttls(context=stage.tls())
                client.login(MARTIN.address, MARTIN.password)
                for number in numbers[start : start + PER_CONNECTION]:
                    self._submit_one(client, number)

    def _submit_one(self, client: smtplib.SMTP, number: int) -> None:
        recipient = f"r{number}@{PEERS[number % len(PEERS)]}"
        content = (
            f"From: {MARTIN.address}\r\nTo: {recipient}\r\nSubject: Essai\r\nMessage-ID: <m{number}@essai>\r\n"
            f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\n\r\nBonjour.\r\n"
        )
        client.sendmail(MARTIN.address, [recipient], content.encode())
        with self._lock:
            self.ledger.acknowledged.add(recipient)

    @contextlib.contextmanager
    def _workers(self) -> Iterator[list[subprocess.Popen[bytes]]]:
        workers = [self._worker() for _ in range(WORKERS)]
        try:
            yield workers
        finally:
            for worker in workers:
                worker.terminate()
            for worker in workers:
                with worker:
                    worker.wait(60)

    def _worker(self) -> "subprocess.Popen[bytes]":
        """Start a worker and wait until it works."""
        command = [
            sys.executable,
            "-m",
            "vaguemestre.app.cli",
            "serve",
            "--role",
            "worker",
            "--config",
            str(self.config),
        ]
        log = (self.program.folder / "run" / "workers.jsonl").open("ab")
        with log:
            worker = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        assert worker.stdout is not None
        assert b"ready" in worker.stdout.readline()
        return worker

    def _pause_and_kill(self, workers: "list[subprocess.Popen[bytes]]") -> None:
        """Let them work for a moment; then, while kills are left, one dies where it is and another takes its place."""
        time.sleep(self.chance.uniform(0.1, 1.2))
        if self.ledger.kills >= self.plan.kills:
            return
        place = self.chance.randrange(WORKERS)
        os.kill(workers[place].pid, signal.SIGKILL)
        with workers[place]:
            workers[place].wait(10)
        self.ledger.kills += 1
        workers[place] = self._worker()

    @staticmethod
    def _waiting(database: Database) -> int:
        statement = select(queue_entry.c.id).where(queue_entry.c.state == EntryState.WAITING)
        return database.read_now(lambda tx: len(tx.execute(statement).all()))

    def _read(self, database: Database) -> None:
        def work(tx: Transaction) -> None:
            ledger = self.ledger
            rows = tx.execute(select(queue_entry.c.recipient, queue_entry.c.state)).all()
            assert len(rows) == len({row.recipient for row in rows})
            ledger.states = {row.recipient: row.state for row in rows}
            followed = tx.execute(select(recipient_state.c.recipient, recipient_state.c.state)).all()
            ledger.followed = {row.recipient: row.state for row in followed}
            ended = select(trace_entry.c.message_id_header).where(trace_entry.c.act.in_(FINAL_ACTS))
            ledger.ends = Counter(tx.execute(ended).scalars())
            ledger.held = len(tx.execute(select(queue_message.c.id).where(queue_message.c.held_uid.is_not(None))).all())
            ledger.lanes = len(tx.execute(select(queue_lane.c.slot)).all())
            ledger.reports = len(tx.execute(select(stored_entry.c.uid)).all())

        database.read_now(work)


def check(ledger: Ledger, plan: Plan) -> None:
    """Say what must hold whatever happened.

    Raises:
        AssertionError: a message was lost, ended twice or not at all, or came twice where SMTP does not allow it.
    """
    sent = {recipient for recipient, state in ledger.states.items() if state == EntryState.SENT}
    undelivered = set(ledger.states) - sent
    assert len(ledger.acknowledged) == plan.messages
    assert set(ledger.states) == ledger.acknowledged
    assert set(ledger.states.values()) <= {EntryState.SENT, EntryState.FAILED, EntryState.EXPIRED}
    assert ledger.ends == Counter({f"<m{number}@essai>": 1 for number in range(plan.messages)})
    assert sent <= set(ledger.taken)
    assert ledger.reports == len(undelivered)
    assert {recipient for recipient, state in ledger.followed.items() if state == "relayed"} == sent
    assert ledger.held == 0
    answered = {recipient for recipient, copies in ledger.taken.items() if any(each.answered for each in copies)}
    killed_after = len(answered & undelivered)
    assert ledger.doubled["after a kill"] + killed_after <= ledger.kills * LANES * len(PEERS)
