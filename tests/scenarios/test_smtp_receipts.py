"""Receipts end to end: asked for and answered, reported and followed, and every way in which they could go round."""

import base64
import email
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from access_core.obligations import NOTICE_TASK
from dmp_bridge.receipt import announce
from mailstore.store import INBOX
from smtp_gateway.receipts.arriving import REPORT_TASK
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.rules import Silence
from smtp_gateway.tables import queue_message
from tests.unit.smtp_gateway.post import ABOUT, Post, delivery_report, reading_report
from tests.unit.smtp_gateway.world import (
    DURAND,
    MARTIN,
    PATIENT,
    PATIENT_DOMAIN,
    PEER,
    PEER_DOMAIN,
    Options,
    letter,
    running,
)
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Transaction


@pytest.fixture
def post(tmp_path: Path) -> Iterator[Post]:
    with running(tmp_path, Options(clock=ManualClock(datetime.now(UTC)))) as world:
        made = Post(world)
        yield made
        world.run(made.peer.close())


@pytest.mark.requirement("MSS2:ECO.2.3.2")
def test_reading_in_the_space_is_acknowledged_once(post: Post) -> None:
    post.submit(PATIENT, Disposition_Notification_To=f"Dr <{MARTIN}>")

    post.read()
    post.read()

    (receipt,) = post.inbox()
    text, machine, _ = (part.as_string() for part in receipt.get_payload())  # type: ignore[union-attr]
    said = base64.b64decode(text.partition("\n\n")[2]).decode()
    assert receipt["Return-Path"] == "<>"
    assert receipt["Auto-Submitted"] == "auto-replied"
    assert receipt["In-Reply-To"] == ABOUT
    assert receipt.get_param("report-type") == "disposition-notification"
    assert f"Original-Message-ID: {ABOUT}" in machine
    assert f"Final-Recipient: rfc822; {PATIENT}" in machine
    assert "Disposition: manual-action/MDN-sent-automatically; displayed" in machine
    assert said == "Votre message a été affiché par son destinataire.\r\n"
    assert "Diagnostic" not in receipt.as_string()
    assert post.states() == [(PATIENT, Outcome.READ, None)]
    assert post.traced("read_receipt") == [("PERMIT", "OK")]
    assert post.traced("reading_reported") == [("PERMIT", "OK")]


def test_receipt_for_another_operator_leaves_by_the_null_sender(post: Post) -> None:
    post.arrive(letter(PEER, PATIENT, Message_ID=ABOUT, Disposition_Notification_To=PEER), PATIENT)

    post.read()

    (taken,) = post.peer.taken
    assert (taken.sender, taken.recipients) == ("", (PEER,))
    assert b"Disposition: manual-action/MDN-sent-automatically; displayed" in taken.content
    assert b"Return-Path" not in taken.content
    assert any("NOTIFY=NEVER" in line for line in post.peer.said)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"Disposition-Notification-To": f"autre@{PEER_DOMAIN}"}, Silence.OTHER_ADDRESS),
        ({"Disposition-Notification-To": "x@example.org"}, Silence.OTHER_ADDRESS),
        ({"Disposition-Notification-To": f"{PEER}, autre@{PEER_DOMAIN}"}, Silence.SEVERAL),
        ({"Disposition-Notification-To": "personne"}, Silence.SEVERAL),
        ({"Disposition-Notification-To": f"{PEER}\r\nDisposition-Notification-To: {PEER}"}, Silence.SEVERAL),
        ({"Disposition-Notification-To": PEER, "Auto-Submitted": "auto-generated"}, Silence.AUTOMATIC),
        ({"Disposition-Notification-To": PEER, "Precedence": "bulk"}, Silence.AUTOMATIC),
        ({"Disposition-Notification-To": PEER, "List-Id": "<l.peer>"}, Silence.AUTOMATIC),
        ({"Disposition-Notification-To": PEER, "X-Autoreply": "yes"}, Silence.AUTOMATIC),
        ({"Disposition-Notification-To": PEER, "Subject": "Absence du bureau : x"}, Silence.AUTOMATIC),
        ({"Disposition-Notification-To": PEER, "Content-Type": "multipart/report"}, Silence.AUTOMATIC),
        (
            {"Disposition-Notification-To": PEER, "Disposition-Notification-Options": "sign=required,pkcs7"},
            Silence.OPTION,
        ),
        ({"Return-Receipt-To": PEER}, None),
    ],
)
def test_receipt_that_could_go_wrong_is_not_written(post: Post, fields: dict[str, str], reason: Silence | None) -> None:
    head = {"From": PEER, "To": PATIENT, "Message-ID": ABOUT, "Date": "Mon, 23 Nov 2026 10:00:00 +0000"} | fields
    content = "".join(f"{name}: {value}\r\n" for name, value in head.items()) + "\r\nBonjour.\r\n"
    post.arrive(content.encode(), PATIENT)

    post.read()

    assert post.peer.taken == []
    assert post.waiting() == 0
    assert post.traced("read_receipt") == ([] if reason is None else [("DENY", reason)])


