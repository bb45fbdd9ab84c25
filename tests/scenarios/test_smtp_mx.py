"""The MX over real sockets and mutual TLS: who may speak for whom, and what other operators' mail does."""

import smtplib
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_gateway.conversation import (
    Conversation,
    Patient,
    Posted,
    apply_change,
    conversation,
    conversations_of_patient,
    messages_of,
)
from smtp_gateway.fin import State, ThreadChange
from tests.scenarios.test_smtp_submission import refusal
from tests.unit.smtp_gateway.trust_space import write_whitelist
from tests.unit.smtp_gateway.world import (
    DURAND,
    INS_TEXT,
    MARTIN,
    OTHER_PATIENT,
    PATIENT,
    PATIENT_DOMAIN,
    PEER,
    Options,
    World,
    letter,
    running,
)
from vaguemestre.kernel.database import Transaction

STRANGER_REPLY = "554 5.7.1 Le certificat presente ne figure pas dans la liste blanche. [S_OPERATEUR_INCONNU]"


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    with running(tmp_path) as started:
        yield started


def conversations(world: World) -> list[Conversation]:
    return world.database.read_now(lambda tx: conversations_of_patient(tx, world.patient().id))


def test_professional_of_another_operator_opens_a_conversation_like_one_of_ours(world: World) -> None:
    client = world.at_mx()

    client.sendmail(PEER, [PATIENT, MARTIN], letter(PEER, PATIENT, Message_ID="<1@peer>"))

    (stored,) = world.messages(PATIENT)
    assert stored == world.messages(MARTIN)[0]
    assert b"Authentication-Results: mx.demo.test;\r\n\tdkim=none\r\n" in stored
    assert b"Received: from mx.peer.test (127.0.0.1)\r\n\tby mx.demo.test with ESMTPS id " in stored
    (only,) = conversations(world)
    assert (only.professional, only.correspondent, only.state) == (PEER, PEER, State.OPEN)
    assert world.traces() == [("deliver_to_patient", "PERMIT", "OK"), ("message_delivered", "PERMIT", "OK")]
    client.quit()


def test_starttls_comes_first(world: World) -> None:
    client = smtplib.SMTP("127.0.0.1", world.ports["mx"], timeout=10)
    client.ehlo()

    assert client.docmd("MAIL", f"FROM:<{PEER}>") == (530, b"5.7.0 STARTTLS est requis d'abord. [S_TLS_REQUIS]")
    assert client.docmd("RCPT", f"TO:<{PATIENT}>")[0] == 530
    assert client.docmd("AUTH", "PLAIN x")[0] == 530
    client.quit()


def knock(client: smtplib.SMTP, tls: ssl.SSLContext) -> None:
    """Go on until the server says that the certificate does not do: TLS 1.3 tells it after the handshake."""
    client.starttls(context=tls)
    client.ehlo()
    client.docmd("MAIL", f"FROM:<{PEER}>")


def test_peer_without_certificate_does_not_get_through_the_handshake(world: World) -> None:
    client = smtplib.SMTP("127.0.0.1", world.ports["mx"], timeout=10)

    with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected, ConnectionError)):
        knock(client, world.pki.client(None))

    client.close()
    at_ease = world.at_mx()  # the listener is still there
    assert at_ease.noop()[0] == 250
    at_ease.quit()


def test_unlisted_operator_is_refused_whoever_the_recipient_is_and_the_patient_sees_it(world: World) -> None:
    client = world.at_mx("stranger")

    to_patient = refusal(client, "x@stranger.mssante.fr", PATIENT, letter("x@stranger.mssante.fr", PATIENT))
    to_nobody = refusal(client, PEER, f"288091234567894@{PATIENT_DOMAIN}", letter(PEER, PATIENT))

    assert to_patient == to_nobody == STRANGER_REPLY
    assert world.messages(PATIENT) == []
    assert world.traces()[0] == ("deliver_to_patient", "DENY", "A_EXPEDITEUR_NON_MSSANTE")
    client.close()


@pytest.mark.parametrize(
    ("sender", "author", "reply"),
    [
        ("x@demo.mssante.fr", PEER, "[S_DOMAINE_EXPEDITEUR]"),
        (PATIENT, PATIENT, "[S_DOMAINE_EXPEDITEUR]"),
        (PEER, "x@demo.mssante.fr", "[S_FROM]"),
        ("", MARTIN, "[S_FROM]"),
    ],
)
def test_peer_speaks_for_its_domains_only(world: World, sender: str, author: str, reply: str) -> None:
    client = world.at_mx()

    assert refusal(client, sender, MARTIN, letter(author, MARTIN)).endswith(reply)
    assert world.messages(MARTIN) == []
    client.quit()


