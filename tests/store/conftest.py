"""One store on each pair of engines: the contract tests of this folder are the same source for all."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from mailstore import tables
from mailstore.config import MailStoreSettings
from mailstore.store import Delivery, MailStore, Placement, SealedMessage
from tests.standins.postgres import PostgresServer
from vaguemestre.kernel.blobs import BlobStore, build_blobs
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

assert tables.message.name == "message"  # the tables are declared before `create_all`

ENGINES = ("sqlite+files", "postgresql+files", "sqlite+s3")
SMALL = (
    b"From: Dr Martin <camille.martin@demo.mssante.fr>\r\nTo: 279035121518989@patient.mssante.fr\r\n"
    b"Subject: Bilan\r\nMessage-ID: <1@demo>\r\n\r\nBonjour,\r\nMARQUEUR\r\n"
)


@dataclass(frozen=True, slots=True)
class Instance:
    """A store with what is under it."""

    store: MailStore
    database: Database
    blobs: BlobStore
    clock: ManualClock
    key: InstanceKey

    async def mailbox(self) -> str:
        """Make a mailbox."""
        mailbox_id = new_id()
        await self.database.write(lambda tx: self.store.create_mailbox(tx, mailbox_id))
        return mailbox_id

    async def seal(self, content: bytes = SMALL, header: bytes | None = None) -> SealedMessage:
        """Write a message in one piece."""
        draft = self.store.draft()
        await draft.write(content)
        return await draft.seal(header)

    async def deliver(self, message: SealedMessage, *places: Delivery) -> list[Placement]:
        """Deliver in a unit of work of its own."""
        return await self.database.write(lambda tx: self.store.deliver(tx, message, places))

    async def receive(
        self, mailbox_id: str, content: bytes = SMALL, *, flags: frozenset[str] = frozenset()
    ) -> Placement:
        """Deliver CONTENT into the INBOX."""
        message = await self.seal(content)
        return (await self.deliver(message, self.to(mailbox_id, flags=flags)))[0]

    def to(self, mailbox_id: str, *, folder: str = "INBOX", flags: frozenset[str] = frozenset()) -> Delivery:
        """Name a place."""
        return Delivery(mailbox_id=mailbox_id, folder=folder, flags=flags, internal_date=self.clock.now())

    async def folder_id(self, mailbox_id: str, name: str = "INBOX") -> int:
        """Look a folder up."""
        folder = await self.database.read(lambda tx: self.store.folder(tx, mailbox_id, name))
        assert folder is not None
        return folder.id


@pytest.fixture(params=ENGINES)
def instance(request: pytest.FixtureRequest, tmp_path: Path, clock: ManualClock) -> Iterator[Instance]:
    engine, blob_kind = request.param.split("+")
    if engine == "sqlite":
        url = f"sqlite:///{tmp_path}/catalogue.db"
    else:
        server: PostgresServer = request.getfixturevalue("postgres")
        url = server.fresh_database()
    blobs = build_blobs(f"file://{tmp_path}/blobs" if blob_kind == "files" else request.getfixturevalue("s3_url"))
    database = Database(url)
    database.create_all()
    key = InstanceKey(os.urandom(32))
    store = MailStore(blobs=blobs, instance_key=key, clock=clock, settings=MailStoreSettings())
    yield Instance(store, database, blobs, clock, key)
    database.close()
