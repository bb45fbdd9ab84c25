"""Clients that are slow, silent, or never come to an end: each is let go within its time and its bytes."""

import contextlib
import socket
from pathlib import Path

import pytest

from tests.scenarios.test_smtp_hostile import Raw, inside_tls
from tests.unit.smtp_gateway.world import DURAND, MARTIN, Options, running


def test_silent_and_slow_clients_are_let_go(tmp_path: Path) -> None:
    limits = {"command_timeout_s": 0.4, "before_trust_s": 0.8}
    with running(tmp_path, Options(smtp=limits)) as world:
        silent = Raw(socket.create_connection(("127.0.0.1", world.ports["submission"]), timeout=10))
        assert silent.reply().startswith(b"220")
        assert silent.reply() == b"421 4.4.2 Delai depasse. [S_DELAI]\r\n"
        assert silent.reply() == b""
        silent.close()

        with inside_tls(world) as client:
            client.ask(f"MAIL FROM:<{MARTIN}>".encode())
            client.ask(f"RCPT TO:<{DURAND}>".encode())
            client.ask(b"DATA")
            client.send(b"From: me\r\n")
            assert client.reply().startswith(b"421 4.4.2")


def test_command_that_never_ends_is_let_go_however_its_bytes_trickle(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"command_timeout_s": 0.5})) as world, inside_tls(world) as client:
        client.connection.settimeout(0.05)
        answer = b""
        while not answer:
            client.send(b"N")
            with contextlib.suppress(TimeoutError):
                answer = client.reply()

        assert answer == b"421 4.4.2 Delai depasse. [S_DELAI]\r\n"


@pytest.mark.parametrize("opening", [b"DATA\r\n", b"BDAT 999999999999999999 LAST\r\n"])
def test_message_without_end_is_cut_off(tmp_path: Path, opening: bytes) -> None:
    with running(tmp_path, Options(smtp={"max_message_bytes": 65_536})) as world, inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        client.ask(f"RCPT TO:<{DURAND}>".encode())
        client.send(opening)
        with contextlib.suppress(OSError):
            for _ in range(1_000):
                client.send(b"x" * 1_022 + b"\r\n")

        told = b"354" if opening.startswith(b"DATA") else b""
        if told:
            assert client.reply().startswith(told)
        assert client.reply().startswith(b"552 5.3.4")
        assert world.messages(DURAND) == []


def test_peer_that_chatters_without_identifying_itself_is_let_go(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"before_trust_s": 0.5, "max_errors": 100_000})) as world:
        raw = Raw(socket.create_connection(("127.0.0.1", world.ports["mx"]), timeout=10))
        replies = [raw.reply()]
        while replies[-1] and not replies[-1].startswith(b"421"):
            replies.append(raw.ask(b"NOOP"))

        assert replies[-1].startswith(b"421 4.4.2")
        raw.close()
