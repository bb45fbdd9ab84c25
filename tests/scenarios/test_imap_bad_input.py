"""Garbage, truncated dialogues, slow or greedy clients get the right answer, and the server stays up."""

import base64
import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy

from mailstore.imap.config import ImapSettings
from mailstore.imap.connection import ImapConnection
from mailstore.tables import message as message_table
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import LOGIN, PASSWORD, ImapHouse
from tests.unit.mailstore_imap.messages import NESTED, SIMPLE, large

Open = Callable[..., ImapHouse]


@pytest.fixture
def open_house(tmp_path: Path) -> Iterator[Open]:
    with contextlib.ExitStack() as opened:

        def build(**settings: object) -> ImapHouse:
            server = opened.enter_context(ImapHouse(tmp_path, ImapSettings(**settings)))
            opened.callback(greet, server)
            return server

        yield build


def greet(server: ImapHouse) -> None:
    """Make sure that the server still answers after the test."""
    with RawClient(server) as witness:
        assert witness.greeting.startswith(b"* OK ")


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"\r\n", b"* BAD tag expected\r\n"),
        (b"x\r\n", b"x BAD ' ' expected\r\n"),
        (b"x FROBNICATE\r\n", b"x BAD unknown command\r\n"),
        (b"\xff\xfe\x00\x01\r\n", b"* BAD tag expected\r\n"),
        (b"x NOOP now\r\n", b"x BAD unexpected bytes after the command\r\n"),
        (b"x NOOP\n", b"x BAD a line ends in CR LF\r\n"),
        (b"x SELECT INBOX\r\n", b"x BAD not allowed in this state\r\n"),
        (b"x LOGIN {400000000}\r\n", b"x BAD literal too large\r\n"),
        (b"x LOGIN {4096}\r\n", b"+ \r\n"),
        (b"x " + b"y" * 13_000 + b"\r\n", b"x BAD line too long\r\n"),
        (b"x AUTHENTICATE PLAIN %%%\r\n", b"x BAD base64 expected\r\n"),
        (b"x AUTHENTICATE CRAM-MD5\r\n", b"x NO [CANNOT] Ce mecanisme n'est pas propose.\r\n"),
    ],
)
def test_what_is_no_command_is_refused_and_the_next_one_answered(open_house, sent, answer):
    with RawClient(open_house()) as client:
        client.send(sent)
        assert client.line() == answer

        client.send(b"y NOOP\r\n" if not answer.startswith(b"+") else b"z" * 4_096 + b"\r\ny NOOP\r\n")
        assert client.until(b"y ").endswith(b"y OK Fait.\r\n")


@pytest.mark.parametrize("size", [4_097, 400_000_000, 10**19])
def test_a_literal_sent_without_asking_ends_the_session_unread(open_house, size):
    with RawClient(open_house()) as client:
        client.send(b"x LOGIN {%d+}\r\n" % size)

        assert client.rest() == b"* BYE [TOOBIG] literal too large to be sent without asking\r\n"


def test_thousands_of_empty_literals_end_the_session(open_house):
    with RawClient(open_house()) as client:
        client.send(b"x LOGIN" + b" {0+}\r\n" * 1_000)

        assert client.rest() == b"* BYE [TOOBIG] literals too large\r\n"


def test_a_session_of_nothing_but_errors_ends(open_house):
    with RawClient(open_house(refused_commands=5)) as client:
        client.send(b"GET / HTTP/1.1\r\n" * 10)

        answer = client.rest()

    assert answer.count(b" BAD ") == 5
    assert answer.endswith(b"* BYE Trop de commandes incorrectes.\r\n")


def test_guessing_passwords_ends_the_session(open_house):
    house = open_house(refused_sign_ins=2)
    with RawClient(house) as client:
        first = client.command(f"LOGIN {LOGIN} faux")
        client.send(b"x LOGIN inconnu@demo.mssante.fr faux\r\n")
        rest = client.rest()

    assert b"NO [AUTHENTICATIONFAILED]" in first
    assert rest.endswith(b"* BYE Trop d'essais.\r\n")
    assert house.sign_ins() == ["DENY"]  # the other login is nobody's


