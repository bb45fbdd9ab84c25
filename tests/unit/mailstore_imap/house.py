"""A real IMAP server on loopback, with real TLS, catalogue, blobs and accounts, on a loop in a thread of its own."""

import asyncio
import ssl
import threading
from collections.abc import Coroutine
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Self, TypeVar

import uvloop
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from access_core.accounts import set_password
from access_core.authentication.authenticator import Authenticator
from access_core.authentication.passwords import hash_password
from access_core.authentication.scram_keys import ScramKeeper
from access_core.config import AuthenticationSettings
from access_core.professionals import MailboxType, NewProfessional, add_professional
from access_core.trace.reader import acts_of_mailbox
from mailstore.config import MailStoreSettings
from mailstore.imap.config import ImapSettings
from mailstore.imap.parts import ImapParts
from mailstore.imap.server import ImapService
from mailstore.store import Delivery, MailStore
from vaguemestre.kernel.blobs.local import LocalBlobs
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.clock import SystemClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey
from vaguemestre.kernel.tls import server_context

T = TypeVar("T")
LOGIN = "camille.martin@demo.mssante.fr"
PASSWORD = "Vague du matin, 1851 é"
ENCODED = hash_password(PASSWORD)


class ImapHouse:
    """One server and its one doctor."""

    def __init__(self, folder: Path, settings: ImapSettings | None = None) -> None:
        self.folder = folder
        self.clock = SystemClock()
        self.bus = LocalBus(folder / "bus")
        self.database = Database(f"sqlite:///{folder}/catalogue.db", publish=self.bus.publish)
        self.database.create_all()
        InstanceKey.create(folder / "instance.key")
        self.key = InstanceKey.load(folder / "instance.key")
        self.store = MailStore(
            blobs=LocalBlobs(folder / "blobs"),
            instance_key=self.key,
            clock=self.clock,
            settings=MailStoreSettings(),
        )
        self.certificate = write_certificate(folder)
        self.account_id = self.add_account(LOGIN)
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="imap-server", daemon=True)
        self._thread.start()
        self.service = self.run(self._start(settings or ImapSettings()))

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(60)

    def add_account(self, login: str) -> str:
        """Add a doctor with a mailbox; returns their common id."""

        def work(tx: Transaction) -> str:
            now = self.clock.now()
            new = NewProfessional(address=login, type=MailboxType.PER, name="Dr Camille Martin", created_at=now)
            account_id = add_professional(tx, new).account_id
            scram = ScramKeeper(self.key).sealed(login, account_id, PASSWORD)
            set_password(tx, account_id, ENCODED, changed_at=now, scram=scram)
            self.store.create_mailbox(tx, account_id)
            return account_id

        return self.database.write_now(work)

    def deliver(self, message: bytes, *, flags: frozenset[str] = frozenset(), when: datetime | None = None) -> int:
        """Put a message into INBOX; returns its UID."""

        return self.run(self.deliver_here(message, flags=flags, when=when))

    async def deliver_here(
        self, message: bytes, *, flags: frozenset[str] = frozenset(), when: datetime | None = None
    ) -> int:
        """Do as `deliver`, on the server's loop."""
        draft = self.store.draft()
        await draft.write(message)
        sealed = await draft.seal()
        place = Delivery(mailbox_id=self.account_id, flags=flags, internal_date=when or self.clock.now())
        placements = await self.database.write(lambda tx: self.store.deliver(tx, sealed, [place]))
        return placements[0].uid

    def sign_ins(self) -> list[str]:
        """Return what the trace says of the doctor's sign-ins, oldest first."""
        lines = self.database.read_now(lambda tx: acts_of_mailbox(tx, self.account_id))
        return [line.entry.verdict for line in reversed(lines) if line.entry.act == "sign_in"]

    def client_context(self) -> ssl.SSLContext:
        """Return what a client needs to trust this server."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        """Stop the server and its thread."""
        self.run(self.service.drain(1))
        self.run(self.bus.close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self.database.close()

    async def _start(self, settings: ImapSettings) -> ImapService:
        await self.bus.start()
        parts = ImapParts(
            store=self.store,
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            authenticator=Authenticator(self.database, self.clock, self.key, AuthenticationSettings()),
            tls=server_context(self.certificate, self.folder / "server.key"),
            settings=settings,
        )
        service = ImapService(parts, host="127.0.0.1", port=0, tls_port=0)
        ports = await service.start()
        self.port, self.tls_port = ports["imap"], ports["imaps"]
        return service


def write_certificate(folder: Path) -> Path:
    """Write a self-signed certificate for localhost and its key beside it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "TEST localhost")])
    names = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    (folder / "server.key").write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "server.pem").write_bytes(certificate.public_bytes(encoding))
    return folder / "server.pem"
