"""A mailbox comes in from another IMAP server, which is ours here: all of it, once, whatever is cut."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from mailstore.elsewhere import CertificateRefused, Server, ServerAway, SignInRefused, open_connection
from mailstore.exchange.imap_source import imap_source
from mailstore.exchange.model import Report
from mailstore.store import Delivery
from tests.fictional.carrier import Carrier, Letter
from tests.standins.cutting_proxy import cutting_proxy
from tests.unit.mailstore_imap.house import LOGIN, PASSWORD, ImapHouse
from vaguemestre.kernel.database import Transaction

WHEN = datetime(2024, 2, 29, 23, 59, 58, tzinfo=UTC)
HEADER = b"Subject: a\r\n\r\n"
LETTERS = (
    Letter(HEADER + b"x\r\n", "INBOX", frozenset({"\\Seen", "$Forwarded"}), WHEN),
    Letter(HEADER + b"bare\nline\rends", "INBOX", frozenset(), WHEN),
    Letter(HEADER + b"y" * (65_536 - len(HEADER)), "INBOX", frozenset({"\\Flagged"}), WHEN),
    Letter(HEADER + b"0123456789abcde\n" * 200_000, "Envoyés/2024", frozenset({"\\Draft"}), WHEN),
    Letter(b"x", "Suivi (été) & co", frozenset({"\\Answered", "\\Deleted"}), WHEN),
    *(Letter(HEADER + b"%d" % number, "Archives", frozenset(), WHEN) for number in range(120)),
)


class Elsewhere:
    """The other server with its doctor's mailbox, and the store that it is carried to."""

    def __init__(self, house: ImapHouse, carrier: Carrier) -> None:
        self.house, self.carrier = house, carrier
        self.mailbox_id = carrier.mailbox()
        self.server = Server(
            host="localhost", port=house.tls_port, login=LOGIN, authority=house.certificate, timeout_s=20
        )

    def fill(self, *letters: Letter) -> None:
        """Put messages into the other mailbox."""
        for letter in letters:
            self.house.run(self._put(letter))

    async def carry(self, server: Server | None = None, password: str = PASSWORD) -> Report:
        """Import once."""
        async with open_connection(server or self.server, password) as connection:
            source = await imap_source(connection, self.server)
            plan = replace(self.carrier.plan(self.mailbox_id), message_bytes=10_000_000)
            importer = self.carrier.importer(plan, source)
            return await importer.run(source, self.carrier.begin, lambda _done, _total: None)

    def arrived(self) -> list[Letter]:
        """Return what came in."""
        return self.carrier.letters(self.mailbox_id)

    async def _put(self, letter: Letter) -> None:
        house = self.house
        draft = house.store.draft()
        await draft.write(letter.content)
        sealed = await draft.seal()

        def work(tx: Transaction) -> None:
            if house.store.folder(tx, house.account_id, letter.folder) is None:
                house.store.create_folder(tx, house.account_id, letter.folder)
            place = Delivery(
                mailbox_id=house.account_id, folder=letter.folder, flags=letter.flags, internal_date=letter.date
            )
            house.store.deliver(tx, sealed, [place])

        await house.database.write(work)


@pytest.fixture
def elsewhere(tmp_path: Path) -> Iterator[Elsewhere]:
    with ImapHouse(tmp_path) as house, Carrier() as carrier:
        yield Elsewhere(house, carrier)


def in_order(letters: list[Letter] | tuple[Letter, ...]) -> list[Letter]:
    return sorted(letters, key=lambda each: (each.folder, each.content))


def test_a_whole_mailbox_comes_in_once(elsewhere: Elsewhere):
    elsewhere.fill(*LETTERS)

    first = asyncio.run(elsewhere.carry())
    elsewhere.fill(Letter(b"z", date=WHEN))
    second = asyncio.run(elsewhere.carry())

    assert (first.done, first.known, first.problems) == (len(LETTERS), 0, [])
    assert (second.done, second.known) == (1, len(LETTERS))
    assert in_order(elsewhere.arrived()) == in_order([*LETTERS, Letter(b"z", date=WHEN)])


def test_nothing_is_marked_as_seen_there(elsewhere: Elsewhere):
    elsewhere.fill(Letter(b"a"))

    asyncio.run(elsewhere.carry())

    house = elsewhere.house
    folder = house.database.read_now(lambda tx: house.store.folder(tx, house.account_id, "INBOX"))
    assert folder is not None
    assert folder.recent_from == 1
    assert house.database.read_now(lambda tx: house.store.entries(tx, folder.id))[0].flags == frozenset()


def test_cuts_lose_and_double_nothing(elsewhere: Elsewhere):
    elsewhere.fill(*LETTERS)

    async def scenario() -> int:
        async with cutting_proxy(elsewhere.server.port) as proxy:
            proxy.cuts_left, proxy.reach = 12, 2_000_000
            for attempt in range(14):
                try:
                    await elsewhere.carry(replace(elsewhere.server, port=proxy.port))
                except ServerAway:
                    continue
                return attempt
            return -1

    attempts = asyncio.run(scenario())

    assert attempts > 0
    assert in_order(elsewhere.arrived()) == in_order(LETTERS)


@pytest.mark.parametrize("password", ["faux", 'fa"u\\x', "é" * 300])
def test_a_refused_sign_in_is_said(elsewhere: Elsewhere, password: str):
    with pytest.raises(SignInRefused):
        asyncio.run(elsewhere.carry(password=password))


def test_a_certificate_of_nobody_is_not_accepted(elsewhere: Elsewhere):
    with pytest.raises(CertificateRefused):
        asyncio.run(elsewhere.carry(replace(elsewhere.server, authority=None)))