def test_plaintext_after_starttls_is_discarded(open_house):
    house = open_house()
    with RawClient(house, secure=False) as client:
        client.send(b"a STARTTLS\r\nb NOOP\r\nc LOGOUT\r\n")
        assert client.line() == b"a OK Commencez TLS.\r\n"
        client.start_tls()

        answer = client.command("CAPABILITY")

    assert b"AUTH=PLAIN" in answer
    assert b"b OK" not in answer
    assert b"BYE" not in answer


def test_no_password_is_read_in_clear(open_house):
    house = open_house()
    with RawClient(house, secure=False) as client:
        plain = base64.b64encode(f"\0{LOGIN}\0{PASSWORD}".encode()).decode()

        answers = [client.command(f'LOGIN {LOGIN} "{PASSWORD}"'), client.command(f"AUTHENTICATE PLAIN {plain}")]

    assert [b"NO [PRIVACYREQUIRED]" in answer for answer in answers] == [True, True]
    assert house.sign_ins() == []


def test_garbage_instead_of_tls_closes_that_connection_only(open_house):
    house = open_house()
    with socket.create_connection(("127.0.0.1", house.tls_port), timeout=10) as plain:
        plain.sendall(b"a1 LOGIN x y\r\n" * 100)

        assert b"OK" not in plain.recv(1_000)


def test_a_dialogue_cut_anywhere_leaves_nothing_behind(open_house):
    house = open_house()
    dialogue = b"a NOOP\r\nb APPEND INBOX {%d}\r\n" % len(SIMPLE) + SIMPLE + b"\r\n"
    for length in range(1, len(dialogue), 29):
        with RawClient(house).signed_in() as client:
            client.send(dialogue[:length])

    with RawClient(house).signed_in() as client:
        assert b"(MESSAGES 0)" in client.command("STATUS INBOX (MESSAGES)")


def test_who_does_not_sign_in_is_sent_away(open_house):
    with RawClient(open_house(login_timeout_s=0.2)) as client:
        assert client.rest() == b"* BYE Delai d'identification depasse.\r\n"


def test_who_says_nothing_is_sent_away(open_house):
    with RawClient(open_house(idle_timeout_s=0.3)).selected() as client:
        client.send(b"i IDLE\r\n")

        assert client.rest().endswith(b"* BYE Session inactive.\r\n")


def test_who_stops_in_the_middle_of_a_message_is_sent_away(open_house):
    with RawClient(open_house(idle_timeout_s=0.3)).signed_in() as client:
        client.send(b"x APPEND INBOX {1000}\r\nSubject: coup")

        assert client.rest().endswith(b"* BYE Session inactive.\r\n")


def test_too_many_strangers_from_one_address_are_turned_away(open_house):
    house = open_house(unauthenticated_per_address=2)
    with RawClient(house).signed_in(), RawClient(house), RawClient(house), RawClient(house) as turned_away:
        assert turned_away.greeting == b"* BYE [LIMIT] Trop de connexions.\r\n"


def test_too_many_sessions_of_one_account_are_refused(open_house):
    house = open_house(sessions_per_account=1)
    with RawClient(house).signed_in() as first, RawClient(house) as second:
        refused = second.command(f'LOGIN {LOGIN} "{PASSWORD}"')
        first.command("LOGOUT")
        first.rest()
        accepted = second.command(f'LOGIN {LOGIN} "{PASSWORD}"')

    assert b"NO [LIMIT]" in refused
    assert b" OK [CAPABILITY" in accepted


def test_an_oversized_message_is_refused_before_it_is_sent(open_house):
    with RawClient(open_house(message_bytes=1_000)).selected() as client:
        answer = client.command("APPEND INBOX {1001}")
        after = client.command("NOOP")

    assert b"NO [TOOBIG]" in answer
    assert after.endswith(b" OK Fait.\r\n")


@pytest.mark.parametrize(("size", "sync"), [(len(SIMPLE), b""), (len(SIMPLE), b"+")])
def test_append_to_a_missing_folder_says_try_create(open_house, size, sync):
    with RawClient(open_house()).signed_in() as client:
        client.send(b"x APPEND Absent {%d%s}\r\n" % (size, sync) + (SIMPLE + b"\r\n" if sync else b""))
        answer = client.line()

        assert b"x NO [TRYCREATE]" in answer
        assert client.command("NOOP").endswith(b"OK Fait.\r\n")


