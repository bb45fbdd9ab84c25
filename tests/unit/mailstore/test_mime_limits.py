"""Hostile messages: what lies beyond a limit stays readable as octets, and time stays in proportion."""

import time

import pytest

from mailstore.mime.index import MessageIndex
from mailstore.mime.indexer import Indexer
from mailstore.mime.scanner import Limits


def index(message: bytes, limits: Limits | None = None) -> MessageIndex:
    indexer = Indexer(limits or Limits())
    for start in range(0, len(message), 65_536):
        indexer.feed(message[start : start + 65_536])
    return indexer.finish()


def nested(levels: int) -> bytes:
    head = b"".join(b"Content-Type: multipart/mixed; boundary=b%d\r\n\r\n--b%d\r\n" % (n, n) for n in range(levels))
    return head + b"\r\nfond\r\n"


def test_nesting_is_followed_to_the_limit_and_shown_as_octets_beyond() -> None:
    found = index(nested(50), Limits(depth=4))

    assert len(found.parts) == 5
    assert found.parts[-1].media_type == "application/octet-stream"


def test_a_thousand_messages_in_messages_stop_at_the_limit() -> None:
    found = index(b"Content-Type: message/rfc822\r\n\r\n" * 1_000 + b"fond")

    assert len(found.parts) == 33
    assert found.parts[-1].media_type == "application/octet-stream"


def test_parts_are_told_apart_to_the_limit_and_the_last_one_holds_the_rest() -> None:
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n\r\npartie\r\n" * 100

    found = index(message, Limits(parts=10))

    assert len(found.parts) == 10
    assert found.parts[-1].body_end == len(message)


def test_the_header_of_a_part_has_a_limit() -> None:
    long_header = b"X: " + b"x" * 70_000 + b"\r\n\r\ncorps"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n" + long_header + b"\r\n--b--\r\n"

    part = index(message).parts[1]

    assert part.body_start - part.header_start == Limits().header_bytes
    assert part.body_end == len(message) - len(b"\r\n--b--\r\n")


def test_headers_beyond_their_common_limit_are_not_read() -> None:
    part = b"--b\r\nContent-Type: text/html\r\n\r\nx\r\n"
    message = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10

    kinds = [each.media_type for each in index(message, Limits(all_header_bytes=100)).parts]

    assert kinds[1:] == ["text/html"] * 3 + ["text/plain"] * 7


@pytest.mark.parametrize(
    "message",
    [
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"\r\n--" * 250_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b" * 300_000,
        b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + b"--b\r\n" * 200_000,
        b"From: " + b"(" * 200_000 + b"\r\n\r\n",
        b"From: " + b"a" * 200_000 + b"\r\n\r\n",
        b"From: " + b" <" * 100_000 + b"\r\n\r\n",
        b'From: "' + b"\\" * 200_000 + b"\r\n\r\n",
        b"To: " + b"a@b," * 50_000 + b"\r\n\r\n",
        b"Content-Type: text/plain" + b"; a=1" * 40_000 + b"\r\n\r\n",
        b"Content-Type: " + b";" * 200_000 + b"\r\n\r\n",
        b"Content-Type: text/plain; " + b'a="' * 50_000 + b"\r\n\r\n",
        b"Content-Type: text/plain; name=" + b"=?a*" * 50_000 + b"\r\n\r\n",
        b"Subject: " + b"\r\n " * 60_000 + b"\r\n\r\n",
    ],
)
def test_a_hostile_megabyte_takes_less_than_a_second(message: bytes) -> None:
    start = time.process_time()

    index(message)

    assert time.process_time() - start < 1.0
