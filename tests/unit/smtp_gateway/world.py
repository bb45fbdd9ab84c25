"""A small instance around the gateway: catalogue, store, people, certificates, listeners on a loop of their own.

Clients in tests are ordinary blocking ones, on the other side of real sockets and real TLS.
"""

import asyncio
import contextlib
import smtplib
import ssl
import threading
from collections.abc import Callable, Coroutine, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, TypeVar

import uvloop

from access_core.accounts import set_password
from access_core.activation import Activation, activate
from access_core.authentication.authenticator import Authenticator
from access_core.authentication.passwords import hash_password
from access_core.authentication.totp import new_secret, seal_secret
from access_core.config import AuthenticationSettings
from access_core.identifiers import INS
from access_core.professionals import MailboxType, NewProfessional, Professional, add_professional
from access_core.profiles import NewProfile, Profile, add_profile
from access_core.tables import trace_entry
from mailstore.config import MailStoreSettings
from mailstore.store import INBOX, MailStore
from smtp_gateway.acceptance import Acceptance
from smtp_gateway.clamd import Clamd
from smtp_gateway.config import (
    AntivirusSettings,
    ContentSettings,
    ConversationSettings,
    DkimSettings,
    RateSettings,
    RelaySettings,
    SmtpSettings,
    TrustSettings,
)
from smtp_gateway.content import ContentRules
from smtp_gateway.conversation import Conversation, conversations_of_patient
from smtp_gateway.dkim import KeyCache
from smtp_gateway.dkim_sign import SigningKey
from smtp_gateway.mx import MxParts, MxSteps
from smtp_gateway.patient_reply import PatientReplies, ReplyRules
from smtp_gateway.queue.runner import QueueRunner, RunnerParts
from smtp_gateway.recipients import Mailboxes, room
from smtp_gateway.rules.recipient import may_be_answered
from smtp_gateway.service import Listener, SmtpService
from smtp_gateway.submission import SubmissionParts, SubmissionSteps
from smtp_gateway.trust.revocation import Revocation
from smtp_gateway.trust.space import TrustSpace
from tests.unit.smtp_gateway.trust_space import PATIENT_DOMAIN, PEER_DOMAIN, Pki, write_whitelist
from vaguemestre.app.claims import read_claims
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.clock import Clock, SystemClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey
from vaguemestre.kernel.tls import client_context

T = TypeVar("T")
DOMAIN = "demo.mssante.fr"
INS_TEXT = "279035121518989"
OTHER_INS = "146026322000196"
PATIENT = f"{INS_TEXT}@{PATIENT_DOMAIN}"
OTHER_PATIENT = f"{OTHER_INS}@{PATIENT_DOMAIN}"
MARTIN = f"camille.martin@{DOMAIN}"
DURAND = f"paul.durand@{DOMAIN}"
SERVICE = f"cardiologie@{DOMAIN}"
PEER = f"medecin@{PEER_DOMAIN}"
PASSWORD = "correct horse battery staple"


@dataclass
class Options:
    """What a test wants otherwise than by default."""

    smtp: dict[str, Any] = field(default_factory=dict)
    dkim: dict[str, Any] = field(default_factory=dict)
    conversation: dict[str, Any] = field(default_factory=dict)
    database_url: str | None = None
    inline_bytes: int = 32_768
    clock: Clock = field(default_factory=SystemClock)
    relay: dict[str, Any] = field(default_factory=dict)
    trust: dict[str, Any] = field(default_factory=dict)
    quota_bytes: int = 0
    rates: dict[str, Any] = field(default_factory=dict)
    content: dict[str, Any] = field(default_factory=dict)
    antivirus: dict[str, Any] = field(default_factory=dict)
    mx_tls: Callable[[Path], ssl.SSLContext] | None = None
    """Makes the context that operators meet, from the folder of the certificates."""
    uvloop: bool = True
    """As in production; False: the loop of the standard library."""


