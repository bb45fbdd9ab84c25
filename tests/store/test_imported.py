"""What came in is remembered with the messages themselves, on each engine."""

from dataclasses import replace
from pathlib import Path

from mailstore.exchange.importing import Importer, ImportPlan
from mailstore.exchange.journal import Journal
from mailstore.exchange.mbox import MboxSource
from mailstore.exchange.model import Reference, Report
from tests.store.conftest import Instance
from vaguemestre.kernel.database import Transaction

SECRET = b"k" * 32
FIRST = Reference(folder="INBOX", origin="a", key=b"1/1", place="UID 1", handle=1, validity=1)
AGAIN = replace(FIRST, key=b"2/7", validity=2)
LARGE = b"x" * 40_000  # beyond what a catalogue row holds


async def bring_in(instance: Instance, mailbox_id: str, path: Path) -> Report:
    source = MboxSource(path)
    importer = Importer(
        ImportPlan(mailbox_id=mailbox_id, message_bytes=1_000_000),
        store=instance.store,
        database=instance.database,
        clock=instance.clock,
        journal=Journal(mailbox_id, source.identity, SECRET),
    )
    return await importer.run(source, lambda _tx: None, lambda _done, _total: None)


async def test_messages_come_in_once(instance: Instance, tmp_path: Path):
    mailbox_id, path = await instance.mailbox(), tmp_path / "a.mbox"
    begin = b"From a@b.fr Mon Nov 23 08:09:10 2026\nSubject: a\n\n"
    path.write_bytes(begin + LARGE + b"\n\n" + begin + b"x\n\n" + begin + b"x\n")

    reports = [await bring_in(instance, mailbox_id, path) for _ in range(2)]

    assert [(each.done, each.known) for each in reports] == [(3, 0), (0, 3)]
    folder_id = await instance.folder_id(mailbox_id)
    entries = await instance.database.read(lambda tx: instance.store.entries(tx, folder_id))
    assert [each.size_bytes for each in entries] == [40_016, 17, 17]


async def test_the_journal_follows_a_folder_that_is_renumbered(instance: Instance):
    mailbox_id = await instance.mailbox()
    journal = Journal(mailbox_id, "imap:a@b:993", SECRET)
    before, now = journal.line(FIRST, b"c" * 16), journal.line(AGAIN, b"c" * 16)

    await instance.database.write(lambda tx: journal.add(tx, before))
    stale = await instance.database.read(lambda tx: journal.stale(tx, now.origin, 2))
    await instance.database.write(lambda tx: journal.renumber(tx, [(before.mark, now)]))

    def look(tx: Transaction) -> tuple[set[bytes], dict[bytes, list[bytes]]]:
        return journal.known(tx, [before, now]), journal.stale(tx, now.origin, 2)

    assert stale == {b"c" * 16: [before.mark]}
    assert await instance.database.read(look) == ({now.mark}, {})


async def test_what_is_forgotten_is_of_one_origin(instance: Instance):
    mailbox_id = await instance.mailbox()
    journal = Journal(mailbox_id, "imap:a@b:993", SECRET)
    here, there = journal.line(FIRST), journal.line(replace(FIRST, origin="b"))

    def fill(tx: Transaction) -> None:
        for line in (here, there):
            journal.add(tx, line)

    await instance.database.write(fill)
    await instance.database.write(lambda tx: journal.forget(tx, here.origin))

    assert await instance.database.read(lambda tx: journal.known(tx, [here, there])) == {there.mark}


async def test_digests_say_nothing_without_the_key(instance: Instance):
    mailbox_id = await instance.mailbox()
    ours, others = (Journal(mailbox_id, "imap:a@b:993", key).line(FIRST) for key in (SECRET, b"z" * 32))

    assert {ours.mark, ours.origin}.isdisjoint({others.mark, others.origin})
