"""Mail to other operators: queued with the acceptance, relayed over mutual TLS, retried, given up, reported."""

import email
import smtplib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.message import Message
from pathlib import Path

import dkim
import pytest

from smtp_gateway.dkim_sign import load_signing_keys
from smtp_gateway.queue import entries
from smtp_gateway.queue.model import EntryState, Trouble
from tests.standins.peer import Manners
from tests.unit.smtp_gateway.relaying import Relay
from tests.unit.smtp_gateway.world import (
    DURAND,
    MARTIN,
    PATIENT,
    PEER,
    PEER_DOMAIN,
    Options,
    letter,
    running,
)
from vaguemestre.app.dkim_keys import create_dkim_keys
from vaguemestre.kernel.clock import ManualClock

OTHER = f"autre@{PEER_DOMAIN}"


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    clock = ManualClock(datetime.now(UTC))
    with running(tmp_path, Options(clock=clock)) as world:
        made = Relay(world, clock)
        yield made
        world.run(made.peer.close())


def status_of(report: Message) -> str:
    return str(report).replace("\r\n", "\n")


@pytest.mark.requirement("VGM:RELAY-01")
def test_message_leaves_signed_over_mutual_tls_and_is_let_go(relay: Relay) -> None:
    published = create_dkim_keys()
    for key in published:
        key.write(relay.world.folder)
    relay.keys = load_signing_keys(relay.world.folder, ("vm-rsa", "vm-ed25519"))
    relay.submit(PEER, DURAND)
    assert relay.held() == 1

    relay.work()

    (taken,) = relay.peer.taken
    records = {f"{key.selector}._domainkey.demo.mssante.fr.".encode(): key.record.encode() for key in published}
    assert (taken.sender, taken.recipients) == (MARTIN, (PEER,))
    assert b"Return-Path" not in taken.content
    assert b"Bcc" not in taken.content
    assert taken.content.count(b"DKIM-Signature:") == 2
    assert dkim.verify(taken.content, dnsfunc=lambda name, timeout=5: records.get(name))  # the first is RSA
    assert len(relay.world.messages(DURAND)) == 1
    assert relay.states() == [(EntryState.SENT, None)]
    assert relay.held() == 0
    assert relay.reports() == []


def test_domain_outside_the_trust_space_is_refused(relay: Relay) -> None:
    with pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        relay.submit("x@example.org")

    assert b"[S_DOMAINE_DISTANT]" in refused.value.recipients["x@example.org"][1]
    assert relay.states() == []


@pytest.mark.requirement("VGM:RELAY-02")
@pytest.mark.parametrize("stem", ["stranger", "patients"])
def test_nothing_is_said_to_a_peer_whose_certificate_is_not_the_domains(relay: Relay, stem: str) -> None:
    relay.peer.tls = relay.server(stem)
    relay.submit(PEER)

    relay.work()

    assert relay.states() == [(EntryState.WAITING, Trouble.CERTIFICATE)]
    assert not any(line.startswith("MAIL") for line in relay.peer.said)


@pytest.mark.requirement("VGM:RELAY-02")
def test_nothing_is_said_in_clear(relay: Relay) -> None:
    relay.peer.manners.starttls = False
    relay.submit(PEER)

    relay.work()

    assert relay.states() == [(EntryState.WAITING, Trouble.NO_TLS)]
    assert not any(line.startswith("MAIL") for line in relay.peer.said)


