"""What must disappear does, what must stay does: garbage, erased mailboxes, corrupted rows, sealed contents."""

import os
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, update

from mailstore import tables
from mailstore.garbage import sweep
from mailstore.store import FlagChange
from tests.store.conftest import SMALL, Instance
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.outbox import OutboxWorker

LARGE = SMALL + b"ligne\r\n" * 20_000
DELETE = FlagChange(op="add", flags=frozenset({"\\Deleted"}))


async def messages(instance: Instance) -> int:
    statement = select(func.count()).select_from(tables.message)
    return int(await instance.database.read(lambda tx: tx.execute(statement).scalar_one()))


async def delete_all(instance: Instance, folder_id: int) -> None:
    def work(tx: Transaction) -> None:
        instance.store.change_flags(tx, folder_id, instance.store.uids(tx, folder_id), DELETE)
        instance.store.expunge(tx, folder_id)

    await instance.database.write(work)


async def work_off(instance: Instance, bus: LocalBus) -> None:
    instance.clock.advance(timedelta(hours=1))
    await OutboxWorker(instance.database, bus, instance.clock, instance.store.handlers(instance.database)).run_due()


@pytest.fixture
async def bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalBus]:
    local = LocalBus(tmp_path_factory.mktemp("bus"))
    await local.start()
    yield local
    await local.close()


