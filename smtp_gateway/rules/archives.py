"""Archives: what a zip may hold, and how much, before anybody unpacks it.

Only directories and first bytes are read, and archives in archives whole, within limits: a bomb costs no more than a
letter. An XDM archive is an ordinary zip to these rules. Source: domain note §13 (depth 3, ratio, never exempt).
"""

import io
import zipfile
import zlib
from dataclasses import dataclass

from smtp_gateway.replies import Refusal
from smtp_gateway.rules.file_contents import HEAD_BYTES, Family, family_of
from smtp_gateway.rules.file_names import check_name

ANY = ("*",)
ENCRYPTED = 0x1
MACROS = "vbaproject.bin"
RATIO_FROM_BYTES = 1_048_576
"""Smaller files may be as dense as they like."""
BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError, RuntimeError, KeyError)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchiveLimits:
    """What an archive may be; the totals count everything in it, at any depth."""

    entries: int
    total_bytes: int
    nested_bytes: int
    """Of one archive in another: it is held in memory."""
    depth: int
    ratio: int
    encrypted: bool
    """Whether a password may hide what is inside."""
    macros: bool


@dataclass(slots=True)
class _Count:
    entries: int = 0
    bytes: int = 0


def check_archive(data: bytes, limits: ArchiveLimits) -> Refusal | None:
    """Check a zip of a message."""
    return _check(data, limits, _Count(), depth=1)


def _check(data: bytes, limits: ArchiveLimits, count: _Count, *, depth: int) -> Refusal | None:
    if depth > limits.depth:
        return Refusal.ARCHIVE
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            for entry in archive.infolist():
                refusal = _check_entry(archive, entry, limits, count, depth=depth)
                if refusal is not None:
                    return refusal
    except BROKEN:
        return Refusal.ARCHIVE
    return None


def _check_entry(  # an entry is judged by all that is known of it, at one place
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: ArchiveLimits, count: _Count, *, depth: int
) -> Refusal | None:
    count.entries += 1
    count.bytes += entry.file_size
    if count.entries > limits.entries or count.bytes > limits.total_bytes or _is_dense(entry, limits.ratio):
        return Refusal.ARCHIVE
    if ".." in entry.filename.replace("\\", "/").split("/"):
        return Refusal.ARCHIVE
    if entry.is_dir():
        return None
    refusal = check_name(entry.filename, ANY)
    if refusal is None and not limits.macros and entry.filename.lower().endswith(MACROS):
        refusal = Refusal.FILE_TYPE
    if refusal is not None:
        return refusal
    if entry.flag_bits & ENCRYPTED:
        return None if limits.encrypted else Refusal.ARCHIVE_ENCRYPTED
    return _check_content(archive, entry, limits, count, depth=depth)


def _check_content(
    archive: zipfile.ZipFile, entry: zipfile.ZipInfo, limits: ArchiveLimits, count: _Count, *, depth: int
) -> Refusal | None:
    with archive.open(entry) as file:
        head = file.read(HEAD_BYTES)
        family = family_of(head)
        if family in (Family.EXECUTABLE, Family.SEALED):
            return Refusal.FILE_CONTENT
        if family is not Family.ZIP:
            return None
        if entry.file_size > limits.nested_bytes:
            return Refusal.ARCHIVE
        return _check(head + file.read(limits.nested_bytes), limits, count, depth=depth + 1)


def _is_dense(entry: zipfile.ZipInfo, ratio: int) -> bool:
    return entry.file_size > RATIO_FROM_BYTES and entry.file_size > ratio * max(1, entry.compress_size)
