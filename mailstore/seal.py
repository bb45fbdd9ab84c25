"""Encryption of messages: AES-256-GCM in segments of 64 KB, by the STREAM construction.

Each message has a random key of its own, used for three streams: body, header and index. The nonce of a segment
is made of the stream (1 octet), the number of the segment (10 octets) and whether it is the last (1 octet), so
segments that were cut off, reordered, repeated, added or taken from another stream do not open. A nonce never
returns under one key, since each stream is written once. Source: Hoang, Reyhanitabar, Rogaway, Vizár, "Online
Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (2015) §7.
"""

import os
from collections.abc import Iterator
from enum import IntEnum

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from vaguemestre.kernel.errors import IntegrityError

KEY_BYTES = 32
NONCE_BYTES = 12
TAG_BYTES = 16
SEGMENT_BYTES = 65_536
SEALED_SEGMENT_BYTES = SEGMENT_BYTES + TAG_BYTES


class Stream(IntEnum):
    """What a sequence of segments holds."""

    BODY = 0
    HEADER = 1
    INDEX = 2


class MessageCipher:
    """Seals and opens the segments of one message."""

    __slots__ = ("_aead",)

    def __init__(self, key: bytes) -> None:
        self._aead = AESGCM(key)

    def seal(self, stream: Stream, number: int, data: bytes, *, last: bool) -> bytes:
        """Encrypt segment NUMBER (from 0), of at most SEGMENT_BYTES in the body; 16 octets longer."""
        return self._aead.encrypt(_nonce(stream, number, last), data, None)

    def open(self, stream: Stream, number: int, sealed: bytes, *, last: bool) -> bytes:
        """Decrypt a segment.

        Raises:
            IntegrityError: it was changed, moved, cut, or is not the last one of its stream as claimed.
        """
        try:
            return self._aead.decrypt(_nonce(stream, number, last), sealed, None)
        except (InvalidTag, ValueError):
            raise IntegrityError("message: a sealed segment does not open") from None

    def seal_all(self, stream: Stream, data: bytes) -> bytes:
        """Encrypt DATA as consecutive segments, joined."""
        count = segment_count(len(data))
        return b"".join(
            self.seal(stream, number, data[number * SEGMENT_BYTES : (number + 1) * SEGMENT_BYTES], last=last)
            for number, last in _numbers(count)
        )

    def open_all(self, stream: Stream, sealed: bytes) -> bytes:
        """Decrypt what `seal_all` returned.

        Raises:
            IntegrityError: any octet was changed, removed or added.
        """
        count = max(1, -(-len(sealed) // SEALED_SEGMENT_BYTES))
        size = SEALED_SEGMENT_BYTES
        return b"".join(
            self.open(stream, number, sealed[number * size : (number + 1) * size], last=last)
            for number, last in _numbers(count)
        )


def new_key() -> bytes:
    """Return a fresh message key."""
    return os.urandom(KEY_BYTES)


def segment_count(size_bytes: int) -> int:
    """Return how many segments hold that many octets; an empty stream has one."""
    return max(1, -(-size_bytes // SEGMENT_BYTES))


def _numbers(count: int) -> Iterator[tuple[int, bool]]:
    return ((number, number == count - 1) for number in range(count))


def _nonce(stream: Stream, number: int, last: bool) -> bytes:
    return ((stream << 88) | (number << 8) | last).to_bytes(NONCE_BYTES, "big")
