"""Notices: what leaves for an ordinary mailbox, and how each task ends."""

import email
import string
from collections.abc import Iterator
from datetime import UTC, datetime
from email import policy
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from access_core.obligations import NOTICE_TASK, Notice
from smtp_gateway.config import NoticeSettings
from smtp_gateway.notice_texts import CLOSING, CLOSING_FIXED, FIXED, GREETING, TEXTS, render
from smtp_gateway.notices import NoticeSender, NoticeState
from smtp_gateway.tables import notice_state
from tests.standins.peer import Manners, PeerOperator
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, Options, World, letter, running
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import OutboxWorker, TaskState, enqueue, task

PORTAL = "https://espace.example.test"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, Options(clock=ManualClock(datetime.now(UTC)))) as started:
        yield started


@pytest.fixture
def smarthost(world: World) -> Iterator[PeerOperator]:
    host = PeerOperator(world.pki.server(clients=False), Manners(starttls=False))
    world.run(host.start())
    yield host
    world.run(host.close())


def work(world: World, **settings: Any) -> None:
    async def once() -> None:
        chosen = NoticeSettings(tls="none", sender="avis@example.test", portal_url=PORTAL, **settings)
        sender = NoticeSender(world.database, world.store, world.clock, chosen)
        await OutboxWorker(world.database, world.bus, world.clock, {NOTICE_TASK: sender}).run_due()

    world.run(once())


def ends(world: World) -> tuple[list[str], list[str]]:
    """Return the states of the notice tasks, and what was noted of each notice."""

    def read(tx: Transaction) -> tuple[list[str], list[str]]:
        tasks = tx.execute(select(task.c.state).where(task.c.kind == NOTICE_TASK)).scalars().all()
        return list(tasks), list(tx.execute(select(notice_state.c.state)).scalars().all())

    return world.database.read_now(read)


def write(world: World) -> None:
    with world.at_submission() as client:
        client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "Diagnostic grave"))


def told(world: World, notice: Notice, recipient_id: str) -> None:
    payload = {"notice": notice, "recipient_id": recipient_id}
    world.database.write_now(lambda tx: enqueue(tx, NOTICE_TASK, notice, payload, due_at=world.clock.now()))


@pytest.mark.requirement("VGM:NOTICE-01")
@pytest.mark.parametrize("notice", list(Notice))
def test_no_text_can_hold_anything_but_the_address_of_the_space(notice: Notice) -> None:
    chosen = TEXTS[notice]
    pieces = (chosen.subject, chosen.sentence, GREETING, *CLOSING, *CLOSING_FIXED)

    fields = {name for piece in pieces for _, name, _, _ in string.Formatter().parse(piece) if name is not None}
    subject, text = render(notice, PORTAL)

    assert fields == {"portail"}
    assert "{" not in subject + text
    assert PORTAL in text


@pytest.mark.requirement("VGM:NOTICE-01")
def test_notice_of_a_message_tells_nothing_of_it(world: World, smarthost: PeerOperator) -> None:
    write(world)

    work(world, smarthost=f"127.0.0.1:{smarthost.port}")

    (taken,) = smarthost.taken
    notice = email.message_from_bytes(taken.content, policy=policy.SMTP)
    assert taken.recipients == ("dominique@example.org",)
    assert notice["Subject"] == "Vous avez un nouveau message"
    assert notice["List-Unsubscribe"] == f"<{PORTAL}/parametres>"
    assert notice["Auto-Submitted"] == "auto-generated"
    for secret in (b"Martin", b"Dominique", b"Pat", b"Diagnostic", MARTIN.encode(), PATIENT[:13].encode()):
        assert secret not in taken.content
    assert ends(world) == ([TaskState.DONE], [NoticeState.SENT])


def test_without_smarthost_a_notice_ends_and_says_so(world: World) -> None:
    write(world)

    work(world)

    assert ends(world) == ([TaskState.DONE], [NoticeState.NOT_CONFIGURED])


def test_person_without_address_is_told_nothing(world: World, smarthost: PeerOperator) -> None:
    told(world, Notice.ACCOUNT, "nobody")

    work(world, smarthost=f"127.0.0.1:{smarthost.port}")

    assert ends(world) == ([TaskState.DONE], [NoticeState.NO_ADDRESS])


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("550 5.1.1 no", ([TaskState.DONE], [NoticeState.REFUSED])),
        ("450 4.2.0 later", ([TaskState.WAITING], [])),
    ],
)
def test_refusal_ends_and_delay_waits(
    world: World, smarthost: PeerOperator, answer: str, expected: tuple[list[str], list[str]]
) -> None:
    smarthost.manners.recipient = lambda _address: answer
    write(world)

    work(world, smarthost=f"127.0.0.1:{smarthost.port}")

    assert ends(world) == expected


def test_professional_is_told_in_the_mailbox(world: World) -> None:
    told(world, Notice.EMERGENCY_ACCESS, world.mailbox(DURAND))

    work(world)

    assert b"Auto-Submitted: auto-generated" in world.messages(DURAND)[0]
    assert b"List-Unsubscribe" not in world.messages(DURAND)[0]
    assert Notice.EMERGENCY_ACCESS in FIXED
    assert ends(world) == ([TaskState.DONE], [NoticeState.MAILBOX])
