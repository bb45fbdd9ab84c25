"""The role itself: listens over TLS, survives garbage and slow clients, drains, reloads."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509

from portal import connection
from portal.service import Listener, PortalService
from tests.fictional.patient_space import PatientSpace
from vaguemestre.app.pki import Authority, CertificateRequest
from vaguemestre.kernel.errors import ConfigurationError

REQUEST = b"GET /connexion HTTP/1.1\r\nHost: localhost\r\n\r\n"


class Served:
    """A portal on a free port of the loopback."""

    def __init__(self, service: PortalService, port: int, folder: Path) -> None:
        self.service = service
        self.port = port
        self.folder = folder

    async def connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        context = ssl.create_default_context(cafile=str(self.folder / "ca.pem"))
        return await asyncio.open_connection("127.0.0.1", self.port, ssl=context, server_hostname="localhost")

    async def ask(self, data: bytes) -> bytes:
        """Send bytes and return the start of what comes back, b"" when the connection is closed."""
        reader, writer = await self.connect()
        try:
            writer.write(data)
            return await asyncio.wait_for(reader.read(200), 20)
        except ConnectionError:
            return b""
        finally:
            writer.close()


def write_certificate(folder: Path) -> None:
    now = datetime.now(UTC)
    authority = Authority.create(now)
    authority.save(folder)
    authority.issue(CertificateRequest(subject=x509.Name([]), hosts=("localhost",)), now).write(folder, "server")


@pytest.fixture
async def served(space: PatientSpace, tmp_path: Path) -> AsyncIterator[Served]:
    write_certificate(tmp_path)
    services = space.services()
    service = PortalService(services, Listener("127.0.0.1", 0, tmp_path / "server.pem", tmp_path / "server.key"))
    ports = await service.start()
    yield Served(service, ports["portal"], tmp_path)
    await service.drain(2)
    services.authenticator.close()


async def test_it_answers_over_tls(served):
    assert (await served.ask(REQUEST)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\xff" * 100,
        b"GET / HTTP/9.9\r\n\r\n",
        b"POST /connexion HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ],
)
async def test_garbage_is_refused_and_the_next_is_served(served, data):
    answer = await served.ask(data)

    assert answer == b"" or answer.startswith(b"HTTP/1.1 4")
    assert (await served.ask(REQUEST)).startswith(b"HTTP/1.1 200")


async def test_a_head_that_never_ends_is_cut(served):
    endless = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 900) for n in range(90))

    assert await served.ask(endless) == b""
    assert (await served.ask(REQUEST)).startswith(b"HTTP/1.1 200")


@pytest.mark.parametrize("begun", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: a\r\n"])
async def test_a_client_that_dribbles_is_cut(served, monkeypatch, begun):
    monkeypatch.setattr(connection, "HEAD_S", 0.1)

    assert await served.ask(begun) == b""


async def test_a_body_that_does_not_come_is_cut(served, monkeypatch):
    monkeypatch.setattr(connection, "BODY_S", 0.1)
    head = b"POST /connexion HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\n"

    assert await served.ask(head + b"Content-Length: 100\r\n\r\nidentifiant=") == b""


async def test_one_address_does_not_take_every_connection(served, monkeypatch):
    monkeypatch.setattr(connection, "PER_ADDRESS", 2)
    first, second = await served.connect(), await served.connect()

    refused = await served.ask(REQUEST)
    first[1].write(REQUEST)
    served_still = await first[0].read(12)
    for _, writer in (first, second):
        writer.close()

    assert refused == b""
    assert served_still == b"HTTP/1.1 200"


async def test_a_body_longer_than_announced_limits_is_refused_at_once(served):
    head = b"POST /connexion HTTP/1.1\r\nHost: a\r\nContent-Length: 999999999\r\n\r\n"

    assert (await served.ask(head)).startswith(b"HTTP/1.1 413")


async def test_plain_http_is_no_way_in(served):
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(REQUEST)
    try:
        answer = await asyncio.wait_for(reader.read(100), 20)
    except ConnectionError:
        answer = b""
    writer.close()

    assert not answer.startswith(b"HTTP")


async def test_reload_takes_the_new_certificate_and_survives_a_bad_one(served):
    first = await certificate_of(served)
    for name in ("ca.key", "server.key"):
        (served.folder / name).unlink()
    write_certificate(served.folder)
    served.service.reload()
    second = await certificate_of(served)
    (served.folder / "server.pem").write_text("garbage")
    served.service.reload()
    third = await certificate_of(served)

    assert first != second
    assert second == third


async def certificate_of(served: Served) -> bytes:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    _, writer = await asyncio.open_connection("127.0.0.1", served.port, ssl=context)
    shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
    writer.close()
    return shown


async def test_a_taken_port_is_told(space, served):
    listener = Listener("127.0.0.1", served.port, served.folder / "server.pem", served.folder / "server.key")
    services = space.services()

    with pytest.raises(ConfigurationError, match="cannot listen on port"):
        await PortalService(services, listener).start()

    services.authenticator.close()


async def test_after_drain_nothing_is_accepted(space, tmp_path):
    write_certificate(tmp_path)
    services = space.services()
    service = PortalService(services, Listener("127.0.0.1", 0, tmp_path / "server.pem", tmp_path / "server.key"))
    port = (await service.start())["portal"]

    await service.drain(2)

    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection("127.0.0.1", port)
    services.authenticator.close()
