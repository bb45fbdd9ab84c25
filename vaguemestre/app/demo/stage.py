"""The stage of the demonstration: a fresh instance with its people, serving, and one client for each of them."""

import socket
import ssl
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from vaguemestre.app.config import STANDARD_PORTS
from vaguemestre.app.demo.people import DOMAIN, DURAND, MARTIN, ROUX, Doctor
from vaguemestre.app.demo.program import Program
from vaguemestre.app.demo.web import Browser
from vaguemestre.app.pid_file import read_pid
from vaguemestre.app.pki import Authority, CertificateRequest, operator_subject
from vaguemestre.kernel.errors import PermanentFailure

STRANGER = "mx.inconnu.test"


@dataclass(frozen=True, slots=True)
class Stage:
    """A serving instance; PORTS by service name."""

    program: Program
    ports: dict[str, int]
    totp_secret: str

    @property
    def authority(self) -> Path:
        """The certificate that mail programs and browsers must trust."""
        return self.program.folder / "pki" / "ca.pem"

    def tls(self) -> ssl.SSLContext:
        """Return what an ordinary client of the instance uses."""
        return ssl.create_default_context(cafile=str(self.authority))

    def unlisted_operator_tls(self) -> ssl.SSLContext:
        """Return what an operator uses whose certificate is sound and whose name is on no whitelist."""
        folder = self.program.folder / "run" / "unlisted"
        folder.mkdir(exist_ok=True)
        subject = operator_subject(STRANGER, "OPERATEUR INCONNU")
        request = CertificateRequest(subject=subject, hosts=(STRANGER,), for_client=True)
        Authority.load(self.authority.parent).issue(request, datetime.now(UTC)).write(folder, "operator")
        context = self.tls()
        context.load_cert_chain(folder / "operator.pem", folder / "operator.key")
        return context

    def browser(self) -> Browser:
        """Return a fresh browser on the patient's space."""
        return Browser(f"https://localhost:{self.ports['portal']}", self.tls())


def check_room(folder: Path, port_base: int) -> None:
    """Look whether a demonstration can be made, before an earlier one is removed.

    Raises:
        PermanentFailure: one is running there, or a port is taken; the sentence says what to do.
    """
    pid = read_pid(folder / "run" / "vaguemestre.pid")
    if pid is not None:
        raise PermanentFailure(f"une démonstration tourne déjà dans {folder} (processus {pid}) : arrêtez-la d'abord")
    for port in (standard + port_base for standard in STANDARD_PORTS.values()):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                other = f"make demo PORT_BASE={(port_base + 20_000) % 50_000}"
                raise PermanentFailure(f"le port {port} est pris ; sur d'autres ports : {other}")


def prepare(folder: Path, port_base: int) -> Stage:
    """Make an instance in FOLDER with two doctors and one active patient, and serve it."""
    program = Program(folder)
    program.run("init", str(folder), "--domain", DOMAIN, "--port-base", str(port_base))
    for doctor in (MARTIN, DURAND):
        add_doctor(program, doctor)
    identity = ("--family", ROUX.family, "--given", ROUX.given, "--birth-date", ROUX.birth_date, "--sex", ROUX.sex)
    program.run("patient", "add", ROUX.ins, *identity)
    activated = program.run("patient", "activate", ROUX.ins, "--password-stdin", standard_input=ROUX.password)
    program.run("care", "declare", ROUX.ins, "--by", MARTIN.address)
    return Stage(program, program.serve(), activated["totp_secret"])


def add_doctor(program: Program, doctor: Doctor) -> None:
    """Give a professional a personal mailbox."""
    program.run(
        *("mailbox", "add", doctor.address, "--type", "PER", "--name", doctor.name),
        *("--rpps", doctor.rpps, "--profession", doctor.profession, "--password-stdin"),
        standard_input=doctor.password,
    )
