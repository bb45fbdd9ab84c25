"""CHUNKING (RFC 3030) over real sockets: content by BDAT, and what goes wrong with it."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scenarios.test_smtp_hostile import Raw, inside_tls
from tests.unit.smtp_gateway.world import DURAND, MARTIN, Options, World, letter, running


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("world"), Options(smtp={"max_errors": 1_000})) as started:
        yield started


def begin(client: Raw, recipient: str = DURAND) -> None:
    assert client.ask(f"MAIL FROM:<{MARTIN}>".encode()).startswith(b"250")
    assert client.ask(f"RCPT TO:<{recipient}>".encode()).startswith(b"250")


def chunk(content: bytes, *, last: bool = False) -> bytes:
    return f"BDAT {len(content)}{' LAST' if last else ''}\r\n".encode() + content


@pytest.mark.parametrize("cut", [0, 1, 60, -1, -2])
def test_message_in_chunks_is_kept_byte_for_byte(world: World, cut: int) -> None:
    content = letter(MARTIN, DURAND) + b".\r\n..\r\n\r\n.\r\nQUIT\r\nlast line\r\n"
    with inside_tls(world) as client:
        begin(client)
        client.send(chunk(content[:cut]) + chunk(content[cut:], last=True) + chunk(b"RSET\r\n") + b"NOOP\r\n")

        assert client.reply() == b"250 2.0.0 Bloc recu\r\n"
        assert client.reply().startswith(b"250 2.0.0 OK ")
        assert client.reply().startswith(b"503 5.5.1")  # no message is under way any more; its bytes are no command
        assert client.reply().startswith(b"250 2.0.0 OK\r\n")
    assert world.messages(DURAND)[-1].endswith(content[-40:])


def test_empty_chunk_may_be_the_last_and_the_last_line_may_lack_its_end(world: World) -> None:
    with inside_tls(world) as client:
        begin(client)
        client.send(chunk(letter(MARTIN, DURAND) + b"no line end") + b"bdat 0 last\r\n")

        assert [client.reply()[:3], client.reply()[:3]] == [b"250", b"250"]
    assert world.messages(DURAND)[-1].endswith(b"\r\nno line end")


@pytest.mark.parametrize("bad", [b"a\nb", b"a\rb", b"\r\n.\n", b"\r\r\n", b"x\r"])
def test_bare_line_end_in_a_chunk_is_refused_and_the_chunk_is_read_to_its_end(world: World, bad: bytes) -> None:
    before = len(world.messages(DURAND))
    inner = f"RSET\r\nMAIL FROM:<{MARTIN}>\r\nRCPT TO:<{DURAND}>\r\nBDAT 9 LAST\r\nX: y\r\n\r\nz".encode()
    with inside_tls(world) as client:
        begin(client)
        client.send(chunk(letter(MARTIN, DURAND) + inner + bad, last=True) + chunk(inner) + chunk(inner, last=True))

        assert client.reply().startswith(b"550 5.6.11")
        assert client.reply().startswith(b"503 5.5.1")  # what was in the pipeline behind is read and refused
        assert client.reply().startswith(b"503 5.5.1")
        assert client.ask(b"NOOP").startswith(b"250")
    assert len(world.messages(DURAND)) == before


@pytest.mark.parametrize("rest", [b"", b" x", b" -1 LAST", b" 5 LAST now", b" 5\xff", b" " + b"9" * 19])
def test_chunk_whose_size_cannot_be_read_ends_the_connection(world: World, rest: bytes) -> None:
    with inside_tls(world) as client:
        begin(client)
        client.send(b"BDAT" + rest + b"\r\nRSET\r\nNOOP\r\n")

        assert client.reply().startswith((b"501 5.5.4", b"553 5.6.7"))
        assert client.reply() == b""


def test_chunk_line_without_its_cr_ends_the_connection(world: World) -> None:
    with inside_tls(world) as client:
        begin(client)
        client.send(b"BDAT 6 LAST\nRSET\r\n")

        assert client.reply().startswith(b"500 5.5.2")
        assert client.reply() == b""


def test_one_message_comes_by_data_or_by_chunks(world: World) -> None:
    with inside_tls(world) as client:
        begin(client)
        assert client.ask(b"BDAT 0") == b"250 2.0.0 Bloc recu\r\n"

        assert client.ask(b"DATA").startswith(b"503 5.5.1")
        assert client.ask(f"RCPT TO:<{MARTIN}>".encode()).startswith(b"503 5.5.1")
        assert client.ask(f"MAIL FROM:<{MARTIN}>".encode()).startswith(b"503 5.5.1")
        client.send(chunk(letter(MARTIN, DURAND), last=True))
        assert client.reply().startswith(b"250 2.0.0 OK ")


@pytest.mark.parametrize("ending", [b"RSET", b"EHLO again", b"QUIT"])
def test_chunks_without_their_last_leave_nothing(world: World, ending: bytes) -> None:
    before, blobs = len(world.messages(DURAND)), b"x" * 70 + b"\r\n"
    with inside_tls(world) as client:
        begin(client)
        client.send(chunk(letter(MARTIN, DURAND) + blobs * 2_000))
        assert client.reply().startswith(b"250")

        assert client.ask(ending).startswith((b"250", b"221"))
    assert len(world.messages(DURAND)) == before


def test_chunks_before_tls_and_before_signing_in_are_read_and_refused(world: World) -> None:
    raw = Raw(socket.create_connection(("127.0.0.1", world.ports["submission"]), timeout=10))
    raw.reply()
    raw.send(b"EHLO laptop\r\n" + chunk(b"STARTTLS\r\n") + b"NOOP\r\n")
    assert b"CHUNKING" not in raw.reply()
    assert raw.reply().startswith(b"530 5.7.0")
    assert raw.reply().startswith(b"250 2.0.0")
    raw.close()
    with inside_tls(world, signed_in=False) as client:
        client.send(chunk(b"QUIT\r\n", last=True) + b"NOOP\r\n")
        assert client.reply().startswith(b"503 5.5.1")
        assert client.reply().startswith(b"250 2.0.0")


def test_chunks_that_add_up_to_too_much_and_one_that_lies_about_its_size(tmp_path: Path) -> None:
    limits = {"max_message_bytes": 65_536, "command_timeout_s": 0.4}
    with running(tmp_path, Options(smtp=limits)) as world, inside_tls(world) as client:
        part = b"x" * 70 + b"\r\n"
        begin(client)
        client.send(chunk(letter(MARTIN, DURAND) + part * 500) + chunk(part * 500) + b"NOOP\r\n")
        assert client.reply().startswith(b"250 2.0.0 ")
        assert client.reply().startswith(b"552 5.3.4")
        assert client.reply().startswith(b"250 2.0.0 OK")

        begin(client)
        client.send(b"BDAT 1000 LAST\r\n" + letter(MARTIN, DURAND))
        assert client.reply().startswith(b"421 4.4.2")
        assert client.reply() == b""
        assert world.messages(DURAND) == []
