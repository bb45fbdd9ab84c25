"""Notices: what leaves for an ordinary mailbox, and how each task ends."""

import ast
import dataclasses
import email
import inspect
import string
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, time, timedelta
from email import policy
from pathlib import Path
from types import ModuleType
from typing import Any
from zoneinfo import ZoneInfo

import dkim
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from access_core.obligations import NOTICE_TASK, Notice
from mailstore.model import INBOX, SEEN, FlagChange
from smtp_gateway import notice_texts, notices
from smtp_gateway.config import NoticeSettings
from smtp_gateway.dkim_sign import SigningKey, load_signing_keys
from smtp_gateway.notice_choices import FIXED, Choice, Topic, choose, next_daily
from smtp_gateway.notice_links import NoticeLinks, Subscription
from smtp_gateway.notice_texts import TEXTS, Links, OwnNotice, render
from smtp_gateway.notices import NoticeSender, NoticeState
from smtp_gateway.smarthost import Smarthost, waited_s
from smtp_gateway.tables import notice_state
from tests.standins.peer import Manners, PeerOperator
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, Options, World, letter, running
from vaguemestre.app.dkim_keys import create_dkim_keys
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.keys import InstanceKey
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


def work(world: World, keys: tuple[SigningKey, ...] = (), **settings: Any) -> None:
    async def once() -> None:
        chosen = NoticeSettings(tls="none", sender="avis@example.test", portal_url=PORTAL, **settings)
        smarthost = Smarthost(chosen, world.clock, lambda: keys)
        sender = NoticeSender(world.database, world.store, NoticeLinks(world.key), chosen, smarthost)
        await OutboxWorker(world.database, world.bus, world.clock, sender.handlers()).run_due()

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


