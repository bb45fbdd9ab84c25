"""A real Postfix as the other operator: mail, reports, receipts and bounces, mutual TLS both ways."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from mailstore.store import INBOX
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.sending import note_read
from tests.standins.correspondence import Correspondence, correspondence
from tests.unit.smtp_gateway.world import DOMAIN, MARTIN, PATIENT, PEER, PEER_DOMAIN, letter
from vaguemestre.kernel.database import Transaction

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="Postfix starts as root only")
STRANGER = f"inconnu@{PEER_DOMAIN}"


@pytest.fixture
def between(tmp_path: Path) -> Iterator[Correspondence]:
    with correspondence(tmp_path) as started:
        yield started


@pytest.mark.requirement("VGM:RELAY-01")
def test_mail_and_reports_leave_for_postfix_and_come_back(between: Correspondence) -> None:
    world = between.world
    with world.at_submission() as client:
        wishes = ["NOTIFY=SUCCESS,FAILURE"]
        client.sendmail(MARTIN, [PEER], letter(MARTIN, PEER, Message_ID="<1@demo>"), rcpt_options=wishes)
        client.sendmail(MARTIN, [STRANGER], letter(MARTIN, STRANGER, Message_ID="<2@demo>"))

    between.work()
    between.until(lambda: len(between.received()) == 1 and len(world.messages(MARTIN)) == 2)
    between.work()

    (received,) = between.postfix.messages()
    reports = b"".join(world.messages(MARTIN))
    assert b'Client CN "mx.operator.test"' in received
    assert b"(verified OK)" in received
    assert b"Action: delivered" in reports  # Postfix reports the success that we passed on to it
    assert b"Action: failed" in reports  # we report what Postfix refused
    assert between.state("<1@demo>", PEER) == Outcome.DELIVERED
    assert between.state("<2@demo>", STRANGER) == Outcome.FAILED
    assert "Verified TLS connection established to 127.0.0.1" in between.postfix.log()


@pytest.mark.requirement("MSS2:ECO.2.3.1")
def test_mail_of_postfix_is_reported_acknowledged_or_bounced(between: Correspondence) -> None:
    world = between.world
    content = letter(PEER, PATIENT, Message_ID="<3@peer>", Disposition_Notification_To=PEER)
    between.write(PATIENT, content, mail=("ENVID=q+2B1",), rcpt=("NOTIFY=SUCCESS", "ORCPT=rfc822;ma+2Bm@x"))
    between.write(f"nobody@{DOMAIN}", letter(PEER, f"nobody@{DOMAIN}"))
    between.until(lambda: len(world.messages(PATIENT)) == 1 and len(between.received()) == 1)

    def read(tx: Transaction) -> None:
        inbox = world.store.folder(tx, world.mailbox(PATIENT), INBOX)
        assert inbox is not None
        for each in world.store.entries(tx, inbox.id):
            note_read(tx, each.message_id, world.mailbox(PATIENT), now=world.clock.now())

    world.database.write_now(read)
    between.work()
    between.until(lambda: len(between.received()) == 3)

    whole = "\n".join(each.as_string() for each in between.received())
    assert "D_PROFIL_INEXISTANT" in whole
    assert "Original-Envelope-Id: q+1" in whole
    assert "Original-Recipient: rfc822; ma+m@x" in whole
    assert "Action: delivered\nStatus: 2.1.5" in whole
    assert "Disposition: manual-action/MDN-sent-automatically; displayed" in whole
    assert "Original-Message-ID: <3@peer>" in whole
