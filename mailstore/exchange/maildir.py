"""Reading a Maildir: each folder's `new` and `cur`, the folders of Maildir++ (`.Archives.2024`) or nested ones.

A message is told from the others by the unique part of its file name, which no change of flags touches, nor its move
from `new` to `cur`. Its date is that of its file.

Source: https://cr.yp.to/proto/maildir.html; Maildir++ of Courier, as Dovecot has it.
"""

import os
from collections.abc import AsyncIterator, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from mailstore.exchange import lines
from mailstore.exchange.maildir_names import RAW, flags_of, read_keywords, read_more_keywords, split_name
from mailstore.exchange.model import GROUP_MESSAGES, PIECE_BYTES, Found, Problem, Reference, as_pieces
from mailstore.exchange.naming import folder_here, read_name

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class _Handle:
    """One file, and what its folder says of it."""

    path: Path
    flags: frozenset[str]
    is_raw: bool


@dataclass(frozen=True, slots=True)
class _Folder:
    path: Path
    name: str


class MaildirSource:
    """The messages of a Maildir and of the folders in it."""

    def __init__(self, path: Path) -> None:
        """Read PATH.

        Raises:
            OSError: it cannot be read.
        """
        self._path = path
        self._folders = [_Folder(each, _name_of(path, each)) for each in _folders_in(path)]
        self._total = sum(1 for folder in self._folders for place in _places(folder.path) for _ in place.iterdir())

    @property
    def identity(self) -> str:
        """The place of the Maildir."""
        return f"maildir:{self._path.resolve()}"

    @property
    def total(self) -> int:
        """Messages."""
        return self._total

    def folders(self) -> Sequence[str]:
        """Return its folders."""
        return [each.name for each in self._folders]

    async def groups(self) -> AsyncIterator[Sequence[Reference | Problem]]:
        """Name the messages of each folder, in the order of their file names."""
        for folder in self._folders:
            found = list(self._references(folder))
            for start in range(0, len(found), GROUP_MESSAGES):
                yield found[start : start + GROUP_MESSAGES]

    async def open(self, references: Sequence[Reference]) -> AsyncIterator[Found | Problem]:
        """Open the files; one that cannot be read is a problem."""
        for reference in references:
            yield _open(reference)

    def _references(self, folder: _Folder) -> Iterator[Reference]:
        letters, more = read_keywords(folder.path), read_more_keywords(folder.path)
        for path in sorted((file for place in _places(folder.path) for file in place.iterdir()), key=_by_arrival):
            unique, info = split_name(path.name)
            flags = flags_of(info, letters) | more.get(unique, frozenset())
            yield Reference(
                folder=folder.name,
                origin=str(folder.path.relative_to(self._path)),
                key=os.fsencode(unique),
                place=str(path.relative_to(self._path)),
                handle=_Handle(path, flags, RAW in unique),
            )


def is_maildir(path: Path) -> bool:
    """Tell whether PATH is a Maildir, or the folder of one."""
    return (path / "cur").is_dir()


def _folders_in(path: Path) -> list[Path]:
    """Return PATH, if it holds messages, and each folder below it that does."""
    below = (each for each in sorted(path.rglob("cur")) if each.is_dir())
    return [each.parent for each in below]


def _name_of(root: Path, folder: Path) -> str:
    """Return the name here of a folder: levels separated by dots (Maildir++), or folders in folders."""
    parts = folder.relative_to(root).parts
    nested = [each for part in parts for each in (part[1:].split(".") if part.startswith(".") else [part])]
    return folder_here([read_name(os.fsencode(each)) for each in nested])


def _places(folder: Path) -> list[Path]:
    return [place for place in (folder / "cur", folder / "new") if place.is_dir()]


def _by_arrival(path: Path) -> tuple[int, str]:
    """Order by the seconds that a name begins with."""
    seconds = path.name.partition(".")[0]
    return (int(seconds) if seconds.isdecimal() else 0, path.name)


def _open(reference: Reference) -> Found | Problem:
    handle: _Handle = reference.handle
    try:
        number = os.open(handle.path, os.O_RDONLY | os.O_NOFOLLOW)
    except OSError as error:
        return Problem(reference.place, f"fichier illisible ({error.strerror})")
    microseconds = os.fstat(number).st_mtime_ns // 1_000
    return Found(
        reference=reference,
        flags=handle.flags,
        internal_date=_EPOCH + timedelta(microseconds=microseconds),
        pieces=as_pieces(_content(number, is_raw=handle.is_raw)),
    )


def _content(number: int, *, is_raw: bool) -> Iterator[bytes]:
    def stored() -> Iterator[bytes]:
        while piece := os.read(number, PIECE_BYTES):
            yield piece

    try:
        yield from stored() if is_raw else lines.to_crlf(stored())
    finally:
        os.close(number)