@pytest.mark.requirement("MSS2:ECO.2.3.1")
def test_refused_recipient_is_reported_in_plain_french_and_the_other_is_reached(relay: Relay) -> None:
    relay.peer.manners.recipient = lambda address: "550 5.1.1 DUPONT Marie inconnue" if address == OTHER else "250 OK"
    relay.submit(PEER, OTHER, mail=("ENVID=abc",))

    relay.work()

    assert relay.states() == [(EntryState.FAILED, Trouble.UNKNOWN_RECIPIENT), (EntryState.SENT, None)]
    (report,) = relay.reports()
    text, machine, original = (part.get_payload() for part in report.get_payload())  # type: ignore[union-attr]
    assert report.get_content_type() == "multipart/report"
    assert email.header.decode_header(report["Subject"])[0][0].decode() == "Message non distribué"
    assert report["Auto-Submitted"] == "auto-replied"
    assert report["In-Reply-To"] == "<1@demo>"
    whole = status_of(report)
    assert f"Final-Recipient: rfc822; {OTHER}" in whole
    assert "Action: failed\nStatus: 5.1.1" in whole
    assert "Original-Envelope-Id: abc" in whole
    assert "cette adresse n'existe pas" in str(text)
    for secret in ("Secret", "DUPONT", "Bonjour.", "cache@example.org"):
        assert secret not in whole
    assert machine
    assert original


def test_whole_message_comes_back_when_asked_for(relay: Relay) -> None:
    relay.peer.manners.data = lambda: "554 5.6.0 no"
    relay.submit(PEER, mail=("RET=FULL",))

    relay.work()

    (report,) = relay.reports()
    assert "message/rfc822" in status_of(report)
    assert "Bonjour." in status_of(report)


@pytest.mark.parametrize("answer", ["450 4.2.1 later", "lose"])
def test_deferred_message_is_tried_again_later_and_not_before(relay: Relay, answer: str) -> None:
    relay.peer.manners.data = lambda: answer
    relay.submit(PEER)
    relay.work()
    relay.peer.manners.data = lambda: "250 2.0.0 OK"
    relay.work()
    assert relay.peer.taken == []

    relay.clock.advance(timedelta(minutes=2))
    relay.work()

    assert len(relay.peer.taken) == 1
    assert relay.states()[0][0] == EntryState.SENT


@pytest.mark.requirement("VGM:RELAY-03")
def test_sender_hears_once_of_a_delay_and_once_of_the_end(relay: Relay) -> None:
    relay.peer.manners.recipient = lambda _address: "451 4.3.0 later"
    relay.submit(PEER)
    for hours in (1, 4, 10, 60, 60):
        relay.work()
        relay.clock.advance(timedelta(hours=hours))
    relay.work()

    relay.work()

    assert relay.states() == [(EntryState.EXPIRED, Trouble.POSTPONED)]
    delayed, failed = relay.reports()
    assert "Action: delayed" in status_of(delayed)
    assert "Will-Retry-Until" in status_of(delayed)
    assert "Action: failed\nStatus: 5.4.7" in status_of(failed)
    assert relay.held() == 0


@pytest.mark.requirement("MSS2:ECO.2.3.1")
@pytest.mark.parametrize(
    ("notify", "answer", "action"),
    [
        ("NEVER", "550 5.1.1 no", None),
        ("DELAY", "550 5.1.1 no", None),
        ("FAILURE", "250 OK", None),
        ("SUCCESS", "550 5.1.1 no", None),
        ("SUCCESS,FAILURE", "550 5.1.1 no", "failed"),
        ("SUCCESS", "250 OK", "relayed"),
    ],
)
def test_reports_follow_notify(relay: Relay, notify: str, answer: str, action: str | None) -> None:
    relay.peer.manners.recipient = lambda _address: answer
    relay.submit(PEER, rcpt=(f"NOTIFY={notify}", "ORCPT=rfc822;m+2Bx@peer.mssante.fr"))

    relay.work()

    reports = [status_of(each) for each in relay.reports()]
    assert len(reports) == (0 if action is None else 1)
    assert all(f"Action: {action}" in each for each in reports)
    assert all("Original-Recipient: rfc822; m+x@peer.mssante.fr" in each for each in reports)


def test_peer_that_reports_gets_the_wishes_of_the_sender(relay: Relay) -> None:
    relay.peer.manners.dsn = True
    relay.submit(PEER, mail=("RET=HDRS", "ENVID=q1"), rcpt=("NOTIFY=SUCCESS",))

    relay.work()

    assert any("RET=HDRS" in line and "ENVID=q1" in line for line in relay.peer.said)
    assert f"RCPT TO:<{PEER}> NOTIFY=SUCCESS ORCPT=rfc822;{PEER}" in relay.peer.said
    assert relay.reports() == []


