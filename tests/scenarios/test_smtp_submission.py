"""Submission over real sockets and TLS: identity, recipients, conversations, what is stored and traced."""

import smtplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from access_core.professionals import set_members
from access_core.profiles import oppose
from access_core.trace.reader import acts_of_mailbox, history_of_patient
from smtp_gateway.conversation import conversations_of_patient, messages_of
from smtp_gateway.fin import State
from tests.unit.smtp_gateway.world import (
    DURAND,
    MARTIN,
    OTHER_PATIENT,
    PASSWORD,
    PATIENT,
    PATIENT_DOMAIN,
    SERVICE,
    Options,
    World,
    letter,
    running,
)
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import task


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def refusal(client: smtplib.SMTP, sender: str, recipient: str, content: bytes) -> str:
    """Send and return the refusal as `CODE text`."""
    try:
        client.sendmail(sender, [recipient], content)
    except smtplib.SMTPRecipientsRefused as refused:
        code, text = refused.recipients[recipient]
        return f"{code} {text.decode()}"
    except smtplib.SMTPResponseException as refused:
        said = refused.smtp_error
        return f"{refused.smtp_code} {said if isinstance(said, str) else said.decode()}"
    return "250"


def conversations(world: World, patient: str = PATIENT) -> list[tuple[str, str, State]]:
    def work(tx: Transaction) -> list[tuple[str, str, State]]:
        found = conversations_of_patient(tx, world.patient(patient).id)
        return [(each.professional, each.correspondent, each.state) for each in found]

    return world.database.read_now(work)


@pytest.mark.requirement("MSS2:ECO.1.0.1")
@pytest.mark.parametrize("mechanism", ["PLAIN", "LOGIN"])
def test_message_to_a_patient_is_stored_decided_traced_and_opens_a_conversation(world: World, mechanism: str) -> None:
    client = world.at_submission(login=None)
    client.user, client.password = MARTIN, PASSWORD
    client.auth(mechanism, getattr(client, f"auth_{mechanism.lower()}"))

    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Message_ID="<1@demo>", Bcc="secret@x.fr"))

    (stored,) = world.messages(PATIENT)
    assert stored.endswith(b"\r\n\r\nBonjour.\r\n")
    assert stored.startswith(b"Return-Path: <camille.martin@demo.mssante.fr>\r\nReceived: by mx.demo.test with ESMTPSA")
    assert b"secret@x.fr" not in stored
    assert conversations(world) == [(MARTIN, MARTIN, State.OPEN)]
    assert ("deliver_to_patient", "PERMIT", "OK") in world.traces()
    client.quit()


def test_implicit_tls_offers_auth_at_once(world: World) -> None:
    client = smtplib.SMTP_SSL("127.0.0.1", world.ports["submissions"], timeout=10, context=world.pki.client())
    client.ehlo()

    assert client.esmtp_features["auth"].split() == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
    assert "starttls" not in client.esmtp_features
    client.login(MARTIN, PASSWORD)
    client.sendmail(MARTIN, [DURAND], letter(MARTIN, DURAND))
    assert len(world.messages(DURAND)) == 1
    client.quit()


def test_date_and_message_id_are_added_when_missing(world: World) -> None:
    client = world.at_submission()

    client.sendmail(MARTIN, [DURAND], b"From: camille.martin@demo.mssante.fr\r\n\r\ntexte\r\n")

    (stored,) = world.messages(DURAND)
    assert b"\r\nDate: " in stored
    assert b"\r\nMessage-ID: <" in stored
    assert b"@demo.mssante.fr>\r\n" in stored
    client.quit()


def test_nothing_but_starttls_is_offered_in_clear(world: World) -> None:
    client = smtplib.SMTP("127.0.0.1", world.ports["submission"], timeout=10)
    client.ehlo()

    assert "auth" not in client.esmtp_features
    assert client.docmd("AUTH", "PLAIN AGEAYg==") == (530, b"5.7.0 STARTTLS est requis d'abord. [S_TLS_REQUIS]")
    assert client.docmd("MAIL", f"FROM:<{MARTIN}>")[0] == 530
    client.quit()


def test_wrong_password_and_patient_are_refused(world: World) -> None:
    client = world.at_submission(login=None)

    with pytest.raises(smtplib.SMTPAuthenticationError) as wrong:
        client.login(MARTIN, "not this one at all", initial_response_ok=True)
    with pytest.raises(smtplib.SMTPAuthenticationError) as patient:
        client.login(PATIENT, PASSWORD)

    assert wrong.value.smtp_code == patient.value.smtp_code == 535
    assert b"[S_IDENTIFIANTS]" in wrong.value.smtp_error
    assert b"[S_PATIENT_PAR_PORTAIL]" in patient.value.smtp_error
    assert client.docmd("MAIL", f"FROM:<{MARTIN}>")[0] == 530
    client.close()


