"""swaks, a usual tester of mail servers, in scripted sessions: AUTH, STARTTLS, client certificates, attachments."""

import subprocess
from collections.abc import Iterator
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.unit.smtp_gateway.test_content_rules import SAMPLES
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PASSWORD, PEER, World, running

EXIT_MAIL, EXIT_DATA, EXIT_AUTH = 23, 26, 28


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def swaks(world: World, door: str, *options: str) -> "subprocess.CompletedProcess[str]":
    """Send one message; the certificate of the server is verified by the TEST authority."""
    command = ["swaks", "--server", f"127.0.0.1:{world.ports[door]}", "--ehlo", "mx.peer.test", "--timeout", "20"]
    command += ["--tls-ca-path", str(world.folder / "ca.pem"), "--suppress-data", *options]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


AS_MARTIN = ("--from", MARTIN, "--to", DURAND, "--header", f"From: {MARTIN}", "--auth-user", MARTIN)


@pytest.mark.parametrize(
    ("door", "tls", "mechanism"),
    [("submission", "--tls", "PLAIN"), ("submission", "--tls", "LOGIN"), ("submissions", "--tls-on-connect", "PLAIN")],
)
def test_professional_signs_in_and_sends_a_file(world: World, door: str, tls: str, mechanism: str) -> None:
    file = world.folder / "ordonnance.pdf"
    file.write_bytes(SAMPLES["pdf"])

    done = swaks(world, door, tls, "--auth", mechanism, *AS_MARTIN, "--auth-password", PASSWORD, "--attach", f"@{file}")

    assert done.returncode == 0, done.stdout
    (stored,) = world.messages(DURAND)
    attached = list(message_from_bytes(stored, policy=policy.default).iter_attachments())
    assert [part.get_filename() for part in attached] == ["ordonnance.pdf"]
    assert attached[0].get_content() == SAMPLES["pdf"]


def test_wrong_password_and_missing_tls_go_no_further(world: World) -> None:
    wrong = swaks(world, "submission", "--tls", "--auth", "PLAIN", *AS_MARTIN, "--auth-password", "not this one")
    clear = swaks(world, "submission", *AS_MARTIN[:6])

    assert wrong.returncode == EXIT_AUTH
    assert "535 5.7.8" in wrong.stdout
    assert clear.returncode == EXIT_MAIL
    assert "530 5.7.0" in clear.stdout
    assert world.messages(DURAND) == []


def test_program_as_attachment_is_refused_at_the_end_of_data(world: World) -> None:
    file = world.folder / "setup.exe"
    file.write_bytes(SAMPLES["exe"])

    done = swaks(
        world, "submission", "--tls", "--auth", *AS_MARTIN, "--auth-password", PASSWORD, "--attach", f"@{file}"
    )

    assert done.returncode == EXIT_DATA
    assert "[S_PIECE_JOINTE_TYPE]" in done.stdout
    assert world.messages(DURAND) == []


AS_PEER = ("--from", PEER, "--to", MARTIN, "--header", f"From: {PEER}")


def test_operator_shows_its_certificate(world: World) -> None:
    pair = ("--tls-cert", str(world.folder / "peer.pem"), "--tls-key", str(world.folder / "peer.key"))

    done = swaks(world, "mx", "--tls", *pair, *AS_PEER)

    assert done.returncode == 0, done.stdout
    assert len(world.messages(MARTIN)) == 1


def test_operator_without_certificate_or_without_tls_delivers_nothing(world: World) -> None:
    nameless = swaks(world, "mx", "--tls", *AS_PEER)
    clear = swaks(world, "mx", *AS_PEER)

    assert nameless.returncode != 0
    assert clear.returncode == EXIT_MAIL
    assert world.messages(MARTIN) == []
