"""The cases with which the ANS probes an operator, over real sockets and a TEST IGC-Santé; the domains are its own.

Source: domain note §4.1, names of the audit tool's domains on the national list.
"""

import smtplib
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from tests.scenarios.test_smtp_submission import refusal
from tests.standins.igc import HOUR, Igc, PkiServer, Responder, Wish
from tests.unit.smtp_gateway.trust_space import LIST, ROW, SUBJECT
from tests.unit.smtp_gateway.world import (
    MARTIN,
    PATIENT,
    Options,
    World,
    letter,
    running,
)
from vaguemestre.app.config import PkiSettings
from vaguemestre.app.pki import Authority, operator_subject
from vaguemestre.app.tls_files import ListenerTls

AUDIT = "espacedeconfiance.mssante.fr"
REFUSED = (ssl.SSLError, smtplib.SMTPServerDisconnected, ConnectionError)


def host_of(case: str) -> str:
    """Return the host of an audit domain: no certificate is named like its domain (9 of 6,554 rows are)."""
    return f"mx.{case}.test"


def publish(folder: Path, *cases: str) -> None:
    """List the audit domains, each with the subject of its own host."""
    rows = [ROW.format(domain=f"{case}.{AUDIT}", subject=SUBJECT.format(host=host_of(case))) for case in cases]
    text = LIST.format(at=datetime.now(UTC).isoformat(), rows="".join(rows))
    (folder / "whitelist.xml").write_text(text, encoding="utf-8")


def operator_tls(folder: Path) -> ssl.SSLContext:
    """Make the context as the program does, from files and lists."""
    pki = PkiSettings(
        authority=folder / "ca.pem",
        revocation=folder,
        operator_certificate=folder / "server.pem",
        operator_key=folder / "server.key",
        server_certificate=folder / "server.pem",
        server_key=folder / "server.key",
    )
    return ListenerTls.of_operator(pki).context


Prepare = Callable[[Path, Igc], None]


@contextmanager
def audited(folder: Path, prepare: Prepare) -> Iterator[World]:
    """Run a world whose certificates, lists and whitelist PREPARE wrote."""

    def tls(of_world: Path) -> ssl.SSLContext:
        prepare(of_world, Igc(of_world, Authority.load(of_world)))
        return operator_tls(of_world)

    with running(folder, Options(mx_tls=tls)) as world:
        world.services[0].reload()
        yield world


def keep(folder: Path, crl: bytes) -> None:
    """Put a revocation list where an operator puts it."""
    (folder / "ca.crl.pem").write_bytes(x509.load_der_x509_crl(crl).public_bytes(Encoding.PEM))


def good(case: str) -> Prepare:
    def prepare(folder: Path, igc: Igc) -> None:
        publish(folder, case)
        igc.issue(case)
        keep(folder, igc.crl())

    return prepare


def knock(world: World, stem: str, case: str) -> str:
    """Send a message as the operator of an audit domain; returns the refusal, or 250."""
    client = world.at_mx(stem)
    try:
        return refusal(client, f"audit@{case}.{AUDIT}", MARTIN, letter(f"audit@{case}.{AUDIT}", MARTIN))
    finally:
        client.close()


@pytest.mark.requirement("VGM:OP-1")
@pytest.mark.parametrize("case", ["cert-valide-audit", "tests-operateur"])
def test_valid_certificate_that_matches_the_list_is_accepted(tmp_path: Path, case: str) -> None:
    with audited(tmp_path, good(case)) as world:
        assert knock(world, case, case) == "250"
        assert len(world.messages(MARTIN)) == 1


@pytest.mark.requirement("VGM:OP-2")
def test_expired_certificate_does_not_get_through_the_handshake(tmp_path: Path) -> None:
    case, now = "cert-expire-audit", datetime.now(UTC)

    def prepare(folder: Path, igc: Igc) -> None:
        good(case)(folder, igc)
        igc.issue(case, Wish(begins=now - 100 * HOUR, ends=now - HOUR))

    with audited(tmp_path, prepare) as world:
        with pytest.raises(REFUSED):
            knock(world, case, case)
        assert world.messages(MARTIN) == []


@pytest.mark.requirement("VGM:OP-2")
def test_revoked_certificate_does_not_get_through_the_handshake(tmp_path: Path) -> None:
    case = "cert-revoque-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        publish(folder, case)
        keep(folder, igc.crl([igc.issue(case)]))

    with audited(tmp_path, prepare) as world:
        with pytest.raises(REFUSED):
            knock(world, case, case)
        assert world.messages(MARTIN) == []


@pytest.mark.requirement("VGM:OP-2")
def test_certificate_of_another_authority_does_not_get_through_the_handshake(tmp_path: Path) -> None:
    case = "cert-non-igc-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        good(case)(folder, igc)
        foreign = Igc(folder / "foreign")
        foreign.issue(case)
        for suffix in ("pem", "key"):
            (folder / f"{case}.{suffix}").write_bytes((folder / "foreign" / f"{case}.{suffix}").read_bytes())

    with audited(tmp_path, prepare) as world:
        with pytest.raises(REFUSED):
            knock(world, case, case)
        assert world.messages(MARTIN) == []


@pytest.mark.requirement("VGM:OP-1")
def test_good_certificate_of_another_domain_of_the_list_is_refused(tmp_path: Path) -> None:
    case, other = "cert-no-match-audit", "cert-valide-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        good(case)(folder, igc)
        publish(folder, case, other)
        igc.issue(other)

    with audited(tmp_path, prepare) as world:
        answer = knock(world, other, case)

        assert answer.startswith("550 5.7.1 ")
        assert answer.endswith("[S_DOMAINE_EXPEDITEUR]")
        assert world.messages(MARTIN) == []