@pytest.mark.parametrize(
    ("sender", "author", "reply"),
    [
        (DURAND, MARTIN, "550 5.7.1 Cette adresse d'expediteur n'appartient pas au compte identifie. [S_EXPEDITEUR]"),
        (MARTIN, DURAND, "550 5.7.1 L'adresse du champ From n'est pas autorisee pour cet expediteur. [S_FROM]"),
        (MARTIN, f"{MARTIN}, {DURAND}", "[S_FROM_UNIQUE]"),
        (MARTIN, f"{DURAND} <{MARTIN}>", "[S_FROM_UNIQUE]"),
        (MARTIN, PATIENT, "[S_FROM]"),
    ],
)
def test_sender_and_author_are_addresses_of_the_account(world: World, sender: str, author: str, reply: str) -> None:
    client = world.at_submission()

    answer = refusal(client, sender, DURAND, letter(author, DURAND))

    assert answer.endswith(reply)
    assert world.messages(DURAND) == []
    code = answer.rpartition("[")[2].rstrip("]")
    assert world.traces()[-1] == ("message_refused", "DENY", code)
    client.quit()


def test_two_from_fields_are_refused(world: World) -> None:
    client = world.at_submission()

    answer = refusal(client, MARTIN, DURAND, b"From: " + DURAND.encode() + b"\r\n" + letter(MARTIN, DURAND))

    assert "[S_FROM_UNIQUE]" in answer
    client.quit()


def test_member_writes_as_the_organisational_mailbox(world: World) -> None:
    client = world.at_submission()

    client.sendmail(SERVICE, [PATIENT], letter(SERVICE, PATIENT, Message_ID="<1@demo>", Sender=DURAND))

    assert conversations(world) == [(SERVICE, SERVICE, State.OPEN)]
    mailbox_id = world.people[SERVICE].account_id
    lines = world.database.read_now(lambda tx: acts_of_mailbox(tx, mailbox_id))
    [line] = [each for each in lines if each.entry.act == "message_sent_on_behalf"]
    assert line.entry.subject_label == MARTIN
    assert line.entry.subject_id == world.people[MARTIN].account_id
    assert line.entry.message_id_header == "<1@demo>"
    (stored,) = world.messages(PATIENT)
    assert DURAND.encode() not in stored
    client.quit()


def test_who_writes_in_her_own_name_is_not_written_down_twice(world: World) -> None:
    client = world.at_submission()

    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Sender=MARTIN))

    assert "message_sent_on_behalf" not in {act for act, _, _ in world.traces()}
    (stored,) = world.messages(PATIENT)
    assert b"\r\nSender: " + MARTIN.encode() in stored
    client.quit()


def test_a_member_that_left_writes_no_more_for_the_mailbox(world: World) -> None:
    world.database.write_now(lambda tx: set_members(tx, world.people[SERVICE].account_id, ()))

    client = world.at_submission()

    assert refusal(client, SERVICE, PATIENT, letter(SERVICE, PATIENT)).startswith("550 5.7.1")
    assert ("message_refused", "DENY", "S_EXPEDITEUR") in world.traces()
    client.quit()


@pytest.mark.parametrize(
    ("recipient", "reply"),
    [
        (f"nobody@{MARTIN.partition('@')[2]}", "550 5.1.1"),
        (f"288091234567894@{PATIENT_DOMAIN}", "550 5.1.1"),
        (f"288091234567823@{PATIENT_DOMAIN}", "550 5.1.3"),
        ("someone@elsewhere.mssante.fr", "550 5.7.1"),
        ("not-an-address", "553 5.1.3"),
    ],
)
def test_recipients_that_are_not_ours(world: World, recipient: str, reply: str) -> None:
    client = world.at_submission()

    assert refusal(client, MARTIN, recipient, letter(MARTIN, "x@y.fr")).startswith(reply)
    client.quit()


def test_unknown_opposed_and_closed_patients_answer_alike_and_the_trace_knows(world: World) -> None:
    world.database.write_now(lambda tx: oppose(tx, world.patient().id, now=world.clock.now()))
    client = world.at_submission()

    opposed = refusal(client, MARTIN, PATIENT, letter(MARTIN, PATIENT))
    unknown = refusal(client, MARTIN, f"288091234567894@{PATIENT_DOMAIN}", letter(MARTIN, PATIENT))

    assert opposed == unknown
    assert opposed.endswith("[D_PROFIL_INEXISTANT]")
    reasons = [reason for act, _, reason in world.traces() if act == "deliver_to_patient"]
    assert reasons == ["D_PROFIL_OPPOSE", "D_PROFIL_INEXISTANT"]
    client.quit()


def test_opposition_between_rcpt_and_the_end_of_data_is_obeyed(world: World) -> None:
    client = world.at_submission()
    client.mail(MARTIN)
    client.rcpt(PATIENT)
    world.database.write_now(lambda tx: oppose(tx, world.patient().id, now=world.clock.now()))

    code, text = client.data(letter(MARTIN, PATIENT))

    assert code == 550
    assert text.endswith(b"[D_PROFIL_INEXISTANT]")
    assert ("deliver_to_patient", "DENY", "D_PROFIL_OPPOSE") in world.traces()
    client.quit()


