"""FETCH: one unit of work for a run of messages, never one a message, and never more than a bounded piece in memory.

A run ends when its output is large enough to be sent; the next begins when the reader has taken most of it. A
message too large for a run is read through once, so that a damaged one is refused before its literal is
announced, then sent piece by piece.

Source: RFC 9051 §6.4.5.
"""

from array import array
from bisect import bisect_left
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat

from mailstore.blocks import Place, Ready
from mailstore.imap.commands.condstore import WORD as CONDSTORE
from mailstore.imap.commands.condstore import asks_for_modseqs, become_aware
from mailstore.imap.commands.partial import slice_of
from mailstore.imap.commands.qresync import NOT_ENABLED, vanished
from mailstore.imap.commands.qresync import WORD as QRESYNC
from mailstore.imap.commands.rendering import FROM_INDEX, NO_STRINGS, Piece, Span, content_item, span_item, writers_of
from mailstore.imap.outcome import CORRUPTED, EXPUNGE_ISSUED, Outcome, bad, ok
from mailstore.imap.protocol.commands import Fetch
from mailstore.imap.protocol.items import Attribute
from mailstore.imap.session import Session
from mailstore.imap.shared_acts import SharedAct, note_act
from mailstore.imap.view import BRIEF_RUN
from mailstore.mime.index import MessageIndex
from mailstore.model import SEEN, Entry, FlagChange
from mailstore.store import MessageReader
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError

_Found = tuple[Entry, MessageIndex | Ready | None, MessageReader | None]
LIST_RUN = 500
OPEN_RUN = 100
RUN_BYTES = 524_288
PIECE_BYTES = 524_288


@dataclass(frozen=True, slots=True)
class _Large:
    """A message that is sent in pieces."""

    start: bytes
    items: list[Span | Piece]
    message: MessageReader


@dataclass(slots=True)
class _Run:
    """What one unit of work brought; `end` is the place of the first UID that it did not reach."""

    end: int
    lines: list[bytes] = field(default_factory=list)
    large: _Large | None = None
    missing: int = 0
    damaged: int = 0


async def fetch(session: Session, command: Fetch) -> Outcome:
    """FETCH and UID FETCH."""
    view = session.selected
    uids = view.resolve(command.target)
    if uids is None:
        return bad("no such message")
    if command.partial is not None:
        uids = array("I", slice_of(uids, command.partial))
    if command.vanished and QRESYNC not in session.enabled:
        return NOT_ENABLED
    await _prepare_modseqs(session, command)
    seen: frozenset[int] = frozenset()
    if not view.read_only and any(section.sets_seen for section in command.sections):
        seen = await _mark_seen(session, uids, may_expunge=command.target.uid)
    return await tell(session, command, uids, seen)


async def tell(session: Session, command: Fetch, uids: "array[int]", seen: frozenset[int] = frozenset()) -> Outcome:
    """Send what a command asks for of some messages; the flags too of those in SEEN, which it has just marked so."""
    reader = _Reader(session, command, uids, seen)
    start = missing = damaged = 0
    while start < len(uids):
        run = await session.read(partial(reader.run, start=start), brief=len(uids) - start <= BRIEF_RUN)
        session.send(*run.lines)
        if run.large is not None and not await _send_large(session, run.large):
            damaged += 1
        if run.end < len(uids):
            await session.flush()
        start, missing, damaged = run.end, missing + run.missing, damaged + run.damaged
    if damaged:
        return CORRUPTED
    return ok("Des messages n'existent plus.", EXPUNGE_ISSUED) if missing else ok()


async def _prepare_modseqs(session: Session, command: Fetch) -> None:
    if asks_for_modseqs(command):
        become_aware(session)
    if command.vanished:
        session.send(*await vanished(session, command.changed_since or 0, command.target.numbers))


async def _mark_seen(session: Session, uids: "array[int]", *, may_expunge: bool) -> frozenset[int]:
    """Set the Seen flag where it is not; returns the UIDs concerned, whose flags the answer must tell."""
    view, store = session.selected, session.parts.store
    brief = len(uids) <= BRIEF_RUN
    entries = await session.read(lambda tx: store.entries(tx, view.folder_id, uids, viewer=view.viewer), brief=brief)
    unseen = array("I", (entry.uid for entry in entries if SEEN not in entry.flags))
    if not unseen:
        return frozenset()

    change, concerned = FlagChange(op="add", flags=frozenset({SEEN})), frozenset(unseen)

    def work(tx: Transaction) -> None:
        changed = store.change_flags(tx, view.folder_id, unseen, change, viewer=view.viewer).changed
        note_act(session, tx, view, SharedAct.READ, changed)

    await session.write(work, brief=view.marks_briefly(unseen))
    await session.refresh(may_expunge=may_expunge, quiet=concerned)
    return concerned