def pieces(value: object) -> Iterator[str]:
    """Yield every text that a value holds, however deep."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from (*pieces(key), *pieces(each))
    elif isinstance(value, tuple | list | set | frozenset):
        for each in value:
            yield from pieces(each)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        yield from pieces(dataclasses.astuple(value))


def names_in(module: ModuleType) -> list[str]:
    return [name for name in vars(module) if not name.startswith("__")]


@pytest.mark.requirement("VGM:NOTICE-01")
def test_no_text_of_the_module_can_hold_anything_but_our_own_addresses() -> None:
    texts = [piece for name in names_in(notice_texts) for piece in pieces(vars(notice_texts)[name])]

    fields = {name for piece in texts for _, name, _, _ in string.Formatter().parse(piece) if name is not None}

    assert len(texts) > len(TEXTS)
    assert fields == {"portail", "desabonnement"}
    assert set(TEXTS) == {*Notice, *OwnNotice}
    assert {field.name: field.type for field in dataclasses.fields(Links)}.keys() == {"portal", "unsubscribe"}
    assert list(inspect.signature(render).parameters) == ["notice", "links"]


@pytest.mark.requirement("VGM:NOTICE-01")
def test_no_notice_is_written_but_from_those_texts() -> None:
    tree = ast.parse(inspect.getsource(notices))
    said = [node for node in ast.walk(tree) if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("render")]
    set_content = [
        ast.unparse(node.args[0])
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("set_content", "add_attachment"))
    ]

    assert [ast.unparse(call.args[1]) for call in said] == ["Links(self._settings.portal_url, unsubscribe)"]
    assert set_content == ["text"]


@pytest.mark.requirement("VGM:NOTICE-01")
@pytest.mark.parametrize("notice", [*Notice, *OwnNotice])
@pytest.mark.parametrize("unsubscribe", [None, f"{PORTAL}/desabonnement/x"])
def test_a_text_is_whole_and_names_our_addresses(notice: Notice | OwnNotice, unsubscribe: str | None) -> None:
    subject, text = render(notice, Links(PORTAL, unsubscribe))

    assert "{" not in subject + text
    assert "None" not in text
    assert PORTAL in text
    assert ("/desabonnement/" in text) == (unsubscribe is not None and notice not in FIXED)


@pytest.mark.requirement("VGM:NOTICE-01")
def test_notice_of_a_message_tells_nothing_of_it(world: World, smarthost: PeerOperator) -> None:
    write(world)

    work(world, smarthost=f"127.0.0.1:{smarthost.port}")

    (taken,) = smarthost.taken
    notice = email.message_from_bytes(taken.content, policy=policy.SMTP)
    assert taken.recipients == ("dominique@example.org",)
    assert notice["Subject"] == "Vous avez un nouveau message"
    token = NoticeLinks(world.key).token(Subscription(world.patient().id, Topic.MESSAGE))
    assert notice["List-Unsubscribe"] == f"<{PORTAL}/desabonnement/{token}>"
    assert notice["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert f"{PORTAL}/desabonnement/{token}" in notice.get_content()
    assert notice["Auto-Submitted"] == "auto-generated"
    for secret in (b"Martin", b"Dominique", b"Pat", b"Diagnostic", MARTIN.encode(), PATIENT[:13].encode()):
        assert secret not in taken.content
    assert ends(world) == ([TaskState.DONE], [NoticeState.SENT])


def test_notice_is_signed_when_the_sender_s_domain_publishes_our_keys(world: World, smarthost: PeerOperator) -> None:
    published = create_dkim_keys()
    for key in published:
        key.write(world.folder)
    records = {f"{key.selector}._domainkey.example.test.".encode(): key.record.encode() for key in published}
    write(world)

    keys = load_signing_keys(world.folder, ("vm-rsa", "vm-ed25519"))
    work(world, keys, smarthost=f"127.0.0.1:{smarthost.port}", dkim=True)

    (taken,) = smarthost.taken
    assert taken.content.count(b"DKIM-Signature:") == 2
    assert b"list-unsubscribe:list-unsubscribe-post" in taken.content.replace(b"\r\n\t ", b"")
    assert dkim.verify(taken.content, dnsfunc=lambda name, timeout=5: records.get(name))  # the first is RSA


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


def chosen(world: World, choice: Choice, topic: Topic = Topic.MESSAGE) -> None:
    world.database.write_now(lambda tx: choose(tx, world.patient().id, topic, choice))


def read_all(world: World) -> None:
    def work(tx: Transaction) -> None:
        inbox = world.store.folder(tx, world.mailbox(PATIENT), INBOX)
        assert inbox is not None
        uids = [each.uid for each in world.store.entries(tx, inbox.id)]
        world.store.change_flags(tx, inbox.id, uids, FlagChange(op="add", flags=frozenset({SEEN})))

    world.database.write_now(work)


def subjects(smarthost: PeerOperator) -> list[str]:
    return [str(email.message_from_bytes(each.content, policy=policy.SMTP)["Subject"]) for each in smarthost.taken]


def noted(world: World) -> list[str]:
    return ends(world)[1]


@pytest.mark.requirement("VGM:NOTICE-02")
def test_who_wants_none_gets_none_but_for_safety(world: World, smarthost: PeerOperator) -> None:
    chosen(world, Choice.NONE)
    write(world)
    told(world, Notice.FIRST_ACCESS, world.patient().id)

    work(world, smarthost=f"127.0.0.1:{smarthost.port}")

    assert subjects(smarthost) == ["Premier accès à votre espace"]
    assert sorted(noted(world)) == [NoticeState.OPTED_OUT, NoticeState.SENT]


@pytest.mark.requirement("VGM:NOTICE-02")
def test_who_wants_one_a_day_gets_one_for_all(world: World, smarthost: PeerOperator) -> None:
    chosen(world, Choice.DAILY)
    for _ in range(3):
        write(world)
    host = f"127.0.0.1:{smarthost.port}"

    work(world, smarthost=host)
    assert smarthost.taken == []
    world.clock.advance(timedelta(days=1))
    work(world, smarthost=host)
    world.clock.advance(timedelta(days=2))
    work(world, smarthost=host)

    assert subjects(smarthost) == ["Du nouveau dans votre espace"]
    assert Counter(noted(world)) == {NoticeState.GROUPED: 3, NoticeState.SENT: 1}


@pytest.mark.requirement("VGM:NOTICE-02")
@pytest.mark.parametrize(("read", "expected"), [(False, NoticeState.SENT), (True, NoticeState.READ_MEANWHILE)])
def test_message_that_stays_unread_is_told_of_once_more(
    world: World, smarthost: PeerOperator, read: bool, expected: NoticeState
) -> None:
    write(world)
    host = f"127.0.0.1:{smarthost.port}"
    work(world, smarthost=host)
    if read:
        read_all(world)

    for _ in range(3):
        world.clock.advance(timedelta(hours=25))
        work(world, smarthost=host)

    assert subjects(smarthost)[1:] == ([] if read else ["Un message vous attend toujours"])
    assert noted(world) == [NoticeState.SENT, expected]


def test_second_smarthost_is_asked_when_the_first_stays_away(world: World, smarthost: PeerOperator) -> None:
    write(world)
    hosts = {"smarthost": "127.0.0.1:1", "fallback_smarthost": f"127.0.0.1:{smarthost.port}"}

    for _ in range(14):
        work(world, **hosts)
        assert not smarthost.taken or waited_s(attempts(world)) >= 3_600
        world.clock.advance(timedelta(hours=1))

    assert len(smarthost.taken) == 1
    assert noted(world) == [NoticeState.SENT]


def attempts(world: World) -> int:
    return world.database.read_now(
        lambda tx: tx.execute(select(task.c.attempts).where(task.c.kind == NOTICE_TASK)).scalar_one()
    )


@pytest.mark.requirement("VGM:NOTICE-02")
@given(st.text(max_size=50))
def test_link_of_somebody_else_is_none(token: str) -> None:
    links = NoticeLinks(InstanceKey(b"k" * 32))
    good = links.token(Subscription("0" * 32, Topic.DOCUMENT))

    assert links.read(good) == Subscription("0" * 32, Topic.DOCUMENT)
    assert links.read(token) is None
    assert NoticeLinks(InstanceKey(b"l" * 32)).read(good) is None
    assert links.read(("A" if good[0] != "A" else "B") + good[1:]) is None


@pytest.mark.parametrize(
    ("now", "expected"),
    [("2026-11-23T10:00Z", "2026-11-23T17:00Z"), ("2026-11-23T17:00Z", "2026-11-24T17:00Z"),
     ("2026-03-28T18:00Z", "2026-03-29T16:00Z")],
)  # fmt: skip
def test_hour_of_the_day_is_that_of_the_place(now: str, expected: str) -> None:
    found = next_daily(datetime.fromisoformat(now), time(18), ZoneInfo("Europe/Paris"))

    assert found == datetime.fromisoformat(expected)
