"""Writing the messages of a mailbox out: folder by folder, in UID order, a hundred messages to a reading.

The target itself says what it has, so that an export that was cut short goes on, and a finished one takes what is new.
Each message is read whole before anything of it is written: a damaged one is told, left out, and leaves no trace.
"""

import fcntl
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from mailstore.blocks import Place
from mailstore.exchange.importing import Progress
from mailstore.exchange.lines import measure
from mailstore.exchange.model import Problem, Report
from mailstore.model import Entry, Folder
from mailstore.reader import MessageReader
from mailstore.store import MailStore
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure

GROUP_MESSAGES = 100


@dataclass(frozen=True, slots=True)
class Leaving:
    """A message on its way out."""

    folder: Folder
    entry: Entry
    message: MessageReader
    only_crlf: bool
    """Each of its lines ends with CRLF, and CR and LF are nowhere else."""
    ends_with_line: bool


class Target(Protocol):
    """Where messages go."""

    def enter(self, folder: Folder, uids: Sequence[int]) -> Collection[int]:
        """Begin a folder, which is made if need be; returns those of UIDS that are not there yet, in their order."""
        ...

    def refresh(self, entries: Sequence[Entry]) -> None:
        """Give messages of the folder that are there already the flags that they have now."""
        ...

    def put(self, leaving: Leaving) -> None:
        """Write a message of the folder."""
        ...

    def settle(self) -> None:
        """Make durable what was written, and remember it."""
        ...

    def finish(self) -> None:
        """End the export."""
        ...

    def close(self) -> None:
        """Let go of files, whether the export ended or not."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportPlan:
    """What is to go out."""

    mailbox_id: str
    only: str | None = None
    """The one folder that is taken."""
    dry_run: bool = False
    """Read everything, write nothing."""


def hold(descriptor: int) -> None:
    """Keep other exports away from an open file or folder, until it is closed.

    Raises:
        PermanentFailure: another one writes there.
    """
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise PermanentFailure("un autre export écrit au même endroit") from None


class Exporter:
    """One run of one export; it blocks the calling thread."""

    def __init__(self, plan: ExportPlan, store: MailStore, database: Database) -> None:
        self._plan = plan
        self._store = store
        self._database = database
        self.report = Report()

    def run(self, target: Target, progress: Progress) -> Report:
        """Write everything out that is not there yet.

        Raises:
            OSError: the disk is full, or refuses.
            TemporaryFailure: the store is away. What was written stays, and is gone on with.
        """
        try:
            self._run(target, progress)
            target.finish()
        finally:
            target.close()
        return self.report

    def _run(self, target: Target, progress: Progress) -> None:
        uids = {folder.id: (folder, self._uids(folder)) for folder in self._folders()}
        total, looked_at = sum(len(each) for _, each in uids.values()), 0
        for folder, all_uids in uids.values():
            missing = target.enter(folder, all_uids)
            self.report.known += len(all_uids) - len(missing)
            self._refresh(target, folder, sorted(set(all_uids) - set(missing)))
            looked_at += len(all_uids) - len(missing)
            progress(looked_at, total)
            for group in _groups(list(missing)):
                self._write(target, folder, group)
                looked_at += len(group)
                progress(looked_at, total)

    def _folders(self) -> list[Folder]:
        found = self._database.read_now(lambda tx: self._store.folders(tx, self._plan.mailbox_id))
        return [each for each in found if self._plan.only in {None, each.name}]

    def _uids(self, folder: Folder) -> Sequence[int]:
        return self._database.read_now(lambda tx: self._store.uids(tx, folder.id))

    def _refresh(self, target: Target, folder: Folder, uids: Sequence[int]) -> None:
        for group in _groups(uids):
            target.refresh(self._entries(folder, group))

    def _entries(self, folder: Folder, uids: Sequence[int]) -> list[Entry]:
        return self._database.read_now(lambda tx: self._store.entries(tx, folder.id, uids))

    def _write(self, target: Target, folder: Folder, uids: Sequence[int]) -> None:
        def work(tx: Transaction) -> list[tuple[Entry, MessageReader | None]]:
            return list(self._store.open_entries(tx, Place(folder.mailbox_id, folder.id), uids))

        for entry, message in self._database.read_now(work):
            try:
                if message is None:
                    raise IntegrityError("message: its key or index was changed")
                leaving = Leaving(folder, entry, message, *measure(message))
            except IntegrityError:
                self.report.fail(Problem(f"{folder.name}, UID {entry.uid}", "message abîmé : il ne s'ouvre pas"))
                continue
            if not self._plan.dry_run:
                target.put(leaving)
            self._count(folder, entry)
        if not self._plan.dry_run:
            target.settle()

    def _count(self, folder: Folder, entry: Entry) -> None:
        self.report.done += 1
        self.report.size_bytes += entry.size_bytes
        self.report.folders[folder.name] += 1


class NoTarget:
    """Where a dry run writes: nowhere."""

    def enter(self, _folder: Folder, uids: Sequence[int]) -> Collection[int]:
        """Lack everything."""
        return list(uids)

    def refresh(self, entries: Sequence[Entry]) -> None:
        """Do nothing."""

    def put(self, leaving: Leaving) -> None:
        """Do nothing."""

    def settle(self) -> None:
        """Do nothing."""

    def finish(self) -> None:
        """Do nothing."""

    def close(self) -> None:
        """Do nothing."""


def _groups(uids: Sequence[int]) -> Iterator[Sequence[int]]:
    for start in range(0, len(uids), GROUP_MESSAGES):
        yield uids[start : start + GROUP_MESSAGES]