async def test_a_body_that_never_got_its_row_is_swept_and_a_stored_one_is_not(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    stored, lost = await instance.seal(LARGE), await instance.seal(LARGE)
    await instance.deliver(stored, instance.to(mailbox_id))
    if isinstance(instance.blobs, LocalBlobs):
        os.close(instance.blobs._appending.descriptor)  # as when the process that wrote it has ended
    in_two_days = datetime.now(UTC) + timedelta(days=2)

    assert sweep(instance.database, instance.blobs, in_two_days) > len(LARGE) // 2

    reader = await instance.database.read(lambda tx: instance.store.open(tx, mailbox_id, stored.message_id))
    assert reader.read() == LARGE
    assert lost.blob_ref is not None
    assert sweep(instance.database, instance.blobs, in_two_days) == 0


async def test_the_last_expunge_erases_the_message_and_its_blob(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal(LARGE)
    (placement,) = await instance.deliver(message, instance.to(mailbox_id))
    reader = await instance.database.read(lambda tx: instance.store.open(tx, mailbox_id, message.message_id))

    await delete_all(instance, placement.folder_id)
    await work_off(instance, bus)

    assert await messages(instance) == 0
    with pytest.raises(IntegrityError):
        reader.read()


async def test_a_message_that_another_mailbox_holds_stays(instance: Instance, bus: LocalBus) -> None:
    mine, other = await instance.mailbox(), await instance.mailbox()
    message = await instance.seal(LARGE)
    placement, _ = await instance.deliver(message, instance.to(mine), instance.to(other))

    await delete_all(instance, placement.folder_id)
    await work_off(instance, bus)

    reader = await instance.database.read(lambda tx: instance.store.open(tx, other, message.message_id))
    assert reader.read() == LARGE
    with pytest.raises(PermanentFailure):
        await instance.database.read(lambda tx: instance.store.open(tx, mine, message.message_id))


async def test_an_erased_mailbox_leaves_no_key_and_its_id_never_serves_again(instance: Instance, bus: LocalBus) -> None:
    mine, other = await instance.mailbox(), await instance.mailbox()
    shared, own = await instance.seal(), await instance.seal()
    await instance.deliver(shared, instance.to(mine), instance.to(other))
    await instance.deliver(own, instance.to(mine))
    await instance.database.write(lambda tx: instance.store.seal_content(tx, mine, b"document"))

    await instance.database.write(lambda tx: instance.store.delete_mailbox(tx, mine))
    await work_off(instance, bus)

    keys = select(func.count()).select_from(tables.mailbox_key).where(tables.mailbox_key.c.mailbox_id == mine)
    reader = await instance.database.read(lambda tx: instance.store.open(tx, other, shared.message_id))
    assert await instance.database.read(lambda tx: tx.execute(keys).scalar()) == 0
    assert await messages(instance) == 1
    assert reader.read() == SMALL
    with pytest.raises(PermanentFailure):
        await instance.database.write(lambda tx: instance.store.create_mailbox(tx, mine))


async def test_a_deleted_folder_leaves_its_messages_to_the_collector(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    await instance.database.write(lambda tx: instance.store.create_folder(tx, mailbox_id, "a"))
    await instance.deliver(await instance.seal(), instance.to(mailbox_id, folder="a"))

    await instance.database.write(lambda tx: instance.store.delete_folder(tx, mailbox_id, "a"))
    await work_off(instance, bus)

    assert await messages(instance) == 0


@pytest.mark.parametrize("column", ["sealed_header", "sealed_index", "sealed_body"])
async def test_one_changed_octet_breaks_that_message_and_no_other(instance: Instance, column: str) -> None:
    mailbox_id = await instance.mailbox()
    broken, sound = await instance.seal(), await instance.seal()
    for message in (broken, sound):
        await instance.deliver(message, instance.to(mailbox_id))
    sealed = bytearray(getattr(broken, column))
    sealed[len(sealed) // 2] ^= 1
    change = update(tables.message).where(tables.message.c.id == broken.message_id).values({column: bytes(sealed)})
    await instance.database.write(lambda tx: tx.execute(change))

    def read(tx: Transaction, message_id: str) -> bytes:
        return instance.store.open(tx, mailbox_id, message_id).read()

    with pytest.raises(IntegrityError):
        await instance.database.read(lambda tx: read(tx, broken.message_id))
    assert await instance.database.read(lambda tx: read(tx, sound.message_id)) == SMALL
    wanted = [broken.message_id, sound.message_id]
    listed = await instance.database.read(lambda tx: instance.store.indexes(tx, mailbox_id, wanted))
    assert (broken.message_id in listed) == (column != "sealed_index")
    assert sound.message_id in listed


async def test_a_wrapped_key_opens_only_where_it_was_wrapped(instance: Instance) -> None:
    mine, other = await instance.mailbox(), await instance.mailbox()
    placement, stolen = await instance.receive(mine), await instance.receive(other)
    theirs = select(tables.entry.c.wrapped_key, tables.entry.c.message_id).where(
        tables.entry.c.folder_id == stolen.folder_id
    )
    row = await instance.database.read(lambda tx: tx.execute(theirs).one())
    theft = (
        update(tables.entry)
        .where(tables.entry.c.folder_id == placement.folder_id)
        .values(wrapped_key=row.wrapped_key, message_id=row.message_id)
    )
    await instance.database.write(lambda tx: tx.execute(theft))

    with pytest.raises(IntegrityError):
        await instance.database.read(lambda tx: instance.store.open(tx, mine, row.message_id))


@pytest.mark.parametrize("size_bytes", [0, 5, 65_536, 200_000])
async def test_a_document_is_sealed_under_the_key_of_a_mailbox(instance: Instance, size_bytes: int) -> None:
    mine, other = await instance.mailbox(), await instance.mailbox()
    document = bytes(range(256)) * (size_bytes // 256) + b"x" * (size_bytes % 256)

    content_id = await instance.database.write(lambda tx: instance.store.seal_content(tx, mine, document))

    assert await instance.database.read(lambda tx: instance.store.open_content(tx, mine, content_id)) == document
    with pytest.raises(PermanentFailure):
        await instance.database.read(lambda tx: instance.store.open_content(tx, other, content_id))


async def test_an_erased_document_is_gone(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    content_id = await instance.database.write(lambda tx: instance.store.seal_content(tx, mailbox_id, b"document"))

    erased = await instance.database.write(lambda tx: instance.store.erase_content(tx, mailbox_id, content_id))

    assert erased
    with pytest.raises(PermanentFailure):
        await instance.database.read(lambda tx: instance.store.open_content(tx, mailbox_id, content_id))
