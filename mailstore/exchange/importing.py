"""Bringing the messages of a source in: a group of messages is one unit of work, with its lines of the journal.

Whatever ends an import in between (kill, power, a server that goes away) leaves whole groups: run again, it goes on
with the next message. A message that does not read is told and left out, and stops nothing. One message at a time is
in memory, in pieces; small bodies of one group wait sealed for their unit of work.
"""

from collections.abc import Callable, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from mailstore.exchange.journal import Journal, Line
from mailstore.exchange.model import Found, Problem, Reference, Report, Source
from mailstore.flags import storable
from mailstore.model import Delivery, SealedMessage
from mailstore.store import Draft, MailStore
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import PermanentFailure, ProtocolError

Progress = Callable[[int, int], None]
"""Told the weight of what was looked at, and the total."""


class MailboxFull(PermanentFailure):
    """The next message would be over the quota; those before it came in."""


class _Unfit(PermanentFailure):
    """A message that cannot come in; the text is for the operator."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportPlan:
    """What is to come in where, and under which limits."""

    mailbox_id: str
    message_bytes: int
    """Largest message."""
    quota_bytes: int = 0
    """What the mailbox may hold; 0 sets no limit."""
    only: str | None = None
    """The one folder that is taken, by its name here."""
    again: bool = False
    """Bring in what came in before, too."""
    dry_run: bool = False
    """Read everything, change nothing."""


@dataclass(frozen=True, slots=True)
class _Prepared:
    """A message that is ready to come in."""

    draft: Draft
    sealed: SealedMessage
    delivery: Delivery
    line: Line
    size_bytes: int


@dataclass(slots=True)
class _Group:
    """The messages of one unit of work."""

    ready: list[_Prepared]
    moves: list[tuple[bytes, Line]]
    """Messages that are here already, under another UIDVALIDITY: their old marks, and their lines now."""


class Importer:
    """One run of one import."""

    def __init__(
        self, plan: ImportPlan, *, store: MailStore, database: Database, clock: Clock, journal: Journal
    ) -> None:
        self.plan = plan
        self._store = store
        self._database = database
        self._clock = clock
        self._journal = journal
        self._forgotten: set[bytes] = set()
        self._stale: tuple[bytes, dict[bytes, list[bytes]]] = (b"", {})
        self.report = Report()

    async def run(self, source: Source, begin: Callable[[Transaction], None], progress: Progress) -> Report:
        """Bring everything in; BEGIN traces it, in the first unit of work.

        Raises:
            MailboxFull: the quota is reached.
            TemporaryFailure: the store, or the server elsewhere, is away. What came in stays, in every case.
        """
        if not self.plan.dry_run:
            names = [name for name in dict.fromkeys(source.folders()) if self._takes(name)]
            await self._database.write(lambda tx: self._begin(tx, names, begin))
        looked_at = 0
        async for group in source.groups():
            await self._take_group(source, group)
            looked_at += sum(each.weight for each in group if isinstance(each, Reference))
            progress(looked_at, source.total)
        progress(source.total, source.total)  # what stands between messages has no weight
        return self.report

    def _begin(self, tx: Transaction, names: Sequence[str], begin: Callable[[Transaction], None]) -> None:
        begin(tx)
        for name in names:
            self._make_folder(tx, name)

    def _make_folder(self, tx: Transaction, name: str) -> None:
        if self._store.folder(tx, self.plan.mailbox_id, name) is None:
            self._store.create_folder(tx, self.plan.mailbox_id, name)

    def _takes(self, folder: str) -> bool:
        return self.plan.only is None or folder == self.plan.only

    async def _take_group(self, source: Source, named: Sequence[Reference | Problem]) -> None:
        for each in named:
            if isinstance(each, Problem):
                self.report.fail(each)
        fresh = await self._fresh([each for each in named if isinstance(each, Reference) and self._takes(each.folder)])
        group = _Group([], [])
        try:
            async with aclosing(source.open(fresh)) as opened:  # type: ignore[type-var]
                async for found in opened:
                    await self._take(found, group)
            await self._commit(group)
        except BaseException:
            for prepared in group.ready:
                await prepared.draft.discard()
            raise

    async def _fresh(self, references: Sequence[Reference]) -> list[Reference]:
        """Return the messages that did not come in before."""
        lines = [self._journal.line(each) for each in references]
        if self.plan.again and not self.plan.dry_run:
            await self._forget({each.origin for each in lines} - self._forgotten)
        validity = next((each.validity for each in references), None)
        is_new = bool(lines) and lines[0].origin != self._stale[0]

        def work(tx: Transaction) -> tuple[set[bytes], dict[bytes, list[bytes]] | None]:
            stale = self._journal.stale(tx, lines[0].origin, validity) if is_new and validity is not None else None
            return self._journal.known(tx, lines), stale

        known, stale = await self._database.read(work)
        if is_new:
            self._stale = (lines[0].origin, stale or {})
        if self.plan.again:
            known -= {each.mark for each in lines if self.plan.dry_run}
        self.report.known += len(known)
        return [each for each, line in zip(references, lines, strict=True) if line.mark not in known]

    async def _forget(self, origins: set[bytes]) -> None:
        def work(tx: Transaction) -> None:
            for origin in origins:
                self._journal.forget(tx, origin)

        if origins:
            await self._database.write(work)
            self._forgotten |= origins

    async def _take(self, found: Found | Problem, group: _Group) -> None:
        if isinstance(found, Problem):
            self.report.fail(found)
            return
        try:
            if self.plan.dry_run:
                self._count(found.reference.folder, await self._read_through(found))
            else:
                await self._prepare(found, group)
        except _Unfit as unfit:
            self.report.fail(Problem(found.reference.place, str(unfit)))
        except (ProtocolError, PermanentFailure):
            self.report.fail(Problem(found.reference.place, "la structure du message n'est pas lisible"))
        except OSError as error:
            self.report.fail(Problem(found.reference.place, f"lecture impossible ({error.strerror})"))

    async def _read_through(self, found: Found) -> int:
        size = 0
        async for piece in found.pieces:
            size = self._fitting(size + len(piece))
        return self._whole(size)

    async def _prepare(self, found: Found, group: _Group) -> None:
        draft, digest, size = self._store.draft(), self._journal.content_digest(), 0
        try:
            async for piece in found.pieces:
                size = self._fitting(size + len(piece))
                if found.reference.validity is not None:
                    digest.update(piece)
                await draft.write(piece)
            self._whole(size)
            content = digest.digest() if found.reference.validity is not None else None
            line = self._journal.line(found.reference, content)
            if content is not None and self._stale[1].get(content):
                group.moves.append((self._stale[1][content].pop(), line))
                await draft.discard()
                return
            sealed = await draft.seal()
        except BaseException:
            await draft.discard()
            raise
        group.ready.append(_Prepared(draft, sealed, self._delivery(found), line, size))

    def _fitting(self, size_bytes: int) -> int:
        if size_bytes > self.plan.message_bytes:
            raise _Unfit(f"plus grand que {self.plan.message_bytes} octets ([imap] message_bytes)")
        return size_bytes

    def _whole(self, size_bytes: int) -> int:
        if not size_bytes:
            raise _Unfit("message vide")
        return size_bytes

    def _delivery(self, found: Found) -> Delivery:
        return Delivery(
            mailbox_id=self.plan.mailbox_id,
            folder=found.reference.folder,
            flags=storable(found.flags),
            internal_date=found.internal_date,
        )

    async def _commit(self, group: _Group) -> None:
        if not group.ready and not group.moves:
            return
        ready, group.ready = group.ready, []  # cut short from now on, it may be durable: nothing is to be discarded
        taken, is_full = await self._database.write(lambda tx: self._bring_in(tx, ready, group.moves))
        self.report.known += len(group.moves)
        for each in ready:
            if each.line.mark in taken:
                self._count(each.delivery.folder, each.size_bytes)
            else:
                await each.draft.discard()
        if is_full:
            raise MailboxFull("mailbox: its quota is reached")

    def _bring_in(
        self, tx: Transaction, ready: Sequence[_Prepared], moves: Sequence[tuple[bytes, Line]]
    ) -> tuple[set[bytes], bool]:
        """Deliver what there is room for; returns the marks of what came in, and whether room is wanting."""
        known = self._journal.known(tx, [each.line for each in ready])
        room, is_full = self._room(tx), False
        taken: set[bytes] = set()
        for each in ready:
            if each.line.mark in known:
                continue
            if room is not None and (room := room - each.size_bytes) < 0:
                is_full = True
                break
            self._make_folder(tx, each.delivery.folder)
            self._journal.add(tx, each.line)
            self._store.deliver(tx, each.sealed, [each.delivery])
            taken.add(each.line.mark)
        self._journal.renumber(tx, moves)
        return taken, is_full

    def _room(self, tx: Transaction) -> int | None:
        if not self.plan.quota_bytes:
            return None
        return self.plan.quota_bytes - self._store.usage_bytes(tx, self.plan.mailbox_id)

    def _count(self, folder: str, size_bytes: int) -> None:
        self.report.done += 1
        self.report.size_bytes += size_bytes
        self.report.folders[folder] += 1
