"""The memory of searched folders says what the store says, and stays within its bound."""

import pytest
from sqlalchemy import update

from mailstore.imap.known_entries import KnownEntries
from mailstore.imap.summary import Summary
from mailstore.store import FlagChange, FolderRefused
from mailstore.tables import folder
from tests.unit.mailstore_imap.test_known_uids import MAILBOX, deliver, folder_of, store

__all__ = ["store"]  # a fixture


def test_the_memory_follows_the_store(database, store):
    known = KnownEntries(store)
    inbox = database.read_now(lambda tx: folder_of(tx, store).id)
    deleted = FlagChange(op="add", flags=frozenset({"\\Deleted"}))

    for step in (
        lambda: None,
        lambda: deliver(database, store, 3),
        lambda: database.write_now(lambda tx: store.change_flags(tx, inbox, [2], deleted)),
        lambda: None,
        lambda: database.write_now(lambda tx: store.expunge(tx, inbox)),
        lambda: deliver(database, store, 1),
    ):
        step()
        told, held = database.read_now(lambda tx: (known.of(tx, inbox), store.entries(tx, inbox)))
        assert told.entries == held


def test_a_list_that_a_search_holds_does_not_change(database, store):
    known = KnownEntries(store)
    deliver(database, store, 2)
    inbox = database.read_now(lambda tx: folder_of(tx, store).id)
    held = database.read_now(lambda tx: known.of(tx, inbox)).entries

    deliver(database, store, 1)
    now = database.read_now(lambda tx: known.of(tx, inbox)).entries

    assert [len(held), len(now)] == [2, 3]


def test_a_summary_goes_with_its_message(database, store):
    known = KnownEntries(store)
    deliver(database, store, 2)
    inbox = database.read_now(lambda tx: folder_of(tx, store).id)
    told = database.read_now(lambda tx: known.of(tx, inbox))
    told.summaries.update({entry.message_id: Summary(b"()", b"") for entry in told.entries})

    database.write_now(
        lambda tx: store.change_flags(tx, inbox, [1], FlagChange(op="add", flags=frozenset({"\\Deleted"})))
    )
    database.write_now(lambda tx: store.expunge(tx, inbox))

    after = database.read_now(lambda tx: known.of(tx, inbox))
    assert set(after.summaries) == {told.entries[1].message_id}


def test_an_older_copy_of_the_catalogue_is_read_again(database, store):
    known = KnownEntries(store)
    deliver(database, store, 2)
    inbox = database.read_now(lambda tx: folder_of(tx, store).id)
    before = database.read_now(lambda tx: known.of(tx, inbox)).modseq

    database.write_now(lambda tx: tx.execute(update(folder).where(folder.c.id == inbox).values(highest_modseq=1)))

    assert database.read_now(lambda tx: known.of(tx, inbox)).modseq == 1 < before


def test_the_folder_used_longest_ago_is_forgotten_first(database, store):
    known = KnownEntries(store, limit=5)
    for name in ("INBOX", "Archives"):
        deliver(database, store, 3, name)
    first, second = (database.read_now(lambda tx, name=name: folder_of(tx, store, name).id) for name in
                     ("INBOX", "Archives"))  # fmt: skip

    for folder_id in (first, second):
        database.read_now(lambda tx, folder_id=folder_id: known.of(tx, folder_id))

    assert list(known._folders) == [(second, "")]


def test_a_folder_that_was_deleted_is_forgotten(database, store):
    known = KnownEntries(store)
    made = database.write_now(lambda tx: store.create_folder(tx, MAILBOX, "Cas"))
    database.read_now(lambda tx: known.of(tx, made.id))
    database.write_now(lambda tx: store.delete_folder(tx, MAILBOX, "Cas"))

    with pytest.raises(FolderRefused):
        database.read_now(lambda tx: known.of(tx, made.id))

    assert not known._folders