def test_message_from_nobody_is_not_acknowledged(post: Post) -> None:
    post.arrive(letter(PEER, PATIENT, Disposition_Notification_To=PEER), PATIENT, sender="")

    post.read()

    assert post.waiting() == 0
    assert post.traced("read_receipt") == [("DENY", Silence.NO_RETURN)]


@pytest.mark.requirement("MSS2:ECO.2.3.1")
@pytest.mark.parametrize(
    ("action", "status", "state", "reason"),
    [
        ("failed", "5.1.1", Outcome.FAILED, "S_PAIR_DESTINATAIRE"),
        ("failed", "5.2.2", Outcome.FAILED, "S_PAIR_BOITE_PLEINE"),
        ("delivered", "2.1.5", Outcome.DELIVERED, None),
        ("delayed", "4.4.1", Outcome.RELAYED, None),
    ],
)
def test_report_of_the_peer_says_what_became_of_a_message(
    post: Post, action: str, status: str, state: Outcome, reason: str | None
) -> None:
    post.submit(PEER)
    post.work()
    assert post.states() == [(PEER, Outcome.RELAYED, None)]

    post.arrive(delivery_report(action, status), MARTIN, sender="")
    post.work()

    assert post.states() == [(PEER, state, reason)]


def test_success_told_late_corrects_a_failure_and_not_the_reverse(post: Post) -> None:
    post.submit(PEER)
    post.work()
    for action, status in (("failed", "5.4.7"), ("delivered", "2.0.0"), ("failed", "5.0.0"), ("failed", "5.0.0")):
        post.arrive(delivery_report(action, status), MARTIN, sender="")

    post.work()

    assert post.states() == [(PEER, Outcome.DELIVERED, None)]
    assert post.traced("failure_reported") in ([], [("DENY", "S_PAIR_REFUS")])


def test_report_counts_only_for_its_own_mailbox_and_operator(post: Post) -> None:
    post.submit(PEER)
    post.work()

    post.arrive(delivery_report("failed", "5.1.1"), DURAND, sender="")
    client = post.world.at_mx("patients")
    content = delivery_report("failed", "5.1.1", author=f"mailer-daemon@{PATIENT_DOMAIN}")
    client.sendmail("", [MARTIN], content)
    client.quit()
    with post.world.at_submission(DURAND) as local:
        local.sendmail(DURAND, [MARTIN], delivery_report("failed", "5.1.1", author=DURAND))
    post.work()

    assert post.states() == [(PEER, Outcome.RELAYED, None)]


def test_receipt_of_the_recipient_is_believed_and_of_nobody_else(post: Post) -> None:
    post.submit(DURAND)
    with post.world.at_submission(DURAND) as local:
        local.sendmail(DURAND, [MARTIN], reading_report(DURAND, PATIENT))
        assert post.states() == [(DURAND, Outcome.DELIVERED, None)]
        local.sendmail(DURAND, [MARTIN], reading_report(DURAND, DURAND))
    post.work()

    assert post.states() == [(DURAND, Outcome.READ, None)]


