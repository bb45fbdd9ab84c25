"""GNU SASL's own program signs in by IMAP and SMTP: it prepares passwords and verifies the server by the book.

`--no-cb`: version 2.2 gives up by itself when it could bind to the session and the server cannot.
"""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import NameOID

from tests.standins.instance import prepare_instance
from vaguemestre.app.demo.people import MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.app.pki import Authority, CertificateRequest
from vaguemestre.kernel.clock import SystemClock

NOW = SystemClock().now()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Program, dict[str, int]]]:
    program = prepare_instance(tmp_path_factory.mktemp("gsasl") / "instance")
    card = CertificateRequest(
        subject=x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, f"8{MARTIN.rpps}")]),
        hosts=(),
        for_client=True,
        for_server=False,
    )
    pki = program.folder / "pki"
    Authority.load(pki).issue(card, NOW).write(pki, "card")
    yield program, program.serve("imap", "submission")
    assert program.stop() == 0


def gsasl(pki: Path, protocol: str, port: int, *options: str) -> str:
    command = ["gsasl", f"--{protocol}", "--connect", f"localhost:{port}", "--starttls", "--no-cb"]
    done = subprocess.run(
        [*command, "--x509-ca-file", str(pki / "ca.pem"), *options],
        input="", capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    return done.stdout + done.stderr


@pytest.mark.parametrize("mechanism", ["", "SCRAM-SHA-256", "PLAIN", "LOGIN"])
@pytest.mark.parametrize(("protocol", "port"), [("imap", "imap"), ("smtp", "submission")])
def test_passwords(served: tuple[Program, dict[str, int]], protocol: str, port: str, mechanism: str) -> None:
    program, ports = served
    chosen = ["--mechanism", mechanism] if mechanism else []

    said = gsasl(
        *(program.folder / "pki", protocol, ports[port]),
        *("--authentication-id", MARTIN.address, "--password", MARTIN.password, *chosen),
    )

    assert "Client authentication finished (server trusted)" in said
    assert mechanism or "SCRAM-SHA-256" in said


@pytest.mark.parametrize(("protocol", "port"), [("imap", "imap"), ("smtp", "submission")])
def test_certificate(served: tuple[Program, dict[str, int]], protocol: str, port: str) -> None:
    program, ports = served
    pki = program.folder / "pki"

    said = gsasl(
        *(pki, protocol, ports[port], "--mechanism", "EXTERNAL", "--authorization-id", MARTIN.address),
        *("--x509-cert-file", str(pki / "card.pem"), "--x509-key-file", str(pki / "card.key")),
    )

    assert "Client authentication finished (server trusted)" in said


def test_a_wrong_password(served: tuple[Program, dict[str, int]]) -> None:
    program, ports = served

    said = gsasl(
        *(program.folder / "pki", "imap", ports["imap"]), "--authentication-id", MARTIN.address, "--password", "Faux-1"
    )

    assert "NO [AUTHENTICATIONFAILED]" in said
    assert "Client authentication finished" not in said
