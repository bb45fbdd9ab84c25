"""STORE and EXPUNGE.

Each changes the folder and reads everything that changed since this session looked in one unit of work, so
that the client is never told its own change twice.

Source: RFC 9051 §6.4.3, §6.4.6, §6.4.9; RFC 4315 §2.1.
"""

from mailstore.imap.outcome import EXPUNGE_ISSUED, READ_ONLY, Outcome, bad, ok
from mailstore.imap.protocol.commands import Expunge, Store, Target
from mailstore.imap.session import Session
from mailstore.model import Changes, Entry, FlagChange
from vaguemestre.kernel.database import Transaction


async def store_flags(session: Session, command: Store) -> Outcome:
    """STORE, +FLAGS, -FLAGS, each with .SILENT, and UID STORE."""
    view = session.selected
    if view.read_only:
        return READ_ONLY
    uids = view.resolve(command.target)
    if uids is None:
        return bad("no such message")
    change = FlagChange(op=command.operation.value, flags=command.flags)

    def work(tx: Transaction) -> tuple[list[Entry], Changes]:
        store = session.parts.store
        result = store.change_flags(tx, view.folder_id, uids, change)
        return result.changed, session.changes_unit(tx)

    entries, changes = await session.write(work)
    told = {entry.uid for entry in entries}
    session.send(*view.apply(changes, may_expunge=command.target.uid, quiet=told))
    if not command.silent:
        session.send(*(line for entry in entries if (line := view.flags_line(entry)) is not None))
    return ok() if len(told) == len(uids) else ok("Des messages n'existent plus.", EXPUNGE_ISSUED)


async def expunge(session: Session, command: Expunge) -> Outcome:
    """EXPUNGE and UID EXPUNGE."""
    view = session.selected
    if view.read_only:
        return READ_ONLY
    uids = None if command.uids is None else view.resolve(Target(command.uids, uid=True))

    def work(tx: Transaction) -> Changes:
        session.parts.store.expunge(tx, view.folder_id, uids)
        return session.changes_unit(tx)

    session.send(*view.apply(await session.write(work), may_expunge=True))
    return ok()
