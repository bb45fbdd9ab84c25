"""What every blob store does."""

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Protocol

SEGMENT_BYTES = 65_536
TAG_BYTES = 16
CHUNK_BYTES = SEGMENT_BYTES + TAG_BYTES
"""Size of each sealed chunk of a blob except the last, which may be shorter."""

Live = Callable[[str], Iterable[str]]
"""Gives the references that begin with a prefix and that a row holds."""


class BlobSink(Protocol):
    """One blob being written."""

    async def append(self, chunk: bytes) -> None:
        """Add the next sealed chunk.

        Raises:
            TemporaryFailure: the disk is full or the object store is away.
        """

    async def finish(self) -> str:
        """Return the reference under which the blob is read; call once, after the last chunk.

        The blob is durable once `BlobStore.flush` returns.

        Raises:
            TemporaryFailure: the disk is full or fails, the object store is away; `discard` it.
        """

    async def discard(self) -> None:
        """Give up; what was written so far is never referred to. Harmless after `finish` failed."""


class BlobStore(Protocol):
    """Where sealed bytes that are too large for a catalogue row lie."""

    brief: bool
    """Whether a few chunks are read in less time than another thread takes to be asked (decision 13)."""

    def create(self) -> BlobSink:
        """Begin a new blob."""

    def read(self, reference: str, first: int, count: int) -> bytes:
        """Return chunks FIRST to FIRST + COUNT - 1, joined; fewer at the end of the blob.

        Raises:
            TemporaryFailure: the store is away.
            IntegrityError: the blob is not there.
        """

    def flush(self, references: Iterable[str]) -> None:
        """Return once blobs that this process finished are durable; the writer calls it before it commits their rows.

        Raises:
            TemporaryFailure: the disk is full or fails.
        """

    def delete(self, reference: str) -> None:
        """Give the space of a blob back, now or at the next compaction; an absent blob is no error."""

    def sweep(self, live: Live, before: datetime) -> int:
        """Give back what nobody refers to: blobs whose process died between writing them and committing their row.

        Args:
            live: asked once for each group of blobs, whose references have a prefix in common.
            before: an aware instant; what was written since then may still get its row, and is left.

        Returns:
            How many bytes were given back.

        Raises:
            TemporaryFailure: the store is away.
        """