def test_delivery_here_is_reported_when_asked_for(relay: Relay) -> None:
    relay.submit(PATIENT, rcpt=("NOTIFY=SUCCESS",))

    relay.work()

    assert len(relay.world.messages(PATIENT)) == 1
    assert "Action: delivered\nStatus: 2.1.5" in status_of(relay.reports()[0])
    assert relay.held() == 0


def test_messages_share_a_connection(relay: Relay) -> None:
    for _ in range(5):
        relay.submit(PEER)

    relay.work(connections_per_destination=1)

    assert (len(relay.peer.taken), relay.peer.connections) == (5, 1)


ZOE = f"zoé@{PEER_DOMAIN}"


def said(relay: Relay, word: str) -> list[str]:
    return [line for line in relay.peer.said if line.startswith(word)]


@pytest.mark.parametrize("knows", [False, True])
def test_name_with_accents_is_reached_where_the_peer_takes_it_and_the_other_in_any_case(
    relay: Relay, knows: bool
) -> None:
    relay.peer.manners = Manners(utf8=knows)
    content = letter(MARTIN, "undisclosed-recipients:;")
    with relay.world.at_submission() as client:
        client.command_encoding = "utf-8"
        client.mail(MARTIN, ("SMTPUTF8",))
        assert client.rcpt(PEER)[0] == client.rcpt(ZOE)[0] == 250
        assert client.data(content)[0] == 250

    relay.work()

    (taken,) = relay.peer.taken
    assert set(taken.recipients) == ({PEER, ZOE} if knows else {PEER})
    assert ("SMTPUTF8" in said(relay, "MAIL")[0]) == knows
    ended = (EntryState.SENT, None) if knows else (EntryState.FAILED, Trouble.NOT_UTF8)
    assert relay.states() == [(EntryState.SENT, None), ended]
    assert ["Final-Recipient: utf-8; zo" in str(each) for each in relay.reports()] == ([] if knows else [True])


def test_report_for_a_sender_with_accents_leaves_as_utf8(relay: Relay) -> None:
    relay.peer.manners = Manners(utf8=True)
    with relay.world.at_mx() as client:
        client.command_encoding = "utf-8"
        client.mail(ZOE, ("SMTPUTF8",))
        client.rcpt(MARTIN, ("NOTIFY=SUCCESS",))
        assert client.data(letter(PEER, MARTIN))[0] == 250

    relay.work()
    relay.work()

    (report,) = relay.peer.taken
    assert (report.sender, report.recipients) == ("", (ZOE,))
    assert f"To: <{ZOE}>\r\n".encode() in report.content


def test_limits_that_the_peer_announces_are_kept(relay: Relay) -> None:
    relay.peer.manners = Manners(limits="MAILMAX=2 RCPTMAX=3 RCPTDOMAINMAX=1")
    relay.submit(*(f"p{number}@{PEER_DOMAIN}" for number in range(5)))
    for _ in range(2):
        relay.submit(PEER)

    relay.work(connections_per_destination=1)

    assert [len(each.recipients) for each in relay.peer.taken] == [3, 2, 1, 1]
    assert relay.peer.connections == 2
    assert {state for state, _ in relay.states()} == {EntryState.SENT}


@pytest.mark.parametrize("announced", ["RCPTMAX=0 MAILMAX=-1", "RCPTMAX=many", "RCPTMAX", "XRCPTMAX=1"])
def test_limits_that_make_no_sense_limit_nothing(relay: Relay, announced: str) -> None:
    relay.peer.manners = Manners(limits=announced)
    relay.submit(PEER, OTHER)

    relay.work()

    assert [len(each.recipients) for each in relay.peer.taken] == [2]


