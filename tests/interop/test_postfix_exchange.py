"""A long exchange with Postfix: hundreds of mails each way, its stops and starts, delays, what is too large for it."""

import os
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from smtp_gateway.receipts.outcome import Outcome
from tests.standins.correspondence import Correspondence, correspondence
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, PEER, Options, letter
from vaguemestre.kernel.clock import ManualClock

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix starts as root only")
EACH_WAY = 200


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Correspondence]:
    with correspondence(tmp_path, Options(clock=ManualClock(datetime.now(UTC)))) as started:
        yield started


@pytest.mark.requirement("VGM:RELAY-01")
def test_hundreds_of_mails_pass_each_way_though_postfix_stops_twice(between: Correspondence) -> None:
    world, postfix = between.world, between.postfix
    for number in range(EACH_WAY):
        with world.at_submission() as client:
            client.sendmail(MARTIN, [PEER], letter(MARTIN, PEER, Message_ID=f"<d{number}@demo>"))
        between.write(PATIENT if number % 2 else DURAND, letter(PEER, PATIENT, Message_ID=f"<p{number}@peer>"))
        if number in (EACH_WAY // 3, 2 * EACH_WAY // 3):
            postfix.control("stop")
            between.work()
            postfix.control("start")
            world.clock.advance(timedelta(hours=2))
        if number % 20 == 0:
            between.work()

    world.clock.advance(timedelta(hours=2))
    between.work()
    between.until(lambda: len(between.received()) == EACH_WAY)
    between.until(lambda: len(world.messages(PATIENT)) + len(world.messages(DURAND)) == EACH_WAY)

    copies = Counter(str(each["Message-ID"]) for each in between.received())
    assert copies == Counter({f"<d{number}@demo>": 1 for number in range(EACH_WAY)})
    arrived = b"".join([*world.messages(PATIENT), *world.messages(DURAND)])
    assert all(arrived.count(f"<p{number}@peer>".encode()) == 1 for number in range(EACH_WAY))
    assert world.messages(MARTIN) == []


def test_sender_hears_of_a_delay_and_then_of_the_delivery(between: Correspondence) -> None:
    world = between.world
    between.postfix.control("stop")
    with world.at_submission() as client:
        content = letter(MARTIN, PEER, Message_ID="<1@demo>")
        client.sendmail(MARTIN, [PEER], content, rcpt_options=["NOTIFY=SUCCESS,FAILURE,DELAY"])
    between.work()
    world.clock.advance(timedelta(hours=5))
    between.work()
    assert b"Action: delayed" in world.messages(MARTIN)[0]

    between.postfix.control("start")
    world.clock.advance(timedelta(hours=2))
    between.work()
    between.until(lambda: len(world.messages(MARTIN)) == 2)
    between.work()

    assert b"Action: delivered" in world.messages(MARTIN)[1]
    assert between.state("<1@demo>", PEER) == Outcome.DELIVERED


def test_mail_that_is_too_large_for_postfix_comes_back_in_plain_french(between: Correspondence) -> None:
    world = between.world
    content = letter(MARTIN, PEER, Message_ID="<1@demo>") + b"x" * 76 + (b"y" * 76 + b"\r\n") * 160_000
    with world.at_submission() as client:
        client.sendmail(MARTIN, [PEER], content, mail_options=["RET=HDRS"])

    between.work()

    (report,) = world.messages(MARTIN)
    assert b"le message est trop volumineux" in report
    assert len(report) < 10_000
    assert between.state("<1@demo>", PEER) == Outcome.FAILED
