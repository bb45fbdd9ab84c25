"""Strangers who have not signed in cost the server bounded memory, whatever they send and however little they read.

The server runs in a process of its own, whose resident memory is measured.
"""

import contextlib
import selectors
import socket
import ssl
from collections.abc import Callable, Iterator

import pytest

from mailstore.imap.config import ImapSettings
from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.served import ServedHouse

MIB = 1_048_576
STRANGERS = 100
HANDSHAKES = 800
ELSEWHERE = "127.0.0.2"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServedHouse]:
    with ServedHouse(tmp_path_factory.mktemp("abused")) as server:
        for secure in (True, False):
            with RawClient(server, secure=secure) as first:
                first.command("CAPABILITY")
        yield server


def grown_by(house: ServedHouse, attack: Callable[[contextlib.ExitStack], None]) -> float:
    """Return by how many MiB the server grew under an attack whose connections stay open; it must still answer."""
    before = house.resident_bytes()
    with contextlib.ExitStack() as opened:
        attack(opened)
        with RawClient(house, source=ELSEWHERE) as witness:
            assert witness.command("NOOP").endswith(b"OK Fait.\r\n")
        return (house.resident_bytes() - before) / MIB


def stranger(house: ServedHouse, opened: contextlib.ExitStack, *, secure: bool) -> socket.socket:
    """Open a connection that will not read more than its greeting."""
    client = opened.enter_context(RawClient(house, secure=secure, receive_buffer=4_096))
    client.socket.settimeout(0.2)
    return client.socket


def flood(link: socket.socket, piece: bytes, count: int) -> int:
    """Send a piece over and over until the server takes no more; returns how many bytes it took."""
    taken = 0
    with contextlib.suppress(OSError):
        for _ in range(count):
            link.sendall(piece)
            taken += len(piece)
    return taken


@pytest.mark.parametrize("secure", [True, False])
def test_a_million_commands_whose_answers_nobody_reads(house, secure):
    piece = b"".join(b"n%d CAPABILITY\r\n" % number for number in range(10_000))

    def attack(opened: contextlib.ExitStack) -> None:
        for _ in range(4):
            taken = flood(stranger(house, opened, secure=secure), piece, 100)
            assert taken < 100 * len(piece)  # the server left the rest unread

    assert grown_by(house, attack) < 24


@pytest.mark.parametrize(
    "piece",
    [
        b"x LOGIN {400000000}\r\n",
        b"x LOGIN {4096}\r\n" + b"y" * 4_095,
        b"x LOGIN {2000+}\r\n" + b"y" * 2_000 + b" {2000+}\r\n" + b"z" * 1_999,
        b"x LOGIN " + b"{0+}\r\n" * 2_000,
        b"x " + b"y" * 12_287,
        b"y" * 1_000_000,
        b"x AUTHENTICATE PLAIN\r\n" + b"A" * 12_000,
        b"{1}\r\n" * 10_000,
    ],
    ids=lambda piece: piece[:24].decode(),
)
def test_literals_and_lines_that_never_end(house, piece):
    def attack(opened: contextlib.ExitStack) -> None:
        for _ in range(STRANGERS):
            flood(stranger(house, opened, secure=False), piece, 3)

    assert grown_by(house, attack) < 16


@pytest.mark.parametrize("octets", [0, 5, -1, None], ids=["nothing", "a header", "all but one octet", "all"])
def test_handshakes_that_the_client_leaves_unfinished(house, octets):
    hello = client_hello(house)[:octets]

    def attack(opened: contextlib.ExitStack) -> None:
        links = [open_link(house, opened) for _ in range(HANDSHAKES)]
        for link in links:
            with contextlib.suppress(OSError):
                link.sendall(hello)
        wait_for_refusals(links, HANDSHAKES - ImapSettings().unauthenticated_per_address)

    assert grown_by(house, attack) < 24


def client_hello(house: ServedHouse) -> bytes:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    with contextlib.suppress(ssl.SSLWantReadError):
        house.client_context().wrap_bio(incoming, outgoing, server_hostname="localhost").do_handshake()
    return outgoing.read()


def open_link(house: ServedHouse, opened: contextlib.ExitStack) -> socket.socket:
    return opened.enter_context(socket.create_connection(("127.0.0.1", house.tls_port), timeout=10))


def wait_for_refusals(links: list[socket.socket], count: int) -> None:
    """Wait until the server has closed that many connections."""
    with selectors.DefaultSelector() as selector:
        for link in links:
            selector.register(link, selectors.EVENT_READ)
        while count > 0:
            ready = selector.select(timeout=20)
            assert ready
            for key, _ in ready:
                if isinstance(key.fileobj, socket.socket) and is_closed(key.fileobj):
                    selector.unregister(key.fileobj)
                    count -= 1


def is_closed(link: socket.socket) -> bool:
    try:
        return not link.recv(65_536)
    except ConnectionError:
        return True
