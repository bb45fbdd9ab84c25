"""Chores of the worker, on a whole instance."""

from pathlib import Path

from sqlalchemy import select

from mailstore.model import FlagChange
from mailstore.store import Delivery
from mailstore.tables import expunged
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.chores import chores
from vaguemestre.app.settings import load_settings
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id


def instance_with(folder: Path, setting: str) -> Instance:
    config = folder / "vaguemestre.toml"
    config.write_text(config.read_text(encoding="utf-8") + f"\n[mailstore]\n{setting}\n", encoding="utf-8")
    return Instance(load_settings(config, {}))


async def expunge_one(instance: Instance, mailbox_id: str) -> None:
    """Make a mailbox, put a message in, and take it out again."""
    store = instance.mail_store
    await instance.database.write(lambda tx: store.create_mailbox(tx, mailbox_id))
    draft = store.draft()
    await draft.write(b"Subject: x\r\n\r\ncorps\r\n")
    sealed = await draft.seal()
    flags = frozenset({"\\Deleted"})
    place = Delivery(mailbox_id=mailbox_id, flags=flags, internal_date=instance.clock.now())
    await instance.database.write(lambda tx: store.deliver(tx, sealed, [place]))

    def empty(tx: Transaction) -> None:
        inbox = store.folder(tx, mailbox_id, "INBOX")
        assert inbox is not None
        store.change_flags(tx, inbox.id, [1], FlagChange(op="add", flags=flags))
        store.expunge(tx, inbox.id)

    await instance.database.write(empty)


def logged(instance: Instance) -> int:
    return len(instance.database.read_now(lambda tx: tx.execute(select(expunged.c.uid)).all()))


async def test_the_log_of_expunged_messages_is_pruned_as_the_settings_say(instance_folder: Path) -> None:
    instance = instance_with(instance_folder, "expunged_keep = 0")
    await expunge_one(instance, new_id())
    before = logged(instance)

    (pruning,) = (service for service in chores(instance) if service.name == "expunged-log")
    done = pruning._chore.run()

    assert (before, logged(instance)) == (1, 0)
    assert done > 0
    instance.database.close()
    await instance.bus.close()
