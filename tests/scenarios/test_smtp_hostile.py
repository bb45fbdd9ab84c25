"""Bad input over real sockets and TLS: the right code each time, and the listener stays up."""

import base64
import re
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.unit.smtp_gateway.world import DURAND, MARTIN, PASSWORD, PEER, Options, World, letter, running
from vaguemestre.kernel.database import Transaction

AUTH = base64.b64encode(f"\0{MARTIN}\0{PASSWORD}".encode()).decode()
LINE_ENDS = [b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r"]
ENHANCED = re.compile(rb"\d{3}[ -][245]\.\d{1,3}\.\d{1,3} ")


class Raw:
    """A client that sends exactly what it is told, inside TLS."""

    def __init__(self, connection: ssl.SSLSocket | socket.socket) -> None:
        self.connection = connection
        self.connection.settimeout(10)
        self.buffer = b""

    def send(self, data: bytes) -> None:
        self.connection.sendall(data)

    def reply(self) -> bytes:
        """Return the next reply, all its lines; b"" at the end of the connection."""
        lines = b""
        while True:
            while b"\r\n" not in self.buffer:
                data = self.connection.recv(65_536)
                if not data:
                    return lines
                self.buffer += data
            line, self.buffer = self.buffer.split(b"\r\n", 1)
            lines += line + b"\r\n"
            if line[3:4] != b"-":
                return lines

    def ask(self, line: bytes) -> bytes:
        self.send(line + b"\r\n")
        return self.reply()

    def close(self) -> None:
        self.connection.close()


@contextmanager
def inside_tls(world: World, *, signed_in: bool = True) -> Iterator[Raw]:
    """Connect to submission with implicit TLS, greeted, signed in on demand."""
    plain = socket.create_connection(("127.0.0.1", world.ports["submissions"]), timeout=10)
    raw = Raw(world.pki.client().wrap_socket(plain, server_hostname="localhost"))
    try:
        assert raw.reply().startswith(b"220 ")
        assert raw.ask(b"EHLO laptop").startswith(b"250-")
        if signed_in:
            assert raw.ask(b"AUTH PLAIN " + AUTH.encode()).startswith(b"235 2.7.0")
        yield raw
    finally:
        raw.close()


@pytest.fixture(scope="module", params=[True, False], ids=["uvloop", "asyncio"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    options = Options(smtp={"max_errors": 1_000}, uvloop=request.param)
    with running(tmp_path_factory.mktemp("world"), options) as started:
        yield started


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"", b"500 5.5.1"),
        (b"\x00\xff\xfe\x01", b"500 5.5.1"),
        (b"GET / HTTP/1.1", b"500 5.5.1"),
        (b"MAIL", b"501 5.5.4"),
        (b"MAIL FROM:", b"501 5.5.4"),
        (b"MAIL FROM:camille@demo.mssante.fr", b"501 5.5.4"),
        (b"MAIL FROM: <camille.martin@demo.mssante.fr>", b"501 5.5.4"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr> SIZE=99999999999", b"552 5.3.4"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr> SIZE=ten", b"501 5.5.4"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr> BODY=BINARYMIME", b"501 5.5.4"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr> RET-MODE=FULL", b"555 5.5.4"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr> SIZE=1 SIZE=2", b"501 5.5.4"),
        ("MAIL FROM:<caméra@demo.mssante.fr>".encode(), b"553 5.6.7"),
        (b"MAIL FROM:<no-at-sign>", b"553 5.1.3"),
        (b"RCPT TO:<paul.durand@demo.mssante.fr>", b"503 5.5.1"),
        (b"DATA", b"503 5.5.1"),
        (b"DATA now", b"501 5.5.4"),
        (b"STARTTLS", b"503 5.5.1"),
        (b"EHLO", b"501 5.5.4"),
        (b"QUIT now", b"501 5.5.4"),
        (b"RSET now", b"501 5.5.4"),
        (b"EXPN all", b"502 5.5.1 Commande non offerte. [S_COMMANDE_NON_OFFERTE]"),
        (b"NOOP \xff\xfe", b"501 5.5.4"),
        (b'MAIL FROM:<"a\x00b"@demo.mssante.fr>', b"553 5.1.3"),
        (b'MAIL FROM:<"a\x1bb"@demo.mssante.fr>', b"553 5.1.3"),
        ("MAIL FROM:<a\u2028b@demo.mssante.fr> SMTPUTF8".encode(), b"501 5.5.4"),
        (b"NOOP \t ", b"250 2.0.0"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr> SIZE=10  ", b"250 2.1.0"),
        (b"VRFY paul", b"252 2.5.2"),
        (b"NOOP whatever", b"250 2.0.0"),
        (b"HELP", b"214 2.0.0"),
    ],
)
def test_each_reply_has_its_code_and_its_enhanced_code(world: World, line: bytes, reply: bytes) -> None:
    with inside_tls(world) as client:
        answer = client.ask(line)

        assert answer.startswith(reply)
        assert ENHANCED.match(answer)
        assert client.ask(b"NOOP").startswith(b"250")


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"AUTH", b"501 5.5.4"),
        (b"AUTH CRAM-MD5", b"504 5.5.4"),
        (b"AUTH PLAIN ====", b"501 5.5.2"),
        (b"AUTH PLAIN AAAA", b"501 5.5.2"),
        (b"AUTH EXTERNAL =", b"504 5.5.4"),
        (b"AUTH XOAUTH2", b"504 5.5.4"),
        (b"MAIL FROM:<camille.martin@demo.mssante.fr>", b"530 5.7.0"),
        (b"AUTH PLAIN\r\n*", b"334"),
        (b"AUTH LOGIN\r\n*", b"334"),
        (b"AUTH SCRAM-SHA-256\r\n*", b"334"),
    ],
)
def test_auth_that_goes_wrong(world: World, line: bytes, reply: bytes) -> None:
    with inside_tls(world, signed_in=False) as client:
        assert client.ask(line).startswith(reply)
        if reply == b"334":
            assert client.reply().startswith(b"501 5.7.0")
        assert client.ask(b"NOOP").startswith(b"250")


