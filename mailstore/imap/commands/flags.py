"""STORE and EXPUNGE.

After its own change the session looks at the folder again, so that what others did in between is told in order
and its own change never twice.

Source: RFC 9051 §6.4.3, §6.4.6, §6.4.9; RFC 4315 §2.1.
"""

from mailstore.imap.outcome import EXPUNGE_ISSUED, READ_ONLY, Outcome, bad, ok
from mailstore.imap.protocol.commands import Expunge, Store, Target
from mailstore.imap.session import Session
from mailstore.model import FlagChange


async def store_flags(session: Session, command: Store) -> Outcome:
    """STORE, +FLAGS, -FLAGS, each with .SILENT, and UID STORE."""
    view = session.selected
    if view.read_only:
        return READ_ONLY
    uids = view.resolve(command.target)
    if uids is None:
        return bad("no such message")
    change = FlagChange(op=command.operation.value, flags=command.flags)

    result = await session.write(lambda tx: session.parts.store.change_flags(tx, view.folder_id, uids, change))
    entries = result.changed
    told = {entry.uid for entry in entries}
    await session.refresh(may_expunge=command.target.uid, quiet=told)
    if not command.silent:
        session.send(*(line for entry in entries if (line := view.flags_line(entry)) is not None))
    return ok() if len(told) == len(uids) else ok("Des messages n'existent plus.", EXPUNGE_ISSUED)


async def expunge(session: Session, command: Expunge) -> Outcome:
    """EXPUNGE and UID EXPUNGE."""
    view = session.selected
    if view.read_only:
        return READ_ONLY
    uids = None if command.uids is None else view.resolve(Target(command.uids, uid=True))

    await session.write(lambda tx: session.parts.store.expunge(tx, view.folder_id, uids))
    await session.refresh(may_expunge=True)
    return ok()
