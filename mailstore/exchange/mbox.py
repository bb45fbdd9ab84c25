"""Reading mbox files: where each message lies, by byte offsets, then its bytes, in pieces of constant size.

A message begins at a line "From " with a date, at the start of the file or after a blank line. `Content-Length` is not
trusted: it is wrong as soon as a program adds a field. A message is told from the others by the digest of its bytes,
marks aside, and by how many like it came before: neither new flags nor messages added or removed make it another one.

Source: RFC 4155; mboxrd for the quoting (`lines.py`).
"""

import hashlib
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from mailstore.exchange import lines
from mailstore.exchange.marks import Marks, header_date, is_separator, read_marks, separator_date
from mailstore.exchange.model import (
    GROUP_BYTES,
    GROUP_MESSAGES,
    PIECE_BYTES,
    Found,
    Problem,
    Reference,
    as_pieces,
)
from mailstore.exchange.naming import folder_here, read_name
from mailstore.model import INBOX, SEPARATOR

HEAD_BYTES = 256 * 1024
"""Where marks are looked for: at the start of a message."""
_WINDOW_BYTES = 1024 * 1024
_SEPARATOR_BYTES = 1_000
_MARK = b"\nFrom "
FOLDER_SUFFIXES = (".mbox", ".mbx", ".sbd")
"""What programs add to the name of a folder: a file of messages, and the folders below it (Thunderbird)."""


@dataclass(frozen=True, slots=True)
class _Span:
    """Where a message lies: its "From " line, then its bytes."""

    file: int
    separator: bytes
    start: int
    end: int

    def pieces(self, start: int) -> Iterator[bytes]:
        for place in range(start, self.end, PIECE_BYTES):
            yield os.pread(self.file, min(PIECE_BYTES, self.end - place), place)

    def head(self) -> bytes:
        return os.pread(self.file, min(HEAD_BYTES, self.end - self.start), self.start)


class MboxSource:
    """The messages of one mbox file, or of the files of a folder and the folders below it."""

    def __init__(self, path: Path, *, folder: str | None = None) -> None:
        """Read PATH; messages of a file alone that name no folder go to FOLDER.

        Raises:
            OSError: it cannot be read.
        """
        self._path = path
        self._folder = folder or INBOX
        self._files = _mbox_files(path) if path.is_dir() else [path]
        self._total = sum(each.stat().st_size for each in self._files)

    @property
    def identity(self) -> str:
        """The place of the file."""
        return f"mbox:{self._path.resolve()}"

    @property
    def total(self) -> int:
        """Octets."""
        return self._total

    def folders(self) -> Sequence[str]:
        """Return the folders that files stand for."""
        return [self._folder_of(each) for each in self._files] if self._path.is_dir() else []

    async def groups(self) -> AsyncIterator[Sequence[Reference | Problem]]:
        """Name the messages in the order of the files."""
        for path in self._files:
            with path.open("rb", buffering=0) as file:
                for group in _grouped(_references(file, self._origin(path), self._folder_of(path))):
                    yield group

    async def open(self, references: Sequence[Reference]) -> AsyncIterator[Found | Problem]:
        """Open messages of the group named last."""
        for reference in references:
            yield _open(reference)

    def _origin(self, path: Path) -> str:
        return str(path.relative_to(self._path)) if path != self._path else path.name

    def _folder_of(self, path: Path) -> str:
        if path == self._path:
            return self._folder
        return folder_here([_without_suffix(each) for each in path.relative_to(self._path).parts])


def _mbox_files(folder: Path) -> list[Path]:
    """Return the mbox files below FOLDER; other files, such as the indexes of programs, are none."""
    return sorted(each for each in folder.rglob("*") if each.is_file() and _starts_a_message(each))


def _starts_a_message(path: Path) -> bool:
    with path.open("rb") as file:
        return is_separator(file.readline(_SEPARATOR_BYTES))


def _without_suffix(name: str) -> str:
    return next((name.removesuffix(each) for each in FOLDER_SUFFIXES if name.lower().endswith(each)), name)