def test_fault_of_ours_costs_an_attempt_and_not_the_destination(relay: Relay, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: object) -> bytes:
        raise ValueError

    relay.submit(PEER)
    with monkeypatch.context() as patched:
        patched.setattr("smtp_gateway.queue.runner.outgoing", broken)
        relay.work()
    assert relay.states() == [(EntryState.WAITING, Trouble.UNREADABLE)]

    relay.clock.advance(timedelta(hours=2))
    relay.work()
    assert relay.states() == [(EntryState.SENT, None)]


@pytest.mark.requirement("VGM:RELAY-01")
def test_wish_for_no_tls_is_carried_and_not_followed(relay: Relay) -> None:
    with relay.world.at_submission() as client:
        client.sendmail(MARTIN, [PEER], letter(MARTIN, PEER, TLS_Required="No"))
    relay.peer.manners = Manners(starttls=False)
    relay.work()
    assert relay.states() == [(EntryState.WAITING, Trouble.NO_TLS)]

    relay.peer.manners = Manners()
    relay.clock.advance(timedelta(hours=2))
    relay.work()

    assert b"TLS-Required: No\r\n" in relay.peer.taken[0].content


def test_withdrawn_domain_fails_for_ever(relay: Relay) -> None:
    relay.submit(PEER)
    listed = relay.world.folder / "whitelist.xml"
    listed.write_text(listed.read_text(encoding="utf-8").replace(PEER_DOMAIN, "ailleurs.mssante.fr"), encoding="utf-8")
    assert relay.world.trust.reload()

    relay.work()

    assert relay.states() == [(EntryState.FAILED, Trouble.WITHDRAWN)]
    assert len(relay.reports()) == 1
    assert relay.peer.connections == 0


def test_patient_hears_that_a_reply_was_not_delivered(relay: Relay) -> None:
    client = relay.world.at_mx()
    client.sendmail(PEER, [PATIENT], letter(PEER, PATIENT))
    client.quit()
    relay.peer.manners.recipient = lambda _address: "550 5.2.1 closed"
    (conversation,) = relay.world.conversations()
    outcome = relay.world.run(relay.world.replies.reply(relay.world.patient(), conversation.id, "Merci."))
    assert outcome.decision.allowed

    relay.work()

    assert b"Message_non_distribu" in relay.world.messages(PATIENT)[-1]


def test_bad_parameters_are_refused(relay: Relay) -> None:
    client = relay.world.at_submission()

    assert client.docmd("MAIL", f"FROM:<{MARTIN}> RET=SOME")[0] == 501
    assert client.docmd("MAIL", f"FROM:<{MARTIN}> ENVID=a+b")[0] == 501
    assert client.docmd("MAIL", f"FROM:<{MARTIN}> RET=FULL ENVID=a+2Bb")[0] == 250
    assert client.docmd("RCPT", f"TO:<{PEER}> NOTIFY=NEVER,FAILURE")[0] == 501
    assert client.docmd("RCPT", f"TO:<{PEER}> NOTIFY")[0] == 501
    assert client.docmd("RCPT", f"TO:<{PEER}> ORCPT=pierre")[0] == 501
    assert client.docmd("RCPT", f"TO:<{PEER}> NOTIFY=delay,failure ORCPT=rfc822;a@b")[0] == 250
    client.quit()


def test_retry_makes_a_waiting_recipient_due_now(relay: Relay) -> None:
    relay.peer.manners.recipient = lambda _address: "451 4.3.0 later"
    relay.submit(PEER)
    relay.work()
    relay.peer.manners = Manners()
    now = relay.clock.now()

    assert relay.world.database.write_now(lambda tx: entries.hasten(tx, now)) == 1
    relay.work()

    assert relay.states() == [(EntryState.SENT, None)]


def test_what_has_ended_is_forgotten_and_what_waits_is_not(relay: Relay) -> None:
    relay.submit(PEER)
    relay.work()
    relay.submit(OTHER)
    before = relay.clock.now() + timedelta(days=1)

    assert relay.world.database.write_now(lambda tx: entries.forget(tx, before)) == 1

    assert relay.states() == [(EntryState.WAITING, None)]
