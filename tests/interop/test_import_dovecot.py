"""A mailbox on Dovecot comes in whole: folders, flags, keywords, dates, bytes; and Dovecot reads what we write out."""

import asyncio
import imaplib
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from mailstore.elsewhere import Server, open_connection
from mailstore.exchange.imap_source import imap_source
from mailstore.exchange.maildir import MaildirSource
from mailstore.exchange.maildir_writing import MaildirTarget
from mailstore.exchange.model import Report
from tests.conftest import NOON
from tests.fictional.carrier import Carrier, Letter
from tests.fictional.structure_keys import issue_rsa
from tests.fictional.watched_mailbox import WatchedMailbox
from tests.standins.dovecot import start_dovecot
from vaguemestre.app.pki import Authority

WHEN = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
LETTERS = (
    Letter(b"Subject: a\r\n\r\nx\r\n", "INBOX", frozenset({"\\Seen", "$Forwarded", "Suivi"}), WHEN),
    Letter(b"Subject: b\r\n\r\n" + b"0123456789abcd\r\n" * 20_000, "Envoyés", frozenset({"\\Answered"}), WHEN),
    Letter(b"Subject: c\r\n\r\n>From \r\nFrom x\r\n", "Projet (été)/avis & co", frozenset({"\\Flagged"}), WHEN),
    *(Letter(b"Subject: %d\r\n\r\nx\r\n" % each, "INBOX", frozenset(), WHEN) for each in range(300)),
)
NAMES = {"Envoyés": "Sent", "Projet (été)/avis & co": "Projet (&AOk-t&AOk-).avis &- co"}


@pytest.fixture
def dovecot() -> Iterator[WatchedMailbox]:
    authority = Authority.create(NOON - timedelta(days=30))
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (authority.certificate, authority.root))
    with start_dovecot(issue_rsa(authority, "localhost", NOON, hosts=("localhost",)), chain) as mailbox:
        yield mailbox


def fill(mailbox: WatchedMailbox) -> None:
    with mailbox.opened() as client:
        for each in LETTERS:
            name = '"' + NAMES.get(each.folder, each.folder) + '"'
            client.create(name)
            flags = f"({' '.join(sorted(each.flags))})"
            moment = imaplib.Time2Internaldate(each.date)
            assert client.append(name, flags, moment, each.content)[0] == "OK"


def carry(carrier: Carrier, mailbox_id: str, there: WatchedMailbox) -> Report:
    server = Server(host="localhost", port=there.port, login=there.login, authority=there.authority)

    async def work() -> Report:
        async with open_connection(server, there.password) as connection:
            source = await imap_source(connection, server)
            importer = carrier.importer(carrier.plan(mailbox_id), source)
            return await importer.run(source, carrier.begin, lambda _done, _total: None)

    return asyncio.run(work())


def in_order(letters: list[Letter] | tuple[Letter, ...]) -> list[Letter]:
    return sorted(letters, key=lambda each: (each.folder, each.content))


def test_a_mailbox_on_dovecot_comes_in_once(dovecot: WatchedMailbox):
    fill(dovecot)
    with Carrier() as carrier:
        mailbox_id = carrier.mailbox()

        first = carry(carrier, mailbox_id, dovecot)
        second = carry(carrier, mailbox_id, dovecot)

        assert (first.done, first.problems, second.done) == (len(LETTERS), [], 0)
        assert in_order(carrier.letters(mailbox_id)) == in_order(LETTERS)


def test_its_maildir_comes_in_as_well(dovecot: WatchedMailbox):
    fill(dovecot)
    with Carrier() as carrier:
        mailbox_id = carrier.mailbox()

        report = carrier.bring_in(mailbox_id, MaildirSource(dovecot.authority.parent / "mail"))

        assert (report.done, report.problems) == (len(LETTERS), [])
        assert in_order(carrier.letters(mailbox_id)) == in_order(LETTERS)


def test_dovecot_reads_what_we_write_out(dovecot: WatchedMailbox):
    with Carrier() as carrier:
        mailbox_id, mail = carrier.mailbox(*LETTERS), dovecot.authority.parent / "mail"
        carrier.write_out(mailbox_id, MaildirTarget(mail))
        give_to_dovecot(mail)
        fresh = carrier.mailbox()

        report = carry(carrier, fresh, dovecot)

        assert (report.done, report.problems) == (len(LETTERS), [])
        assert in_order(carrier.letters(fresh)) == in_order(LETTERS)


def give_to_dovecot(mail: Path) -> None:
    for each in (mail, *mail.rglob("*")):
        shutil.chown(each, "nobody", "nogroup")