def test_pipelined_group_is_answered_in_one_write(world: World) -> None:
    with inside_tls(world) as client:
        client.send(f"MAIL FROM:<{MARTIN}>\r\nRCPT TO:<{DURAND}>\r\nRCPT TO:<x@y.fr>\r\nDATA\r\n".encode())
        group = client.connection.recv(65_536)

        assert [line[:3] for line in group.splitlines()] == [b"250", b"250", b"550", b"354"]

        client.send(letter(MARTIN, DURAND) + b".\r\nRSET\r\nNOOP\r\n")
        assert [client.reply()[:3] for _ in range(3)] == [b"250"] * 3


@pytest.mark.parametrize("line", [b"NOOP\n", b"NOOP\rNOOP\r\n", b"\n", b"NO\rOP\r\n"])
def test_command_line_that_does_not_end_in_crlf(world: World, line: bytes) -> None:
    with inside_tls(world) as client:
        client.send(line)

        assert client.reply().startswith(b"500 5.5.2")
        assert client.ask(b"NOOP").startswith(b"250")


def test_endless_command_line_ends_the_connection(world: World) -> None:
    with inside_tls(world) as client:
        client.send(b"NOOP " + b"x" * 20_000)

        assert client.reply().startswith(b"500 5.5.2")
        assert client.reply() == b""


SMUGGLED = [first + b"." + last for first in LINE_ENDS for last in LINE_ENDS if (first, last) != (b"\r\n", b"\r\n")]


@pytest.mark.parametrize("smuggled", [*SMUGGLED, b"\r\n\0.\r\n\n", b"\n..\n", b"\r\n.\r\r\n", b"a\nb", b"a\rb"])
def test_bare_line_end_is_refused_and_smuggles_nothing(world: World, smuggled: bytes) -> None:
    before = len(world.messages(DURAND))
    inner = f"MAIL FROM:<{MARTIN}>\r\nRCPT TO:<{DURAND}>\r\nDATA\r\nevil".encode()
    with inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        client.ask(f"RCPT TO:<{DURAND}>".encode())
        client.ask(b"DATA")
        client.send(letter(MARTIN, DURAND) + b"x" + smuggled + inner + b"\r\n.\r\n")

        assert client.reply() == b"550 5.6.11 CR ou LF isole dans le message. [S_CR_LF_ISOLE]\r\n"
        assert client.ask(b"NOOP").startswith(b"250")
    assert len(world.messages(DURAND)) == before


