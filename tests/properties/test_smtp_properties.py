"""Properties of the gateway's parsers: any bytes, cut anywhere."""

import contextlib
import hashlib
from email.header import Header
from itertools import pairwise

from dkim.canonicalization import Relaxed, Simple
from hypothesis import given
from hypothesis import strategies as st

from smtp_gateway.commands import parse_path
from smtp_gateway.data_stream import DataDecoder, Fault
from smtp_gateway.dkim_body import BodyHash
from smtp_gateway.dkim_signature import parse_key, parse_signature, relax_field
from smtp_gateway.fin import Fin, read_fin
from smtp_gateway.header import Field, HeaderBlock, addresses, decode_words, message_ids
from smtp_gateway.trust.subjects import parse_subject
from vaguemestre.kernel.errors import ProtocolError

LINES = st.lists(st.sampled_from([b"", b".", b"..", b".a", b"a", b"b ", b"\tc  d", b" ", b"x" * 40]), max_size=12)
WIRE = st.lists(st.sampled_from([b"\r\n", b".", b"\r", b"\n", b"a", b"bc"]), max_size=30).map(b"".join)


def decode(chunks: list[bytes]) -> tuple[bytes, Fault | None, bool, bytes]:
    decoder = DataDecoder(10_000, 1_000)
    content, rest = b"", b""
    for chunk in chunks:
        if decoder.done:
            rest += chunk
        else:
            content += decoder.feed(chunk)
    return (b"" if decoder.fault else content), decoder.fault, decoder.done, decoder.rest + rest


def cut(data: st.DataObject, whole: bytes) -> list[bytes]:
    cuts = data.draw(st.lists(st.integers(0, len(whole)), unique=True, max_size=10).map(sorted))
    return [whole[a:b] for a, b in pairwise([0, *cuts, len(whole)])]


@given(st.data(), WIRE)
def test_decoding_does_not_depend_on_how_the_bytes_were_cut(data: st.DataObject, wire: bytes) -> None:
    whole = wire + b"\r\n.\r\nNOOP\r\n"

    assert decode(cut(data, whole)) == decode([whole])


@given(st.data(), LINES)
def test_decoding_undoes_the_stuffing(data: st.DataObject, lines: list[bytes]) -> None:
    content = b"".join(line + b"\r\n" for line in lines)
    stuffed = b"".join((b"." if line.startswith(b".") else b"") + line + b"\r\n" for line in lines)

    decoded = decode(cut(data, stuffed + b".\r\nQUIT\r\n"))

    assert decoded == (content, None, True, b"QUIT\r\n")


@given(WIRE)
def test_message_that_passes_has_no_bare_line_end(wire: bytes) -> None:
    content, fault, _, _ = decode([wire + b"\r\n.\r\n"])

    assert (
        fault is not None
        or content.replace(b"\r\n", b"").count(b"\r") == content.replace(b"\r\n", b"").count(b"\n") == 0
    )


@given(st.booleans(), st.booleans(), LINES)
def test_body_hash_is_that_of_the_oracle(relaxed: bool, line_by_line: bool, lines: list[bytes]) -> None:
    body = b"".join(line + b"\r\n" for line in lines)
    hashing = BodyHash(relaxed=relaxed)
    for chunk in body.splitlines(keepends=True) if line_by_line else [body]:
        hashing.update(chunk)

    canonical = (Relaxed if relaxed else Simple).canonicalize_body(body)

    assert hashing.digest() == hashlib.sha256(canonical).digest()


@given(st.text("AbC \t\r\n:é", max_size=30))
def test_relaxed_field_is_that_of_the_oracle(text: str) -> None:
    value = text.replace("\r", "").replace("\n", "\r\n ").encode()
    raw = b"X-Note: " + value + b"\r\n"

    ((name, canonical),) = Relaxed.canonicalize_headers([(b"X-Note", raw.partition(b":")[2])])

    assert relax_field(raw) == name + b":" + canonical


@given(st.binary(max_size=300))
def test_header_split_loses_no_byte(block: bytes) -> None:
    header = HeaderBlock.parse(block)

    assert header.to_bytes() in (block, block + b"\r\n")
    assert all(field.raw.endswith(b"\r\n") for field in header.fields)


@given(st.binary(max_size=200), st.text(max_size=100))
def test_parsers_answer_any_input(raw: bytes, text: str) -> None:
    field = Field(b"x", b"X: " + raw + b"\r\n")
    for parse in (lambda: parse_path("FROM:", text), lambda: parse_key(text)):
        with contextlib.suppress(ProtocolError):
            parse()
    with contextlib.suppress(ProtocolError):
        parse_signature(field)
    assert isinstance(decode_words(field.text), str)
    assert isinstance(addresses(text), list)
    assert isinstance(message_ids(text), list)
    assert isinstance(read_fin(text, text, match="mention"), Fin)
    assert parse_subject(text) == parse_subject(text)


@given(st.text("abé[]FINfin :", max_size=20))
def test_encoded_subject_says_the_same_as_the_plain_one(text: str) -> None:
    encoded = Header(text, "utf-8").encode()

    assert read_fin(encoded, None, match="mention") is read_fin(text, None, match="mention")
