"""Writing one mbox file: `FILE.part` grows, `FILE.part.json` says up to where it counts; it becomes FILE at the end.

Whatever was written after the last word of the state file is cut off before the next message is written, so that no
message is there twice or in half. The state file holds ids and UIDs alone.
"""

import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

import msgspec

from mailstore.exchange import lines
from mailstore.exchange.exporting import Leaving, hold
from mailstore.exchange.marks import Marks, separator
from mailstore.model import Entry, Folder
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.files import replace_file


class _State(msgspec.Struct, kw_only=True):
    """How far the file is."""

    mailbox_id: str
    only: str | None
    size_bytes: int = 0
    last_uids: dict[int, int] = msgspec.field(default_factory=dict)
    """Of each folder, the UID written last."""


class MboxTarget:
    """One mbox file with the messages of a mailbox, or of one folder."""

    def __init__(self, path: Path, mailbox_id: str, only: str | None) -> None:
        """Begin PATH, or go on with it.

        Raises:
            PermanentFailure: it is there already; or the export of something else was begun there.
            OSError: it cannot be written.
        """
        self._path = path
        self._part = path.with_name(f"{path.name}.part")
        self._state_file = path.with_name(f"{path.name}.part.json")
        self._require_absent()
        number = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW, 0o600)
        self._file = os.fdopen(number, "wb", buffering=1024 * 1024)
        try:
            hold(number)
            self._require_absent()  # whoever held it may have ended in between
            self._state = self._begun(_State(mailbox_id=mailbox_id, only=only))
            self._file.truncate(self._state.size_bytes)
            self._file.seek(self._state.size_bytes)
        except BaseException:
            self._file.close()
            raise

    def enter(self, folder: Folder, uids: Sequence[int]) -> Collection[int]:
        """Go on after the message written last."""
        last = self._state.last_uids.get(folder.id, 0)
        return [uid for uid in uids if uid > last]

    def refresh(self, entries: Sequence[Entry]) -> None:
        """Leave what is written as it was when it was written."""

    def put(self, leaving: Leaving) -> None:
        """Append a message."""
        date = leaving.entry.internal_date
        marks = Marks(
            flags=leaving.entry.flags,
            date=date,
            folder=leaving.folder.name,
            raw=not leaving.only_crlf,
            open_end=not leaving.ends_with_line,
        )
        self._file.write(separator(date) + marks.lines())
        for piece in _content(leaving):
            self._file.write(piece)
        self._file.write(b"\n" if leaving.ends_with_line else b"\n\n")
        self._state.last_uids[leaving.folder.id] = leaving.entry.uid

    def settle(self) -> None:
        """Flush the messages, then the word that they count."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._state.size_bytes = self._file.tell()
        replace_file(self._state_file, msgspec.json.encode(self._state))

    def finish(self) -> None:
        """Give the file its name."""
        self.settle()
        self._part.rename(self._path)
        self._state_file.unlink()

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def _require_absent(self) -> None:
        if self._path.exists():
            raise PermanentFailure("ce fichier existe déjà : il n'est jamais remplacé")

    def _begun(self, anew: _State) -> _State:
        """Return how far the file is; ANEW when nothing of it is written."""
        if not self._state_file.exists():
            return anew
        try:
            found = msgspec.json.decode(self._state_file.read_bytes(), type=_State)
        except msgspec.DecodeError:
            raise PermanentFailure(
                "l'état de l'export (.part.json) est illisible : retirez-le, puis recommencez"
            ) from None
        if (found.mailbox_id, found.only) != (anew.mailbox_id, anew.only):
            raise PermanentFailure("un autre export est commencé dans ce fichier : prenez un autre nom")
        return found


def _content(leaving: Leaving) -> Iterator[bytes]:
    return lines.quoted(lines.to_lf(leaving.message) if leaving.only_crlf else leaving.message)
