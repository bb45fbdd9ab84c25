"""The log of expunged UIDs is pruned, and what clients are told stays complete, on every engine."""

from datetime import timedelta

import sqlalchemy

from mailstore import tables
from mailstore.expunged_log import has_expunged, prune, prune_all
from mailstore.store import FlagChange
from tests.store.conftest import Instance

DELETED = FlagChange(op="add", flags=frozenset({"\\Deleted"}))


async def emptied(instance: Instance, *batches: list[int], of: int) -> int:
    """Return an INBOX that received OF messages, expunged batch after batch, an hour between two."""
    mailbox_id = await instance.mailbox()
    for _ in range(of):
        await instance.receive(mailbox_id)
    inbox = await instance.folder_id(mailbox_id)
    for uids in batches:
        await instance.database.write(lambda tx, uids=uids: instance.store.change_flags(tx, inbox, uids, DELETED))
        await instance.database.write(lambda tx: instance.store.expunge(tx, inbox))
        instance.clock.advance(timedelta(hours=1))
    return inbox


async def told(instance: Instance, inbox: int, since: int) -> list[int]:
    changes = await instance.database.read(lambda tx: instance.store.changes(tx, inbox, since))
    return list(changes.expunged)


async def logged(instance: Instance) -> list[int]:
    rows = sqlalchemy.select(tables.expunged.c.uid).order_by(tables.expunged.c.uid)
    return list(await instance.database.read(lambda tx: tx.execute(rows).scalars().all()))


async def modseqs(instance: Instance, inbox: int) -> list[int]:
    rows = sqlalchemy.select(tables.expunged.c.modseq).where(tables.expunged.c.folder_id == inbox).distinct()
    return sorted(await instance.database.read(lambda tx: tx.execute(rows).scalars().all()))


async def test_what_is_too_old_goes_and_whoever_was_away_learns_all_that_is_missing(instance: Instance) -> None:
    inbox = await emptied(instance, [1, 2], [4], [6], of=7)
    first, second, _ = await modseqs(instance, inbox)

    done = prune_all(instance.database, before=instance.clock.now() - timedelta(minutes=90), keep=1_000)

    assert done > 0
    assert await logged(instance) == [6]
    assert await told(instance, inbox, second) == [6]
    assert await told(instance, inbox, first) == await told(instance, inbox, 1) == [1, 2, 4, 6]


async def test_only_so_many_are_kept_of_a_folder(instance: Instance) -> None:
    busy = await emptied(instance, [1], [2], [3, 4], [5], of=6)
    quiet = await emptied(instance, [1], of=2)
    last = (await modseqs(instance, busy))[-1]

    prune_all(instance.database, before=instance.clock.now() - timedelta(days=1), keep=2)

    assert await told(instance, busy, last - 1) == [5]
    assert await told(instance, busy, 1) == [1, 2, 3, 4, 5]
    assert len(await modseqs(instance, busy)) == 1
    assert await told(instance, quiet, 1) == [1]


async def test_a_folder_of_which_nothing_is_left_is_told_whole(instance: Instance) -> None:
    inbox = await emptied(instance, [1, 2, 3], of=3)

    prune_all(instance.database, before=instance.clock.now(), keep=0)

    assert await logged(instance) == []
    assert await told(instance, inbox, 1) == [1, 2, 3]
    assert await instance.database.read(lambda tx: has_expunged(tx, inbox, 1))


async def test_with_nothing_to_prune_nothing_is_written(instance: Instance) -> None:
    inbox = await emptied(instance, [1], of=2)
    now = (await modseqs(instance, inbox))[-1]

    done = await instance.database.write(lambda tx: prune(tx, before=instance.clock.now() - timedelta(days=1), keep=9))

    assert done == 0
    assert await told(instance, inbox, 1) == [1]
    assert not await instance.database.read(lambda tx: has_expunged(tx, inbox, now))
