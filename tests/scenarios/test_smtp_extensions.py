"""What EHLO offers and what it is worth: SMTPUTF8, REQUIRETLS, LIMITS, SIZE, 8BITMIME, over real sockets."""

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage
from email.parser import BytesParser
from email.utils import parseaddr
from pathlib import Path

import pytest

from smtp_gateway.tables import queue_message
from tests.scenarios.test_smtp_hostile import inside_tls, send_data
from tests.unit.smtp_gateway.world import (
    DURAND,
    MARTIN,
    PEER,
    Options,
    World,
    letter,
    running,
)
from vaguemestre.kernel.database import Transaction

NOT_DECLARED = b"550 5.6.7 En-tete non ASCII : SMTPUTF8 n'a pas ete declare. [S_ENTETE_SMTPUTF8]\r\n"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("world"), Options(smtp={"max_errors": 1_000})) as started:
        yield started


def offers(client: smtplib.SMTP) -> set[str]:
    client.ehlo()
    return {f"{name} {value}".strip() for name, value in client.esmtp_features.items()}


def test_each_role_offers_what_it_does(world: World) -> None:
    mail_program, operator = world.at_submission(), world.at_mx()
    common = {"pipelining", "size 26214400", "8bitmime", "enhancedstatuscodes", "limits MAILMAX=1000 RCPTMAX=100"}
    common |= {"smtputf8", "chunking", "requiretls", "dsn"}

    assert offers(mail_program) == offers(operator) == common
    mail_program.quit()
    operator.quit()


def test_header_that_is_not_ascii_needs_its_declaration(world: World) -> None:
    content = letter(f"Camille <{MARTIN}>", DURAND, "Résultats à lire")
    declared = f"MAIL FROM:<{MARTIN}> SMTPUTF8 BODY=8BITMIME".encode()
    with inside_tls(world) as client:
        assert send_data(client, content) == NOT_DECLARED
        assert client.ask(declared).startswith(b"250")
        assert client.ask(f"RCPT TO:<{DURAND}>".encode()).startswith(b"250")
        assert client.ask(b"DATA").startswith(b"354")
        client.send(content + b".\r\n")
        assert client.reply().startswith(b"250 2.0.0 OK ")

    stored = world.messages(DURAND)[-1]
    assert stored.endswith(content)
    assert b" with UTF8SMTPSA id " in stored


@pytest.mark.parametrize(
    ("line", "reply"),
    [
        ("MAIL FROM:<camille.martin@démo.fr>", b"553 5.6.7"),
        ("MAIL FROM:<camille.martin@demo.mssante.fr> SMTPUTF8=yes", b"501 5.5.4"),
        ("MAIL FROM:<camille.martin@demo.mssante.fr> REQUIRETLS=yes", b"501 5.5.4"),
        ("MAIL FROM:<élodie@demo.mssante.fr> SMTPUTF8", b"550 5.7.1"),
    ],
)
def test_words_that_take_no_value_and_addresses_that_are_not_ours(world: World, line: str, reply: bytes) -> None:
    with inside_tls(world) as client:
        assert client.ask(line.encode()).startswith(reply)


def test_recipient_that_is_not_ascii(world: World) -> None:
    with inside_tls(world) as client:
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        assert client.ask("RCPT TO:<zoé@peer.mssante.fr>".encode()).startswith(b"553 5.6.7")
        client.ask(b"RSET")
        client.ask(f"MAIL FROM:<{MARTIN}> SMTPUTF8".encode())
        assert client.ask("RCPT TO:<zoé@peer.mssante.fr>".encode()).startswith(b"250 2.1.5")
        assert client.ask(b'RCPT TO:<"Zoe Martin"@peer.mssante.fr>').startswith(b"250 2.1.5")
        assert client.ask("RCPT TO:<zoé@demo.mssante.fr>".encode()).startswith(b"553 5.1.3")
        assert client.ask("RCPT TO:<zoé@ailleurs.fr>".encode()).endswith(b"[S_DOMAINE_DISTANT]\r\n")


def test_bytes_of_old_headers_are_kept_when_the_settings_say_so(tmp_path: Path) -> None:
    options = Options(smtp={"smtputf8": False, "ascii_headers": False})
    with running(tmp_path, options) as world, inside_tls(world) as client:
        content = letter(f"Camille <{MARTIN}>", DURAND).replace(b"Bonjour\r\n", "Reçu\r\n".encode("latin-1"), 1)

        assert send_data(client, content).startswith(b"250")
        assert client.ask(f"MAIL FROM:<{MARTIN}> SMTPUTF8".encode()).startswith(b"555 5.5.4")
        assert client.ask("MAIL FROM:<élodie@demo.mssante.fr>".encode()).startswith(b"553 5.6.7")
        assert world.messages(DURAND)[0].endswith(content)


def test_requiretls_goes_with_the_message_into_the_queue(world: World) -> None:
    client = world.at_submission()
    for words in ((), ("REQUIRETLS",)):
        client.sendmail(MARTIN, [PEER], letter(MARTIN, PEER), mail_options=words)

    def read(tx: Transaction) -> list[bool]:
        return list(tx.execute(queue_message.select().order_by(queue_message.c.id)).columns("require_tls").scalars())

    assert world.database.read_now(read) == [False, True]
    client.quit()


