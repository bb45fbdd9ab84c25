"""Rates of an account and room in a mailbox, over real sockets: who waits, what is told, what comes back by itself."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from mailstore.store import INBOX, FlagChange
from smtp_gateway.config import RateSettings
from smtp_gateway.rates import forget, used
from smtp_gateway.replies import Refusal
from smtp_gateway.rules.submission_rate import Usage, check_rate
from tests.scenarios.test_smtp_submission import refusal
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, PEER, SERVICE, Options, World, letter, running
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction

START = datetime(2026, 11, 23, 10, 5, tzinfo=UTC)


def limited(folder: Path, **options: Any) -> Any:
    return running(folder, Options(clock=ManualClock(START), **options))


def send(world: World, sender: str = MARTIN, *recipients: str) -> str:
    client = world.at_submission()
    try:
        return refusal_of_many(client, sender, recipients or (DURAND,))
    finally:
        client.close()


def refusal_of_many(client: Any, sender: str, recipients: tuple[str, ...]) -> str:
    client.mail(sender)
    for each in recipients:
        assert client.rcpt(each)[0] == 250
    code, text = client.data(letter(sender, recipients[0]))
    return "250" if code == 250 else f"{code} {text.decode()}"


def test_messages_of_an_hour_are_counted_whatever_mailbox_they_come_from_and_forgotten_after_it(tmp_path: Path) -> None:
    with limited(tmp_path, rates={"messages_per_hour": 3}) as world:
        answers = [send(world), send(world, SERVICE), send(world), send(world), send(world, SERVICE)]
        world.clock.advance(timedelta(minutes=61))

        assert answers[:3] == ["250"] * 3
        assert (
            answers[3]
            == answers[4]
            == ("451 4.7.1 Trop de messages en une heure. Reessayez plus tard. [S_QUOTA_MESSAGES]")
        )
        assert send(world) == "250"
        assert world.traces().count(("message_refused", "DENY", "S_QUOTA_MESSAGES")) == 2
        assert len(world.messages(DURAND)) == 4


def test_recipients_and_bytes_of_a_day_are_counted(tmp_path: Path) -> None:
    with limited(tmp_path, rates={"recipients_per_day": 3}) as world:
        assert send(world, MARTIN, DURAND, SERVICE) == "250"
        assert send(world, MARTIN, DURAND, PATIENT).endswith("[S_QUOTA_DESTINATAIRES]")
        assert send(world, MARTIN, DURAND) == "250"
        world.clock.advance(timedelta(hours=24, minutes=10))
        assert send(world, MARTIN, DURAND, PATIENT) == "250"
        assert world.database.write_now(lambda tx: forget(tx, world.clock.now())) == 1


def test_bytes_of_a_day_are_counted(tmp_path: Path) -> None:
    with limited(tmp_path, rates={"bytes_per_day": 1_000}) as world:
        answers = [send(world) for _ in range(4)]

        assert answers[0] == "250"
        assert answers[-1].startswith("452 4.7.1 ")
        assert answers[-1].endswith("[S_QUOTA_VOLUME]")


def test_another_account_and_another_process_have_their_own_and_the_same_count(tmp_path: Path) -> None:
    with limited(tmp_path, rates={"messages_per_hour": 1}) as world:
        assert send(world) == "250"
        other = world.at_submission(DURAND)
        assert refusal_of_many(other, DURAND, (MARTIN,)) == "250"
        other.close()
        elsewhere = Database(f"sqlite:///{tmp_path}/catalogue.db")
        seen = elsewhere.read_now(lambda tx: used(tx, world.mailbox(MARTIN), world.clock.now()))
        elsewhere.close()

        assert (seen.messages, seen.recipients) == (1, 1)
        assert seen.size_bytes > 100


@pytest.mark.parametrize(
    ("used_so_far", "limits", "said"),
    [
        (Usage(9, 0, 0), {"messages_per_hour": 10}, None),
        (Usage(10, 0, 0), {"messages_per_hour": 10}, Refusal.RATE_MESSAGES),
        (Usage(10**9, 10**9, 10**15), {"messages_per_hour": 0, "recipients_per_day": 0}, None),
        (Usage(0, 9, 0), {"recipients_per_day": 10}, Refusal.RATE_RECIPIENTS),
        (Usage(0, 0, 901), {"bytes_per_day": 1_000}, Refusal.RATE_BYTES),
    ],
)
def test_limits_are_reached_not_passed(used_so_far: Usage, limits: dict[str, int], said: Refusal | None) -> None:
    assert check_rate(used_so_far, Usage(1, 2, 100), RateSettings(**limits)) == said  # type: ignore[arg-type]


FULL = "452 4.2.2 La boite aux lettres du destinataire est pleine. [S_BOITE_PLEINE]"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path, Options(quota_bytes=2_000, smtp={"recipient_memory_s": 0})) as world:
        yield world


def test_full_mailbox_waits_and_takes_mail_again_once_emptied(small: World) -> None:
    client = small.at_mx()
    answers = [refusal(client, PEER, MARTIN, letter(PEER, MARTIN)) for _ in range(12)]
    mailbox = small.mailbox(MARTIN)

    assert answers[0] == "250"
    assert answers[-1] == FULL
    assert refusal(client, PEER, DURAND, letter(PEER, DURAND)) == "250"  # the others have room
    assert refusal(client, PEER, PATIENT, letter(PEER, PATIENT)) == "250"
    small.database.write_now(lambda tx: empty(small, tx, mailbox))
    assert refusal(client, PEER, MARTIN, letter(PEER, MARTIN)) == "250"
    client.close()


def empty(world: World, tx: Transaction, mailbox_id: str) -> None:
    folder = world.store.folder(tx, mailbox_id, INBOX)
    assert folder is not None
    world.store.change_flags(
        tx, folder.id, world.store.uids(tx, folder.id), FlagChange(op="add", flags=frozenset({"\\Deleted"}))
    )
    world.store.expunge(tx, folder.id)


def test_declared_size_that_does_not_fit_is_refused_before_the_content(small: World) -> None:
    client = small.at_mx()

    client.docmd("MAIL", f"FROM:<{PEER}> SIZE=2500")
    full = client.rcpt(MARTIN)
    client.rset()
    client.docmd("MAIL", f"FROM:<{PEER}> SIZE=1500")
    fits = client.rcpt(MARTIN)

    assert f"{full[0]} {full[1].decode()}" == FULL
    assert fits[0] == 250
    client.close()


def test_no_quota_asks_nothing_of_the_catalogue(tmp_path: Path) -> None:
    with running(tmp_path) as world:
        assert world.mailboxes._holds is None