def test_report_from_the_null_sender_is_delivered_without_a_conversation(world: World) -> None:
    client = world.at_mx()

    client.sendmail("", [PATIENT, MARTIN], letter(f"MAILER-DAEMON@{PEER.partition('@')[2]}", PATIENT))

    assert len(world.messages(PATIENT)) == len(world.messages(MARTIN)) == 1
    assert conversations(world) == []
    assert world.messages(PATIENT)[0].startswith(b"Return-Path: <>\r\n")
    client.quit()


def test_list_is_read_again_without_losing_connections(world: World) -> None:
    client = world.at_mx("stranger")
    assert refusal(client, PEER, MARTIN, letter(PEER, MARTIN)) == STRANGER_REPLY
    path = world.folder / "whitelist.xml"
    path.write_text(path.read_text(encoding="utf-8").replace("mx.peer.test", "mx.stranger.test"), encoding="utf-8")

    world.services[0].reload()
    client.ehlo()

    assert refusal(client, PEER, MARTIN, letter(PEER, MARTIN)) == "250"
    path.write_text("<broken", encoding="utf-8")
    world.services[0].reload()
    client.ehlo()
    assert refusal(client, PEER, MARTIN, letter(PEER, MARTIN)) == "250"
    write_whitelist(path)
    client.quit()


def remote_conversation(world: World, state: State) -> str:
    """A patient of another operator to whom Dr Martin wrote: as relaying records it."""

    def work(tx: Transaction) -> str:
        patient = Patient(address=OTHER_PATIENT, profile_id=None)
        change = ThreadChange(thread_id=None, professional=MARTIN, correspondent=MARTIN, state=state, answerable=True)
        posted = Posted(message_id="0" * 32, message_id_header="<out@demo>", sender=MARTIN, at=world.clock.now())
        return apply_change(tx, patient, change, posted)

    return world.database.write_now(work)


def test_patient_of_another_operator_answers_an_open_conversation_only(world: World) -> None:
    conversation_id = remote_conversation(world, State.OPEN)
    client = world.at_mx("patients")

    answered = refusal(client, OTHER_PATIENT, MARTIN, letter(OTHER_PATIENT, MARTIN, In_Reply_To="<out@demo>"))
    unasked = refusal(client, OTHER_PATIENT, MARTIN, letter(OTHER_PATIENT, MARTIN, "[FIN]"))
    elsewhere = refusal(client, OTHER_PATIENT, DURAND, letter(OTHER_PATIENT, DURAND, In_Reply_To="<out@demo>"))

    assert answered == "250"
    assert unasked == elsewhere
    assert unasked.startswith("550 5.7.1 Vous pouvez uniquement ecrire aux professionnels")
    assert unasked.endswith("[C_ECHANGE_NON_INITIE]")
    assert len(world.messages(MARTIN)) == 1
    found = world.database.read_now(lambda tx: conversation(tx, conversation_id))
    assert found is not None
    assert found.state is State.OPEN  # [FIN] from a patient is inert text
    directions = world.database.read_now(lambda tx: [each.direction for each in messages_of(tx, conversation_id)])
    assert directions == ["in", "out"]
    client.quit()


@pytest.mark.requirement("MSS2:ECO.2.2.8")
def test_patient_of_another_operator_cannot_answer_after_fin(world: World) -> None:
    remote_conversation(world, State.CLOSED)
    client = world.at_mx("patients")

    answer = refusal(client, OTHER_PATIENT, MARTIN, letter(OTHER_PATIENT, MARTIN, In_Reply_To="<out@demo>"))

    assert answer == "550 5.7.1 Le professionnel a mis fin a cet echange. [C_ECHANGE_CLOS]"
    assert world.traces() == [("reply_by_patient", "DENY", "C_ECHANGE_CLOS")]
    client.quit()


def test_patient_never_writes_to_a_patient(world: World) -> None:
    client = world.at_mx("patients")

    answer = refusal(client, OTHER_PATIENT, PATIENT, letter(OTHER_PATIENT, PATIENT))

    assert answer.endswith("[C_ECHANGE_NON_INITIE]")
    assert world.traces() == [("reply_by_patient", "DENY", "C_ECHANGE_NON_INITIE")]
    client.quit()


