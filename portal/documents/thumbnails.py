"""Small pictures of files (thumbnails, previews of a first page), made by a confined child process.

They are kept a while in memory, never on disk. The caller has decided that this person may see the file; what is kept
only saves the drawing.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from dmp_bridge.bodies import media_type_of
from dmp_bridge.pictures.pictures import ImageLimits, Picture, thumbnail

KEPT_FOR = timedelta(minutes=15)
EDGE_PIXELS = 320
PREVIEW_PIXELS = 1400
_OVERHEAD_BYTES = 500

Content = Callable[[], Awaitable[bytes | None]]


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture: what names its file for ever, whoever looks, and its long edge in pixels."""

    file: tuple[str, ...]
    edge_pixels: int = EDGE_PIXELS


@dataclass(frozen=True, slots=True)
class _Kept:
    """A thumbnail, or None for a file of which there is none, and until when it is kept."""

    picture: Picture | None
    until: datetime


class Thumbnails:
    """The thumbnails of this process, the least recently used forgotten first."""

    def __init__(self, limits: ImageLimits, most_bytes: int, turns: asyncio.Semaphore) -> None:
        """Keep at most MOST_BYTES; TURNS bounds the children that run at a time; LIMITS without their edge."""
        self._limits = limits
        self._most_bytes = most_bytes
        self._turns = turns
        self._kept: OrderedDict[Wanted, _Kept] = OrderedDict()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._kept)

    async def get(self, wanted: Wanted, content: Content, now: datetime) -> Picture | None:
        """Return the picture of a file.

        Args:
            wanted: of which file, how large.
            content: gives its bytes, asked only when they are needed; None: no such file.
            now: aware.

        Returns:
            None when nothing of this file can be drawn.
        """
        found = self._find(wanted, now)
        if found is None:
            async with self._turns:
                found = self._find(wanted, now) or await self._make(wanted, content, now)
        return found.picture

    def _find(self, key: Wanted, now: datetime) -> _Kept | None:
        found = self._kept.get(key)
        if found is None or found.until <= now:
            return None
        self._kept.move_to_end(key)
        return found

    async def _make(self, key: Wanted, content: Content, now: datetime) -> _Kept:
        data = await content()
        picture = None if data is None else await asyncio.to_thread(self._draw, data, key.edge_pixels)
        made = _Kept(picture, now + KEPT_FOR)
        self._forget(key)
        self._kept[key] = made
        self._bytes += _size(made)
        while self._bytes > self._most_bytes:
            self._forget(next(iter(self._kept)))
        return made

    def _draw(self, data: bytes, edge_pixels: int) -> Picture | None:
        return thumbnail(data, media_type_of(data) or "", replace(self._limits, edge_pixels=edge_pixels))

    def _forget(self, key: Wanted) -> None:
        dropped = self._kept.pop(key, None)
        self._bytes -= 0 if dropped is None else _size(dropped)


def _size(kept: _Kept) -> int:
    return _OVERHEAD_BYTES + (0 if kept.picture is None else len(kept.picture.content))
