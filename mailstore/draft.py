"""A message being received or composed: its bytes are indexed and sealed as they pass, none is written in clear.

The header stays in memory (it may still get trace fields), and so does the first segment of the body (files that are
checked mostly begin there). The body leaves in sealed segments: nowhere while it is small (it will lie in the catalogue
row), to the blobs once it is not.
"""

import asyncio

import msgspec

from mailstore.mime.index import Part
from mailstore.mime.indexer import Indexer
from mailstore.mime.scanner import Limits
from mailstore.model import SealedMessage
from mailstore.reader import MessageReader, SealedRow, Unsealed
from mailstore.seal import SEGMENT_BYTES, MessageCipher, Stream, new_key
from vaguemestre.kernel.blobs import BlobSink, BlobStore
from vaguemestre.kernel.ids import new_id

_encode_index = msgspec.msgpack.Encoder().encode


class Draft:
    """One message on its way in. Write its bytes, then seal it, or discard it."""

    __slots__ = (
        "_blob_ref",
        "_blobs",
        "_body",
        "_cipher",
        "_first_segment",
        "_indexer",
        "_inline_bytes",
        "_key",
        "_sealed_body",
        "_segments",
        "_sink",
    )

    def __init__(self, blobs: BlobStore, *, inline_bytes: int, limits: Limits) -> None:
        self._blobs = blobs
        self._inline_bytes = inline_bytes
        self._indexer = Indexer(limits)
        self._key = new_key()
        self._cipher = MessageCipher(self._key)
        self._body = bytearray()
        self._first_segment = b""
        self._segments = 0
        self._sink: BlobSink | None = None
        self._blob_ref: str | None = None
        self._sealed_body: bytes | None = None

    @property
    def header(self) -> bytes | None:
        """The header as it was written, blank line included; None until it is complete."""
        return self._indexer.header

    async def write(self, chunk: bytes) -> None:
        """Take the next bytes of the message.

        Raises:
            TemporaryFailure: the disk is full or the object store is away; discard the draft.
        """
        body = self._indexer.feed(chunk)
        if not body:
            return
        self._body += body
        if self._sink is None and len(self._body) > self._inline_bytes:
            self._sink = self._blobs.create()
        while self._sink is not None and len(self._body) > SEGMENT_BYTES:
            await self._append(self._sink, bytes(memoryview(self._body)[:SEGMENT_BYTES]), last=False)
            del self._body[:SEGMENT_BYTES]

    async def seal(self, header: bytes | None = None) -> SealedMessage:
        """Finish the message.

        Args:
            header: replaces the header that was written, blank line included; its Content-* fields must be the
                same, since the body was read by them.

        Raises:
            TemporaryFailure: the blob could not be completed; discard the draft.
        """
        await self._complete()
        index = self._indexer.finish(header)
        final_header = header if header is not None else self._indexer.header or b""
        return SealedMessage(
            message_id=new_id(),
            key=self._key,
            header=final_header,
            index=index,
            sealed_header=self._cipher.seal(Stream.HEADER, 0, final_header, last=True),
            sealed_index=self._cipher.seal(Stream.INDEX, 0, _encode_index(index), last=True),
            sealed_body=self._sealed_body,
            blob_ref=self._blob_ref,
        )

    def parts(self) -> tuple[Part, ...]:
        """Return the parts of the message, which is complete, under the header as it was written."""
        return self._indexer.layout().parts

    async def read_back(self) -> MessageReader:
        """Return a reader of the message, which is complete, under the header as it was written.

        Raises:
            TemporaryFailure: the blob could not be completed; discard the draft.
        """
        await self._complete()
        row = SealedRow(header=b"", index=b"", body=self._sealed_body, blob_ref=self._blob_ref)
        unsealed = Unsealed(self._indexer.layout(), self._indexer.header or b"", self._first_segment)
        return MessageReader("", self._key, row, self._blobs, unsealed)

    async def discard(self) -> None:
        """Give the message up, sealed or not, as long as it was not delivered."""
        self._body.clear()
        if self._blob_ref is not None:
            await asyncio.to_thread(self._blobs.delete, self._blob_ref)
        elif self._sink is not None:
            await self._sink.discard()

    async def _complete(self) -> None:
        """Seal the last segment of the body, once."""
        if self._sealed_body is not None or self._blob_ref is not None:
            return
        if self._sink is not None:
            await self._append(self._sink, bytes(self._body), last=True)
            self._blob_ref = await self._sink.finish()
        else:
            self._first_segment = bytes(self._body)
            self._sealed_body = self._cipher.seal(Stream.BODY, 0, self._first_segment, last=True)
        self._body.clear()

    async def _append(self, sink: BlobSink, segment: bytes, *, last: bool) -> None:
        if not self._segments:
            self._first_segment = segment
        await sink.append(self._cipher.seal(Stream.BODY, self._segments, segment, last=last))
        self._segments += 1
