"""A message on its way in and out again, without a catalogue: cuts, sizes, and how many segments a range opens."""

import asyncio
from pathlib import Path

import pytest

from mailstore.draft import Draft
from mailstore.mime.scanner import Limits
from mailstore.model import SealedMessage
from mailstore.reader import MessageReader, SealedRow
from vaguemestre.kernel.blobs import LocalBlobs
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure

HEAD = (
    b"Subject: x\r\nContent-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
)


class CountingBlobs(LocalBlobs):
    """Local blobs that count the chunks they hand out."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.chunks = 0

    def read(self, reference: str, first: int, count: int) -> bytes:
        self.chunks += count
        return super().read(reference, first, count)


@pytest.fixture
def blobs(tmp_path: Path) -> CountingBlobs:
    return CountingBlobs(tmp_path)


def seal(blobs: LocalBlobs, content: bytes, *, step: int = 10_000) -> SealedMessage:
    async def write() -> SealedMessage:
        draft = Draft(blobs, inline_bytes=32_768, limits=Limits())
        for start in range(0, len(content), step):
            await draft.write(content[start : start + step])
        return await draft.seal()

    return asyncio.run(write())


def reader_of(message: SealedMessage, blobs: LocalBlobs) -> MessageReader:
    sealed = SealedRow(
        header=message.sealed_header, index=message.sealed_index, body=message.sealed_body, blob_ref=message.blob_ref
    )
    return MessageReader(message.message_id, message.key, sealed, blobs)


@pytest.mark.parametrize("step", [1, 97, 65_536, 1_000_000])
def test_the_cut_of_the_bytes_does_not_show(blobs: CountingBlobs, step: int) -> None:
    content = HEAD + b"ligne\r\n" * 12_000

    reader = reader_of(seal(blobs, content, step=step), blobs)

    assert reader.read() == content
    assert reader.index.parts[0].lines == 12_000


def test_a_small_body_lies_in_the_row_and_a_large_one_in_the_blobs(blobs: CountingBlobs) -> None:
    small, large = seal(blobs, HEAD + b"x" * 32_768), seal(blobs, HEAD + b"x" * 32_769)

    assert (small.blob_ref, large.sealed_body) == (None, None)


def test_the_first_64_kb_of_twenty_megabytes_open_two_segments(blobs: CountingBlobs) -> None:
    content = HEAD + b"0123456789abcde\n" * (20 * 65_536)
    reader = reader_of(seal(blobs, content, step=1_000_000), blobs)

    first = reader.read(0, 65_536)

    assert first == content[:65_536]
    assert blobs.chunks == 1
    assert reader.read(65_536, 65_536) == content[65_536:131_072]
    assert blobs.chunks <= 3


def test_a_changed_segment_breaks_its_range_only(blobs: CountingBlobs, tmp_path: Path) -> None:
    content = HEAD + b"x" * 200_000
    reader = reader_of(seal(blobs, content), blobs)
    (file,) = tmp_path.glob("*.seg")
    stored = bytearray(file.read_bytes())
    stored[70_000] ^= 1
    file.write_bytes(bytes(stored))

    assert reader.read(0, 60_000) == content[:60_000]
    with pytest.raises(IntegrityError):
        reader.read(60_000, 20_000)
    assert reader.read(180_000) == content[180_000:]


def test_parts_are_decoded(blobs: CountingBlobs) -> None:
    reader = reader_of(seal(blobs, HEAD + b"l=E9ger=\r\n\r\n"), blobs)

    assert reader.decoded("1") == b"l\xe9ger\r\n"
    assert reader.text("1") == "léger\n"
    assert reader.part_bytes("HEADER") == HEAD


def test_parts_that_are_not_there_are_refused(blobs: CountingBlobs) -> None:
    reader = reader_of(seal(blobs, HEAD), blobs)

    for read in (reader.decoded, reader.text, reader.part_bytes):
        with pytest.raises(PermanentFailure):
            read("7")


def test_neither_key_nor_content_shows_in_a_traceback(blobs: CountingBlobs) -> None:
    message = seal(blobs, HEAD + b"secret")

    assert message.key.hex() not in repr(message)
    assert "Subject" not in repr(message)
