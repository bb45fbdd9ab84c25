"""Blobs: what was appended is read back by chunk, on local files and on S3, whatever interleaved with it."""

import os
from pathlib import Path

import pytest

from vaguemestre.kernel.blobs import CHUNK_BYTES, BlobStore, build_blobs
from vaguemestre.kernel.errors import IntegrityError


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
    blobs.before_commit(None, [reference, other])  # type: ignore[arg-type]

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