def test_messages_of_one_connection_are_counted(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"max_mails": 2})) as world, inside_tls(world) as client:
        assert b"LIMITS MAILMAX=2 " in client.ask(b"EHLO laptop")
        for _ in range(2):
            assert client.ask(f"MAIL FROM:<{MARTIN}>".encode()).startswith(b"250")
            client.ask(b"RSET")

        assert client.ask(f"MAIL FROM:<{MARTIN}>".encode()).startswith(b"421 4.7.0 Trop de messages")
        assert client.reply() == b""


def test_recipients_are_counted_as_announced_and_the_message_still_leaves(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"max_recipients": 3, "max_errors": 2})) as world, inside_tls(world) as client:
        assert b"RCPTMAX=3" in client.ask(b"EHLO laptop")
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        answers = [client.ask(f"RCPT TO:<{each}>".encode()) for each in (DURAND, DURAND.upper(), PEER, *[MARTIN] * 5)]

        assert [each[:9] for each in answers] == [b"250 2.1.5"] * 3 + [b"452 4.5.3"] * 5  # one that is repeated counts
        assert client.ask(b"DATA").startswith(b"354")
        client.send(letter(MARTIN, DURAND) + b".\r\n")
        assert client.reply().startswith(b"250 2.0.0")


def test_refused_mail_commands_count_too(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"max_mails": 2})) as world, inside_tls(world) as client:
        assert client.ask(b"MAIL FROM:<nobody>").startswith(b"553")
        assert client.ask(f"MAIL FROM:<{DURAND}>".encode()).startswith(b"550")
        assert client.ask(f"MAIL FROM:<{MARTIN}>".encode()).startswith(b"421 4.7.0")


@pytest.mark.parametrize("name", [b"a b", b"a) by evil (b", "hélène".encode(), b"[a]b", b"x" * 256])
def test_operator_says_a_name_that_may_be_written_down(world: World, name: bytes) -> None:
    operator, mail_program = world.at_mx(), world.at_submission()

    operator.send(b"EHLO " + name + b"\r\n")

    assert operator.getreply()[0] == 501
    assert mail_program.docmd("EHLO", "PC de Claire")[0] == 250

    operator.quit()
    mail_program.quit()


def test_domains_of_one_message_are_counted(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"max_recipient_domains": 1})) as world, inside_tls(world) as client:
        assert b"RCPTDOMAINMAX=1" in client.ask(b"EHLO laptop")
        client.ask(f"MAIL FROM:<{MARTIN}>".encode())
        assert client.ask(f"RCPT TO:<{DURAND}>".encode()).startswith(b"250")
        assert client.ask(f"RCPT TO:<{MARTIN.upper()}>".encode()).startswith(b"250")
        assert client.ask(f"RCPT TO:<{PEER}>".encode()).startswith(b"452 4.5.3")


def test_size_is_told_declared_and_counted(tmp_path: Path) -> None:
    with running(tmp_path, Options(smtp={"max_message_bytes": 70_000})) as world, inside_tls(world) as client:
        assert b"SIZE 70000\r\n" in client.ask(b"EHLO laptop")
        assert client.ask(f"MAIL FROM:<{MARTIN}> SIZE=70001".encode()).startswith(b"552 5.3.4")
        assert send_data(client, letter(MARTIN, DURAND) + (b"x" * 98 + b"\r\n") * 701).startswith(b"552 5.3.4")
        assert send_data(client, letter(MARTIN, DURAND) + (b"x" * 98 + b"\r\n") * 600).startswith(b"250")


def test_eight_bits_of_a_body_are_kept(world: World) -> None:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = MARTIN, DURAND, "Compte rendu"
    message.set_content("Élève déjà guéri œdème\n", cte="8bit")
    with world.at_submission() as client:
        client.send_message(message, mail_options=["BODY=8BITMIME"])

    assert "Élève déjà guéri œdème\r\n".encode() in world.messages(DURAND)[-1]


@pytest.mark.parametrize("unreadable", ["", "Date: hier\r\nMessage-ID: \r\n", "Message-ID: <a b>\r\nDate: 0\r\n"])
def test_missing_date_and_message_id_are_added_and_blind_copies_dropped(world: World, unreadable: str) -> None:
    blind = "Bcc: secret@demo.mssante.fr\r\nResent-Bcc: secret@demo.mssante.fr\r\n"
    content = f"From: {MARTIN}\r\nTo: {DURAND}\r\n{blind}{unreadable}Subject: x\r\n\r\nBonjour.\r\n".encode()
    with inside_tls(world) as client:
        assert send_data(client, content).startswith(b"250")

    stored = world.messages(DURAND)[-1]
    assert stored.count(b"\r\nDate: ") == stored.count(b"\r\nMessage-ID: <") == 1
    assert b"secret@" not in stored


@pytest.mark.requirement("MSS2:ECO.2.2.7")
@pytest.mark.parametrize(("given", "kept"), [("", "CAMILLE.MARTIN"), ("Camille ", "Camille")])
def test_sender_without_a_name_gets_that_of_the_mailbox(world: World, given: str, kept: str) -> None:
    content = letter(f"{given}<{MARTIN}>", DURAND)
    with inside_tls(world) as client:
        assert send_data(client, content).startswith(b"250")

    assert addresses_of(world.messages(DURAND)[-1]) == (kept, MARTIN)


def addresses_of(message: bytes) -> tuple[str, str]:
    return parseaddr(str(BytesParser().parsebytes(message)["From"]))
