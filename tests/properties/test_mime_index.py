"""The MIME index: the same for every cut of the bytes, and made of spans that fit in each other for any bytes."""

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstore.mime.index import MessageIndex, Part
from mailstore.mime.indexer import MAX_HEADER_BYTES, Indexer
from mailstore.mime.scanner import Limits

TIGHT = Limits(depth=3, parts=6, header_bytes=60, all_header_bytes=200)

BOUNDARIES = st.sampled_from([b"a", b"ab", b"a--", b"=_1"])
LINE_BREAKS = st.sampled_from([b"\r\n", b"\n", b"\r", b""])


@st.composite
def mail_like(draw: st.DrawFn) -> bytes:
    """Draw bytes that are nearly a message: headers, delimiters and blank lines in any order."""
    delimiters = st.builds(
        lambda boundary, end: b"--" + boundary + end, BOUNDARIES, st.sampled_from([b"", b"--", b" "])
    )
    multiparts = BOUNDARIES.map(lambda boundary: b'Content-Type: multipart/mixed; boundary="' + boundary + b'"')
    fixed = st.sampled_from(
        [
            b"",
            b"Content-Type: message/rfc822",
            b"Content-Type: multipart/digest; boundary=a",
            b"Content-Type: text/html",
            b"Subject: x",
            b" folded",
            b"--",
            b"texte",
        ]
    )
    lines = draw(st.lists(st.tuples(delimiters | multiparts | fixed | st.binary(max_size=6), LINE_BREAKS), max_size=30))
    return b"".join(line + end for line, end in lines)


def index(chunks: Sequence[bytes], limits: Limits) -> tuple[MessageIndex, bytes, bytes]:
    indexer = Indexer(limits)
    body = b"".join([indexer.feed(chunk) for chunk in chunks])
    found = indexer.finish()
    assert indexer.header is not None
    return found, indexer.header, body


def assert_sound(found: MessageIndex, size_bytes: int) -> None:
    """Check that spans lie in the message, in order, each part inside the one that holds it."""
    assert found.size_bytes == size_bytes
    sections = [part.section for part in found.parts]
    assert len(set(sections)) == len(sections)
    previous = 0
    for part in found.parts:
        assert previous <= part.header_start <= part.body_start <= part.body_end <= size_bytes
        previous = part.header_start
        holder = found.part(part.section.removesuffix(".TEXT").rpartition(".")[0]) or found.parts[0]
        assert holder.body_end >= part.body_end
        assert found.span(part.section) is not None


@given(mail_like(), st.data())
def test_any_cut_gives_the_same_index(message: bytes, data: st.DataObject) -> None:
    cuts = data.draw(st.lists(st.integers(0, len(message)), max_size=8).map(sorted))
    chunks = [message[start:end] for start, end in pairwise([0, *cuts, len(message)])]

    whole = index([message], TIGHT)
    pieces = index(chunks, TIGHT)

    assert pieces == whole
    assert whole[1] + whole[2] == message
    assert_sound(whole[0], len(message))


@given(mail_like())
def test_one_octet_at_a_time_gives_the_same_index(message: bytes) -> None:
    octets = [message[place : place + 1] for place in range(len(message))]

    assert index(octets, Limits()) == index([message], Limits())


@given(st.binary(max_size=300))
def test_any_bytes_are_indexed(message: bytes) -> None:
    found, header, body = index([message], Limits())

    assert header + body == message
    assert_sound(found, len(message))


@given(mail_like(), st.binary(max_size=20).filter(lambda value: b"\n" not in value and b"\r" not in value))
def test_a_longer_header_shifts_the_parts_and_changes_nothing_else(message: bytes, value: bytes) -> None:
    indexer = Indexer()
    indexer.feed(message)
    before = Indexer()
    before.feed(message)
    plain = before.finish()
    header = b"Received: " + value + b"\r\n" + (before.header or b"")
    shift = len(header) - plain.header_bytes

    found = indexer.finish(header)

    assert found.size_bytes == plain.size_bytes + shift
    assert [part.section for part in found.parts] == [part.section for part in plain.parts]
    assert [part.body_end - part.body_start for part in found.parts] == [
        part.body_end - part.body_start for part in plain.parts
    ]
    assert found.parts[0].body_start == plain.parts[0].body_start + shift


def test_a_header_without_end_stops_at_the_limit() -> None:
    message = b"X: " + b"x" * (MAX_HEADER_BYTES + 100_000)

    whole = index([message], Limits())
    pieces = index([message[start : start + 4_000] for start in range(0, len(message), 4_000)], Limits())

    assert pieces == whole
    assert whole[0].header_bytes == MAX_HEADER_BYTES


@pytest.mark.parametrize("size", [1, 7, 1_000])
def test_each_message_of_the_corpus_is_indexed_alike_whatever_the_cut(corpus: Path, size: int) -> None:
    for path in sorted((corpus / "eml").glob("*.eml")):
        message = path.read_bytes()[:20_000]
        chunks = [message[start : start + size] for start in range(0, len(message), size)]

        whole = index([message], Limits())

        assert index(chunks, Limits()) == whole, path.name
        assert_sound(whole[0], len(message))


@pytest.mark.parametrize("section", ["9", "1.9", "X", "1.", ".1", "1.HEADER", "MIME", "TEXT.1"])
def test_sections_that_are_not_there_have_no_span(section: str) -> None:
    found, _, _ = index([b"Subject: x\r\n\r\ntexte\r\n"], Limits())

    assert found.span(section) is None


def test_a_part_says_its_size() -> None:
    part = Part(
        section="1",
        media_type="multipart/mixed",
        parameters={},
        encoding="7bit",
        disposition=None,
        filename=None,
        content_id=None,
        header_start=0,
        body_start=10,
        body_end=30,
        lines=2,
    )

    assert part.size_bytes == 20
    assert part.is_multipart
