"""Sealed content whose file is gone: named, however old the message."""

import asyncio
from pathlib import Path

import pytest

from mailstore.tables import message
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.settings import load_settings
from vaguemestre.app.stored_content import missing_segments
from vaguemestre.kernel.blobs import LocalBlobs

Row = dict[str, object]


@pytest.fixture
def instance(instance_folder: Path) -> Instance:
    return Instance(load_settings(instance_folder / "vaguemestre.toml", {}))


def _store(instance: Instance) -> Path:
    """Keep one message with its body in a segment file; returns that file."""

    async def body() -> str:
        sink = instance.blobs.create()
        await sink.append(b"sealed")
        return await sink.finish()

    row: Row = {"id": "0" * 32, "stored_at": instance.clock.now(), "size_bytes": 6, "blob_ref": asyncio.run(body())}
    row |= {"sealed_header": b"", "sealed_index": b""}
    instance.database.write_now(lambda tx: tx.add(message, row))
    return next((instance.settings.folder / "blobs").glob("*.seg"))


def test_nothing_is_missing_while_the_files_are_there(instance: Instance) -> None:
    _store(instance)

    assert missing_segments(instance) == {}


@pytest.mark.parametrize("harm", [Path.unlink, lambda path: path.write_bytes(b"short")], ids=["deleted", "cut"])
def test_a_segment_file_that_lost_bytes_is_named(instance: Instance, harm: object) -> None:
    segment = _store(instance)
    assert callable(harm)

    harm(segment)

    assert isinstance(instance.blobs, LocalBlobs)
    assert missing_segments(instance) == {segment.name: 1}
