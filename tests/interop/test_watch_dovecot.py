"""A mailbox on Dovecot is watched: IDLE wakes the watch, cuts lose and double nothing."""

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from tests.conftest import NOON
from tests.fictional.structure_keys import issue_rsa
from tests.fictional.watched_mailbox import WatchedMailbox, message, plain_message
from tests.fictional.watching import outcomes, start_watching, until
from tests.standins.cutting_proxy import cutting_proxy
from tests.standins.dovecot import start_dovecot
from tests.unit.dmp_bridge.conftest import Practice, database, engine, practice  # noqa: F401 - fixtures
from vaguemestre.app.pki import Authority


@pytest.fixture
def dovecot() -> Iterator[WatchedMailbox]:
    authority = Authority.create(NOON - timedelta(days=30))
    chain = b"".join(each.public_bytes(Encoding.PEM) for each in (authority.certificate, authority.root))
    with start_dovecot(issue_rsa(authority, "localhost", NOON, hosts=("localhost",)), chain) as mailbox:
        yield mailbox


@pytest.mark.requirement("VGM:DMP-06")
async def test_documents_on_dovecot_are_filed_once(
    practice: Practice,  # noqa: F811 - the fixture
    dovecot: WatchedMailbox,
    tmp_path: Path,
):
    await asyncio.to_thread(dovecot.put, "INBOX", message(), plain_message())

    async with cutting_proxy(dovecot.port) as proxy:
        proxy.cuts_left, proxy.reach = 10, 30_000
        async with start_watching(practice, dovecot, tmp_path, port=proxy.port):
            for _ in range(6):
                await asyncio.to_thread(dovecot.put, "INBOX", message())
                proxy.cut()
            await until(lambda: len(outcomes(practice)) == 8)
            await asyncio.to_thread(dovecot.put, "INBOX", message())
            await until(lambda: len(outcomes(practice)) == 9)

    assert outcomes(practice) == ["OK", "-", *["OK"] * 7]
    assert len(practice.documents()) == 8
    assert all(b"$Depose" in each for each in dovecot.flags("INBOX"))
