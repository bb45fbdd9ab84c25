"""Annotations: sealed values on folders, on every engine."""

import pytest
import sqlalchemy

from mailstore.annotations import WHOLE_MAILBOX, Drawer
from mailstore.tables import annotation
from vaguemestre.kernel.errors import IntegrityError

READER = "a" * 32


async def put(instance, drawer, **values):
    def work(tx):
        for name, value in values.items():
            instance.store.annotations.put(tx, drawer, f"/{'private' if drawer.account_id else 'shared'}/{name}", value)

    await instance.database.write(work)


async def read(instance, *folder_ids):
    def work(tx):
        listed = instance.store.annotations.list(tx, READER, folder_ids)
        return instance.store.annotations.values(tx, READER, listed)

    return await instance.database.read(work)


async def test_an_account_reads_what_is_shared_and_its_own(instance):
    mailbox_id = await instance.mailbox()
    folder_id = await instance.folder_id(mailbox_id)
    for account_id in ("", READER, "b" * 32):
        drawer = Drawer(folder_id=folder_id, account_id=account_id, mailbox_id=mailbox_id)
        await put(instance, drawer, comment=f"de {account_id[:1]}".encode(), other=b"")
    await put(instance, Drawer(folder_id=WHOLE_MAILBOX, account_id=READER, mailbox_id=mailbox_id), comment=b"\0")

    assert await read(instance, folder_id, WHOLE_MAILBOX) == {
        (folder_id, "/shared/comment"): b"de ",
        (folder_id, "/private/comment"): b"de a",
        (folder_id, "/shared/other"): b"",
        (folder_id, "/private/other"): b"",
        (WHOLE_MAILBOX, "/private/comment"): b"\0",
    }


async def test_a_value_is_replaced_and_removed(instance):
    mailbox_id = await instance.mailbox()
    folder_id = await instance.folder_id(mailbox_id)
    drawer = Drawer(folder_id=folder_id, account_id="", mailbox_id=mailbox_id)

    await put(instance, drawer, comment=b"un", other=b"x")
    await put(instance, drawer, comment=b"deux" * 20_000, other=None)

    assert await read(instance, folder_id) == {(folder_id, "/shared/comment"): b"deux" * 20_000}
    assert await instance.database.read(lambda tx: instance.store.annotations.count(tx, drawer)) == 1


async def test_a_value_opens_under_its_own_name_only(instance):
    mailbox_id = await instance.mailbox()
    folder_id = await instance.folder_id(mailbox_id)
    await put(instance, Drawer(folder_id=folder_id, account_id="", mailbox_id=mailbox_id), comment=b"un")

    moved = sqlalchemy.update(annotation).values(name="/shared/other")
    await instance.database.write(lambda tx: tx.execute(moved))

    with pytest.raises(IntegrityError):
        await read(instance, folder_id)


async def test_annotations_go_with_their_mailbox(instance):
    mailbox_id = await instance.mailbox()
    folder_id = await instance.folder_id(mailbox_id)
    for where in (folder_id, WHOLE_MAILBOX):
        await put(instance, Drawer(folder_id=where, account_id=READER, mailbox_id=mailbox_id), comment=b"un")

    await instance.database.write(lambda tx: instance.store.delete_mailbox(tx, mailbox_id))

    assert await instance.database.read(lambda tx: tx.execute(sqlalchemy.select(annotation)).all()) == []
