"""Content made to hurt, over real sockets: the right code, bounded cost, nothing delivered that should not be."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_smtp_hostile import Raw, inside_tls, send_data
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, PEER, Options, World, letter, running

LIMITS = {"max_errors": 1_000, "max_header_bytes": 65_536}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("world"), Options(smtp=LIMITS)) as started:
        yield started


def at_mx(world: World) -> Raw:
    """Connect as the peer operator, greeted inside TLS."""
    plain = socket.create_connection(("127.0.0.1", world.ports["mx"]), timeout=10)
    first = Raw(plain)
    first.reply()
    first.ask(b"EHLO mx.peer.test")
    first.ask(b"STARTTLS")
    raw = Raw(world.pki.client("peer").wrap_socket(plain, server_hostname="localhost"))
    assert raw.ask(b"EHLO mx.peer.test").startswith(b"250-")
    return raw


def relay(world: World, content: bytes) -> bytes:
    """Give CONTENT to the MX for Dr Durand; return the reply to it."""
    client = at_mx(world)
    try:
        client.send(f"MAIL FROM:<{PEER}>\r\nRCPT TO:<{DURAND}>\r\nDATA\r\n".encode())
        assert [client.reply()[:3] for _ in range(3)] == [b"250", b"250", b"354"]
        client.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
        reply = client.reply()
        assert client.ask(b"NOOP").startswith(b"250")
        return reply
    finally:
        client.close()


def nested(kind: str, levels: int) -> bytes:
    """Return a message whose parts lie LEVELS deep in each other."""
    head = letter(PEER, DURAND).partition(b"\r\n\r\n")[0] + b"\r\nMIME-Version: 1.0\r\n"
    if kind == "message":
        return head + b"Content-Type: message/rfc822\r\n\r\n" * levels + b"Subject: inmost\r\n\r\nend\r\n"
    opened = b"".join(
        b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (level, level) for level in range(levels)
    )
    return head + opened + b"Content-Type: text/plain\r\n\r\nend\r\n"


@pytest.mark.parametrize("kind", ["multipart", "message"])
def test_message_nested_a_thousand_deep_is_kept_and_looked_into_as_far_as_the_limits(world: World, kind: str) -> None:
    content = nested(kind, 1_000)

    assert relay(world, content).startswith(b"250 2.0.0 OK ")
    assert world.messages(DURAND)[-1].endswith(content)


def test_many_parts_without_end(world: World) -> None:
    head = letter(PEER, DURAND).partition(b"\r\n\r\n")[0]
    content = head + b"\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\n\r\n" * 50_000

    assert relay(world, content).startswith(b"250 2.0.0 OK ")


@pytest.mark.parametrize(
    "bomb",
    [
        b"X-A: b\r\n" * 10_000,
        b"X-Long: " + b"y" * 70_000 + b"\r\n",
        b"Subject: " + b"=?utf-8?B?QQ==?= " * 5_000 + b"\r\n",
        b"References: " + b"<a@b>\r\n " * 10_000 + b"<a@b>\r\n",
        b"To: " + b"a@b.fr," * 10_000 + b"\r\n",
        b"DKIM-Signature: " + b"v=1;" * 20_000 + b"\r\n",
        b"X" * 70_000 + b"\r\n",
        b"\xff\xfe" * 40_000 + b"\r\n",
    ],
)
def test_header_bomb_is_refused_by_its_size(world: World, bomb: bytes) -> None:
    before = len(world.messages(DURAND))

    assert relay(world, bomb + letter(PEER, DURAND)).startswith(b"552 5.3.4 En-tete trop volumineux")
    assert len(world.messages(DURAND)) == before


@pytest.mark.parametrize(
    "odd",
    [
        b"DKIM-Signature: v=1; a=rsa-sha256; b=; bh=; d=peer.mssante.fr; h=from; s=x\r\n" * 200,
        b"Content-Type: multipart/mixed; " + b"boundary*0=a; " * 2_000 + b"\r\n",
        b"Content-Type: " + b"(" * 20_000 + b"\r\n",
        b"To: " + b"<" * 10_000 + b"\r\nCc: " + b'"' * 10_001 + b"\r\nReply-To: " + b"(" * 10_000 + b"\r\n",
        b"Subject: " + b"=?" * 15_000 + b"\r\nIn-Reply-To: " + b"<" * 15_000 + b"\r\n",
    ],
)
def test_odd_header_within_the_limits_is_mail_like_any_other(world: World, odd: bytes) -> None:
    content = odd + letter(PEER, DURAND)

    assert relay(world, content).startswith(b"250 2.0.0 OK ")
    assert world.messages(DURAND)[-1].endswith(content)


@pytest.mark.parametrize(
    ("fields", "reply"),
    [
        ([f"From: {MARTIN}"], b"550 5.7.1 L'adresse du champ From"),
        ([f"From: {PEER}", f"From: {MARTIN}"], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([f"From: {PEER}", f"from : {MARTIN}"], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([f"From: {PEER}, {MARTIN}"], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([f"From: {MARTIN} <{PEER}>, "], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([f"From: groupe: {MARTIN};"], b"550 5.7.1 L'adresse du champ From"),
        (["From: "], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([f"From: =?utf-8?q?{PEER}?= <{MARTIN}>"], b"550 5.7.1 Le message doit avoir un seul champ From"),
        ([f'From: "{PEER}" <{MARTIN}>'], b"550 5.7.1 L'adresse du champ From"),
    ],
)
def test_author_who_is_not_one_of_the_peer_is_refused(world: World, fields: list[str], reply: bytes) -> None:
    before = len(world.messages(DURAND))
    header = "".join(f"{field}\r\n" for field in fields) + f"To: {DURAND}\r\nSubject: x\r\n\r\n"

    assert relay(world, header.encode() + b"Bonjour.\r\n").startswith(reply)
    assert len(world.messages(DURAND)) == before


def test_octet_that_is_zero_is_refused(world: World) -> None:
    before = len(world.messages(DURAND))

    assert relay(world, letter(PEER, DURAND) + b"a\0b\r\n") == b"554 5.6.0 Octet nul dans le message. [S_OCTET_NUL]\r\n"
    assert len(world.messages(DURAND)) == before


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        (b"MAIL FROM:<\xe9@demo.mssante.fr>", b"553 5.6.7"),
        (b"MAIL FROM:<\xc3\xa9@demo.mssante.fr>", b"553 5.6.7"),
        (b"\xc3\x89HLO x", b"500 5.5.1"),
        (b"EHLO \xff\xff", b"501 5.5.4"),
        (b"NOOP \xf0\x28\x8c\x28", b"501 5.5.4"),
        (b"MAIL FROM:<a\0b@demo.mssante.fr>", b"5"),
        (b"VRFY \x1b[2J", b"252 2.5.2"),
    ],
)
def test_eight_bits_and_controls_in_commands(world: World, line: bytes, reply: bytes) -> None:
    with inside_tls(world) as client:
        answer = client.ask(line)

        assert answer.startswith(reply)
        assert answer.isascii()
        assert b"\x1b" not in answer
        assert client.ask(b"NOOP").startswith(b"250")


@pytest.mark.parametrize("cut", [b"BDAT 5000 LAST\r\n", b"DATA\r\n"])
def test_operator_that_leaves_in_the_middle_of_a_message_leaves_nothing(world: World, cut: bytes) -> None:
    before = len(world.messages(DURAND)), len(world.messages(PATIENT))
    client = at_mx(world)
    client.send(f"MAIL FROM:<{PEER}>\r\nRCPT TO:<{DURAND}>\r\nRCPT TO:<{PATIENT}>\r\n".encode() + cut)
    assert [client.reply()[:3] for _ in range(3)] == [b"250", b"250", b"250"]

    client.send(letter(PEER, DURAND) + b"x" * 2_000)
    client.connection.shutdown(socket.SHUT_RDWR)
    client.close()

    again = at_mx(world)  # the listener is still there
    assert again.ask(b"NOOP").startswith(b"250")
    again.close()
    assert (len(world.messages(DURAND)), len(world.messages(PATIENT))) == before


def test_operator_that_stops_speaking_in_the_middle_of_a_chunk_is_let_go(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"command_timeout_s": 0.4})) as world:
        client = at_mx(world)
        client.send(f"MAIL FROM:<{PEER}>\r\nRCPT TO:<{DURAND}>\r\nBDAT 5000 LAST\r\nFrom: x".encode())

        assert [client.reply()[:3] for _ in range(3)] == [b"250", b"250", b"421"]
        assert client.reply() == b""
        assert world.messages(DURAND) == []
        client.close()


def test_line_that_never_ends(tmp_path: Path) -> None:
    limits = {"max_message_bytes": 200_000, "max_line_bytes": 100_000}
    with running(tmp_path, Options(smtp=limits)) as world, inside_tls(world) as client:
        assert send_data(client, letter(MARTIN, DURAND) + b"x" * 99_998 + b"\r\n").startswith(b"250")
        assert send_data(client, letter(MARTIN, DURAND) + b"x" * 99_999 + b"\r\n").startswith(b"500 5.5.2")
        assert send_data(client, letter(MARTIN, DURAND) + b"x" * 999_999 + b"\r\n").startswith((b"500", b"552"))