@pytest.mark.requirement("VGM:OP-1")
@pytest.mark.parametrize(
    "subject",
    [
        operator_subject("cert-cn-diff-dn-audit.espacedeconfiance.mssante.fr", "TEST OPERATEUR"),
        operator_subject("mx.cert-cn-diff-dn-audit.test", "GIP - TEST9962"),
    ],
    ids=["another CN", "another O"],
)
def test_subject_that_differs_in_one_attribute_is_refused(tmp_path: Path, subject: x509.Name) -> None:
    case = "cert-cn-diff-dn-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        good(case)(folder, igc)
        igc.issue(case, Wish(subject=subject))

    with audited(tmp_path, prepare) as world:
        answer = knock(world, case, case)

        assert answer.startswith("554 5.7.1 ")
        assert answer.endswith("[S_OPERATEUR_INCONNU]")
        assert world.messages(MARTIN) == []


@pytest.mark.requirement("VGM:OP-3")
def test_nothing_is_accepted_in_clear(tmp_path: Path) -> None:
    case = "sans-tls-audit"
    with audited(tmp_path, good(case)) as world:
        client = smtplib.SMTP("127.0.0.1", world.ports["mx"], timeout=10)
        client.ehlo()

        answers = [
            client.docmd("MAIL", f"FROM:<audit@{case}.{AUDIT}>"),
            client.docmd("RCPT", f"TO:<{PATIENT}>"),
            client.docmd("DATA"),
        ]

        assert {code for code, _ in answers} == {530}
        client.quit()


def resumed(world: World, case: str, tls: ssl.SSLContext, session: ssl.SSLSession | None) -> tuple[ssl.SSLSocket, str]:
    """Start TLS, with an earlier session when there is one; returns the socket and the answer to EHLO."""
    plain = socket.create_connection(("127.0.0.1", world.ports["mx"]), timeout=10)
    plain.recv(200)
    plain.sendall(b"EHLO mx\r\n")
    plain.recv(1_000)
    plain.sendall(b"STARTTLS\r\n")
    plain.recv(200)
    inside = tls.wrap_socket(plain, server_hostname="localhost", session=session)
    inside.sendall(b"EHLO mx\r\n")
    return inside, inside.recv(1_000).decode("ascii")


@pytest.mark.requirement("VGM:OP-2")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3], ids=lambda each: each.name)
def test_resumed_session_of_a_certificate_revoked_since_is_refused(tmp_path: Path, version: ssl.TLSVersion) -> None:
    case = "cert-revoque-audit"
    with audited(tmp_path, good(case)) as world:
        tls = world.pki.client(case)
        tls.maximum_version = version
        first, before = resumed(world, case, tls, None)
        session = first.session
        first.close()
        leaf = x509.load_pem_x509_certificate((world.folder / f"{case}.pem").read_bytes())
        keep(world.folder, Igc(world.folder, world.pki.authority).crl([leaf], made_at=datetime.now(UTC)))
        world.revocation.reload()

        second, after = resumed(world, case, tls, session)

        assert before.startswith("250-")
        assert second.session_reused
        assert after == "554 5.7.1 Le certificat presente est revoque. [S_CERTIFICAT_REVOQUE]\r\n"
        assert second.recv(10) == b""
        second.close()
        assert ("message_refused", "DENY", "S_CERTIFICAT_REVOQUE") in world.traces()


@pytest.fixture
def server() -> Iterator[PkiServer]:
    made = PkiServer()
    yield made
    made.close()


def greeted(world: World, case: str) -> str:
    """Return the answer to EHLO inside TLS."""
    inside, answer = resumed(world, case, world.pki.client(case), None)
    inside.close()
    return answer


@pytest.mark.requirement("VGM:OP-2")
def test_certificate_that_its_responder_revoked_is_refused(tmp_path: Path, server: PkiServer) -> None:
    case = "cert-revoque-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        publish(folder, case)
        server.responder = Responder(igc)
        certificate = igc.issue(case, Wish(responders=[server.url("/ocsp")]))
        server.responder.revoked.add(certificate.serial_number)

    with audited(tmp_path, prepare) as world:
        assert greeted(world, case) == "554 5.7.1 Le certificat presente est revoque. [S_CERTIFICAT_REVOQUE]\r\n"


@pytest.mark.requirement("VGM:OP-2")
def test_certificate_whose_list_is_nowhere_waits(tmp_path: Path, server: PkiServer) -> None:
    case = "cert-valide-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        publish(folder, case)
        igc.issue(case, Wish(lists=[server.url("/absent")]))

    with audited(tmp_path, prepare) as world:
        answer = greeted(world, case)

        assert answer.startswith("451 4.7.1 ")
        assert answer.endswith("[S_REVOCATION_INCONNUE]\r\n")


def test_list_at_the_distribution_point_is_fetched_at_the_first_greeting(tmp_path: Path, server: PkiServer) -> None:
    case = "cert-valide-audit"

    def prepare(folder: Path, igc: Igc) -> None:
        publish(folder, case)
        igc.issue(case, Wish(lists=[server.url()]))
        server.documents["/ca.crl"] = igc.crl(due_at=datetime.now(UTC) + timedelta(days=1))

    with audited(tmp_path, prepare) as world:
        assert [knock(world, case, case), knock(world, case, case)] == ["250", "250"]
        assert server.served == 1
