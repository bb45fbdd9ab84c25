"""Decoding of the data, chunk by chunk."""

import pytest

from smtp_gateway.data_stream import DataDecoder, Fault


def _decode(*chunks: bytes, max_bytes: int = 1_000, max_line: int = 100) -> tuple[bytes, DataDecoder]:
    decoder = DataDecoder(max_bytes, max_line)
    content = b"".join(decoder.feed(chunk) for chunk in chunks)
    return content, decoder


@pytest.mark.parametrize(
    ("wire", "content"),
    [
        (b".\r\n", b""),
        (b"a\r\n.\r\n", b"a\r\n"),
        (b"\r\n.\r\n", b"\r\n"),
        (b"..\r\n.\r\n", b".\r\n"),
        (b"..a\r\n.b\r\n.\r\n", b".a\r\nb\r\n"),
        (b"a\r\n..\r\n...\r\n.\r\n", b"a\r\n.\r\n..\r\n"),
        (b"a.\r\n.\r\n", b"a.\r\n"),
    ],
)
def test_lone_dot_ends_and_doubled_dots_are_one(wire: bytes, content: bytes) -> None:
    whole, decoder = _decode(wire)
    one_by_one, slow = _decode(*(bytes([byte]) for byte in wire))

    assert whole == one_by_one == content
    assert decoder.done
    assert slow.done
    assert decoder.size_bytes == len(content)
    assert decoder.fault is slow.fault is None


def test_what_follows_the_end_is_left_for_the_next_command() -> None:
    content, decoder = _decode(b"a\r\n.\r\nMAIL FROM:<b@c.fr>\r\n")

    assert content == b"a\r\n"
    assert decoder.rest == b"MAIL FROM:<b@c.fr>\r\n"


@pytest.mark.parametrize(
    "smuggled",
    [b"\n.\r\n", b"\n.\n", b"\r.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r\r\n", b"\n.\r", b"\r.\n", b"\r.\r"],
)
def test_nothing_but_crlf_dot_crlf_ends_the_data(smuggled: bytes) -> None:
    wire = b"a" + smuggled + b"MAIL FROM:<evil@x.fr>\r\nrest\r\n.\r\n"
    _, decoder = _decode(wire)
    _, slow = _decode(*(bytes([byte]) for byte in wire))

    assert decoder.fault is slow.fault is Fault.BARE_LINE_END
    assert decoder.done
    assert decoder.rest == slow.rest == b""


def test_octet_that_is_zero_is_a_fault_and_ends_nothing() -> None:
    _, decoder = _decode(b"a\0b\r\n", b".\r\nQUIT\r\n")

    assert decoder.fault is Fault.NUL
    assert decoder.rest == b"QUIT\r\n"


def test_size_is_counted_and_the_rest_swallowed() -> None:
    content, decoder = _decode(b"a" * 60 + b"\r\n", b"b" * 60 + b"\r\n", b"c\r\n.\r\nQUIT\r\n", max_bytes=100)

    assert decoder.fault is Fault.TOO_LARGE
    assert content.strip() == b"a" * 60
    assert decoder.rest == b"QUIT\r\n"


@pytest.mark.parametrize("step", [1, 7, 64, 1000])
def test_line_up_to_the_limit_passes_and_one_byte_more_does_not(step: int) -> None:
    fine = b"x" * 98 + b"\r\n" + b"short\r\n" + b"y" * 98 + b"\r\n.\r\n"
    long = b"short\r\n" + b"x" * 99 + b"\r\n.\r\n"

    _, good = _decode(*(fine[i : i + step] for i in range(0, len(fine), step)))
    _, bad = _decode(*(long[i : i + step] for i in range(0, len(long), step)))

    assert good.fault is None
    assert bad.fault is Fault.LINE_TOO_LONG
    assert bad.done
