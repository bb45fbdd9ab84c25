"""Sealed segments: any octet changed, moved, cut or added is noticed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailstore.seal import SEALED_SEGMENT_BYTES, SEGMENT_BYTES, MessageCipher, Stream, new_key, segment_count
from vaguemestre.kernel.errors import IntegrityError

CIPHER = MessageCipher(bytes(32))
THREE = bytes(range(256)) * (SEGMENT_BYTES // 256) * 2 + b"fin"
SEALED = CIPHER.seal_all(Stream.BODY, THREE)


def segment(number: int) -> bytes:
    return SEALED[number * SEALED_SEGMENT_BYTES : (number + 1) * SEALED_SEGMENT_BYTES]


@pytest.mark.parametrize("size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES])
def test_what_is_sealed_opens(size: int) -> None:
    data = b"x" * size

    sealed = CIPHER.seal_all(Stream.BODY, data)

    assert CIPHER.open_all(Stream.BODY, sealed) == data
    assert len(sealed) == size + 16 * segment_count(size)


@pytest.mark.parametrize(
    "forged",
    [
        SEALED[:-1],
        SEALED + b"x",
        segment(0) + segment(1),
        segment(0),
        b"",
        segment(1) + segment(0) + segment(2),
        segment(0) + segment(0) + segment(2),
        segment(0) + segment(1) + segment(1) + segment(2),
        segment(1) + segment(2),
    ],
    ids=["cut", "extended", "without last", "first alone", "empty", "swapped", "repeated", "inserted", "without first"],
)
def test_a_forged_sequence_does_not_open(forged: bytes) -> None:
    with pytest.raises(IntegrityError):
        CIPHER.open_all(Stream.BODY, forged)


@given(st.integers(0, len(SEALED) * 8 - 1))
def test_one_flipped_bit_is_noticed(bit: int) -> None:
    forged = bytearray(SEALED)
    forged[bit // 8] ^= 1 << bit % 8

    with pytest.raises(IntegrityError):
        CIPHER.open_all(Stream.BODY, bytes(forged))


def test_a_stream_does_not_pass_for_another() -> None:
    sealed = CIPHER.seal(Stream.HEADER, 0, b"Subject: x", last=True)

    with pytest.raises(IntegrityError):
        CIPHER.open(Stream.INDEX, 0, sealed, last=True)


def test_another_key_does_not_open() -> None:
    with pytest.raises(IntegrityError):
        MessageCipher(new_key()).open_all(Stream.BODY, SEALED)