def test_second_patient_is_refused(world: World) -> None:
    client = world.at_submission()

    refused = client.sendmail(MARTIN, [PATIENT, OTHER_PATIENT], letter(MARTIN, PATIENT))

    assert refused[OTHER_PATIENT][1].endswith(b"[S_UN_SEUL_PATIENT]")
    assert len(world.messages(PATIENT)) == 1
    assert world.messages(OTHER_PATIENT) == []
    client.quit()


@pytest.mark.requirement("MSS2:ECO.2.2.8")
def test_fin_closes_reopens_and_closes_all(world: World) -> None:
    client = world.at_submission()
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "Un", Message_ID="<1@demo>"))
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "Deux", Message_ID="<2@demo>"))

    client.sendmail(
        MARTIN, [PATIENT], letter(MARTIN, PATIENT, "Re: Un [fin]", Message_ID="<3@demo>", In_Reply_To="<1@demo>")
    )
    after_mention = [state for _, _, state in conversations(world)]
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "Re: Un", References="<1@demo> <3@demo>"))
    after_more = [state for _, _, state in conversations(world)]
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "=?utf-8?q?Re:_=5BFIN=5D?=", In_Reply_To="<2@demo>"))
    after_all = [state for _, _, state in conversations(world)]

    assert sorted(after_mention) == [State.CLOSED, State.OPEN]
    assert after_more == [State.OPEN, State.OPEN]
    assert after_all == [State.CLOSED, State.CLOSED]
    assert len(world.messages(PATIENT)) == 5
    assert [act for act, _, _ in world.traces()].count("conversation_closed") == 3
    history = world.database.read_now(lambda tx: history_of_patient(tx, world.patient().id))
    labels = {each.entry.subject_label for each in history if each.entry.act == "conversation_closed"}
    assert labels == {"camille.martin"}  # her name in this world, not her address
    client.quit()


def test_reply_to_in_the_trust_space_becomes_the_contact_and_another_does_not(world: World) -> None:
    client = world.at_submission()

    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Reply_To=f"Secretariat <{SERVICE}>"))
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Reply_To="me@webmail.example"))
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Reply_To=OTHER_PATIENT))

    assert sorted(contact for _, contact, _ in conversations(world)) == [MARTIN, MARTIN, SERVICE]
    client.quit()


def test_filing_is_asked_for_only_when_something_is_attached(world: World) -> None:
    client = world.at_submission()
    parts = (
        b"--b\r\nContent-Type: text/plain\r\n\r\nvoici\r\n--b\r\nContent-Type: application/zip\r\n"
        b'Content-Disposition: attachment; filename="IHE_XDM.zip"\r\nContent-Transfer-Encoding: base64\r\n\r\n'
        b"UEsFBgAAAAAAAAAAAAAAAAAAAAAAAA==\r\n--b--\r\n"
    )
    whole = letter(MARTIN, PATIENT, Content_Type="multipart/mixed; boundary=b").partition(b"\r\n\r\n")[0]

    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT))
    client.sendmail(MARTIN, [PATIENT], whole + b"\r\n\r\n" + parts)

    rows = world.database.read_now(lambda tx: tx.execute(task.select().where(task.c.kind == "dmp.intake")).all())
    notices = world.database.read_now(lambda tx: tx.execute(task.select().where(task.c.kind == "notice")).all())
    assert len(rows) == 1
    assert world.mailbox(PATIENT) in rows[0].payload
    assert len(notices) == 2
    client.quit()


def test_suspended_account_cannot_go_on_sending(world: World) -> None:
    from access_core.accounts import AccountState, set_account_state

    client = world.at_submission()
    world.database.write_now(lambda tx: set_account_state(tx, world.mailbox(MARTIN), AccountState.SUSPENDED))

    answer = refusal(client, MARTIN, DURAND, letter(MARTIN, DURAND))

    assert answer == "550 5.7.1 Ce compte ne peut plus envoyer de message. [S_COMPTE_FERME]"
    client.quit()


def test_messages_of_a_conversation_name_what_the_store_holds(world: World) -> None:
    client = world.at_submission()
    client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, Message_ID="<1@demo>"))

    def work(tx: Transaction) -> bytes:
        (only,) = conversations_of_patient(tx, world.patient().id)
        (message,) = messages_of(tx, only.id)
        assert (message.direction, message.message_id_header, message.sender) == ("in", "<1@demo>", MARTIN)
        return world.store.open(tx, world.mailbox(PATIENT), message.message_id).header

    assert b"Message-ID: <1@demo>" in world.database.read_now(work)
    client.quit()


def test_exact_match_is_a_setting(tmp_path: Path) -> None:
    with running(tmp_path, Options(conversation={"fin_match": "exact"})) as world:
        client = world.at_submission()

        client.sendmail(MARTIN, [PATIENT], letter(MARTIN, PATIENT, "[FIN] merci"))

        assert conversations(world) == [(MARTIN, MARTIN, State.OPEN)]
        client.quit()