class World:
    """The instance; `ports` once it runs."""

    def __init__(self, folder: Path, options: Options) -> None:
        self.folder = folder
        self.options = options
        self.pki = Pki(folder)
        write_whitelist(folder / "whitelist.xml")
        InstanceKey.create(folder / "instance.key")
        self.key = key = InstanceKey.load(folder / "instance.key")
        self.clock = options.clock
        self.relay = RelaySettings(**options.relay)
        self.database = Database(options.database_url or f"sqlite:///{folder}/catalogue.db")
        self.database.create_all()
        self.bus = LocalBus(folder / "bus")
        (folder / "blobs").mkdir()
        self.blobs = LocalBlobs(folder / "blobs")
        store_settings = MailStoreSettings(inline_body_bytes=options.inline_bytes)
        self.store = MailStore(blobs=self.blobs, instance_key=key, clock=self.clock, settings=store_settings)
        self.smtp = SmtpSettings(
            hostname="mx.demo.test", domains=(DOMAIN,), patient_domains=(PATIENT_DOMAIN,), **options.smtp
        )
        self.conversation = ConversationSettings(**options.conversation)
        trust = TrustSettings(whitelist=folder / "whitelist.xml", **options.trust)
        self.trust = TrustSpace(trust)
        self.revocation = Revocation.build(folder / "ca.pem", folder, trust, self.clock)
        self.acceptance = Acceptance(
            self.database, self.store, self.conversation, may_answer=self._may_answer, relay=self.relay
        )
        self.content = self._content(options)
        rules = ReplyRules(smtp=self.smtp, conversations=self.conversation, content=self.content)
        self.replies = PatientReplies(self.acceptance, self.store, self.database, self.clock, rules=rules)
        self.authenticator = Authenticator(
            self.database, self.clock, key, AuthenticationSettings(), patient_domains=(PATIENT_DOMAIN,)
        )
        self.mailboxes = Mailboxes(
            self.database, self.smtp, self.clock, room(self.store.usage_bytes, options.quota_bytes)
        )
        self.services = [self._mx(options), self._submission()]
        self.ports: dict[str, int] = {}
        self._populate()

    def _may_answer(self, address: str) -> bool:
        return may_be_answered(address, self.smtp, self.trust.lists)

    @staticmethod
    def _content(options: Options) -> ContentRules:
        antivirus = AntivirusSettings(**options.antivirus)
        clamd = Clamd(antivirus.socket, antivirus.timeout_s) if antivirus.socket else None
        return ContentRules(ContentSettings(**options.content), antivirus, clamd=clamd, read_claims=read_claims)

    def _mx(self, options: Options) -> SmtpService:
        dkim = DkimSettings(dns=False, **options.dkim)
        parts = MxParts(
            store=self.store,
            acceptance=self.acceptance,
            mailboxes=self.mailboxes,
            trust=self.trust,
            keys=KeyCache(dkim.public_keys, None, self.clock),
            clock=self.clock,
            smtp=self.smtp,
            dkim=dkim,
            content=self.content,
            revocation=self.revocation,
        )
        tls = options.mx_tls(self.folder) if options.mx_tls is not None else self.pki.server(clients=True)
        listener = Listener(name="mx", host="127.0.0.1", port=0, tls=tls)
        reload_parts = [self.trust.reload, self.revocation.reload]
        return SmtpService("mx", [listener], MxSteps(parts), self.smtp, reload_parts=reload_parts)

    def _submission(self) -> SmtpService:
        parts = SubmissionParts(
            database=self.database,
            store=self.store,
            acceptance=self.acceptance,
            mailboxes=self.mailboxes,
            authenticator=self.authenticator,
            clock=self.clock,
            trust=self.trust,
            smtp=self.smtp,
            content=self.content,
            rates=RateSettings(**self.options.rates),
        )
        tls = self.pki.server(clients=False)
        listeners = [
            Listener(name="submission", host="127.0.0.1", port=0, tls=tls),
            Listener(name="submissions", host="127.0.0.1", port=0, tls=tls, implicit_tls=True),
        ]
        return SmtpService("submission", listeners, SubmissionSteps(parts), self.smtp)

    def _populate(self) -> None:
        encoded = hash_password(PASSWORD)

        def work(tx: Transaction) -> dict[str, Any]:
            people: dict[str, Any] = {}
            for address, kind, members in (
                (MARTIN, MailboxType.PER, ()),
                (DURAND, MailboxType.PER, ()),
                (SERVICE, MailboxType.ORG, (MARTIN,)),
            ):
                people[address] = self._professional(tx, address, kind, members)
                set_password(tx, people[address].account_id, encoded, changed_at=self.clock.now())
            for ins, given in ((INS_TEXT, "Dominique"), (OTHER_INS, "Alain")):
                people[f"{ins}@{PATIENT_DOMAIN}"] = self._patient(tx, ins, given, encoded)
            return people

        self.people = self.database.write_now(work)

    def _professional(self, tx: Transaction, address: str, kind: MailboxType, members: tuple[str, ...]) -> Professional:
        new = NewProfessional(
            address=address,
            type=kind,
            name=address.partition("@")[0],
            created_at=self.clock.now(),
            profession="10",
            members=members,
        )
        added = add_professional(tx, new)
        self.store.create_mailbox(tx, added.account_id)
        return added

    def _patient(self, tx: Transaction, ins: str, given: str, encoded: str) -> Profile:
        new = NewProfile(
            ins=INS.parse(ins),
            family="Pat-Trois",
            given=given,
            birth_date=date(1979, 3, 28),
            sex="F",
            created_at=self.clock.now(),
            email="dominique@example.org",
        )
        added = add_profile(tx, new)
        self.store.create_mailbox(tx, added.account_id)
        sealed = seal_secret(self.key, added.account_id, new_secret())
        chosen = Activation(activated_at=self.clock.now(), encoded_password=encoded, sealed_totp=sealed)
        return activate(tx, added.id, chosen)

    def runner(self, keys: Sequence[SigningKey] = (), **settings: Any) -> QueueRunner:
        """Return a worker of the queue; SETTINGS change those of the world."""
        tls = client_context(
            self.folder / "operator.pem", self.folder / "operator.key", authority=self.folder / "ca.pem"
        )
        parts = RunnerParts(
            database=self.database,
            bus=self.bus,
            clock=self.clock,
            store=self.store,
            trust=self.trust,
            tls=tls,
            settings=RelaySettings(**(self.relay.model_dump() | settings)),
            smtp=self.smtp,
            keys=lambda: keys,
            revocation=self.revocation,
        )
        return QueueRunner(parts)

    # -- what tests look at

    def patient(self, address: str = PATIENT) -> Profile:
        found = self.people[address]
        assert isinstance(found, Profile)
        return found

    def mailbox(self, address: str) -> str:
        return str(self.people[address].account_id)

    def messages(self, address: str, folder: str = INBOX) -> list[bytes]:
        """Return the messages of a folder, whole, in their order."""

        def work(tx: Transaction) -> list[bytes]:
            mailbox_id = self.mailbox(address)
            found = self.store.folder(tx, mailbox_id, folder)
            assert found is not None
            readers = [self.store.open(tx, mailbox_id, entry.message_id) for entry in self.store.entries(tx, found.id)]
            return [reader.read(0, reader.size_bytes) for reader in readers]

        return self.database.read_now(work)

    def conversations(self, address: str = PATIENT) -> list[Conversation]:
        """Return the conversations of a patient."""
        return self.database.read_now(lambda tx: conversations_of_patient(tx, self.patient(address).id))

    def traces(self) -> list[tuple[str, str, str]]:
        """Return (act, verdict, reason) of every trace entry, in their order."""

        def work(tx: Transaction) -> list[tuple[str, str, str]]:
            rows = tx.execute(trace_entry.select().order_by(trace_entry.c.seq))
            return [(row.act, row.verdict, row.reason) for row in rows]

        return self.database.read_now(work)

    # -- clients

    def at_mx(self, stem: str | None = "peer") -> smtplib.SMTP:
        """Connect as an operator, TLS started and greeted."""
        client = smtplib.SMTP("127.0.0.1", self.ports["mx"], "mx.peer.test", timeout=10)
        client.starttls(context=self.pki.client(stem))
        client.ehlo()
        return client

    def at_submission(self, login: str | None = MARTIN) -> smtplib.SMTP:
        """Connect as a mail program, signed in unless LOGIN is None."""
        client = smtplib.SMTP("127.0.0.1", self.ports["submission"], "laptop", timeout=10)
        client.starttls(context=self.pki.client())
        client.ehlo()
        if login is not None:
            client.login(login, PASSWORD)
        return client

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine on the loop of the listeners."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def begin(self, work: Coroutine[Any, Any, T]) -> "Future[T]":
        """Start a coroutine on the loop of the listeners."""
        return asyncio.run_coroutine_threadsafe(work, self.loop)

    loop: asyncio.AbstractEventLoop


