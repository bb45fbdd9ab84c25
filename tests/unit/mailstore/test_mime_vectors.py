"""ENVELOPE, BODY, BODYSTRUCTURE and part offsets of small messages, as written down in tests/vectors/mailstore."""

import email
import json
from email.message import Message
from pathlib import Path
from typing import Any

import pytest

from mailstore.mime.index import MessageIndex
from mailstore.mime.indexer import Indexer

VECTORS = Path(__file__).parents[2] / "vectors" / "mailstore"
EXPECTED: dict[str, dict[str, Any]] = json.loads((VECTORS / "expected.json").read_text())
UNLIKE_PYTHON = {
    "002": "multipart without any part: we show its text",
    "009": "multipart without any part: we show its text",
    "012": "multipart without any part: we show its text",
    "027": "multipart without any part: we show its text",
    "028": "multipart without any part: we show its text",
    "034": "boundary longer than a line may be",
    "035": "boundary longer than a line may be",
    "046": "malformed Content-Type: text/plain (RFC 2045 §5.2)",
    "060": "multipart without any part: we show its text",
}


def index(message: bytes) -> MessageIndex:
    indexer = Indexer()
    indexer.feed(message)
    return indexer.finish()


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_ready_made_strings_are_those_of_the_vectors(name: str) -> None:
    message = (VECTORS / f"{name}.eml").read_bytes()

    found = index(message)

    assert found.envelope.decode() == EXPECTED[name]["envelope"]
    assert found.body.decode() == EXPECTED[name]["body"]
    assert found.bodystructure.decode() == EXPECTED[name]["bodystructure"]
    assert [[part.section, part.header_start, part.body_start, part.body_end] for part in found.parts] == EXPECTED[
        name
    ]["parts"]


def test_every_vector_has_its_expectation() -> None:
    assert {path.stem for path in VECTORS.glob("*.eml")} == set(EXPECTED)


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("1", b"voir ci-joint"),
        ("1.MIME", b"\r\n"),
        ("2.MIME", b"Content-Type: message/rfc822\r\n\r\n"),
        ("2.1", b"positif ?"),
        ("2.2", b"<b>non</b>"),
        ("2.2.MIME", b"Content-Type: text/html\r\n\r\n"),
        ("3", b"From: b@example.org\r\nSubject: simple\r\n\r\ncorps"),
        ("3.HEADER", b"From: b@example.org\r\nSubject: simple\r\n\r\n"),
        ("3.TEXT", b"corps"),
        ("3.1", b"corps"),
    ],
)
def test_sections_of_nested_messages(section: str, expected: bytes) -> None:
    message = (VECTORS / "forwarded.eml").read_bytes()

    span = index(message).span(section)

    assert span is not None
    assert message[slice(*span)] == expected


def test_the_types_of_the_parts_are_those_that_python_finds(corpus: Path) -> None:
    """Compare with Python's parser where both can read the message."""
    compared = 0
    for path in sorted((corpus / "eml").glob("*.eml")):
        if path.name[:3] in UNLIKE_PYTHON:
            continue
        message = path.read_bytes()

        found = [part.media_type for part in index(message).parts]

        assert found == list(_types(email.message_from_bytes(message))), path.name
        compared += 1
    assert compared > 40


def _types(message: Message) -> list[str]:
    """Return the types of a message and its parts; Python alone looks into message/delivery-status and its like."""
    kind = message.get_content_type()
    payload = message.get_payload()
    if (kind.startswith("message/") and kind != "message/rfc822") or not isinstance(payload, list):
        return [kind]
    return [kind, *(each for part in payload for each in _types(part))]
