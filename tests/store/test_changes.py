"""Flags, copies, moves, expunges, and what other sessions learn of them."""

import pytest

from mailstore.blocks import Place
from mailstore.restarts import GAP, leave_gap_after_boot
from mailstore.store import FlagChange, FolderProblem, FolderRefused
from tests.store.conftest import SMALL, Instance
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import ProtocolError

SEEN, DELETED = "\\Seen", "\\Deleted"


def add(*flags: str, unchanged_since: int | None = None) -> FlagChange:
    return FlagChange(op="add", flags=frozenset(flags), unchanged_since=unchanged_since)


async def filled(instance: Instance, count: int = 3) -> tuple[str, int]:
    """Return a mailbox and its INBOX, which holds that many messages."""
    mailbox_id = await instance.mailbox()
    for _ in range(count):
        await instance.receive(mailbox_id)
    return mailbox_id, await instance.folder_id(mailbox_id)


async def modseq_of(instance: Instance, folder_id: int) -> int:
    return (await instance.database.read(lambda tx: instance.store.folder_by_id(tx, folder_id))).highest_modseq


async def test_a_flag_change_moves_the_modseq_of_the_entries_that_it_changes(instance: Instance) -> None:
    _, inbox = await filled(instance)
    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], add(SEEN)))
    before = await modseq_of(instance, inbox)

    result = await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1, 2, 9], add(SEEN)))

    changes = await instance.database.read(lambda tx: instance.store.changes(tx, inbox, before))
    assert [(entry.uid, entry.flags) for entry in result.changed] == [(1, {SEEN}), (2, {SEEN})]
    assert [entry.uid for entry in changes.entries] == [2]
    assert changes.entries[0].modseq == changes.highest_modseq == before + 1


async def test_a_change_without_effect_keeps_the_modseq(instance: Instance) -> None:
    _, inbox = await filled(instance, 1)
    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], add(SEEN, "Rappel")))
    before = await modseq_of(instance, inbox)

    result = await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], add("rappel")))

    assert await modseq_of(instance, inbox) == before
    assert result.changed[0].flags == {SEEN, "Rappel"}


async def test_flags_are_replaced_and_removed(instance: Instance) -> None:
    _, inbox = await filled(instance, 1)
    replace = FlagChange(op="replace", flags=frozenset({SEEN, "\\Flagged", "a", "b"}))
    remove = FlagChange(op="remove", flags=frozenset({"\\flagged", "A"}))

    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], replace))
    result = await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], remove))

    (entry,) = await instance.database.read(lambda tx: instance.store.entries(tx, inbox))
    assert entry == result.changed[0]
    assert entry.flags == {SEEN, "b"}


async def test_the_condition_of_condstore_leaves_younger_entries_alone(instance: Instance) -> None:
    _, inbox = await filled(instance, 2)
    seen_by_client = await modseq_of(instance, inbox)
    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [2], add("\\Flagged")))

    change = add(DELETED, unchanged_since=seen_by_client)
    result = await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1, 2], change))

    assert [entry.uid for entry in result.changed] == [1]
    assert result.modified == [2]


@pytest.mark.parametrize("flag", ["\\Unknown", "two words", "é", "", "x" * 61])
async def test_flags_that_cannot_be_kept_are_refused(instance: Instance, flag: str) -> None:
    _, inbox = await filled(instance, 1)

    with pytest.raises(ProtocolError):
        await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], add(flag)))


async def test_a_change_of_two_thousand_entries_is_one_modseq(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    message = await instance.seal()
    await instance.deliver(message, *(instance.to(mailbox_id) for _ in range(1_200)))
    inbox = await instance.folder_id(mailbox_id)
    before = await modseq_of(instance, inbox)

    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, range(1, 1_101), add(SEEN)))

    status = await instance.database.read(lambda tx: instance.store.status(tx, inbox))
    assert (status.unseen, status.highest_modseq) == (100, before + 1)


async def test_a_copy_keeps_flags_and_date_and_opens_the_same_message(instance: Instance) -> None:
    mailbox_id, inbox = await filled(instance)
    archives = await instance.folder_id(mailbox_id, "Archives")
    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [2], add(SEEN, "utile")))

    pairs = await instance.database.write(lambda tx: instance.store.copy(tx, inbox, [3, 2, 7], archives))

    copies = await instance.database.read(lambda tx: instance.store.entries(tx, archives))
    (original,) = await instance.database.read(lambda tx: instance.store.entries(tx, inbox, [2]))
    assert pairs == [(2, 1), (3, 2)]
    assert (copies[0].message_id, copies[0].flags) == (original.message_id, original.flags)
    assert copies[0].internal_us == original.internal_us


