"""Delivery and reading: written once, opened by each mailbox, byte for byte, whatever the size."""

import asyncio
import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from mailstore import tables
from mailstore.store import FolderProblem, FolderRefused
from tests.store.conftest import SMALL, Instance
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure, TemporaryFailure

HEADER = b"Subject: essai\r\nContent-Type: application/octet-stream\r\n\r\n"


def message_of(body_bytes: int) -> bytes:
    return HEADER + random.Random(body_bytes).randbytes(body_bytes)


async def count(instance: Instance, table_name: str) -> int:
    table = {"message": tables.message, "entry": tables.entry}[table_name]
    statement = select(func.count()).select_from(table)
    return int(await instance.database.read(lambda tx: tx.execute(statement).scalar_one()))


async def test_a_message_for_three_mailboxes_is_stored_once_and_each_opens_it(instance: Instance) -> None:
    mailboxes = [await instance.mailbox() for _ in range(3)]
    message = await instance.seal()

    placements = await instance.deliver(message, *(instance.to(mailbox_id) for mailbox_id in mailboxes))

    assert [placement.mailbox_id for placement in placements] == mailboxes
    assert (await count(instance, "message"), await count(instance, "entry")) == (1, 3)
    for mailbox_id in mailboxes:
        reader = await instance.database.read(
            lambda tx, owner=mailbox_id: instance.store.open(tx, owner, message.message_id)
        )
        assert reader.read() == SMALL


async def test_a_mailbox_that_did_not_get_the_message_does_not_open_it(instance: Instance) -> None:
    mine, other = await instance.mailbox(), await instance.mailbox()
    message = await instance.seal()
    await instance.deliver(message, instance.to(mine))

    with pytest.raises(PermanentFailure):
        await instance.database.read(lambda tx: instance.store.open(tx, other, message.message_id))


@pytest.mark.parametrize("body_bytes", [0, 1, 32_768, 32_769, 65_536, 65_537, 131_072, 300_000])
async def test_any_size_reads_back_exactly_whole_and_by_range(instance: Instance, body_bytes: int) -> None:
    mailbox_id, content = await instance.mailbox(), message_of(body_bytes)
    message = await instance.seal(content)
    await instance.deliver(message, instance.to(mailbox_id))

    reader = await instance.database.read(lambda tx: instance.store.open(tx, mailbox_id, message.message_id))

    assert reader.size_bytes == len(content)
    assert reader.read() == content
    assert b"".join(reader) == content
    for offset, length in [(0, 10), (50, 20), (len(HEADER), 65_536), (65_000, 1_000), (131_000, 500), (10**9, 5)]:
        assert reader.read(offset, length) == content[offset : offset + length]