def _grouped(found: Iterable[Reference | Problem]) -> Iterator[list[Reference | Problem]]:
    group: list[Reference | Problem] = []
    size = 0
    for each in found:
        group.append(each)
        size += each.weight if isinstance(each, Reference) else 0
        if len(group) >= GROUP_MESSAGES or size >= GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _references(file: BinaryIO, name: str, folder: str) -> Iterator[Reference | Problem]:
    seen: Counter[bytes] = Counter()
    position = 0
    for span in _spans(file):
        begin = span.start - len(span.separator)
        if begin > position and position == 0:
            yield Problem(f"{name}, octet 0", "le fichier ne commence pas par une ligne « From »")
        position = span.end
        marks, kept = read_marks(span.head())
        if marks.internal:
            continue
        digest = _digest(span, marks, kept)
        number, seen[digest] = seen[digest], seen[digest] + 1
        yield Reference(
            folder=_named(marks) or folder,
            origin=name,
            key=digest + number.to_bytes(4, "big"),
            place=f"{name}, octet {begin}",
            handle=span,
            weight=span.end - begin,
        )
    if position == 0 and os.fstat(file.fileno()).st_size:
        yield Problem(f"{name}, octet 0", "aucun message : ce n'est pas un fichier mbox")


def _named(marks: Marks) -> str | None:
    return None if marks.folder is None else folder_here(read_name(marks.folder.encode()).split(SEPARATOR))


def _digest(span: _Span, marks: Marks, kept: bytes) -> bytes:
    digest = hashlib.blake2b(kept, digest_size=16, person=b"mbox")
    if marks.folder is not None:
        digest.update(b"\0" + marks.folder.encode())
    for piece in span.pieces(span.start + HEAD_BYTES):
        digest.update(piece)
    return digest.digest()


def _open(reference: Reference) -> Found:
    span: _Span = reference.handle
    head = span.head()
    marks, kept = read_marks(head)
    date = marks.date or separator_date(span.separator) or header_date(kept) or datetime.now(UTC)
    return Found(
        reference=reference,
        flags=marks.flags,
        internal_date=date,
        pieces=as_pieces(_content(span, marks, kept)),
    )


def _content(span: _Span, marks: Marks, kept: bytes) -> Iterator[bytes]:
    def stored() -> Iterator[bytes]:
        yield kept
        yield from span.pieces(span.start + HEAD_BYTES)

    content = lines.unquoted(stored())
    if marks.open_end:
        content = lines.without_last_lf(content)
    return content if marks.raw else lines.to_crlf(content)


def _spans(file: BinaryIO) -> Iterator[_Span]:
    """Yield where each message lies, the blank line that ends it left out."""
    number, size = file.fileno(), os.fstat(file.fileno()).st_size
    open_at: tuple[bytes, int] | None = None
    for offset in _separators(number):
        if open_at is not None:
            yield _Span(number, open_at[0], open_at[1], _end(number, open_at[1], offset))
        line = _line_at(number, offset)
        open_at = (line, offset + len(line))
    if open_at is not None:
        yield _Span(number, open_at[0], open_at[1], _end(number, open_at[1], size))


def _separators(number: int) -> Iterator[int]:
    """Yield the offset of each line that begins a message."""
    window, place, last = b"\n\n", 0, -1
    begin = -len(window)  # offset of the window's first byte: two line ends stand before the file
    while chunk := os.pread(number, _WINDOW_BYTES, place):
        place += len(chunk)
        window += chunk
        at = window.find(_MARK)
        while at >= 0:
            offset = begin + at + 1
            is_after_blank = window[at - 1 : at] == b"\n" or window[at - 2 : at] == b"\n\r"
            if offset > last and is_after_blank and is_separator(_line_at(number, offset)):
                yield offset
                last = offset
            at = window.find(_MARK, at + 1)
        begin += max(len(window) - len(_MARK) - 2, 0)
        window = window[-len(_MARK) - 2 :]


def _line_at(number: int, offset: int) -> bytes:
    line = os.pread(number, _SEPARATOR_BYTES, offset)
    end = line.find(b"\n")
    return line if end < 0 else line[: end + 1]


def _end(number: int, start: int, following: int) -> int:
    """Return where a message ends that is followed by another, or by nothing, after a blank line."""
    tail = os.pread(number, min(3, following - start), max(start, following - 3))
    if tail.endswith(b"\n\r\n"):
        return following - 2
    if tail.endswith(b"\n\n") or tail == b"\n":
        return following - 1
    return following