async def test_a_move_expunges_here_and_adds_there(instance: Instance) -> None:
    mailbox_id, inbox = await filled(instance)
    archives = await instance.folder_id(mailbox_id, "Archives")
    before = await modseq_of(instance, inbox)

    pairs = await instance.database.write(lambda tx: instance.store.move(tx, inbox, [1, 3], archives))

    changes = await instance.database.read(lambda tx: instance.store.changes(tx, inbox, before))
    there = await instance.database.read(lambda tx: instance.store.entries(tx, archives))
    reader = await instance.database.read(lambda tx: instance.store.open(tx, mailbox_id, there[0].message_id))
    assert pairs == [(1, 1), (3, 2)]
    assert (changes.entries, changes.expunged) == ([], [1, 3])
    assert reader.read() == SMALL


async def test_a_copy_into_its_own_folder_doubles_the_entry(instance: Instance) -> None:
    _, inbox = await filled(instance, 1)

    pairs = await instance.database.write(lambda tx: instance.store.copy(tx, inbox, [1], inbox))

    assert pairs == [(1, 2)]


async def test_a_copy_in_another_mailbox_opens_under_that_mailbox_alone(instance: Instance) -> None:
    source, inbox = await filled(instance, 1)
    target, foreign = await filled(instance, 1)

    pairs = await instance.database.write(lambda tx: instance.store.copy(tx, inbox, [1], foreign))
    await instance.database.write(lambda tx: instance.store.delete_mailbox(tx, source))

    def read(tx: Transaction) -> list[bytes]:
        opened = list(instance.store.open_entries(tx, Place(target, foreign), [1, 2]))
        return [message.read() for _, message in opened if message is not None]

    assert pairs == [(1, 2)]
    assert await instance.database.read(read) == [SMALL, SMALL]


async def test_expunge_removes_what_is_deleted_and_named(instance: Instance) -> None:
    _, inbox = await filled(instance, 4)
    await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1, 2, 4], add(DELETED)))
    before = await modseq_of(instance, inbox)

    named = await instance.database.write(lambda tx: instance.store.expunge(tx, inbox, [2, 3]))
    rest = await instance.database.write(lambda tx: instance.store.expunge(tx, inbox))

    changes = await instance.database.read(lambda tx: instance.store.changes(tx, inbox, before))
    placement = await instance.receive(
        (await instance.database.read(lambda tx: instance.store.folder_by_id(tx, inbox))).mailbox_id
    )
    assert (named, rest) == ([2], [1, 4])
    assert changes.expunged == [1, 2, 4]
    assert list(await instance.database.read(lambda tx: instance.store.uids(tx, inbox))) == [3, placement.uid]
    assert placement.uid == 5


async def test_nothing_new_since_the_last_modseq(instance: Instance) -> None:
    _, inbox = await filled(instance)
    now = await modseq_of(instance, inbox)

    changes = await instance.database.read(lambda tx: instance.store.changes(tx, inbox, now))

    assert (changes.entries, changes.expunged, changes.highest_modseq) == ([], [], now)


async def test_a_deleted_folder_is_told_apart_from_an_empty_one(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    folder = await instance.database.write(lambda tx: instance.store.create_folder(tx, mailbox_id, "a"))
    await instance.database.write(lambda tx: instance.store.delete_folder(tx, mailbox_id, "a"))

    with pytest.raises(FolderRefused) as refusal:
        await instance.database.read(lambda tx: instance.store.changes(tx, folder.id, 0))

    assert refusal.value.problem is FolderProblem.NONEXISTENT


async def test_the_first_start_after_a_boot_leaves_a_gap_before_the_modseqs_that_follow(instance: Instance) -> None:
    _, inbox = await filled(instance)
    boots = ("first", "first", "second", "second")
    before = await modseq_of(instance, inbox)

    left = [await instance.database.write(lambda tx, boot=boot: leave_gap_after_boot(tx, boot)) for boot in boots]

    assert left == [False, False, True, False]
    assert await modseq_of(instance, inbox) == before + GAP
    changed = await instance.database.write(lambda tx: instance.store.change_flags(tx, inbox, [1], add(SEEN)))
    told = await instance.database.read(lambda tx: instance.store.changes(tx, inbox, before + 100))
    assert [(entry.uid, entry.modseq) for entry in told.entries] == [(1, changed.modseq)]
