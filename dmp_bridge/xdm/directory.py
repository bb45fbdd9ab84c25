"""The central directory of a zip, checked before anything is unpacked.

A name that could leave the folder, an encrypted entry, a bomb, a link or a duplicate refuses the whole archive:
an archive that needs such things is not an IHE_XDM archive. Directories are read as bytes count, never created.
"""

import re
import stat
import struct
import zipfile
import zlib
from io import BytesIO

from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.limits import ReaderRules

_END = struct.Struct("<4s4H2LH")
_END_SIGNATURE = b"PK\x05\x06"
_LOCATOR_SIGNATURE = b"PK\x06\x07"
_LOCATOR_BYTES = 20
_MAX_COMMENT_BYTES = 0xFFFF
_MAX_RECORD_BYTES = 46 + 3 * 1024
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, struct.error, ValueError, IndexError, OSError, RuntimeError)
_FORBIDDEN_NAME = re.compile(r"[\x00-\x1f\x7f\\]|^/|^[A-Za-z]:|(^|/)\.\.?(/|$)|//")
_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000


class GuardedArchive:
    """A zip whose directory obeys the rules; `read` gives the bytes of one entry."""

    def __init__(self, data: bytes, rules: ReaderRules) -> None:
        """Read and check the directory.

        Raises:
            ExchangeError: one of the ARCHIVE_ refusals.
        """
        if len(data) > rules.max_archive_bytes:
            raise ExchangeError(Refusal.ARCHIVE_TOO_LARGE)
        _check_end_record(data, rules)
        try:
            self._zip = zipfile.ZipFile(BytesIO(data))
        except _READ_ERRORS:
            raise ExchangeError(Refusal.ARCHIVE_UNREADABLE) from None
        infos = self._zip.infolist()
        _check_entries(infos, rules)
        self._files = {info.orig_filename: info for info in infos if not info.is_dir()}
        self._left_bytes = rules.max_total_bytes

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the files, in archive order, folders left out."""
        return tuple(self._files)

    def read(self, name: str, *, max_bytes: int) -> bytes:
        """Unpack one file.

        Raises:
            ExchangeError: ARCHIVE_TOO_LARGE past max_bytes or the archive's total; ARCHIVE_UNREADABLE.
        """
        limit = min(max_bytes, self._left_bytes)
        try:
            with self._zip.open(self._files[name]) as stream:
                content = stream.read(limit + 1)
        except _READ_ERRORS:
            raise ExchangeError(Refusal.ARCHIVE_UNREADABLE) from None
        if len(content) > limit:
            raise ExchangeError(Refusal.ARCHIVE_TOO_LARGE)
        self._left_bytes -= len(content)
        return content


def _check_end_record(data: bytes, rules: ReaderRules) -> None:
    """Bound the directory before `zipfile` builds an object for each of its records; ZIP64 has no use here."""
    start = data.rfind(_END_SIGNATURE, max(0, len(data) - _END.size - _MAX_COMMENT_BYTES))
    if start < 0 or len(data) < start + _END.size:
        raise ExchangeError(Refusal.ARCHIVE_UNREADABLE)
    _, disk, first_disk, here, entries, directory_bytes, offset, _ = _END.unpack_from(data, start)
    if data[max(0, start - _LOCATOR_BYTES) : start].startswith(_LOCATOR_SIGNATURE):
        raise ExchangeError(Refusal.ARCHIVE_UNREADABLE)
    if disk or first_disk or here != entries or offset + directory_bytes > start:
        raise ExchangeError(Refusal.ARCHIVE_UNREADABLE)
    if entries > rules.max_entries or directory_bytes > rules.max_entries * _MAX_RECORD_BYTES:
        raise ExchangeError(Refusal.ARCHIVE_ENTRIES)


def _check_entries(infos: list[zipfile.ZipInfo], rules: ReaderRules) -> None:
    if len(infos) > rules.max_entries:
        raise ExchangeError(Refusal.ARCHIVE_ENTRIES)
    if sum(info.file_size for info in infos) > rules.max_total_bytes:
        raise ExchangeError(Refusal.ARCHIVE_TOO_LARGE)
    seen: set[str] = set()
    for info in infos:
        _check_name(info, rules)
        _check_kind(info, rules)
        folded = info.orig_filename.rstrip("/").casefold()
        if folded in seen:
            raise ExchangeError(Refusal.ARCHIVE_DUPLICATE)
        seen.add(folded)


def _check_name(info: zipfile.ZipInfo, rules: ReaderRules) -> None:
    name = info.orig_filename
    folders = name.rstrip("/").count("/")
    if not name or len(name) > rules.max_name_characters or _FORBIDDEN_NAME.search(name) or folders > rules.max_depth:
        raise ExchangeError(Refusal.ARCHIVE_NAME)
    if stat.S_ISLNK(info.external_attr >> 16):
        raise ExchangeError(Refusal.ARCHIVE_NAME)


def _check_kind(info: zipfile.ZipInfo, rules: ReaderRules) -> None:
    if info.flag_bits & _ENCRYPTED_FLAGS:
        raise ExchangeError(Refusal.ARCHIVE_ENCRYPTED)
    if info.compress_type not in _METHODS:
        raise ExchangeError(Refusal.ARCHIVE_UNREADABLE)
    if info.file_size > rules.ratio_from_bytes and info.file_size > rules.max_ratio * info.compress_size:
        raise ExchangeError(Refusal.ARCHIVE_COMPRESSION)
