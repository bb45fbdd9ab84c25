"""Two whole instances as each other's operator: reports and receipts cross, and none of them begets another."""

import imaplib
import smtplib
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from sqlalchemy import select

from smtp_gateway.queue.model import EntryState
from smtp_gateway.receipts.states import states_named
from smtp_gateway.tables import queue_entry
from tests.standins.ports import free_port_base
from vaguemestre.app.demo.people import DURAND, MARTIN, Doctor
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.stage import Stage, add_doctor
from vaguemestre.app.settings import load_settings
from vaguemestre.app.trust_file import ListedDomain, extend_whitelist
from vaguemestre.kernel.database import Database

PATIENCE_S = 60
SETTINGS = """
[pki]
authority = "pki/both.pem"

[relay]
poll_s = 0.2

[relay.routes]
"{domain}" = "127.0.0.1:{port}"
"""


@dataclass(frozen=True)
class Operator:
    """An instance with one doctor."""

    stage: Stage
    doctor: Doctor
    config: Path

    def send(self, recipient: str, content: str, *, rcpt: tuple[str, ...] = (), sender: str | None = None) -> None:
        with smtplib.SMTP("localhost", self.stage.ports["submission"], timeout=20) as client:
            client.starttls(context=self.stage.tls())
            client.login(self.doctor.address, self.doctor.password)
            client.sendmail(self.doctor.address if sender is None else sender, [recipient], content, (), rcpt)

    def inbox(self) -> list[bytes]:
        with imaplib.IMAP4_SSL("localhost", self.stage.ports["imaps"], ssl_context=self.stage.tls()) as client:
            client.login(self.doctor.address, self.doctor.password)
            client.select("INBOX", readonly=True)
            _, answer = client.fetch("1:*", "(BODY.PEEK[])")
            return [part[1] for part in answer if isinstance(part, tuple)]

    def queued(self) -> list[str]:
        """Return the state of everything that was ever queued."""
        with closing(Database(load_settings(self.config, {}).database_url())) as database:
            return database.read_now(lambda tx: list(tx.execute(select(queue_entry.c.state)).scalars()))

    def state(self, header: str) -> str:
        """Return where a message stands."""
        with closing(Database(load_settings(self.config, {}).database_url())) as database:
            return database.read_now(lambda tx: next((str(each.state) for each in states_named(tx, header)), ""))


@pytest.fixture
def operators(tmp_path: Path) -> Iterator[tuple[Operator, Operator]]:
    places = [("un", MARTIN), ("deux", DURAND)]
    programs = []
    for name, _ in places:
        program = Program(tmp_path / name)
        domains = ("--domain", f"{name}.mssante.fr", "--patient-domain", f"patient.{name}.mssante.fr")
        program.run("init", str(program.folder), *domains, "--port-base", str(free_port_base()))
        programs.append(program)
    introduce(*programs)
    started = []
    try:
        for (name, doctor), program in zip(places, programs, strict=True):
            own = Doctor(f"docteur@{name}.mssante.fr", doctor.name, doctor.rpps, doctor.profession, doctor.password)
            add_doctor(program, own)
            ports = program.serve("mx", "submission", "imap", "worker")
            started.append(Operator(Stage(program, ports, ""), own, program.folder / "vaguemestre.toml"))
        yield started[0], started[1]
    finally:
        for program in programs:
            program.stop()


def introduce(*programs: Program) -> None:
    """Let each instance know the other's authority, certificate and port."""
    both = b"".join((program.folder / "pki" / "ca.pem").read_bytes() for program in programs)
    for program, other in (programs, programs[::-1]):
        config = program.folder / "vaguemestre.toml"
        theirs = load_settings(other.folder / "vaguemestre.toml", {})
        (program.folder / "pki" / "both.pem").write_bytes(both)
        domain, port = theirs.instance.domains[0], theirs.instance.ports()["mx"]
        known = SETTINGS.format(domain=domain, port=port)
        config.write_text(config.read_text(encoding="utf-8") + known, encoding="utf-8")
        listed = load_settings(config, {}).trust.whitelist
        subject = x509.load_pem_x509_certificate(theirs.pki.operator_certificate.read_bytes()).subject
        listed.write_bytes(extend_whitelist(listed.read_bytes(), ListedDomain(domain, subject), datetime.now(UTC)))


def until(found: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not found():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def receipt(author: str, recipient: str) -> str:
    """Return a receipt that asks for receipts itself."""
    return (
        f"From: {author}\r\nTo: {recipient}\r\nSubject: Lu\r\nMessage-ID: <lu@deux>\r\nIn-Reply-To: <1@un>\r\n"
        f"Disposition-Notification-To: {author}\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-replied\r\n"
        'Content-Type: multipart/report; report-type=disposition-notification; boundary="b"\r\n'
        "\r\n--b\r\n\r\nlu\r\n--b\r\n"
        f"Content-Type: message/disposition-notification\r\n\r\nFinal-Recipient: rfc822; {author}\r\n"
        "Original-Message-ID: <1@un>\r\nDisposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
    )


@pytest.mark.requirement("MSS2:ECO.2.3.1")
def test_reports_and_receipts_cross_once(operators: tuple[Operator, Operator]) -> None:
    one, two = operators
    wishes = ("NOTIFY=SUCCESS,FAILURE,DELAY",)
    letter = f"From: {one.doctor.address}\r\nTo: x\r\nDisposition-Notification-To: {one.doctor.address}\r\n"

    one.send(two.doctor.address, f"{letter}Message-ID: <1@un>\r\n\r\nBonjour.\r\n", rcpt=wishes)
    one.send("personne@deux.mssante.fr", f"{letter}Message-ID: <2@un>\r\n\r\nBonjour.\r\n", rcpt=wishes)
    until(lambda: one.state("<1@un>") == "delivered" and one.state("<2@un>") == "failed")
    two.send(
        one.doctor.address, receipt(two.doctor.address, one.doctor.address), rcpt=wishes, sender=two.doctor.address
    )
    until(lambda: one.state("<1@un>") == "read")
    until(lambda: len(two.inbox()) == 2)  # the message, and the report of the receipt's own delivery
    counts = [(len(each.inbox()), len(each.queued())) for each in operators]

    for each in operators:
        each.stage.program.stop()
    assert set(one.queued() + two.queued()) == {EntryState.SENT, EntryState.FAILED}
    assert counts == [(3, 4), (2, 3)]
    explained = one.stage.program.run("explain", "<1@un>")
    assert [row["state"] for row in explained if row["act"] == "recipient_state"] == ["read"]
