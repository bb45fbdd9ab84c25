"""What the messages of the corpus carry comes through submission and MX byte for byte, or is refused whole.

Their senders and recipients are nobody here: each travels under a header of fictional people with its own MIME fields.
"""

import re
import smtplib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.unit.smtp_gateway.world import DURAND, MARTIN, PEER, World, running

_KEPT = re.compile(rb"^(?:MIME-Version|Content-[A-Za-z-]+):.*(?:\r\n[ \t].*)*\r\n", re.IGNORECASE | re.MULTILINE)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with running(tmp_path_factory.mktemp("corpus")) as started:
        yield started


def letters(corpus: Path, sender: str, recipient: str) -> Iterator[tuple[str, bytes]]:
    for number, path in enumerate(sorted((corpus / "eml").glob("*.eml"))):
        content = re.sub(rb"\r?\n", b"\r\n", path.read_bytes())
        header, _, body = content.partition(b"\r\n\r\n")
        own = (
            f"From: {sender}\r\nTo: {recipient}\r\nSubject: {number}\r\n"
            f"Date: Mon, 23 Nov 2026 10:00:00 +0000\r\nMessage-ID: <{number}.{sender}>\r\n"
        )
        kept = b"".join(_KEPT.findall(header + b"\r\n"))
        yield path.name, own.encode() + kept + b"\r\n" + body.removesuffix(b"\r\n") + b"\r\n"


@pytest.mark.parametrize(
    ("connect", "sender", "recipient"),
    [
        pytest.param(lambda world: world.at_submission(MARTIN), MARTIN, DURAND, id="submission"),
        pytest.param(lambda world: world.at_mx(), PEER, MARTIN, id="mx"),
    ],
)
def test_what_is_accepted_is_kept_byte_for_byte(
    world: World, corpus: Path, connect: Callable[[World], smtplib.SMTP], sender: str, recipient: str
) -> None:
    sent, refused = [], []
    for name, content in letters(corpus, sender, recipient):
        with connect(world) as client:
            try:
                client.sendmail(sender, [recipient], content, mail_options=["BODY=8BITMIME"])
            except smtplib.SMTPResponseException as error:
                refused.append((name, error.smtp_code, error.smtp_error))
            else:
                sent.append((name, content))

    stored = world.messages(recipient)

    assert len(stored) == len(sent)
    for (name, content), kept in zip(sent, stored, strict=True):
        assert kept.endswith(content.partition(b"\r\n")[2]), name  # submission writes the sender's name in From
    assert all(500 <= code < 600 and re.search(rb"\[[A-Z0-9_]+\]$", bytes(text)) for _, code, text in refused)
    assert len(sent) > 3 * len(refused)
