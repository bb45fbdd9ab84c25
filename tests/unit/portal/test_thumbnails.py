"""Thumbnails are drawn once, kept a while in memory within bounds, and forgotten."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest

from dmp_bridge.pictures.pictures import ImageLimits
from portal.documents.thumbnails import KEPT_FOR, Thumbnails, Wanted
from vaguemestre.app.demo.fictional_documents import fictional_pdf

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
PDF = fictional_pdf("Bonjour")


class Source:
    """A file, and how often it was asked for."""

    def __init__(self, data: bytes | None) -> None:
        self.data = data
        self.asked = 0

    async def __call__(self) -> bytes | None:
        self.asked += 1
        return self.data


def thumbnails(most_bytes: int = 1_000_000) -> Thumbnails:
    return Thumbnails(ImageLimits(seconds=20), most_bytes, asyncio.Semaphore(2))


async def test_a_file_is_drawn_once_for_each_size():
    kept, source = thumbnails(), Source(PDF)

    small = await kept.get(Wanted(("a",)), source, NOON)
    again = await kept.get(Wanted(("a",)), source, NOON)
    large = await kept.get(Wanted(("a",), 600), source, NOON)

    assert small is again
    assert small is not None
    assert large is not None
    assert len(large.content) > len(small.content)
    assert source.asked == 2


async def test_a_file_asked_for_twice_at_once_is_drawn_once():
    kept, source = Thumbnails(ImageLimits(), 1_000_000, asyncio.Semaphore(1)), Source(PDF)

    first, second = await asyncio.gather(*(kept.get(Wanted(("a",)), source, NOON) for _ in range(2)))

    assert first is second
    assert source.asked == 1


@pytest.mark.parametrize("data", [None, b"", b"%PDF-1.7 broken", b"Bonjour"])
async def test_what_cannot_be_drawn_is_remembered_too(data):
    kept, source = thumbnails(), Source(data)

    assert [await kept.get(Wanted(("a",)), source, NOON) for _ in range(2)] == [None, None]
    assert source.asked == 1


async def test_a_picture_is_forgotten_after_a_while():
    kept, source = thumbnails(), Source(PDF)

    await kept.get(Wanted(("a",)), source, NOON)
    await kept.get(Wanted(("a",)), source, NOON + KEPT_FOR - timedelta(seconds=1))
    await kept.get(Wanted(("a",)), source, NOON + KEPT_FOR)

    assert source.asked == 2


async def test_the_least_recently_used_are_forgotten_first():
    kept, source = thumbnails(most_bytes=1_100), Source(b"Bonjour")

    for name in ("a", "b", "a", "c", "a"):
        await kept.get(Wanted((name,)), source, NOON)
    before = source.asked
    await kept.get(Wanted(("b",)), source, NOON)

    assert (before, source.asked, len(kept)) == (3, 4, 2)
