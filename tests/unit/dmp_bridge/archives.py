"""Zips that a well-meaning or hostile sender could make, for the tests of the reader."""

import csv
import struct
import warnings
import zipfile
from io import BytesIO
from pathlib import Path

VECTORS = Path(__file__).parents[2] / "vectors" / "xdm"
ARCHIVES = list(csv.DictReader((Path(__file__).parents[2] / "spec" / "xdm_archives.csv").read_text().splitlines()))


def entries_of(archive: bytes) -> dict[str, bytes]:
    """Return the files of a zip by name."""
    with zipfile.ZipFile(BytesIO(archive)) as opened:
        return {name: opened.read(name) for name in opened.namelist()}


def zip_of(entries: dict[str, bytes] | list[tuple[str, bytes]], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    """Return a zip with these files, in this order; names may repeat."""
    buffer = BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        for name, content in entries.items() if isinstance(entries, dict) else entries:
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", UserWarning)  # a repeated name is what some tests want
                archive.writestr(info, content)
    return buffer.getvalue()


def zipped(medium: Path) -> bytes:
    """Return a medium that lies as files in a folder, as the kit's, as an archive."""
    files = (each for each in sorted(medium.rglob("*")) if each.is_file() and each.name != "collections.txt")
    return zip_of({str(each.relative_to(medium)): each.read_bytes() for each in files})


def changed(archive: bytes, name: str, old: bytes, new: bytes) -> bytes:
    """Return ARCHIVE with OLD replaced by NEW in one of its files."""
    entries = entries_of(archive)
    assert old in entries[name]
    entries[name] = entries[name].replace(old, new)
    return zip_of(entries)


def with_symlink(archive: bytes, name: str) -> bytes:
    """Return ARCHIVE with one symbolic link more."""
    buffer = BytesIO(archive)
    with zipfile.ZipFile(buffer, "a") as opened:
        info = zipfile.ZipInfo(name)
        info.external_attr = 0o120777 << 16
        opened.writestr(info, "/etc/passwd")
    return buffer.getvalue()


def with_flag(archive: bytes, flag: int) -> bytes:
    """Return ARCHIVE with a general purpose flag set in every record of its directory."""
    data, start = bytearray(archive), archive.index(b"PK\x01\x02")
    while data[start : start + 4] == b"PK\x01\x02":
        (flags,) = struct.unpack_from("<H", data, start + 8)
        struct.pack_into("<H", data, start + 8, flags | flag)
        name, extra, comment = struct.unpack_from("<3H", data, start + 28)
        start += 46 + name + extra + comment
    return bytes(data)
