"""Encrypted bytes outside the catalogue: append-only local segment files, or S3 objects.

A blob is a sequence of sealed chunks; all but the last have CHUNK_BYTES. This package never sees a key.
"""

from pathlib import Path

from vaguemestre.kernel.blobs.contract import CHUNK_BYTES, BlobSink, BlobStore
from vaguemestre.kernel.blobs.local import LocalBlobs
from vaguemestre.kernel.errors import ConfigurationError

__all__ = ["CHUNK_BYTES", "BlobSink", "BlobStore", "LocalBlobs", "build_blobs"]


def build_blobs(url: str) -> BlobStore:
    """Return the store that URL names: `file:///folder` or `s3://bucket/prefix?endpoint=…&region=…`.

    Raises:
        ConfigurationError: another scheme. S3 credentials come from the environment (AWS_ACCESS_KEY_ID, …).
    """
    if url.startswith("file://"):
        return LocalBlobs(Path(url.removeprefix("file://")))
    if url.startswith("s3://"):
        from vaguemestre.kernel.blobs.s3 import S3Blobs

        return S3Blobs(url)
    raise ConfigurationError("blobs: the URL must begin with file:// or s3://")
