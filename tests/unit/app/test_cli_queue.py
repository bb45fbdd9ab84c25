"""`vaguemestre queue`: what waits, tried at once, taken out."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from mailstore.store import Delivery
from smtp_gateway.queue import entries
from smtp_gateway.queue.model import remote
from tests.unit.app.conftest import Run
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.settings import load_settings
from vaguemestre.kernel.database import Transaction

SENDER = "camille.martin@demo.mssante.fr"
CONTENT = f"From: {SENDER}\r\nTo: a@peer.test\r\nSubject: Secret\r\nMessage-ID: <1@demo>\r\n\r\nBonjour.\r\n"


@pytest.fixture
def instance(instance_folder: Path) -> Any:
    made = Instance(load_settings(instance_folder / "vaguemestre.toml", {}))
    yield made
    made.close_now()


def queue(instance: Instance, *recipients: str) -> None:
    """Queue a message for RECIPIENTS, as acceptance does, and deliver it to its sender's mailbox too."""

    async def seal() -> Any:
        draft = instance.mail_store.draft()
        await draft.write(CONTENT.encode())
        return await draft.seal()

    message, now = asyncio.run(seal()), instance.clock.now()

    def work(tx: Transaction) -> None:
        instance.mail_store.create_mailbox(tx, "sender")
        place = instance.mail_store.holding_place(tx)
        own = Delivery(mailbox_id="sender", internal_date=now)
        held = instance.mail_store.deliver(tx, message, [own, place])[-1]
        row = {
            "message_id": message.message_id,
            "held_uid": held.uid,
            "reverse_path": SENDER,
            "reporter_id": "sender",
            "message_id_header": "<1@demo>",
            "envid": None,
            "ret": None,
            "accepted_at": now,
            "size_bytes": message.size_bytes,
            "require_tls": False,
        }
        entries.add(tx, row, [remote(each) for each in recipients], 3_600)

    instance.database.write_now(work)


def said(run: Run, *arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def messages(instance: Instance) -> list[bytes]:
    def read(tx: Transaction) -> list[bytes]:
        inbox = instance.mail_store.folder(tx, "sender", "INBOX")
        assert inbox is not None
        found = instance.mail_store.entries(tx, inbox.id)
        return [instance.mail_store.open(tx, "sender", each.message_id).read() for each in found]

    return instance.database.read_now(read)


def test_recipients_are_listed_shown_and_hastened(run: Run, instance: Instance) -> None:
    queue(instance, "a@peer.test", "b@other.test")

    listed = said(run, "queue", "list")
    shown = said(run, "queue", "show", listed[0]["id"])

    assert {each["recipient"] for each in listed} == {"a@peer.test", "b@other.test"}
    assert (shown["state"], shown["attempts"], shown["message_id_header"]) == ("waiting", 0, "<1@demo>")
    assert said(run, "queue", "retry", listed[0]["id"]) == {"hastened": 1}
    assert said(run, "queue", "retry", "--all") == {"hastened": 2}


def test_dropped_recipient_ends_and_its_sender_is_told(run: Run, instance: Instance) -> None:
    queue(instance, "a@peer.test")
    (waiting,) = said(run, "queue", "list")

    said(run, "queue", "drop", waiting["id"])

    assert said(run, "queue", "list") == []
    assert said(run, "queue", "show", waiting["id"])["state"] == "dropped"
    assert b"Action: failed" in messages(instance)[-1]
    assert run("queue", "drop", waiting["id"]).exit_code == 1
    assert run("queue", "retry", waiting["id"]).exit_code == 1


def test_unknown_recipient_and_wrong_usage_are_told_apart(run: Run) -> None:
    assert run("queue", "show", "0" * 32).exit_code == 1
    assert run("queue", "retry").exit_code == 2
    assert run("queue", "retry", "0" * 32, "--all").exit_code == 2
