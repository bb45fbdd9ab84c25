"""Keys: another process opens with the same instance key, another instance does not, and nothing stale is kept."""

import os

import pytest
from sqlalchemy import delete

from mailstore import tables
from mailstore.store import MailStore, MailStoreSettings
from tests.store.conftest import SMALL, Instance
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.keys import InstanceKey


def other_process(instance: Instance, key: InstanceKey) -> MailStore:
    """Return a store that has opened no key yet."""
    return MailStore(blobs=instance.blobs, instance_key=key, clock=instance.clock, settings=MailStoreSettings())


async def test_another_process_opens_what_this_one_sealed(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal()
    await instance.deliver(message, instance.to(mailbox_id))
    other = other_process(instance, instance.key)

    reader = await instance.database.read(lambda tx: other.open(tx, mailbox_id, message.message_id))

    assert reader.read() == SMALL


async def test_another_instance_key_opens_nothing(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal()
    await instance.deliver(message, instance.to(mailbox_id))
    thief = other_process(instance, InstanceKey(os.urandom(32)))

    with pytest.raises(IntegrityError):
        await instance.database.read(lambda tx: thief.open(tx, mailbox_id, message.message_id))


async def test_a_mailbox_that_was_rolled_back_leaves_no_key_behind(instance: Instance) -> None:
    mailbox_id, first, second = new_id(), await instance.seal(), await instance.seal()

    def interrupted(tx: Transaction) -> None:
        instance.store.create_mailbox(tx, mailbox_id)
        instance.store.deliver(tx, first, [instance.to(mailbox_id)])
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        await instance.database.write(interrupted)
    await instance.database.write(lambda tx: instance.store.create_mailbox(tx, mailbox_id))
    await instance.deliver(second, instance.to(mailbox_id))

    other = other_process(instance, instance.key)
    reader = await instance.database.read(lambda tx: other.open(tx, mailbox_id, second.message_id))
    assert reader.read() == SMALL


async def test_without_its_mailbox_key_a_message_is_lost(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal()
    await instance.deliver(message, instance.to(mailbox_id))

    def destroy(tx: Transaction) -> None:
        tx.execute(tables.folder.update().values(key_id=new_key_id))
        tx.execute(delete(tables.mailbox_key).where(tables.mailbox_key.c.id != new_key_id))

    new_key_id = new_id()
    row = {"id": new_key_id, "mailbox_id": mailbox_id, "sealed_key": b"x", "created_at": instance.clock.now()}
    await instance.database.write(lambda tx: tx.execute(tables.mailbox_key.insert(), row))
    await instance.database.write(destroy)
    other = other_process(instance, instance.key)

    with pytest.raises(IntegrityError):
        await instance.database.read(lambda tx: other.open(tx, mailbox_id, message.message_id))
