"""Every message of the corpus comes back as it went in: whole, by header and text, by part, with its encoding undone.

Python's own parser is the oracle for parts, where it finds nothing wrong with the message and both see the same parts.
"""

import email
import email.policy
import re
from collections.abc import Iterator
from email.message import Message
from pathlib import Path

import pytest

from tests.unit.mailstore_imap.client import RawClient
from tests.unit.mailstore_imap.house import ImapHouse

KNOWN_ENCODINGS = ("7bit", "8bit", "binary", "base64", "quoted-printable")
_ITEM = re.compile(rb"((?:BODY|BINARY)\[[^\]]*\](?:<\d+>)?) (?:~?\{(\d+)\}\r\n|NIL)")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RawClient]:
    with ImapHouse(tmp_path_factory.mktemp("corpus")) as house, RawClient(house) as connection:
        yield connection.selected()


def messages(corpus: Path) -> Iterator[tuple[str, bytes]]:
    """Yield every message as its file has it, and with the line ends of mail."""
    for path in sorted((corpus / "eml").glob("*.eml")):
        content = path.read_bytes()
        yield path.name, content
        as_mail = re.sub(rb"\r?\n", b"\r\n", content)
        if as_mail != content:
            yield f"{path.name} as mail", as_mail


def append(client: RawClient, content: bytes) -> None:
    client.send(b"x APPEND INBOX {%d}\r\n" % len(content))
    assert client.line().startswith(b"+ ")
    client.send(content + b"\r\n")
    assert b"x OK" in client.until(b"x ")


def fetched(client: RawClient, *items: str) -> dict[str, bytes | None]:
    """Fetch items of the last message, by the name of each."""
    answer = client.command(f"FETCH * ({' '.join(items)})")
    assert b" OK " in answer.splitlines()[-1], answer
    found: dict[str, bytes | None] = {}
    at = 0
    while match := _ITEM.search(answer, at):
        end = match.end() + int(match[2] or 0)
        found[match[1].decode()] = answer[match.end() : end] if match[2] else None
        at = end
    return found


def leaves(message: Message, section: str = "") -> Iterator[tuple[str, Message]]:
    """Yield the parts that hold no others, with the numbers by which IMAP calls them (RFC 9051 §6.4.5)."""
    if message.get_content_maintype() == "multipart" and message.is_multipart():
        for number, part in enumerate(message.get_payload(), 1):
            assert isinstance(part, Message)
            yield from leaves(part, f"{section}.{number}".lstrip("."))
    elif message.get_content_type() == "message/rfc822" and message.is_multipart():
        inner = message.get_payload(0)
        assert isinstance(inner, Message)
        own = section or "1"
        yield from leaves(inner, own if inner.get_content_maintype() == "multipart" else f"{own}.1")
    elif not message.is_multipart():  # Python takes message/delivery-status apart, IMAP does not
        yield section or "1", message


def is_sound(message: Message) -> bool:
    return not any(part.defects for part in message.walk())


def test_every_message_comes_back_byte_for_byte(client, corpus):
    for name, content in messages(corpus):
        append(client, content)

        back = fetched(client, "BODY.PEEK[]", "BODY.PEEK[HEADER]", "BODY.PEEK[TEXT]", "BINARY.PEEK[]")

        assert back["BODY[]"] == back["BINARY[]"] == content, name
        assert (back["BODY[HEADER]"] or b"") + (back["BODY[TEXT]"] or b"") == content, name
        assert b"RFC822.SIZE %d" % len(content) in client.command("FETCH * RFC822.SIZE"), name
        assert fetched(client, "BODY.PEEK[]<7.100>") == {"BODY[]<7>": content[7:107]}, name


def test_every_part_is_what_the_oracle_says(client, corpus):
    compared = 0
    for name, content in messages(corpus):
        oracle = email.message_from_bytes(content, policy=email.policy.compat32)
        if not is_sound(oracle):
            continue
        append(client, content)

        for section, part in leaves(oracle):
            raw = part._payload.encode("ascii", "surrogateescape")  # get_payload would decode some
            encoding = str(part.get("Content-Transfer-Encoding", "7bit")).strip().lower()
            if "Content-Transfer-Encoding" in part:
                part.replace_header("Content-Transfer-Encoding", encoding)  # Python minds blanks after the word
            items = [f"BODY.PEEK[{section}]"] + [f"BINARY.PEEK[{section}]"] * (encoding in KNOWN_ENCODINGS)
            back = fetched(client, *items)
            assert back[f"BODY[{section}]"] == raw, (name, section)
            if encoding in KNOWN_ENCODINGS:
                assert back[f"BINARY[{section}]"] == part.get_payload(decode=True), (name, section)
            compared += 1

    assert compared > 100