async def _send_large(session: Session, large: _Large) -> bool:
    """Send a message in pieces; False, and nothing sent, when it is damaged."""
    spans = [item for item in large.items if isinstance(item, Span)]
    try:
        for span in spans:
            async for _ in _pieces(session, large.message, span):
                pass
    except IntegrityError:
        return False
    session.send(large.start)
    for place, item in enumerate(large.items):
        session.send(b" " if place else b"", item.data if isinstance(item, Piece) else item.announcement)
        if isinstance(item, Span):
            async for piece in _pieces(session, large.message, item):
                session.send(piece)
                await session.flush()
    session.send(b")\r\n")
    return True


async def _pieces(session: Session, message: MessageReader, span: Span) -> AsyncIterator[bytes]:
    for at in range(span.start, span.end, PIECE_BYTES):
        yield await session.read(partial(_read_piece, message, at, min(PIECE_BYTES, span.end - at)))


def _read_piece(message: MessageReader, start: int, size: int, _tx: Transaction) -> bytes:
    return message.read(start, size)


class _Reader:
    """Reads the messages of one FETCH, run by run, on a reader thread."""

    def __init__(self, session: Session, command: Fetch, uids: "array[int]", seen: frozenset[int]) -> None:
        self._store = session.parts.store
        self._house = session.house
        self._mailbox_id = session.selected.mailbox_id
        self._view = session.selected
        self._uids = uids
        self._seen = seen
        self._sections = command.sections
        self._attributes = _with_uid(command)
        self._changed_since = command.changed_since
        told = (Attribute.FLAGS, Attribute.MODSEQ) if CONDSTORE in session.enabled else (Attribute.FLAGS,)
        self._writers = writers_of(self._attributes)
        self._writers_with_flags = self._writers
        if Attribute.FLAGS not in self._attributes:
            self._writers_with_flags = writers_of(dict.fromkeys((*self._attributes, *told)))
        self._indexed = not FROM_INDEX.isdisjoint(self._attributes)

    def run(self, tx: Transaction, start: int) -> _Run:
        """Render messages from the place START on."""
        end = min(start + (OPEN_RUN if self._sections else LIST_RUN), len(self._uids))
        run, size, place = _Run(end), 0, 0
        for entry, strings, message in self._found(tx, self._uids[start:end]):
            if size >= RUN_BYTES or run.large is not None:
                return self._end_before(run, start, place, entry)
            rendered = self._render(run, entry, strings, message)
            if isinstance(rendered, bytes):
                run.lines.append(rendered)
                size += len(rendered)
            elif run.lines:
                return self._end_before(run, start, place, entry)
            else:
                run.large = rendered
            place += 1
        if self._changed_since is None:  # else those that did not change are left out on purpose
            run.missing += end - start - place
        return run

    def _found(self, tx: Transaction, uids: "array[int]") -> Iterator[_Found]:
        """Yield messages in the order of UIDs: entry, ready-made strings, and opened when sections are asked for."""
        since, folder_id = self._changed_since or 0, self._view.folder_id
        if self._sections:
            place, viewer = Place(self._mailbox_id, folder_id), self._view.viewer
            for entry, message in self._store.open_entries(tx, place, uids, viewer=viewer):
                if entry.modseq > since:
                    yield entry, None if message is None else message.index, message
            return
        entries = self._house.known_entries.some(tx, self._view, uids, asked=len(self._uids))
        if since:
            entries = [entry for entry in entries if entry.modseq > since]
        ready: Iterable[Ready | None] = repeat(NO_STRINGS)
        if self._indexed:
            ready = self._house.known_ready.of(tx, self._mailbox_id, folder_id, entries)
        yield from zip(entries, ready, repeat(None))

    def _end_before(self, run: _Run, start: int, place: int, entry: Entry) -> _Run:
        """End a run before ENTRY, the one at PLACE among those found."""
        run.end = bisect_left(self._uids, entry.uid)
        if self._changed_since is None:
            run.missing += run.end - start - place
        return run

    def _render(
        self, run: _Run, entry: Entry, strings: MessageIndex | Ready | None, message: MessageReader | None
    ) -> bytes | _Large:
        """Return the response of one message; nothing, and a count in RUN, when it is damaged."""
        uid, view = entry.uid, self._view
        sequence = view.sequence(uid)
        if sequence is None:
            run.missing += 1
            return b""
        if strings is None:
            run.damaged += 1
            return b""
        writers = self._writers_with_flags if uid in self._seen else self._writers
        recent = view.is_recent(uid)
        start = b"* %d FETCH (" % sequence + b" ".join([write(entry, strings, recent) for write in writers])
        if message is None:
            return start + b")\r\n"
        try:
            return self._content(message, start + b" " if writers else start)
        except IntegrityError:
            run.damaged += 1
            return b""

    def _content(self, message: MessageReader, start: bytes) -> bytes | _Large:
        items = [content_item(section, message) for section in self._sections]
        if sum(item.size_bytes for item in items) > PIECE_BYTES:
            return _Large(start, items, message)
        parts = [item.data if isinstance(item, Piece) else span_item(item, message) for item in items]
        return start + b" ".join(parts) + b")\r\n"


def _with_uid(command: Fetch) -> tuple[Attribute, ...]:
    if command.target.uid and Attribute.UID not in command.attributes:
        return (Attribute.UID, *command.attributes)
    return command.attributes
