"""The one state of a recipient: the same whatever the order of the reports, on both catalogues."""

import itertools
import random
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smtp_gateway.receipts.outcome import ORDER, Outcome
from smtp_gateway.receipts.states import (
    Sent,
    Told,
    advance,
    forget_states,
    note_sent,
    states_named,
    states_of,
    states_of_messages,
    states_sent_by,
)
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 10, tzinfo=UTC)
MAILBOX, OTHER = "a" * 32, "b" * 32


def sent(message_id: str, mailbox_id: str = MAILBOX, at: datetime = NOW, header: str | None = "<1@demo>") -> Sent:
    return Sent(message_id=message_id, message_id_header=header, mailbox_id=mailbox_id, at=at)


def note(database: Database, what: Sent, *recipients: str, state: Outcome = Outcome.WAITING) -> None:
    database.write_now(lambda tx: note_sent(tx, what, recipients, state))


def tell(database: Database, message_id: str, state: Outcome, recipient: str = "X@pair.fr") -> bool:
    return database.write_now(lambda tx: advance(tx, message_id, recipient, Told(state=state, at=NOW)))


@pytest.mark.requirement("VGM:TRACK")
def test_the_end_does_not_depend_on_the_order_of_reports(database: Database) -> None:
    chance = random.Random(5)
    for number in range(40):
        told, message_id = chance.choices(list(Outcome), k=5), f"{number:032}"
        note(database, sent(message_id), "x@pair.fr")
        for each in told:
            tell(database, message_id, each)

        (found,) = database.read_now(lambda tx, message_id=message_id: states_of(tx, message_id))
        assert found.state is max([*told, Outcome.WAITING], key=ORDER.__getitem__)


@pytest.mark.parametrize(("known", "told"), list(itertools.product(Outcome, Outcome)))
def test_report_moves_forward_or_not_at_all(known: Outcome, told: Outcome, tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path}/catalogue.db")
    database.create_all()
    note(database, sent("1" * 32), "x@pair.fr", state=known)

    moved = tell(database, "1" * 32, told)

    database.close()
    assert moved is (ORDER[told] > ORDER[known])


def test_each_sender_has_her_own(database: Database) -> None:
    note(database, sent("1" * 32), "X@pair.fr", "x@pair.fr", "y@pair.fr")
    note(database, sent("2" * 32, OTHER), "z@pair.fr")

    named, own = database.read_now(lambda tx: (states_named(tx, "<1@demo>"), states_named(tx, "<1@demo>", OTHER)))

    assert sorted(each.recipient for each in named) == ["x@pair.fr", "y@pair.fr", "z@pair.fr"]
    assert [each.recipient for each in own] == ["z@pair.fr"]
    assert database.read_now(lambda tx: states_of_messages(tx, [])) == {}
    assert set(database.read_now(lambda tx: states_of_messages(tx, ["1" * 32, "2" * 32]))) == {"1" * 32, "2" * 32}


def test_the_latest_come_first_and_the_old_are_forgotten(database: Database) -> None:
    for day in range(3):
        note(database, sent(f"{day:032}", at=NOW + timedelta(days=day)), "x@pair.fr")

    assert database.write_now(lambda tx: forget_states(tx, NOW + timedelta(days=1))) == 1

    assert [each.message_id for each in database.read_now(lambda tx: states_sent_by(tx, MAILBOX))] == [
        f"{day:032}" for day in (2, 1)
    ]