def test_plaintext_sent_behind_starttls_is_forgotten(world: World) -> None:
    plain = socket.create_connection(("127.0.0.1", world.ports["submission"]), timeout=10)
    first = Raw(plain)
    first.reply()
    first.ask(b"EHLO laptop")
    first.send(b"STARTTLS\r\nEHLO injected\r\nMAIL FROM:<injected@demo.mssante.fr>\r\n")
    assert first.reply() == b"220 2.0.0 TLS\r\n"

    raw = Raw(world.pki.client().wrap_socket(plain, server_hostname="localhost"))

    assert raw.ask(b"NOOP").startswith(b"250 2.0.0")
    assert raw.ask(b"MAIL FROM:<a@b.fr>").startswith(b"503 5.5.1")  # the injected EHLO was not heard
    raw.close()


def test_garbage_in_place_of_the_tls_handshake(world: World) -> None:
    raw = Raw(socket.create_connection(("127.0.0.1", world.ports["mx"]), timeout=10))
    raw.reply()
    raw.ask(b"EHLO peer")
    raw.ask(b"STARTTLS")
    raw.send(b"\x16\x03garbage garbage garbage garbage\r\n")

    assert b"250" not in raw.connection.recv(1_000)
    raw.close()
    alive = world.at_mx()
    assert alive.noop()[0] == 250
    alive.quit()


def send_data(client: Raw, content: bytes) -> bytes:
    assert client.ask(f"MAIL FROM:<{MARTIN}>".encode()).startswith(b"250")
    assert client.ask(f"RCPT TO:<{DURAND}>".encode()).startswith(b"250")
    assert client.ask(b"DATA").startswith(b"354")
    client.send(content + b".\r\n")
    return client.reply()


def test_oversized_message_header_and_line(tmp_path: Path) -> None:
    limits = {"max_message_bytes": 65_536, "max_line_bytes": 2_000, "max_header_bytes": 8_192}
    with running(tmp_path, Options(smtp=limits)) as world, inside_tls(world) as client:
        good = letter(MARTIN, DURAND)

        large = send_data(client, good + b"x" * 70 * 1_000 + b"\r\n")
        many = send_data(client, good + (b"x" * 70 + b"\r\n") * 1_000)
        line = send_data(client, good + b"x" * 1_999 + b"\r\n")
        header = send_data(client, b"X-Long: " + (b"y" * 70 + b"\r\n ") * 150 + b"\r\n" + good)
        kept = send_data(client, good + b"x" * 1_998 + b"\r\n")

        assert many.startswith(b"552 5.3.4 Message trop volumineux")
        assert large.startswith((b"552 5.3.4", b"500 5.5.2"))
        assert line.startswith(b"500 5.5.2 Ligne trop longue")
        assert header.startswith(b"552 5.3.4 En-tete trop volumineux")
        assert kept.startswith(b"250")
        (stored,) = world.messages(DURAND)
        assert stored.endswith(b"\r\n" + b"x" * 1_998 + b"\r\n")


def test_dots_are_stuffed_and_long_lines_kept_byte_for_byte(world: World) -> None:
    body = b".\r\n..\r\n.a\r\n" + b"long" * 5_000 + b"\r\n\r\n.\r\n"
    stuffed = body.replace(b"\r\n.", b"\r\n..")
    with inside_tls(world) as client:
        reply = send_data(client, letter(MARTIN, DURAND) + b"." + stuffed)

    assert reply.startswith(b"250 2.0.0 OK ")
    assert world.messages(DURAND)[-1].endswith(b"Bonjour.\r\n" + body)


