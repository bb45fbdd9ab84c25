"""STORE and EXPUNGE.

After its own change the session looks at the folder again, so that what others did in between is told in order
and its own change never twice.

Source: RFC 9051 §6.4.3, §6.4.6, §6.4.9; RFC 4315 §2.1; RFC 7162 §3.1.3, §3.2.7.
"""

from array import array
from collections.abc import Awaitable, Callable, Collection

from mailstore.imap.commands.condstore import WORD, asks_for_modseqs, become_aware, conditional_end
from mailstore.imap.commands.qresync import WORD as QRESYNC
from mailstore.imap.outcome import EXPUNGE_ISSUED, READ_ONLY, Outcome, bad, ok
from mailstore.imap.protocol.commands import Expunge, Store
from mailstore.imap.protocol.sequence import Target
from mailstore.imap.session import Session
from mailstore.imap.shared_acts import SharedAct, note_act
from mailstore.imap.view import View
from mailstore.model import FlagChange, FlagResult
from vaguemestre.kernel.database import Transaction

Written = tuple[FlagResult, Transaction]
"""What a change of flags came to, and the transaction that knows whom it woke."""


def store_flags(session: Session, command: Store) -> Outcome | Awaitable[Outcome]:
    """STORE, +FLAGS, -FLAGS, each with .SILENT, and UID STORE: at once when nobody else writes."""
    view = session.selected
    if view.read_only:
        return READ_ONLY
    uids = view.resolve(command.target)
    if uids is None:
        return bad("no such message")
    if asks_for_modseqs(command):
        become_aware(session)
    change = FlagChange(op=command.operation.value, flags=command.flags, unchanged_since=command.unchanged_since)

    def work(tx: Transaction) -> Written:
        result = session.parts.store.change_flags(tx, view.folder_id, uids, change, viewer=view.viewer)
        note_act(session, tx, view, SharedAct.MARKED, [each for each in result.changed if each.modseq == result.modseq])
        return result, tx

    wakes = session.wakes
    done = session.parts.database.write_at_once(work) if view.marks_briefly(uids) else None
    if done is None:
        return _store_later(session, command, uids, work)
    if not _is_all_told(session, done[0], wakes):
        return _tell_with_news(session, command, uids, done[0])
    return _tell(session, command, uids, done[0])


async def _store_later(
    session: Session, command: Store, uids: "array[int]", work: Callable[[Transaction], Written]
) -> Outcome:
    wakes = session.wakes
    written = await session.write(work)
    if not _is_all_told(session, written, wakes):
        return await _tell_with_news(session, command, uids, written)
    return _tell(session, command, uids, written)


def _is_all_told(session: Session, written: Written, wakes: int) -> bool:
    """Bring the view up to the session's own change; False when others may have made one too since WAKES was read."""
    view, (result, tx) = session.selected, written
    alone = result.modseq_before == view.modseq
    if alone:
        view.modseq = result.modseq  # no change to read back
    own = tx.topics.get(f"mailbox:{view.mailbox_id}", 0)
    if view.shared or view.holds_expunges or not alone or own > 1 or session.wakes != wakes + own:
        return False
    view.dirty = view.dirty and not own  # the one wake-up was for this change
    return True


async def _tell_with_news(session: Session, command: Store, uids: "array[int]", written: Written) -> Outcome:
    told = {entry.uid for entry in written[0].changed}
    await session.refresh(may_expunge=command.target.uid, quiet=told)
    return _tell(session, command, uids, written)


def _tell(session: Session, command: Store, uids: "array[int]", written: Written) -> Outcome:
    view, result = session.selected, written[0]
    line_of = view.modseq_line if command.silent else view.flags_line
    if not command.silent or WORD in session.enabled:
        session.send(*(line for entry in result.changed if (line := line_of(entry)) is not None))
    missing = len(result.changed) + len(result.modified) < len(uids)
    if result.modified:
        return conditional_end(session, command, result.modified, missing=missing)
    return ok("Des messages n'existent plus.", EXPUNGE_ISSUED) if missing else ok()


def expunged(session: Session, tx: Transaction, view: View, uids: Collection[int] | None) -> list[int]:
    """Unit of work: expunge, and trace it in a shared mailbox; returns the UIDs that are gone."""
    store = session.parts.store
    before = store.entries(tx, view.folder_id, uids) if view.shared else []
    gone = store.expunge(tx, view.folder_id, uids)
    chosen = frozenset(gone)
    note_act(session, tx, view, SharedAct.DELETED, [entry for entry in before if entry.uid in chosen])
    return gone


async def expunge(session: Session, command: Expunge) -> Outcome:
    """EXPUNGE and UID EXPUNGE."""
    view = session.selected
    if view.read_only:
        return READ_ONLY
    uids = None if command.uids is None else view.resolve(Target(command.uids, uid=True))

    gone = await session.write(lambda tx: expunged(session, tx, view, uids))
    await session.refresh(may_expunge=True)
    return ok("Fait.", b"HIGHESTMODSEQ %d" % view.modseq) if gone and QRESYNC in session.enabled else ok()
