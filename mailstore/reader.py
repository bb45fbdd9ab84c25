"""Reading one message: header, index, any range of octets, any part. Segments are opened as they are needed.

A reader holds the message's key and may outlive its transaction. A corrupted segment raises IntegrityError when it
is reached; the rest of the message, and every other message, still reads.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from mailstore.mime.decoding import decode_text, decode_transfer
from mailstore.mime.index import MessageIndex
from mailstore.seal import SEALED_SEGMENT_BYTES, SEGMENT_BYTES, MessageCipher, Stream, segment_count
from vaguemestre.kernel.blobs import BlobStore
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure

READ_AHEAD = 16  # segments fetched at once when a message is read through: 1 MB
_decode_index = msgspec.msgpack.Decoder(MessageIndex).decode


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SealedRow:
    """The sealed columns of a message."""

    header: bytes
    index: bytes
    body: bytes | None
    blob_ref: str | None


class Unsealed(NamedTuple):
    """What a draft still has in clear."""

    layout: MessageIndex
    header: bytes
    first_segment: bytes
    """Of the body."""


class MessageReader:
    """Random access to one message. What was changed raises IntegrityError when it is read."""

    __slots__ = ("_blobs", "_cipher", "_header", "_index", "_kept", "_sealed", "message_id")

    def __init__(
        self,
        message_id: str,
        key: bytes,
        sealed: SealedRow,
        blobs: BlobStore,
        draft: Unsealed | None = None,
    ) -> None:
        """Open a message; DRAFT is what is known of one that is not sealed yet, except its body."""
        self.message_id = message_id
        self._cipher = MessageCipher(key)
        self._sealed = sealed
        self._blobs = blobs
        self._header: bytes | None = draft.header if draft is not None else None
        self._kept = (0, draft.first_segment) if draft is not None else None  # the segment opened last
        self._index: MessageIndex | None = draft.layout if draft is not None else None

    @property
    def index(self) -> MessageIndex:
        """Where the parts lie.

        Raises:
            IntegrityError: it was changed.
        """
        if self._index is None:
            self._index = open_index(self._cipher, self._sealed.index)
        return self._index

    @property
    def is_brief(self) -> bool:
        """Whether a short range is read in less time than another thread takes to be asked."""
        return self._sealed.blob_ref is None or self._blobs.brief

    @property
    def size_bytes(self) -> int:
        """Octets of the whole message."""
        return self.index.size_bytes

    @property
    def header(self) -> bytes:
        """The header, blank line included.

        Raises:
            IntegrityError: it was changed.
        """
        if self._header is None:
            self._header = self._cipher.open(Stream.HEADER, 0, self._sealed.header, last=True)
        return self._header

    def read(self, offset: int = 0, length: int | None = None) -> bytes:
        """Return LENGTH octets from OFFSET (to the end when None), fewer at the end of the message.

        Raises:
            IntegrityError: a segment in that range was changed.
            TemporaryFailure: the blobs are away.
        """
        end = self.size_bytes if length is None else min(offset + length, self.size_bytes)
        border = self.index.header_bytes
        pieces = [self.header[offset:end]] if offset < border else []
        if end > border and offset < end:
            pieces.append(self._read_body(max(offset - border, 0), end - border))
        return b"".join(pieces)

    def part_bytes(self, section: str) -> bytes:
        """Return BODY[section] as stored, still encoded; sections as `MessageIndex.span` takes them.

        Raises:
            PermanentFailure: no such section.
        """
        span = self.index.span(section)
        if span is None:
            raise PermanentFailure("message: no such section")
        return self.read(span[0], span[1] - span[0])

    def decoded(self, section: str) -> bytes:
        """Return the content of a part, its transfer encoding undone.

        Raises:
            PermanentFailure: no such part.
        """
        part = self.index.part(section)
        if part is None:
            raise PermanentFailure("message: no such part")
        return decode_transfer(self.read(part.body_start, part.size_bytes), part.encoding)

    def text(self, section: str) -> str:
        """Return a text part as text.

        Raises:
            PermanentFailure: no such part.
        """
        part = self.index.part(section)
        return decode_text(self.decoded(section), part.parameters.get("charset") if part else None)

    def __iter__(self) -> Iterator[bytes]:
        """Yield the message in pieces of at most 1 MB."""
        yield self.header
        body_bytes = self.size_bytes - self.index.header_bytes
        step = READ_AHEAD * SEGMENT_BYTES
        for start in range(0, body_bytes, step):
            yield self._read_body(start, min(start + step, body_bytes))

    def _read_body(self, start: int, end: int) -> bytes:
        """Return octets START to END of the body, which is not empty there."""
        first, last = start // SEGMENT_BYTES, (end - 1) // SEGMENT_BYTES
        joined = b"".join(self._segments(first, last))
        return joined[start - first * SEGMENT_BYTES : end - first * SEGMENT_BYTES]

    def _segments(self, first: int, last: int) -> Iterator[bytes]:
        if self._kept is not None and self._kept[0] == first:
            yield self._kept[1]
            first += 1
        if first > last:
            return
        count = last - first + 1
        sealed = self._fetch(first, count)
        final = segment_count(self.size_bytes - self.index.header_bytes) - 1
        for place in range(count):
            piece = sealed[place * SEALED_SEGMENT_BYTES : (place + 1) * SEALED_SEGMENT_BYTES]
            opened = self._cipher.open(Stream.BODY, first + place, piece, last=first + place == final)
            self._kept = (first + place, opened)
            yield opened

    def _fetch(self, first: int, count: int) -> bytes:
        if self._sealed.body is not None:
            return self._sealed.body
        if self._sealed.blob_ref is None:
            raise IntegrityError("message: its body is nowhere")
        return self._blobs.read(self._sealed.blob_ref, first, count)


def open_index(cipher: MessageCipher, sealed: bytes) -> MessageIndex:
    """Open a sealed index.

    Raises:
        IntegrityError: it was changed.
    """
    return _decode_index(cipher.open(Stream.INDEX, 0, sealed, last=True))