def test_delivery_from_another_operator_is_reported_to_it(post: Post) -> None:
    post.peer.manners.dsn = True
    options: dict[str, Any] = {
        "mail_options": ("ENVID=a+2Bb+0D+0AX-Evil:1", "RET=HDRS"),
        "rcpt_options": ("NOTIFY=SUCCESS",),
    }
    post.arrive(letter(PEER, PATIENT, "Secret", Message_ID=ABOUT), PATIENT, **options)

    post.work()

    (taken,) = post.peer.taken
    report = email.message_from_bytes(taken.content)
    assert (taken.sender, taken.recipients) == ("", (PEER,))
    assert report["From"] == f"Messagerie <mailer-daemon@{PATIENT_DOMAIN}>"
    assert b"Action: delivered\r\nStatus: 2.1.5" in taken.content
    assert b"\nX-Evil" not in taken.content
    assert b"Original-Envelope-Id: a+2Bb+0D+0AX-Evil:1" in taken.content
    assert b"Secret" not in taken.content


def test_report_that_nobody_takes_ends_in_silence(post: Post) -> None:
    post.peer.manners.recipient = lambda _address: "550 5.1.1 no"
    post.arrive(letter(PEER, PATIENT, Message_ID=ABOUT, Disposition_Notification_To=PEER), PATIENT)

    post.read()
    post.work()

    assert post.waiting() == 1
    assert [each["Subject"] for each in post.inbox(PATIENT)] == ["Bonjour"]


def test_receipt_is_not_acknowledged_nor_told_of(post: Post) -> None:
    post.arrive(reading_report(PEER, PEER, Disposition_Notification_To=PEER), PATIENT)

    post.read()

    assert post.waiting() == 0
    assert post.tasks(NOTICE_TASK) == 0
    assert post.world.conversations() == []


@pytest.mark.requirement("VGM:DMP-MDN")
@pytest.mark.parametrize(
    ("reasons", "code", "state"),
    [
        (("OK", "OK"), "", Outcome.INTEGRATED),
        (("OK", "I_INS_DISCORDANTE"), "904", Outcome.NOT_INTEGRATED),
        (("X_METADONNEES_FORMAT",), "900", Outcome.NOT_INTEGRATED),
        (("C_OPPOSITION_ALIMENTATION",), "906", Outcome.NOT_INTEGRATED),
    ],
)
def test_what_the_record_did_is_told_when_asked_for(
    post: Post, reasons: tuple[str, ...], code: str, state: Outcome
) -> None:
    subject = "XDM/1.0/DDM+=?utf-8?Q?CR_d=27imagerie_m=C3=A9dicale?= PAT-TROIS DOMINIQUE"
    with post.world.at_submission() as client:
        content = letter(
            MARTIN,
            PATIENT,
            subject,
            Message_ID=ABOUT,
            Disposition_Notification_To=MARTIN,
            Auto_Submitted="auto-generated",
        )
        client.sendmail(MARTIN, [PATIENT], content)
    mailbox_id = post.world.mailbox(PATIENT)

    def filed(tx: Transaction) -> list[bool]:
        inbox = post.world.store.folder(tx, mailbox_id, INBOX)
        assert inbox is not None
        (entry,) = post.world.store.entries(tx, inbox.id)
        return [announce(tx, entry.message_id, mailbox_id, reasons, now=post.world.clock.now()) for _ in range(2)]

    assert post.world.database.write_now(filed) == [True, False]
    post.work()

    (receipt,) = post.inbox()
    said = email.header.make_header(email.header.decode_header(receipt["Subject"]))
    whole = receipt.as_string()
    start = f"[KO Intégration système !][{code}] " if code else ""
    assert str(said) == f"{start}XDM/1.0/DDM+CR d'imagerie médicale PAT-TROIS DOMINIQUE"
    assert ("; processed/error\nError: 904^INS ou traits" in whole) == (code == "904")
    assert ("Disposition: automatic-action/MDN-sent-automatically; processed\n" in whole) == (not code)
    assert whole.count("message/rfc822") == (1 if code else 0)
    assert post.states() == [(PATIENT, state, code or None)]


