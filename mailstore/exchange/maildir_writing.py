"""Writing a Maildir++: a message is written in `tmp`, made durable, then moved to `cur`, so that it is whole or absent.

File names tell UIDVALIDITY and UID: what is there is not written again, its flags alone are brought up to date. The
state of an export is thus the Maildir itself.

Source: https://cr.yp.to/proto/maildir.html; Maildir++ of Courier; Dovecot's `dovecot-keywords`, `S=` and `W=`.
"""

import os
import re
from collections.abc import Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from mailstore.exchange import lines
from mailstore.exchange.exporting import Leaving, hold
from mailstore.exchange.maildir_names import (
    KEYWORDS_FILE,
    LETTERS,
    MORE_KEYWORDS_FILE,
    RAW,
    letters_of,
    read_keywords,
    read_more_keywords,
    split_name,
)
from mailstore.imap.protocol.utf7 import encode_name
from mailstore.model import INBOX, SEPARATOR, Entry, Folder
from vaguemestre.kernel.files import replace_file

_OURS = re.compile(r"\d+\.M\d+V(\d+)U(\d+)\.vaguemestre,")
_WAITING = ".vaguemestre"
_FLUSHES = 16
_SECOND_US = 1_000_000


class MaildirTarget:
    """A Maildir with the folders of a mailbox."""

    def __init__(self, path: Path) -> None:
        """Begin PATH, or go on with it.

        Raises:
            PermanentFailure: another export writes there.
            OSError: it cannot be written.
        """
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._held = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            hold(self._held)
        except BaseException:
            os.close(self._held)
            raise
        self._root = path
        self._here = path
        self._written: list[tuple[Path, Path]] = []
        self._names: dict[int, str] = {}
        self._letters: dict[str, str] = {}
        self._more: dict[str, frozenset[str]] = {}
        self._is_changed = False

    def enter(self, folder: Folder, uids: Sequence[int]) -> Collection[int]:
        """Make the folder, and look at what it has."""
        self._here = _make_folder(self._root, folder.name)
        for left in (self._here / "tmp").glob(f"*{_WAITING}"):
            left.unlink()  # of a run that was cut short
        self._letters = {keyword: letter for letter, keyword in read_keywords(self._here).items()}
        self._more = read_more_keywords(self._here)
        matches = ((file.name, _OURS.match(file.name)) for file in (self._here / "cur").iterdir())
        self._names = {int(found[2]): name for name, found in matches if found and int(found[1]) == folder.uidvalidity}
        return [uid for uid in uids if uid not in self._names]

    def refresh(self, entries: Sequence[Entry]) -> None:
        """Rename the files of messages whose flags changed."""
        self._number_keywords(entries)
        for entry in entries:
            name = self._names[entry.uid]
            wanted = self._named(split_name(name)[0], entry.flags)
            if wanted != name:
                (self._here / "cur" / name).rename(self._here / "cur" / wanted)
        self._keep_keywords()

    def put(self, leaving: Leaving) -> None:
        """Write a message in `tmp`."""
        self._number_keywords([leaving.entry])
        waiting = self._here / "tmp" / f"{leaving.entry.uid}{_WAITING}"
        number = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(number, "wb") as file:
            for piece in lines.to_lf(leaving.message) if leaving.only_crlf else leaving.message:
                file.write(piece)
            size = file.tell()
        moment_ns = leaving.entry.internal_us * 1_000
        os.utime(waiting, ns=(moment_ns, moment_ns))
        name = self._named(_unique(leaving, size), leaving.entry.flags)
        self._written.append((waiting, self._here / "cur" / name))

    def settle(self) -> None:
        """Flush the messages that were written, then move them where they are seen."""
        self._keep_keywords()
        with ThreadPoolExecutor(_FLUSHES) as flushing:  # the disk makes one flush of those that wait together
            list(flushing.map(_flush, [waiting for waiting, _ in self._written]))
        for waiting, place in self._written:
            waiting.rename(place)
        self._written.clear()
        _flush(self._here / "cur")

    def finish(self) -> None:
        """Leave it as it is."""

    def close(self) -> None:
        """Let other exports come."""
        os.close(self._held)

    def _number_keywords(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            for keyword in sorted(flag for flag in entry.flags if not flag.startswith("\\")):
                free = next((each for each in LETTERS if each not in self._letters.values()), None)
                if keyword not in self._letters and free is not None:
                    self._letters[keyword] = free
                    self._is_changed = True

    def _named(self, unique: str, flags: frozenset[str]) -> str:
        """Return the whole name of a file; keywords without a letter are kept beside."""
        more = frozenset(flag for flag in flags if not flag.startswith("\\") and flag not in self._letters)
        if self._more.get(unique, frozenset()) != more:
            self._more[unique] = more
            self._is_changed = True
        return f"{unique}:2,{letters_of(flags, self._letters)}"

    def _keep_keywords(self) -> None:
        if not self._is_changed:
            return
        numbered = (f"{LETTERS.index(letter)} {keyword}\n" for keyword, letter in self._letters.items())
        replace_file(self._here / KEYWORDS_FILE, "".join(numbered).encode())
        more = [f"{unique} {' '.join(sorted(words))}\n" for unique, words in self._more.items() if words]
        if more or (self._here / MORE_KEYWORDS_FILE).exists():
            replace_file(self._here / MORE_KEYWORDS_FILE, "".join(more).encode())
        self._is_changed = False


def _make_folder(root: Path, name: str) -> Path:
    levels = name.split(SEPARATOR)
    parts = [encode_name(level).decode().replace(".", "&AC4-") for level in levels]
    folder = root if levels == [INBOX] else root / ("." + ".".join(parts))
    for each in (folder / "cur", folder / "new", folder / "tmp"):
        each.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder != root:
        (folder / "maildirfolder").touch(0o600)
    return folder


def _unique(leaving: Leaving, size_bytes: int) -> str:
    entry = leaving.entry
    seconds, rest = divmod(entry.saved_us, _SECOND_US)
    place = f"{seconds}.M{rest:06d}V{leaving.folder.uidvalidity}U{entry.uid:010d}"
    line_ends = "" if leaving.only_crlf else RAW
    return f"{place}.vaguemestre,S={size_bytes},W={entry.size_bytes}{line_ends}"


def _flush(path: Path) -> None:
    number = os.open(path, os.O_RDONLY)
    try:
        os.fsync(number)
    finally:
        os.close(number)