async def _no_connection() -> None:
    """Wait until the sockets of the sessions that ended are closed: only the loop's own pipe is left."""
    selector: Any = getattr(asyncio.get_running_loop(), "_selector", None)  # no public way to ask
    for _ in range(200):
        if selector is not None and len(selector.get_map()) <= 1:
            return
        await asyncio.sleep(0.001 if selector is None else 0.01)


@contextlib.contextmanager
def running(folder: Path, options: Options | None = None) -> Iterator[World]:
    """Start a world, and drain it at the end."""
    world = World(folder, options or Options())
    world.loop = uvloop.new_event_loop() if (options or Options()).uvloop else asyncio.new_event_loop()
    thread = threading.Thread(target=world.loop.run_forever, daemon=True)
    thread.start()
    try:
        for service in world.services:
            world.ports.update(world.run(service.start()))
        yield world
    finally:
        for service in world.services:
            world.run(service.drain(2))
        world.run(world.bus.close())
        world.run(_no_connection())
        world.loop.call_soon_threadsafe(world.loop.stop)
        thread.join(10)
        world.loop.close()
        world.authenticator.close()
        world.database.close()


def letter(sender: str, recipient: str, subject: str = "Bonjour", **fields: str) -> bytes:
    """Return a small message; FIELDS are more header fields, `_` for `-`."""
    head = {"From": sender, "To": recipient, "Subject": subject, "Date": "Mon, 23 Nov 2026 10:00:00 +0000"}
    head |= {name.replace("_", "-"): value for name, value in fields.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in head.items())
    return f"{lines}\r\nBonjour.\r\n".encode()
