"""The memory of selected folders says what the store says, and stays within its bound."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailstore.config import MailStoreSettings
from mailstore.imap.known_uids import FEW_CHANGES, KnownUids
from mailstore.store import Delivery, FlagChange, Folder, MailStore
from vaguemestre.kernel.blobs.local import LocalBlobs
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey

MAILBOX = "0" * 32
NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.fixture
def store(database: Database, clock: ManualClock, tmp_path: Path) -> MailStore:
    blobs, key = LocalBlobs(tmp_path / "blobs"), InstanceKey(bytes(32))
    store = MailStore(blobs=blobs, instance_key=key, clock=clock, settings=MailStoreSettings())
    database.write_now(lambda tx: store.create_mailbox(tx, MAILBOX))
    return store


def deliver(database: Database, store: MailStore, count: int, folder: str = "INBOX") -> None:
    async def work() -> None:
        place = Delivery(mailbox_id=MAILBOX, folder=folder, internal_date=NOON)
        for _ in range(count):
            draft = store.draft()
            await draft.write(b"Subject: x\r\n\r\n")
            sealed = await draft.seal()
            await database.write(lambda tx, sealed=sealed: store.deliver(tx, sealed, [place]))

    asyncio.run(work())


def folder_of(tx: Transaction, store: MailStore, name: str = "INBOX") -> Folder:
    folder = store.folder(tx, MAILBOX, name)
    assert folder is not None
    return folder


def test_the_memory_follows_the_store(database, store):
    known = KnownUids(store)
    seen = []
    deleted = FlagChange(op="add", flags=frozenset({"\\Deleted"}))

    for step in (
        lambda: deliver(database, store, 3),
        lambda: database.write_now(lambda tx: store.change_flags(tx, folder_of(tx, store).id, [2], deleted)),
        lambda: database.write_now(lambda tx: store.expunge(tx, folder_of(tx, store).id)),
        lambda: deliver(database, store, 1),
    ):
        step()
        seen.append(database.read_now(lambda tx: list(known.of(tx, folder_of(tx, store)))))

    assert seen == [[1, 2, 3], [1, 2, 3], [1, 3], [1, 3, 4]]


@pytest.mark.parametrize("changes", [FEW_CHANGES - 2, FEW_CHANGES + 20])
def test_few_changes_are_applied_and_after_many_all_is_read(database, store, changes):
    known = KnownUids(store)
    deleted = FlagChange(op="add", flags=frozenset({"\\Deleted"}))
    deliver(database, store, 3)
    before = database.read_now(lambda tx: known.of(tx, folder_of(tx, store)))

    deliver(database, store, changes)
    database.write_now(lambda tx: store.change_flags(tx, folder_of(tx, store).id, [2], deleted))
    database.write_now(lambda tx: store.expunge(tx, folder_of(tx, store).id))
    after = database.read_now(lambda tx: known.of(tx, folder_of(tx, store)))

    assert list(before) == [1, 2, 3]
    assert list(after) == [1, *range(3, changes + 4)]


def test_each_caller_gets_an_array_of_its_own(database, store):
    known = KnownUids(store)
    deliver(database, store, 2)

    first = database.read_now(lambda tx: known.of(tx, folder_of(tx, store)))
    first.append(99)

    assert list(database.read_now(lambda tx: known.of(tx, folder_of(tx, store)))) == [1, 2]


def test_the_folder_used_longest_ago_is_forgotten_first(database, store):
    known = KnownUids(store, limit=3)
    for name in ("INBOX", "Archives", "Corbeille"):
        deliver(database, store, 2, name)
        database.read_now(lambda tx, name=name: known.of(tx, folder_of(tx, store, name)))

    kept = list(known._folders)

    assert kept == [database.read_now(lambda tx: folder_of(tx, store, "Corbeille").id)]
