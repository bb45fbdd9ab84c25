"""Blobs: what was appended is read back by chunk, on local files and on S3, whatever interleaved with it."""

import errno
import os
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from vaguemestre.kernel.blobs import CHUNK_BYTES, BlobStore, LocalBlobs, build_blobs
from vaguemestre.kernel.blobs.local import LONG_BYTES
from vaguemestre.kernel.errors import IntegrityError, TemporaryFailure


@pytest.fixture(params=["file", "s3"])
def blobs(request: pytest.FixtureRequest, tmp_path: Path) -> BlobStore:
    if request.param == "file":
        return build_blobs(f"file://{tmp_path}/blobs")
    url: str = request.getfixturevalue("s3_url")
    return build_blobs(url)


def chunks(count: int, last: int = 100) -> list[bytes]:
    return [os.urandom(CHUNK_BYTES) for _ in range(count - 1)] + [os.urandom(last)]


async def test_any_run_of_chunks_is_read_back(blobs: BlobStore):
    first, second = chunks(5), chunks(3, last=CHUNK_BYTES)
    one, two = blobs.create(), blobs.create()
    for index in range(5):
        await one.append(first[index])
        if index < 3:
            await two.append(second[index])
    reference, other = await one.finish(), await two.finish()

    assert blobs.read(reference, 0, 5) == b"".join(first)
    assert blobs.read(reference, 1, 2) == b"".join(first[1:3])
    assert blobs.read(reference, 4, 10) == first[4]
    assert blobs.read(other, 0, 3) == b"".join(second)


async def test_a_large_blob_leaves_in_parts(blobs: BlobStore):
    data = chunks(300)
    sink = blobs.create()
    for chunk in data:
        await sink.append(chunk)
    reference = await sink.finish()

    assert blobs.read(reference, 299, 1) == data[299]
    assert blobs.read(reference, 127, 3) == b"".join(data[127:130])


async def test_a_deleted_blob_is_gone_and_its_neighbours_are_not(blobs: BlobStore):
    data = chunks(2)
    references = []
    for _ in range(2):
        sink = blobs.create()
        for chunk in data:
            await sink.append(chunk)
        references.append(await sink.finish())

    blobs.delete(references[0])
    blobs.delete(references[0])

    try:
        left = blobs.read(references[0], 0, 2)
    except IntegrityError:
        left = b""
    assert left.strip(b"\0") == b""
    assert blobs.read(references[1], 0, 2) == b"".join(data)


def test_a_malformed_reference_is_an_integrity_error(tmp_path: Path):
    with pytest.raises(IntegrityError):
        build_blobs(f"file://{tmp_path}").read("../../etc/passwd:0+1:5", 0, 1)
    with pytest.raises(IntegrityError):
        build_blobs(f"file://{tmp_path}").read("nonsense", 0, 1)


WRITE = """
import asyncio, os, sys
from vaguemestre.kernel.blobs import CHUNK_BYTES, build_blobs

async def write(blobs, count):
    sink = blobs.create()
    for _ in range(count):
        await sink.append(b"x" * CHUNK_BYTES)
    return await sink.finish()

async def main():
    blobs = build_blobs(sys.argv[1])
    written = [await write(blobs, count) for count in (2, 3, 1)]
    print("\\n".join(written), flush=True)
    os._exit(0)

asyncio.run(main())
"""


def written_by_a_process_that_died(url: str) -> list[str]:
    """Three blobs of 2, 3 and 1 chunks whose writer has ended."""
    done = subprocess.run([sys.executable, "-c", WRITE, url], check=True, capture_output=True, text=True)
    return done.stdout.split()


@pytest.fixture(params=["file", "s3"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"file://{tmp_path}/blobs" if request.param == "file" else f"{request.getfixturevalue('s3_url')}"


def test_what_nobody_refers_to_is_swept_and_nothing_else(url: str):
    first, lost, last = written_by_a_process_that_died(url)
    blobs = build_blobs(url)
    soon = datetime.now(UTC) + timedelta(hours=1)
    kept = {first, last}

    assert blobs.sweep(lambda prefix: [each for each in kept if each.startswith(prefix)], soon) > 2 * CHUNK_BYTES

    assert blobs.read(first, 0, 2) == b"x" * 2 * CHUNK_BYTES
    assert blobs.read(last, 0, 1) == b"x" * CHUNK_BYTES
    try:
        left = blobs.read(lost, 0, 3)
    except IntegrityError:
        left = b""
    assert left.strip(b"\0") == b""
    assert blobs.sweep(lambda prefix: [each for each in kept if each.startswith(prefix)], soon) == 0


def test_a_young_blob_is_not_swept(url: str):
    written = written_by_a_process_that_died(url)
    blobs = build_blobs(url)

    assert blobs.sweep(lambda _: [], datetime.now(UTC) - timedelta(hours=1)) == 0

    assert blobs.read(written[1], 0, 3) == b"x" * 3 * CHUNK_BYTES


async def test_the_file_of_a_living_process_is_not_swept(tmp_path: Path):
    blobs = build_blobs(f"file://{tmp_path}/blobs")
    sink = blobs.create()
    await sink.append(b"x" * 100)
    reference = await sink.finish()

    assert build_blobs(f"file://{tmp_path}/blobs").sweep(lambda _: [], datetime.now(UTC) + timedelta(hours=1)) == 0

    assert blobs.read(reference, 0, 1) == b"x" * 100


async def write_blob(blobs: LocalBlobs) -> str:
    sink = blobs.create()
    await sink.append(os.urandom(1_000))
    return await sink.finish()


async def test_one_flush_covers_the_blobs_of_a_commit_group(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blobs, flushes = LocalBlobs(tmp_path), []
    monkeypatch.setattr("vaguemestre.kernel.blobs.local.os.fdatasync", flushes.append)
    references = [await write_blob(blobs) for _ in range(8)]
    assert flushes == []

    blobs.flush(references)
    blobs.flush(references[:3])

    assert len(flushes) == 1
    blobs.flush([await write_blob(blobs)])
    assert len(flushes) == 2


async def test_a_long_blob_does_not_keep_the_writer_waiting(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    blobs, flushes = LocalBlobs(tmp_path), []
    monkeypatch.setattr("vaguemestre.kernel.blobs.local.os.fdatasync", flushes.append)
    sink = blobs.create()
    for _ in range(LONG_BYTES // CHUNK_BYTES + 1):
        await sink.append(b"x" * CHUNK_BYTES)
    reference = await sink.finish()
    assert len(flushes) == 1

    blobs.flush([reference])

    assert len(flushes) == 1


async def test_blob_that_is_not_on_disk_is_no_blob_and_its_file_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def broken(_descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk fails")

    blobs = LocalBlobs(tmp_path)
    reference = await write_blob(blobs)
    with monkeypatch.context() as patched:
        patched.setattr("vaguemestre.kernel.blobs.local.os.fdatasync", broken)
        with pytest.raises(TemporaryFailure):
            blobs.flush([reference])

    with pytest.raises(TemporaryFailure):
        blobs.flush([reference])  # what the kernel forgot then is not known
    assert (await write_blob(blobs)).partition(":")[0] in {path.name for path in tmp_path.iterdir()}
    assert len(list(tmp_path.iterdir())) == 2