def test_program_that_answers_ends_and_reopens_nothing(post: Post) -> None:
    post.arrive(letter(PEER, PATIENT, Message_ID=ABOUT), PATIENT)
    fields = {"In_Reply_To": ABOUT, "Auto_Submitted": "auto-replied"}
    post.arrive(letter(PEER, PATIENT, "Re: [FIN]", Message_ID="<2@peer>", **fields), PATIENT)
    (conversation,) = post.world.conversations()
    assert conversation.open

    post.arrive(letter(PEER, PATIENT, "[FIN] suite", Message_ID="<3@peer>", In_Reply_To=ABOUT), PATIENT)
    post.arrive(letter(PEER, PATIENT, "Absence", Message_ID="<4@peer>", **fields), PATIENT)

    (conversation,) = post.world.conversations()
    assert not conversation.open
    assert len(post.traced("conversation_closed")) == 1


def test_transfer_that_needs_tls_to_the_end_waits_for_a_peer_that_promises_it(post: Post) -> None:
    with post.world.at_submission() as client:
        client.sendmail(MARTIN, [PEER], letter(MARTIN, PEER, Message_ID=ABOUT), mail_options=("REQUIRETLS", "RET=FULL"))

    post.work()

    assert post.peer.taken == []
    assert post.states() == [(PEER, Outcome.FAILED, "S_PAIR_REQUIRETLS")]
    assert "Bonjour." not in post.inbox()[0].as_string()
    required = post.world.database.read_now(lambda tx: tx.execute(select(queue_message.c.require_tls)).scalars().all())
    assert required == [True]


def test_notify_on_a_null_sender_is_not_followed(post: Post) -> None:
    client = post.world.at_mx()
    client.sendmail("", [PATIENT], letter(PEER, PATIENT), rcpt_options=("NOTIFY=SUCCESS",))
    client.quit()

    assert post.waiting() == 0


def test_patient_hears_under_her_message_that_it_was_not_delivered(post: Post) -> None:
    world = post.world
    post.arrive(letter(PEER, PATIENT, Message_ID=ABOUT), PATIENT)
    (conversation,) = world.conversations()
    outcome = world.run(world.replies.reply(world.patient(), conversation.id, "Merci."))
    post.work()
    assert outcome.receipt is not None
    header = outcome.receipt.message_id_header or ""
    assert post.states(header) == [(PEER, Outcome.RELAYED, None)]

    bounce = delivery_report("failed", "5.2.1").replace(ABOUT.encode(), header.encode())
    post.arrive(bounce.replace(MARTIN.encode(), PATIENT.encode()), PATIENT, sender="")
    post.work()

    assert post.states(header) == [(PEER, Outcome.FAILED, "S_PAIR_REFUS")]
    assert post.tasks(NOTICE_TASK) == 2  # that the doctor wrote; that something about her message waits
    assert post.unread(PATIENT) == 1  # the doctor's message; the report is told with hers
    assert len(world.conversations()) == 1


def test_report_of_many_megabytes_changes_nothing(post: Post) -> None:
    post.submit(PEER)
    post.work()
    huge = delivery_report("failed", "5.1.1").replace(
        b"Reporting-MTA: dns; mx\r\n", b"A: " + b"b" * 70 + b"\r\n" * 90_000
    )

    post.arrive(huge, MARTIN, sender="")
    post.work()

    assert post.states() == [(PEER, Outcome.RELAYED, None)]
    assert post.tasks(REPORT_TASK) == 1
