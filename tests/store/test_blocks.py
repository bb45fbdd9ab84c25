"""Blocks: strings and texts of 128 UIDs sealed together, made by the worker, gone with the first message expunged."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from mailstore import tables
from mailstore.blocks import BLOCK_UIDS, STRINGS, TEXTS, Place, Strings, Texts
from mailstore.model import HOLDER
from mailstore.store import FlagChange
from tests.store.conftest import SMALL, Instance
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import OutboxWorker

DELETE = FlagChange(op="add", flags=frozenset({"\\Deleted"}))
FIRST = 0
"""The number of the first block: UIDs 1 to 127."""
LONG = SMALL + b"ligne longue\r\n" * 4_000


@pytest.fixture
async def bus(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[LocalBus]:
    local = LocalBus(tmp_path_factory.mktemp("bus"))
    await local.start()
    yield local
    await local.close()


async def work_off(instance: Instance, bus: LocalBus) -> None:
    instance.clock.advance(timedelta(hours=1))
    handlers = instance.store.handlers(instance.database)
    await OutboxWorker(instance.database, bus, instance.clock, handlers).run_due()


async def fill(instance: Instance, mailbox_id: str, count: int, content: bytes = SMALL) -> int:
    """Deliver COUNT messages into the INBOX and return its id."""
    for _ in range(count):
        await instance.receive(mailbox_id, content)
    return await instance.folder_id(mailbox_id)


async def strings(instance: Instance, mailbox_id: str, folder_id: int, number: int = FIRST) -> Strings | None:
    found = await instance.database.read(
        lambda tx: instance.store.blocks(tx, Place(mailbox_id, folder_id), [number], STRINGS)
    )
    return found.get(number)


async def texts(instance: Instance, mailbox_id: str, folder_id: int, number: int = FIRST) -> Texts | None:
    found = await instance.database.read(
        lambda tx: instance.store.blocks(tx, Place(mailbox_id, folder_id), [number], TEXTS)
    )
    return found.get(number)


async def expunge(instance: Instance, folder_id: int, uid: int) -> None:
    def work(tx: Transaction) -> None:
        instance.store.change_flags(tx, folder_id, [uid], DELETE)
        instance.store.expunge(tx, folder_id, [uid])

    await instance.database.write(work)


async def test_a_block_is_made_once_its_last_uid_is_given(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    folder_id = await fill(instance, mailbox_id, BLOCK_UIDS - 2)
    await work_off(instance, bus)
    assert await strings(instance, mailbox_id, folder_id) is None

    await fill(instance, mailbox_id, 3)
    await work_off(instance, bus)

    made = await strings(instance, mailbox_id, folder_id)
    searched = await texts(instance, mailbox_id, folder_id)
    assert made is not None
    assert searched is not None
    assert made.uids == searched.uids == tuple(range(1, BLOCK_UIDS))
    assert b'"Bilan"' in made.ready[0].envelope
    assert searched.words[0].body == "bonjour,\nmarqueur\n"
    assert "subject: bilan" in searched.words[0].header
    assert await strings(instance, mailbox_id, folder_id, FIRST + 1) is None


async def test_nothing_of_a_message_lies_in_clear_in_a_block(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    await fill(instance, mailbox_id, BLOCK_UIDS)
    await work_off(instance, bus)

    row = (await instance.database.read(lambda tx: tx.execute(select(tables.block)).all()))[0]

    kept = bytes(row.sealed_strings) + bytes(row.sealed_texts)
    assert not any(word in kept.lower() for word in (b"bilan", b"marqueur", b"martin", b"279035121518989"))


async def test_an_expunge_erases_the_block_and_it_is_made_again_without_the_message(
    instance: Instance, bus: LocalBus
) -> None:
    mailbox_id = await instance.mailbox()
    folder_id = await fill(instance, mailbox_id, BLOCK_UIDS)
    await work_off(instance, bus)

    await expunge(instance, folder_id, 5)

    assert await strings(instance, mailbox_id, folder_id) is None
    await work_off(instance, bus)
    made = await strings(instance, mailbox_id, folder_id)
    assert made is not None
    assert made.uids == (1, 2, 3, 4, *range(6, BLOCK_UIDS))


async def test_a_message_expunged_while_its_block_is_made_is_not_in_it(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    folder_id = await fill(instance, mailbox_id, BLOCK_UIDS)
    handlers = dict(instance.store.handlers(instance.database))
    make = handlers["mailstore.make_block"]

    async def interrupted(task):  # the message goes between the gathering and the keeping
        closing = await make(task)
        await expunge(instance, folder_id, 7)
        return closing

    instance.clock.advance(timedelta(hours=1))
    await OutboxWorker(instance.database, bus, instance.clock, {"mailstore.make_block": interrupted}).run_due()

    made = await strings(instance, mailbox_id, folder_id)
    assert made is not None
    assert 7 not in made.uids


async def test_copies_and_moves_fill_and_erase_blocks(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    folder_id = await fill(instance, mailbox_id, BLOCK_UIDS)
    archive = await instance.folder_id(mailbox_id, "Archives")
    await work_off(instance, bus)

    await instance.database.write(lambda tx: instance.store.copy(tx, folder_id, range(1, BLOCK_UIDS + 1), archive))
    await instance.database.write(lambda tx: instance.store.move(tx, folder_id, [1], archive))
    assert await strings(instance, mailbox_id, folder_id) is None
    await work_off(instance, bus)

    here, there = await strings(instance, mailbox_id, folder_id), await strings(instance, mailbox_id, archive)
    assert here is not None
    assert there is not None
    assert here.uids == tuple(range(2, BLOCK_UIDS))
    assert there.uids == tuple(range(1, BLOCK_UIDS))


async def test_a_block_put_in_another_place_does_not_open(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    folder_id = await fill(instance, mailbox_id, BLOCK_UIDS)
    await work_off(instance, bus)

    await instance.database.write(lambda tx: tx.execute(update(tables.block).values(number=FIRST + 3)))

    assert await strings(instance, mailbox_id, folder_id, FIRST + 3) is None


async def test_long_texts_are_left_to_be_opened(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    await fill(instance, mailbox_id, 1, LONG)
    folder_id = await fill(instance, mailbox_id, BLOCK_UIDS)
    await work_off(instance, bus)

    searched = await texts(instance, mailbox_id, folder_id)

    assert searched is not None
    assert searched.words[0].body is None
    assert searched.words[1].body is not None


async def test_a_deleted_folder_and_an_erased_mailbox_leave_no_block(instance: Instance, bus: LocalBus) -> None:
    mailbox_id = await instance.mailbox()
    await fill(instance, mailbox_id, BLOCK_UIDS)
    await work_off(instance, bus)

    await instance.database.write(lambda tx: instance.store.delete_mailbox(tx, mailbox_id))
    await work_off(instance, bus)

    count = select(func.count()).select_from(tables.block)
    assert await instance.database.read(lambda tx: tx.execute(count).scalar_one()) == 0


async def test_held_messages_are_in_no_block(instance: Instance, bus: LocalBus) -> None:
    for _ in range(BLOCK_UIDS):
        message = await instance.seal()
        await instance.database.write(
            lambda tx, message=message: instance.store.deliver(tx, message, [instance.store.holding_place(tx)])
        )
    await work_off(instance, bus)

    assert await strings(instance, HOLDER, await instance.folder_id(HOLDER)) is None