@pytest.mark.parametrize(
    ("second", "answered"),
    [
        (b" (nonsense {5}\r\n", b"x BAD "),
        (b" nonsense\r\n", b"x BAD "),
        (b" {0}\r\n", b"x NO [CANNOT] "),
        (b" {0+}\r\n\r\n", b"x NO [CANNOT] "),
        (b" {99999999}\r\n", b"x NO [TOOBIG] "),
    ],
)
def test_a_second_message_that_cannot_be_kept_keeps_neither(open_house, second, answered):
    with RawClient(open_house()).signed_in() as client:
        client.send(b"x APPEND INBOX {5+}\r\nA: b\n" + second)
        answer = client.line()

        assert answer.startswith(answered)
        assert b"(MESSAGES 0)" in client.command("STATUS INBOX (MESSAGES)")


def test_a_slow_reader_costs_bounded_memory_and_no_other_session(open_house):
    house = open_house()
    message = large(8_000_000)
    for _ in range(5):
        house.deliver(message)
    with RawClient(house, receive_buffer=4_096).selected() as slow, RawClient(house).selected() as quick:
        before = resident_bytes()
        slow.send(b"x FETCH 1:* (BODY.PEEK[])\r\n")
        answers = noop_until(quick, lambda: stalled(house))
        waiting = [each._transport.get_write_buffer_size() for each in stalled(house)]
        grown = resident_bytes() - before
        received = slow.until(b"x ")

    assert all(answer.endswith(b"OK Fait.\r\n") for answer in answers)
    assert waiting[0] < 1_000_000
    assert grown < 16_000_000
    assert received.count(message) == 5


def stalled(house: ImapHouse) -> list[ImapConnection]:
    return [each for each in tuple(house.service._connections) if each.is_stalled]


def noop_until(client: RawClient, condition: Callable[[], object]) -> list[bytes]:
    """Keep a session busy until something happens elsewhere; returns its answers."""
    deadline, answers = time.monotonic() + 20, []
    while not condition():
        answers.append(client.command("NOOP"))
        assert time.monotonic() < deadline
    return answers


def resident_bytes() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def test_a_reader_that_stops_is_cut_off(open_house):
    house = open_house(write_timeout_s=0.3)
    house.deliver(large(8_000_000))
    with RawClient(house, receive_buffer=4_096).selected() as greedy, RawClient(house).signed_in() as witness:
        greedy.send(b"x FETCH 1 (BODY.PEEK[])\r\n")

        noop_until(witness, lambda: len(house.service._connections) == 1)

        assert not greedy.rest().endswith(b"OK Fait.\r\n")


def test_a_damaged_message_is_refused_and_the_others_are_read(open_house):
    house = open_house()
    for content in (SIMPLE, NESTED, SIMPLE):
        house.deliver(content)
    damage(house, message_table.c.sealed_body, len(NESTED))

    with RawClient(house).selected() as client:
        bodies = client.command("FETCH 1:3 (UID BODY.PEEK[])")
        lists = client.command("FETCH 1:3 (UID FLAGS)")

    assert bodies.count(SIMPLE) == 2
    assert bodies.splitlines()[-1].split(b" ", 1)[1].startswith(b"NO [CORRUPTION]")
    assert lists.count(b" FETCH ") == 3


def damage(house: ImapHouse, column: sqlalchemy.Column, size_bytes: int) -> None:
    """Change one byte of a sealed column of the message of that size."""

    def work(tx) -> None:
        where = message_table.c.size_bytes == size_bytes
        sealed = bytearray(tx.execute(sqlalchemy.select(column).where(where)).scalar_one())
        sealed[-1] ^= 1
        tx.execute(sqlalchemy.update(message_table).where(where).values({column.name: bytes(sealed)}))

    house.database.write_now(work)


def test_many_commands_in_one_packet_are_answered_in_order(open_house):
    house = open_house()
    house.deliver(SIMPLE)
    with RawClient(house).signed_in() as client:
        client.send(
            b"".join(b"n%d %s\r\n" % (n, (b"SELECT INBOX", b"NOOP", b"FETCH 1 UID")[n % 3]) for n in range(300))
        )

        answer = client.until(b"n299 ")

    tags = [line.split()[0] for line in answer.splitlines() if line.startswith(b"n")]
    assert tags == [b"n%d" % n for n in range(300)]
