"""Blobs in append-only segment files of the local disk.

Each process appends to a file of its own, so that no lock is needed, and many blobs interleave in it chunk by
chunk. A reference lists the runs of contiguous chunks: `FILE:OFFSET+CHUNKS,OFFSET+CHUNKS…:LASTBYTES`. One
flush, before COMMIT, covers all blobs of a commit group; a long blob is flushed before that, so that the writer need
not wait for it. `delete` punches holes, so the space returns at once. A process holds a lock on the file it appends
to; `sweep` touches only files whose process has ended.
"""

import asyncio
import ctypes
import errno
import fcntl
import os
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path

from vaguemestre.kernel.blobs.contract import CHUNK_BYTES, Live
from vaguemestre.kernel.errors import IntegrityError, StorageFull, TemporaryFailure
from vaguemestre.kernel.ids import new_id

FILE_BYTES = 1 << 30
OPEN_FILES = 64
LONG_BYTES = 2_097_152
FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
PUNCH_HOLE_KEEP_SIZE = 0x03  # FALLOC_FL_KEEP_SIZE | FALLOC_FL_PUNCH_HOLE
_libc = ctypes.CDLL(None, use_errno=True)


@dataclass(frozen=True, slots=True)
class Run:
    """Contiguous chunks in a segment file: OFFSET in bytes, COUNT of chunks."""

    offset: int
    count: int


@dataclass(frozen=True, slots=True)
class Extent:
    """Where a blob lies: the file's name, its runs in order, the size of its last chunk in bytes."""

    file: str
    runs: tuple[Run, ...]
    last_bytes: int

    @classmethod
    @lru_cache(maxsize=256)
    def parse(cls, reference: str) -> "Extent":
        """Read a reference; that of a message on its way in is read several times.

        Raises:
            IntegrityError: not one of ours.
        """
        try:
            file, runs, last_bytes = reference.split(":")
            pairs = [run.split("+") for run in runs.split(",")]
            parsed = tuple(Run(int(offset), int(count)) for offset, count in pairs)
            return cls(file.rpartition("/")[2], parsed, int(last_bytes))
        except ValueError:
            raise IntegrityError("blob: malformed reference") from None

    def __str__(self) -> str:
        runs = ",".join(f"{run.offset}+{run.count}" for run in self.runs)
        return f"{self.file}:{runs}:{self.last_bytes}"

    def spans(self, first: int, count: int) -> Iterator[tuple[int, int]]:
        """Yield (offset, size in bytes) of the file's pieces that hold chunks FIRST to FIRST + COUNT - 1."""
        total = sum(run.count for run in self.runs)
        end = min(first + count, total)
        start = 0
        for run in self.runs:
            low, high = max(first, start), min(end, start + run.count)
            if low < high:
                short = CHUNK_BYTES - self.last_bytes if high == total else 0
                yield run.offset + (low - start) * CHUNK_BYTES, (high - low) * CHUNK_BYTES - short
            start += run.count

    def whole(self) -> Iterator[tuple[int, int]]:
        """Yield (offset, size in bytes) of every piece of the blob."""
        return self.spans(0, sum(run.count for run in self.runs))

    def end(self) -> int:
        """Return how many bytes the file has at least."""
        return max(offset + size for offset, size in self.whole())


class SegmentFile:
    """The file to which this process appends."""

    def __init__(self, folder: Path) -> None:
        self.name = f"{new_id()}.seg"
        self.descriptor = os.open(folder / self.name, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)
        self.size = 0
        self.durable = 0
        """How many of its bytes are surely on disk."""
        self.failed = False
        """A flush failed: what the kernel forgot then is not known, nothing more is written here."""
        self._flushing = threading.Lock()
        directory = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(directory)
        finally:
            os.close(directory)

    def append(self, chunk: bytes) -> int:
        """Write CHUNK at the end; returns its offset.

        Raises:
            StorageFull: no space left.
            TemporaryFailure: the disk fails.
        """
        offset = self.size
        try:
            written = os.pwrite(self.descriptor, chunk, offset)
        except OSError as error:
            raise _failure(error) from error
        if written != len(chunk):
            raise StorageFull("blobs: ENOSPC")
        self.size += len(chunk)
        return offset

    def flush(self, end: int) -> None:
        """Return once the first END bytes are on disk.

        Raises:
            StorageFull: no space left.
            TemporaryFailure: the disk fails.
        """
        with self._flushing:
            if self.durable >= end:
                return
            size = self.size
            try:
                if self.failed:
                    raise OSError(errno.EIO, "an earlier flush failed")
                os.fdatasync(self.descriptor)
            except OSError as error:
                self.failed = True
                raise _failure(error) from error
            self.durable = size