def test_receipt_of_a_patient_passes_without_a_conversation(world: World) -> None:
    client = world.at_mx("patients")
    kind = "multipart/report; report-type=disposition-notification; boundary=b"
    report = letter(OTHER_PATIENT, MARTIN, "Lu", Content_Type=kind) + b"--b\r\n\r\nLu.\r\n--b--\r\n"

    client.sendmail("", [MARTIN], report)

    assert len(world.messages(MARTIN)) == 1
    assert refusal(client, "", MARTIN, letter(OTHER_PATIENT, MARTIN)).endswith("[C_ECHANGE_NON_INITIE]")
    client.quit()


def test_postmaster_is_somebody_when_the_settings_name_her(
    tmp_path_factory: pytest.TempPathFactory, world: World
) -> None:
    unknown = world.at_mx()
    unknown.mail(PEER)
    assert unknown.rcpt("postmaster@demo.mssante.fr")[0] == 550
    unknown.quit()

    with running(tmp_path_factory.mktemp("named"), Options(smtp={"postmaster": DURAND})) as named:
        client = named.at_mx()
        client.mail(PEER)
        addresses = ["Postmaster", "PostMaster@demo.mssante.fr", f"abuse@{PATIENT_DOMAIN}", "abuse@ailleurs.fr"]
        said = [client.docmd("RCPT", f"TO:<{each}>")[0] for each in addresses]
        assert client.data(letter(PEER, "postmaster@demo.mssante.fr"))[0] == 250

        assert said == [250, 250, 250, 550]
        assert len(named.messages(DURAND)) == 1
        client.quit()


def test_loop_is_cut(world: World) -> None:
    client = world.at_mx()

    answer = refusal(client, PEER, MARTIN, b"Received: by x\r\n" * 51 + letter(PEER, MARTIN))

    assert answer.endswith("[S_BOUCLE]")
    client.quit()


def test_authentication_results_that_claim_to_be_ours_are_dropped(world: World) -> None:
    client = world.at_mx()
    forged = b"Authentication-Results: MX.demo.test; dkim=pass\r\nAuthentication-Results: other.test; dkim=pass\r\n"

    client.sendmail(PEER, [MARTIN], forged + letter(PEER, MARTIN))

    (stored,) = world.messages(MARTIN)
    assert stored.count(b"Authentication-Results:") == 2
    assert b"MX.demo.test" not in stored
    assert b"other.test; dkim=pass" in stored
    client.quit()


def test_revoked_certificate_does_not_get_through_the_handshake(world: World) -> None:
    from datetime import UTC, datetime

    from cryptography import x509

    from vaguemestre.kernel.tls import server_context

    peer = x509.load_pem_x509_certificate((world.folder / "peer.pem").read_bytes())
    crl = world.folder / "revoked.crl.pem"
    crl.write_bytes(world.pki.authority.revocation_list([peer], datetime.now(UTC)))
    listener, door = world.services[0]._doors[0]
    door.tls_context = server_context(
        world.folder / "server.pem", world.folder / "server.key", client_ca=world.folder / "ca.pem", crls=[crl]
    )

    client = smtplib.SMTP("127.0.0.1", world.ports["mx"], timeout=10)
    with pytest.raises((ssl.SSLError, smtplib.SMTPServerDisconnected, ConnectionError)):
        knock(client, world.pki.client("peer"))
    client.close()

    still = world.at_mx("patients")
    assert still.noop()[0] == 250
    still.quit()
    assert listener.name == "mx"


def test_ins_is_never_quoted_in_a_reply(world: World) -> None:
    client = world.at_mx()
    client.mail(PEER)

    replies = [client.rcpt(f"{INS_TEXT[:-1]}0@{PATIENT_DOMAIN}"), client.rcpt(f"288091234567894@{PATIENT_DOMAIN}")]

    assert all(INS_TEXT[:10].encode() not in text for _, text in replies)
    assert all(b"288091234567894" not in text for _, text in replies)
    client.quit()


def test_plain_socket_that_never_speaks_leaves_the_listener_alone(world: World) -> None:
    with socket.create_connection(("127.0.0.1", world.ports["mx"])) as silent:
        assert silent.recv(200).startswith(b"220 mx.demo.test ESMTP")

        client = world.at_mx()
        assert client.noop()[0] == 250
        client.quit()
