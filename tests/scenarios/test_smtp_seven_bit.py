"""A peer that takes 7 bits: what is written in French reaches it whole and signed, or its sender is told."""

import email
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import dkim
import pytest

from smtp_gateway.dkim_sign import load_signing_keys
from smtp_gateway.queue.model import EntryState, Trouble
from tests.standins.peer import Manners
from tests.unit.smtp_gateway.relaying import Relay
from tests.unit.smtp_gateway.world import MARTIN, PEER, Options, running
from vaguemestre.app.dkim_keys import create_dkim_keys
from vaguemestre.kernel.clock import ManualClock

HEADER = (
    f"From: {MARTIN}\r\nTo: {PEER}\r\nSubject: Essai\r\nDate: Mon, 23 Nov 2026 10:00:00 +0000\r\n"
    "Message-ID: <1@demo>\r\nMIME-Version: 1.0\r\n"
).encode()
FIELDS = b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
FRENCH = "Le résultat est arrivé.\r\n".encode()
SIGNED = (
    b'Content-Type: multipart/signed; boundary="s"; micalg=sha-256; protocol="application/pkcs7-signature"\r\n\r\n'
    b"--s\r\n" + FIELDS + FRENCH + b"\r\n--s\r\nContent-Type: application/pkcs7-signature\r\n\r\nAAAA\r\n--s--\r\n"
)


@pytest.fixture
def relay(tmp_path: Path) -> Iterator[Relay]:
    clock = ManualClock(datetime.now(UTC))
    with running(tmp_path, Options(clock=clock)) as world:
        made = Relay(world, clock)
        yield made
        world.run(made.peer.close())


def submit(relay: Relay, content: bytes) -> None:
    with relay.world.at_submission() as client:
        client.sendmail(MARTIN, [PEER], content, mail_options=["BODY=8BITMIME"])


@pytest.mark.parametrize("eight_bit", [True, False])
def test_a_message_in_french_reaches_any_peer_and_is_signed_as_it_leaves(relay: Relay, eight_bit: bool) -> None:
    published = create_dkim_keys()
    for key in published:
        key.write(relay.world.folder)
    relay.keys = load_signing_keys(relay.world.folder, ("vm-rsa", "vm-ed25519"))
    relay.peer.manners = Manners(eight_bit=eight_bit)
    submit(relay, HEADER + FIELDS + FRENCH)

    relay.work()

    (taken,) = relay.peer.taken
    records = {f"{key.selector}._domainkey.demo.mssante.fr.".encode(): key.record.encode() for key in published}
    read = email.message_from_bytes(taken.content)
    assert taken.content.isascii() == (not eight_bit)
    assert read["Content-Transfer-Encoding"] == ("8bit" if eight_bit else "quoted-printable")
    assert read.get_payload(decode=True) == FRENCH
    assert dkim.verify(taken.content, dnsfunc=lambda name, timeout=5: records.get(name))
    assert ("BODY=8BITMIME" in next(line for line in relay.peer.said if line.startswith("MAIL"))) == eight_bit
    assert relay.states() == [(EntryState.SENT, None)]


def test_a_signed_message_comes_back_with_5_6_3(relay: Relay) -> None:
    relay.peer.manners = Manners(eight_bit=False)
    submit(relay, HEADER + SIGNED)

    relay.work()

    (report,) = relay.reports()
    assert relay.peer.taken == []
    assert relay.states() == [(EntryState.FAILED, Trouble.NOT_8BIT)]
    assert "Status: 5.6.3" in str(report)


def test_a_signed_message_reaches_a_peer_that_takes_8_bits(relay: Relay) -> None:
    submit(relay, HEADER + SIGNED)

    relay.work()

    assert relay.peer.taken[0].content.endswith(SIGNED.partition(b"\r\n\r\n")[2])
