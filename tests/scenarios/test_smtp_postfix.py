"""A real Postfix as the other operator: mail, reports and bounces, mutual TLS both ways."""

import os
import smtplib
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.standins.postfix import PostfixServer, Site, start_postfix
from tests.unit.smtp_gateway.world import (
    DOMAIN,
    MARTIN,
    PATIENT,
    PATIENT_DOMAIN,
    PEER,
    PEER_DOMAIN,
    World,
    letter,
    running,
)

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix starts as root only")


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


@pytest.fixture
def postfix(world: World) -> Iterator[PostfixServer]:
    routes = {DOMAIN: world.ports["mx"], PATIENT_DOMAIN: world.ports["mx"]}
    with start_postfix(Site(world.folder, PEER_DOMAIN, PEER, routes)) as started:
        yield started


def until(found: Callable[[], bool], postfix: PostfixServer) -> None:
    """Wait until Postfix, which tells nobody when it is done, has done something."""
    deadline = time.monotonic() + 30
    while not found():
        assert time.monotonic() < deadline, postfix.log()
        time.sleep(0.05)


def work(world: World, postfix: PostfixServer) -> None:
    async def once() -> None:
        await world.runner(routes={PEER_DOMAIN: f"127.0.0.1:{postfix.port}"}).run_due()

    world.run(once())


@pytest.mark.requirement("VGM:RELAY-01")
def test_mail_and_reports_pass_both_ways(world: World, postfix: PostfixServer) -> None:
    with world.at_submission() as client:
        client.sendmail(MARTIN, [PEER], letter(MARTIN, PEER), rcpt_options=["NOTIFY=SUCCESS,FAILURE"])
        stranger = f"inconnu@{PEER_DOMAIN}"
        client.sendmail(MARTIN, [stranger], letter(MARTIN, stranger))
    work(world, postfix)
    until(lambda: len(postfix.messages()) == 1 and len(world.messages(MARTIN)) == 2, postfix)
    with smtplib.SMTP("127.0.0.1", postfix.port) as client:
        client.sendmail(PEER, [PATIENT], letter(PEER, PATIENT))
        client.sendmail(PEER, [f"nobody@{DOMAIN}"], letter(PEER, f"nobody@{DOMAIN}"))
    until(lambda: len(postfix.messages()) == 2 and len(world.messages(PATIENT)) == 1, postfix)

    received, bounced = postfix.messages()
    reports = b"".join(world.messages(MARTIN))
    assert b'Client CN "mx.operator.test"' in received
    assert b"Action: delivered" in reports  # Postfix reports the success that we passed on to it
    assert b"Action: failed" in reports  # we report what Postfix refused
    assert b"D_PROFIL_INEXISTANT" in bounced