class LocalSink:
    """One blob being appended to the segment file."""

    def __init__(self, file: SegmentFile, lock: threading.Lock) -> None:
        self._file = file
        self._lock = lock
        self._runs: list[Run] = []
        self._last_bytes = 0

    async def append(self, chunk: bytes) -> None:
        """Add the next sealed chunk."""
        with self._lock:
            offset = self._file.append(chunk)
        self._last_bytes = len(chunk)
        if self._runs and self._runs[-1].offset + self._runs[-1].count * CHUNK_BYTES == offset:
            self._runs[-1] = Run(self._runs[-1].offset, self._runs[-1].count + 1)
        else:
            self._runs.append(Run(offset, 1))

    async def finish(self) -> str:
        """Return the blob's reference."""
        extent = Extent(self._file.name, tuple(self._runs), self._last_bytes)
        if sum(run.count for run in self._runs) * CHUNK_BYTES > LONG_BYTES:
            await asyncio.to_thread(self._file.flush, extent.end())
        return str(extent)

    async def discard(self) -> None:
        """Punch out what was written."""
        if self._runs:
            extent = Extent(self._file.name, tuple(self._runs), self._last_bytes)
            _punch(self._file.descriptor, extent.whole())


class LocalBlobs:
    """Blobs in FOLDER."""

    brief = True

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._folder = folder
        self._lock = threading.Lock()
        self._appending: SegmentFile | None = None
        self._appended: dict[str, SegmentFile] = {}
        self._readers: dict[str, int] = {}

    def create(self) -> LocalSink:
        """Begin a new blob in this process's segment file."""
        with self._lock:
            if self._appending is None or self._appending.failed or self._appending.size >= FILE_BYTES:
                self._appending = self._new_file()
                self._appended[self._appending.name] = self._appending
            return LocalSink(self._appending, self._lock)

    def read(self, reference: str, first: int, count: int) -> bytes:
        """Return chunks FIRST to FIRST + COUNT - 1, joined."""
        extent = Extent.parse(reference)
        descriptor = self._reader(extent.file)
        pieces = [os.pread(descriptor, size, offset) for offset, size in extent.spans(first, count)]
        return pieces[0] if len(pieces) == 1 else b"".join(pieces)

    def flush(self, references: Iterable[str]) -> None:
        """Return once the blobs are on disk."""
        for extent in map(Extent.parse, references):
            self._appended[extent.file].flush(extent.end())

    def delete(self, reference: str) -> None:
        """Punch the blob's chunks out of its file."""
        extent = Extent.parse(reference)
        try:
            descriptor = os.open(self._folder / extent.file, os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            _punch(descriptor, extent.whole())
        finally:
            os.close(descriptor)

    def sweep(self, live: Live, before: datetime) -> int:
        """Punch out what no reference names in the files whose process has ended; remove those that hold nothing."""
        return sum(_sweep(path, live, before) for path in sorted(self._folder.glob("*.seg")))

    def missing(self, references: Iterable[str]) -> Counter[str]:
        """Count, for each segment file that is absent or too short, the references that it no longer holds."""
        sizes: dict[str, int] = {}
        lost: Counter[str] = Counter()
        for extent in map(Extent.parse, references):
            if extent.file not in sizes:
                path = self._folder / extent.file
                sizes[extent.file] = path.stat().st_size if path.exists() else 0
            if extent.end() > sizes[extent.file]:
                lost[extent.file] += 1
        return lost

    def _new_file(self) -> SegmentFile:
        try:
            return SegmentFile(self._folder)
        except OSError as error:
            raise _failure(error) from error

    def _reader(self, name: str) -> int:
        with self._lock:
            descriptor = self._readers.get(name)
            if descriptor is None:
                if len(self._readers) >= OPEN_FILES:
                    os.close(self._readers.pop(next(iter(self._readers))))
                try:
                    descriptor = self._readers[name] = os.open(self._folder / name, os.O_RDONLY)
                except FileNotFoundError:
                    raise IntegrityError("blob: its segment file is missing") from None
            return descriptor


def _failure(error: OSError) -> TemporaryFailure:
    name = errno.errorcode.get(error.errno or 0, "EIO")
    return StorageFull(f"blobs: {name}") if error.errno in FULL else TemporaryFailure(f"blobs: {name}")


def _sweep(path: Path, live: Live, before: datetime) -> int:
    """Sweep one segment file unless a process appends to it; returns how many bytes of disk it gave back."""
    descriptor = os.open(path, os.O_RDWR)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        status = os.fstat(descriptor)
        if status.st_mtime >= before.timestamp():
            return 0
        held = sorted(span for reference in live(f"{path.name}:") for span in Extent.parse(reference).whole())
        if not held:
            path.unlink()
            return status.st_blocks * 512
        _punch(descriptor, _gaps(held, status.st_size))
        return (status.st_blocks - os.fstat(descriptor).st_blocks) * 512
    except BlockingIOError:
        return 0
    finally:
        os.close(descriptor)


def _gaps(held: Iterable[tuple[int, int]], size_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield (offset, size in bytes) of what lies between the HELD pieces, which are in order."""
    position = 0
    for offset, size in held:
        if offset > position:
            yield position, offset - position
        position = offset + size
    if size_bytes > position:
        yield position, size_bytes - position


def _punch(descriptor: int, pieces: Iterable[tuple[int, int]]) -> None:
    """Give the space of PIECES (offset, size) back to the file system; one that cannot do so keeps it."""
    for offset, size in pieces:
        _libc.fallocate(descriptor, PUNCH_HOLE_KEEP_SIZE, ctypes.c_long(offset), ctypes.c_long(size))