async def test_the_header_may_change_until_the_message_is_sealed(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    header, _, body = SMALL.partition(b"\r\n\r\n")
    traced = b"Received: from peer\r\n" + header + b"\r\n\r\n"
    message = await instance.seal(SMALL, traced)
    await instance.deliver(message, instance.to(mailbox_id))

    reader = await instance.database.read(lambda tx: instance.store.open(tx, mailbox_id, message.message_id))

    assert reader.header == traced == message.header
    assert reader.read() == traced + body
    assert reader.part_bytes("1") == body


async def test_uids_strictly_increase_under_concurrent_deliveries(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()

    placements = await asyncio.gather(*(instance.receive(mailbox_id) for _ in range(30)))

    inbox = placements[0].folder_id
    assert sorted(placement.uid for placement in placements) == list(range(1, 31))
    assert len({placement.modseq for placement in placements}) == 30
    assert list(await instance.database.read(lambda tx: instance.store.uids(tx, inbox))) == list(range(1, 31))


async def test_a_refused_place_leaves_nothing_of_the_delivery(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal()

    with pytest.raises(FolderRefused) as refusal:
        await instance.deliver(message, instance.to(mailbox_id), instance.to(mailbox_id, folder="absent"))

    inbox = await instance.database.read(lambda tx: instance.store.folder(tx, mailbox_id, "INBOX"))
    assert refusal.value.problem is FolderProblem.NONEXISTENT
    assert await count(instance, "message") == 0
    assert inbox is not None
    assert inbox.uidnext == 1


async def test_a_failing_delivery_does_not_take_its_neighbours_along(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal()

    outcomes = await asyncio.gather(
        *(instance.receive(mailbox_id) for _ in range(5)),
        instance.deliver(message, instance.to("f" * 32)),
        *(instance.receive(mailbox_id) for _ in range(5)),
        return_exceptions=True,
    )

    assert [isinstance(outcome, FolderRefused) for outcome in outcomes].count(True) == 1
    assert await count(instance, "message") == 10


async def test_entries_tell_flags_date_and_size(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    instance.clock.advance(timedelta(microseconds=123_456))
    placement = await instance.receive(mailbox_id, flags=frozenset({"\\Seen", "$Forwarded"}))

    (entry,) = await instance.database.read(lambda tx: instance.store.entries(tx, placement.folder_id))

    assert (entry.uid, entry.modseq, entry.size_bytes) == (placement.uid, placement.modseq, len(SMALL))
    assert entry.flags == {"\\Seen", "$Forwarded"}
    assert entry.internal_date == instance.clock.now()


async def test_indexes_are_ready_for_a_listing(instance: Instance) -> None:
    mailbox_id, other = await instance.mailbox(), await instance.mailbox()
    messages = [await instance.seal() for _ in range(3)]
    for message in messages:
        await instance.deliver(message, instance.to(mailbox_id))
    wanted = [message.message_id for message in messages]

    found = await instance.database.read(lambda tx: instance.store.indexes(tx, mailbox_id, wanted))
    foreign = await instance.database.read(lambda tx: instance.store.indexes(tx, other, wanted))

    assert list(found.values()) == [message.index for message in messages]
    assert b'"Bilan"' in found[wanted[0]].envelope
    assert foreign == {}


async def test_no_octet_of_the_message_lies_in_clear_on_the_disk(instance: Instance, tmp_path: Path) -> None:
    mailbox_id = await instance.mailbox()
    await instance.receive(mailbox_id)
    await instance.receive(mailbox_id, SMALL + b"MARQUEUR\r\n" * 10_000)

    stored = [path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()]

    assert not any(word in content for content in stored for word in (b"MARQUEUR", b"Bilan", b"camille.martin"))


async def test_a_discarded_draft_gives_its_blob_back(instance: Instance) -> None:
    draft = instance.store.draft()
    await draft.write(message_of(200_000))
    message = await draft.seal()
    assert message.blob_ref is not None

    await draft.discard()

    mailbox_id = await instance.mailbox()
    await instance.deliver(message, instance.to(mailbox_id))
    reader = await instance.database.read(lambda tx: instance.store.open(tx, mailbox_id, message.message_id))
    with pytest.raises(IntegrityError, match=r"blob|segment"):
        reader.read()


async def test_a_message_without_any_place_is_refused(instance: Instance) -> None:
    message = await instance.seal()

    with pytest.raises(PermanentFailure):
        await instance.deliver(message)


async def test_a_body_outside_the_catalogue_is_on_disk_before_the_row_that_names_it(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal(message_of(300_000))
    flushed: list[tuple[str, ...]] = []
    rows_then: list[int] = []
    flush = instance.blobs.flush

    def watched(references: Iterable[str]) -> None:
        flushed.append(tuple(references))
        found = instance.database.read_now(lambda tx: tx.execute(select(tables.message.c.id)).all())
        rows_then.append(len(found))
        flush(flushed[-1])

    monkeypatch.setattr(instance.blobs, "flush", watched)

    await instance.deliver(message, instance.to(mailbox_id))

    assert flushed == [(message.blob_ref,)]
    assert rows_then == [0]


async def test_a_body_that_does_not_reach_the_disk_is_not_delivered(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal(message_of(300_000))

    def fails(_references: Iterable[str]) -> None:
        raise TemporaryFailure("blobs: EIO")

    monkeypatch.setattr(instance.blobs, "flush", fails)
    with pytest.raises(TemporaryFailure):
        await instance.deliver(message, instance.to(mailbox_id))
    small = await instance.receive(mailbox_id)

    assert (await count(instance, "message"), await count(instance, "entry")) == (1, 1)
    assert small.uid == 1