def test_large_message_streams_through_the_blobs(world: World) -> None:
    body = (b"0123456789abcdef" * 4 + b"\r\n") * 40_000
    with inside_tls(world) as client:
        reply = send_data(client, letter(MARTIN, DURAND) + body)

    assert reply.startswith(b"250")
    assert world.messages(DURAND)[-1].endswith(body)


def test_connection_cut_in_the_middle_of_data_leaves_nothing(world: World) -> None:
    before = len(world.messages(DURAND))
    with inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        client.ask(f"RCPT TO:<{DURAND}>".encode())
        client.ask(b"DATA")
        client.send(letter(MARTIN, DURAND) + b"half a li")
        client.connection.shutdown(socket.SHUT_RDWR)

    with inside_tls(world) as other:
        assert other.ask(b"NOOP").startswith(b"250")
    assert len(world.messages(DURAND)) == before


def test_data_without_an_accepted_recipient(world: World) -> None:
    with inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        client.ask(b"RCPT TO:<nobody@demo.mssante.fr>")

        assert client.ask(b"DATA") == b"554 5.5.1 Aucun destinataire valable. [S_AUCUN_DESTINATAIRE]\r\n"


def test_too_many_recipients_errors_and_connections(tmp_path: Path) -> None:
    limits = {"max_recipients": 1, "max_errors": 3, "max_connections_per_address": 1}
    with running(tmp_path, Options(smtp=limits)) as world, inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        client.ask(f"RCPT TO:<{DURAND}>".encode())
        assert client.ask(f"RCPT TO:<{MARTIN}>".encode()).startswith(b"452 4.5.3")

        plain = socket.create_connection(("127.0.0.1", world.ports["submissions"]), timeout=10)
        second = Raw(world.pki.client().wrap_socket(plain, server_hostname="localhost"))
        assert second.reply() == b"421 4.7.0 Trop de connexions depuis cette adresse. [S_TROP_DE_CONNEXIONS]\r\n"
        assert second.reply() == b""
        second.close()

        client.ask(b"JUNK")  # the recipient too many was no error
        client.ask(b"JUNK")
        client.send(b"JUNK\r\n")
        assert client.reply().startswith(b"500 5.5.1")
        assert client.reply() == b"421 4.7.0 Trop d'erreurs. [S_TROP_D_ERREURS]\r\n"
        assert client.reply() == b""


def test_fault_of_ours_ends_the_session_with_451_and_not_the_listener(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(_tx: Transaction, _address: str) -> None:
        raise RuntimeError("a bug")

    with inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        with monkeypatch.context() as patched:
            patched.setattr("smtp_gateway.recipients.professional_by_address", broken)
            assert client.ask(b"RCPT TO:<somebody.new@demo.mssante.fr>").startswith(b"451 4.3.0")
        assert client.reply() == b""

    with inside_tls(world) as other:
        assert other.ask(b"NOOP").startswith(b"250")


def test_drain_ends_idle_sessions_and_lets_a_message_finish(tmp_path: Path) -> None:
    with running(tmp_path) as world, inside_tls(world) as busy, inside_tls(world) as idle:
        busy.ask(f"MAIL FROM:<{MARTIN}>".encode())
        busy.ask(f"RCPT TO:<{DURAND}>".encode())
        busy.ask(b"DATA")
        draining = world.begin(world.services[1].drain(10))

        assert idle.reply().startswith(b"421 4.3.2")
        assert idle.reply() == b""
        busy.send(letter(MARTIN, DURAND) + b".\r\n")
        assert busy.reply().startswith(b"250")
        assert busy.reply().startswith(b"421 4.3.2")
        draining.result(10)
        assert len(world.messages(DURAND)) == 1
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(("127.0.0.1", world.ports["submissions"]), timeout=10)


def test_mail_from_another_operator_may_fail_as_well_and_the_mx_goes_on(world: World) -> None:
    client = world.at_mx()

    assert client.docmd("MAIL", "FROM:<>")[0] == 250
    assert client.docmd("AUTH", "PLAIN x")[0] == 500
    client.rset()
    client.sendmail(PEER, [DURAND], letter(PEER, DURAND))
    client.quit()
