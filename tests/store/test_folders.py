"""Folders: names, creation, renaming, deletion, counters."""

from datetime import timedelta

import pytest

from mailstore.store import FolderProblem, FolderRefused
from tests.store.conftest import Instance
from vaguemestre.kernel.errors import PermanentFailure


async def names(instance: Instance, mailbox_id: str) -> list[str]:
    return [folder.name for folder in await instance.database.read(lambda tx: instance.store.folders(tx, mailbox_id))]


async def create(instance: Instance, mailbox_id: str, name: str) -> None:
    await instance.database.write(lambda tx: instance.store.create_folder(tx, mailbox_id, name))


async def test_a_new_mailbox_has_the_french_folders_and_their_special_uses(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()

    folders = await instance.database.read(lambda tx: instance.store.folders(tx, mailbox_id))

    assert [(folder.name, folder.special_use) for folder in folders] == [
        ("INBOX", None),
        ("Archives", "\\Archive"),
        ("Brouillons", "\\Drafts"),
        ("Corbeille", "\\Trash"),
        ("Envoyés", "\\Sent"),
        ("Indésirables", "\\Junk"),
    ]
    assert all(folder.subscribed and folder.uidnext == 1 for folder in folders)


async def test_a_mailbox_is_created_once(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()

    with pytest.raises(PermanentFailure):
        await instance.database.write(lambda tx: instance.store.create_mailbox(tx, mailbox_id))


async def test_creating_a_folder_creates_its_parents(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()

    await create(instance, mailbox_id, "Patients/2026/Novembre/")

    assert {"Patients", "Patients/2026", "Patients/2026/Novembre"} <= set(await names(instance, mailbox_id))


@pytest.mark.parametrize("name", ["inbox", "Archives", "INBOX"])
async def test_a_folder_that_exists_is_not_created_again(instance: Instance, name: str) -> None:
    mailbox_id = await instance.mailbox()

    with pytest.raises(FolderRefused) as refusal:
        await create(instance, mailbox_id, name)

    assert refusal.value.problem is FolderProblem.ALREADY_EXISTS


@pytest.mark.parametrize(
    "name", ["", "/", "a//b", "/a", "a\r\nb", "a%b", "..", "a/../b", "./a", "x" * 256, "/".join("a" * 21)]
)
async def test_names_that_no_client_could_use_are_refused(instance: Instance, name: str) -> None:
    mailbox_id = await instance.mailbox()

    with pytest.raises(FolderRefused) as refusal:
        await create(instance, mailbox_id, name)

    assert refusal.value.problem is FolderProblem.CANNOT


async def test_renaming_takes_the_children_along_and_creates_the_new_parents(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    await create(instance, mailbox_id, "a/b/c")
    await create(instance, mailbox_id, "ab")

    await instance.database.write(lambda tx: instance.store.rename_folder(tx, mailbox_id, "a", "x/y"))

    found = set(await names(instance, mailbox_id))
    assert {"x", "x/y", "x/y/b", "x/y/b/c", "ab"} <= found
    assert not {"a", "a/b", "a/b/c"} & found


async def test_renaming_inbox_moves_its_messages_and_leaves_it_empty(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    await instance.receive(mailbox_id)

    moved = await instance.database.write(lambda tx: instance.store.rename_folder(tx, mailbox_id, "INBOX", "Ancien"))

    inbox = await instance.folder_id(mailbox_id)
    assert list(await instance.database.read(lambda tx: instance.store.uids(tx, moved.id))) == [1]
    assert list(await instance.database.read(lambda tx: instance.store.uids(tx, inbox))) == []


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("absent", "b", FolderProblem.NONEXISTENT),
        ("a", "Archives", FolderProblem.ALREADY_EXISTS),
        ("a", "a/b", FolderProblem.CANNOT),
        ("Archives", "b", FolderProblem.CANNOT),
    ],
)
async def test_renamings_that_are_refused(instance: Instance, old: str, new: str, problem: FolderProblem) -> None:
    mailbox_id = await instance.mailbox()
    await create(instance, mailbox_id, "a")

    with pytest.raises(FolderRefused) as refusal:
        await instance.database.write(lambda tx: instance.store.rename_folder(tx, mailbox_id, old, new))

    assert refusal.value.problem is problem


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("INBOX", FolderProblem.CANNOT),
        ("Envoyés", FolderProblem.CANNOT),
        ("absent", FolderProblem.NONEXISTENT),
        ("a", FolderProblem.HAS_CHILDREN),
    ],
)
async def test_deletions_that_are_refused(instance: Instance, name: str, problem: FolderProblem) -> None:
    mailbox_id = await instance.mailbox()
    await create(instance, mailbox_id, "a/b")

    with pytest.raises(FolderRefused) as refusal:
        await instance.database.write(lambda tx: instance.store.delete_folder(tx, mailbox_id, name))

    assert refusal.value.problem is problem


async def test_a_name_that_comes_back_has_a_greater_uidvalidity(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    first = await instance.database.write(lambda tx: instance.store.create_folder(tx, mailbox_id, "a"))
    await instance.database.write(lambda tx: instance.store.delete_folder(tx, mailbox_id, "a"))
    instance.clock.advance(timedelta(seconds=-3_600))

    second = await instance.database.write(lambda tx: instance.store.create_folder(tx, mailbox_id, "a"))

    assert second.uidvalidity > first.uidvalidity


async def test_subscriptions_are_kept(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()

    await instance.database.write(lambda tx: instance.store.subscribe(tx, mailbox_id, "Archives", subscribed=False))

    archives = await instance.database.read(lambda tx: instance.store.folder(tx, mailbox_id, "Archives"))
    assert archives is not None
    assert not archives.subscribed


async def test_status_counts_what_is_there(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    inbox = await instance.folder_id(mailbox_id)
    await instance.receive(mailbox_id, flags=frozenset({"\\Seen"}))
    first_recent = await instance.database.write(lambda tx: instance.store.claim_recent(tx, inbox))
    arrived = await instance.receive(mailbox_id)

    status = await instance.database.read(lambda tx: instance.store.status(tx, inbox))
    empty = await instance.folder_id(mailbox_id, "Archives")
    nothing = await instance.database.read(lambda tx: instance.store.status(tx, empty))

    assert (status.messages, status.unseen, status.recent, status.uidnext) == (2, 1, 1, 3)
    assert (status.highest_modseq, status.uidvalidity) == (arrived.modseq, arrived.uidvalidity)
    assert (nothing.messages, nothing.unseen, nothing.size_bytes) == (0, 0, 0)
    assert first_recent == 1


async def test_a_message_is_recent_for_one_session_only(instance: Instance) -> None:
    mailbox_id = await instance.mailbox()
    inbox = await instance.folder_id(mailbox_id)
    await instance.receive(mailbox_id)

    claims = [await instance.database.write(lambda tx: instance.store.claim_recent(tx, inbox)) for _ in range(2)]

    assert claims == [1, 2]
