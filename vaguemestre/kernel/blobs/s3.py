"""Blobs as objects of an S3 store: one object a blob, written and durable before the row that names it."""

from collections.abc import Iterable
from datetime import datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import obstore
from obstore.exceptions import BaseError, NotFoundError
from obstore.store import S3Store

from vaguemestre.kernel.blobs.contract import CHUNK_BYTES, Live
from vaguemestre.kernel.errors import ConfigurationError, IntegrityError, TemporaryFailure
from vaguemestre.kernel.ids import new_id

if TYPE_CHECKING:
    from obstore.store import ClientConfig, S3Config


GROUPS = tuple(f"{number:02x}" for number in range(256))
PART_CHUNKS = 128  # 8 MiB: S3 wants parts of at least 5 MiB


class S3Sink:
    """One object being written; up to 8 MiB are held before a part leaves."""

    def __init__(self, store: S3Store, key: str) -> None:
        self._store = store
        self._key = key
        self._chunks: list[bytes] = []
        self._writer: obstore.AsyncWritableFile | None = None

    async def append(self, chunk: bytes) -> None:
        """Add the next sealed chunk."""
        self._chunks.append(chunk)
        if len(self._chunks) == PART_CHUNKS:
            await self._write_part()

    async def finish(self) -> str:
        """Complete the object and return its key; it is durable then."""
        try:
            if self._writer is None:
                await obstore.put_async(self._store, self._key, b"".join(self._chunks))
            else:
                await self._write_part()
                await self._writer.close()
        except BaseError as error:
            raise TemporaryFailure("blobs: the object store refused a write") from error
        return self._key

    async def discard(self) -> None:
        """Forget what was held; parts already sent are never completed, which the store clears by itself."""
        self._chunks.clear()
        self._writer = None

    async def _write_part(self) -> None:
        try:
            if self._writer is None:
                self._writer = obstore.open_writer_async(self._store, self._key, buffer_size=PART_CHUNKS * CHUNK_BYTES)
            await self._writer.write(b"".join(self._chunks))
        except BaseError as error:
            raise TemporaryFailure("blobs: the object store refused a write") from error
        self._chunks.clear()


class S3Blobs:
    """Blobs in a bucket: `s3://bucket/prefix?endpoint=http://host:port&region=fr-par`."""

    brief = False

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        options = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        config: S3Config = {"region": options.pop("region", "us-east-1")}
        client: ClientConfig = {}
        if endpoint := options.pop("endpoint", None):
            config["endpoint"] = endpoint
            client["allow_http"] = endpoint.startswith("http://")
        if options or not parts.netloc:
            raise ConfigurationError("blobs: s3://bucket/prefix with endpoint and region as the only options")
        self._prefix = parts.path.strip("/")
        self._store = S3Store(parts.netloc, config=config, client_options=client)

    def create(self) -> S3Sink:
        """Begin a new object."""
        name = new_id()
        return S3Sink(self._store, f"{self._group(name[-2:])}/{name}")

    def read(self, reference: str, first: int, count: int) -> bytes:
        """Return chunks FIRST to FIRST + COUNT - 1 by one ranged request."""
        try:
            answer = obstore.get_range(
                self._store, reference, start=first * CHUNK_BYTES, end=(first + count) * CHUNK_BYTES
            )
        except (NotFoundError, FileNotFoundError):
            raise IntegrityError("blob: the object is missing") from None
        except BaseError as error:
            raise TemporaryFailure("blobs: the object store is away") from error
        return bytes(answer)

    def flush(self, references: Iterable[str]) -> None:
        """Do nothing: an object is durable when its sink has finished."""

    def delete(self, reference: str) -> None:
        """Delete the object."""
        try:
            obstore.delete(self._store, reference)
        except (NotFoundError, FileNotFoundError):
            return
        except BaseError as error:
            raise TemporaryFailure("blobs: the object store is away") from error

    def sweep(self, live: Live, before: datetime) -> int:
        """Delete the objects written before BEFORE that no row names."""
        return sum(self._sweep(self._group(name), live, before) for name in GROUPS)

    def _sweep(self, group: str, live: Live, before: datetime) -> int:
        try:
            listed = [found for batch in obstore.list(self._store, group) for found in batch]
            old = {found["path"]: found["size"] for found in listed if found["last_modified"] < before}
            unused = sorted(old.keys() - set(live(f"{group}/"))) if old else []
            if unused:
                obstore.delete(self._store, unused)
        except BaseError as error:
            raise TemporaryFailure("blobs: the object store is away") from error
        return sum(old[path] for path in unused)

    def _group(self, name: str) -> str:
        return f"{self._prefix}/{name}" if self._prefix else name
