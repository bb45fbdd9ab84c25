"""A store whose mailboxes are filled, written out, brought in and compared."""

import asyncio
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Self

from mailstore import tables
from mailstore.exchange.exporting import Exporter, ExportPlan, Target
from mailstore.exchange.importing import Importer, ImportPlan
from mailstore.exchange.journal import Journal
from mailstore.exchange.maildir import MaildirSource
from mailstore.exchange.maildir_writing import MaildirTarget
from mailstore.exchange.mbox import MboxSource
from mailstore.exchange.mbox_writing import MboxTarget
from mailstore.exchange.model import Report, Source
from mailstore.store import Delivery, Entry, MailStore, MailStoreSettings
from tests.conftest import NOON
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey

assert tables.imported.name == "imported_message"  # the tables are declared before `create_all`
SECRET = b"k" * 32
LARGEST = 1_000_000


@dataclass(frozen=True)
class Letter:
    """A message in a folder, and all that goes with it."""

    content: bytes
    folder: str = "INBOX"
    flags: frozenset[str] = frozenset()
    date: datetime = NOON


class Carrier:
    """A store on SQLite, in a folder of its own."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="vaguemestre-carrier-"))
        self.database = Database(f"sqlite:///{self.folder}/catalogue.db")
        self.database.create_all()
        self.clock = ManualClock(NOON)
        self.store = MailStore(
            blobs=LocalBlobs(self.folder / "blobs"),
            instance_key=InstanceKey(os.urandom(32)),
            clock=self.clock,
            settings=MailStoreSettings(),
        )
        self.begun = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_exception: object) -> None:
        self.database.close()
        shutil.rmtree(self.folder)

    def mailbox(self, *letters: Letter) -> str:
        """Make a mailbox with these messages; returns its id."""
        mailbox_id = new_id()
        self.database.write_now(lambda tx: self.store.create_mailbox(tx, mailbox_id))
        asyncio.run(self._fill(mailbox_id, letters))
        return mailbox_id

    def fresh(self) -> Path:
        """Return a path where nothing is."""
        return Path(tempfile.mkdtemp(dir=self.folder)) / "out"

    def plan(self, mailbox_id: str) -> ImportPlan:
        """Return what an import is by default."""
        return ImportPlan(mailbox_id=mailbox_id, message_bytes=LARGEST)

    def bring_in(self, mailbox_id: str, source: Source, **changes: object) -> Report:
        """Import."""
        importer = self.importer(replace(self.plan(mailbox_id), **changes), source)  # type: ignore[arg-type]
        return asyncio.run(importer.run(source, self.begin, lambda _done, _total: None))

    def importer(self, plan: ImportPlan, source: Source) -> Importer:
        """Make what imports."""
        journal = Journal(plan.mailbox_id, source.identity, SECRET)
        return Importer(plan, store=self.store, database=self.database, clock=self.clock, journal=journal)

    def begin(self, _tx: Transaction) -> None:
        """Count the imports that began."""
        self.begun += 1

    def write_out(self, mailbox_id: str, target: Target, only: str | None = None) -> Report:
        """Export."""
        exporter = Exporter(ExportPlan(mailbox_id=mailbox_id, only=only), self.store, self.database)
        return exporter.run(target, lambda _done, _total: None)

    def carried(self, mailbox_id: str, form: str) -> str:
        """Return a fresh mailbox into which a mailbox was carried by a file of that format."""
        path, fresh = self.fresh(), self.mailbox()
        target: Target = MboxTarget(path, mailbox_id, None) if form == "mbox" else MaildirTarget(path)
        self.write_out(mailbox_id, target)
        source: Source = MboxSource(path) if form == "mbox" else MaildirSource(path)
        report = self.bring_in(fresh, source)
        assert report.problems == []
        return fresh

    def letters(self, mailbox_id: str) -> list[Letter]:
        """Return what a mailbox holds, folder by folder, in the order of UIDs."""

        def work(tx: Transaction) -> list[Letter]:
            found = []
            for folder in self.store.folders(tx, mailbox_id):
                for entry in self.store.entries(tx, folder.id):
                    content = self.store.open(tx, mailbox_id, entry.message_id).read()
                    found.append(Letter(content, folder.name, entry.flags, entry.internal_date))
            return found

        return self.database.read_now(work)

    def inbox(self, mailbox_id: str) -> int:
        """Return the id of an INBOX."""
        folder = self.database.read_now(lambda tx: self.store.folder(tx, mailbox_id, "INBOX"))
        assert folder is not None
        return folder.id

    def entries(self, mailbox_id: str) -> list[Entry]:
        """Return the entries of an INBOX."""
        return self.database.read_now(lambda tx: self.store.entries(tx, self.inbox(mailbox_id)))

    def names(self, mailbox_id: str) -> list[str]:
        """Return the names of a mailbox's folders."""
        return [each.name for each in self.database.read_now(lambda tx: self.store.folders(tx, mailbox_id))]

    async def _fill(self, mailbox_id: str, letters: Sequence[Letter]) -> None:
        sealed = []
        for letter in letters:
            draft = self.store.draft()
            await draft.write(letter.content)
            sealed.append(await draft.seal())

        def work(tx: Transaction) -> None:
            for letter, message in zip(letters, sealed, strict=True):
                if self.store.folder(tx, mailbox_id, letter.folder) is None:
                    self.store.create_folder(tx, mailbox_id, letter.folder)
                place = Delivery(
                    mailbox_id=mailbox_id, folder=letter.folder, flags=letter.flags, internal_date=letter.date
                )
                self.store.deliver(tx, message, [place])

        await self.database.write(work)
