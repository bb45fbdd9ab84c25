"""SELECT, EXAMINE, CLOSE, UNSELECT.

Source: RFC 9051 §6.3.2, §6.3.3, §6.4.1, §6.4.2; RFC 3501 §6.3.1.
"""

from array import array
from dataclasses import replace
from functools import partial

from mailstore.imap.commands.condstore import become_aware
from mailstore.imap.commands.flags import expunged
from mailstore.imap.commands.listing import selected_line
from mailstore.imap.commands.objectid import mailbox_id
from mailstore.imap.commands.qresync import NOT_ENABLED, missed
from mailstore.imap.commands.qresync import WORD as QRESYNC
from mailstore.imap.namespaces import existing_folder, is_shared_name, place_of
from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import Close, Select
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from mailstore.imap.shared_acts import SharedAct, note_act
from mailstore.imap.view import Opened, View
from mailstore.model import Changes, Folder
from vaguemestre.kernel.database import Transaction

_Found = tuple[Opened, "array[int]", Changes | None]
_FLAGS = b"\\Answered \\Flagged \\Deleted \\Seen \\Draft"


async def select(session: Session, command: Select) -> Outcome:
    """SELECT and EXAMINE; the folder selected before is left even when this fails."""
    if command.resync is not None and QRESYNC not in session.enabled:
        return NOT_ENABLED
    if session.view is not None:
        session.send(untagged(b"OK [CLOSED] ."))  # RFC 7162 §3.2.11
    session.deselect()
    session.listen(await _mailbox_of(session, command.mailbox))
    if command.condstore:
        become_aware(session)
    checked_at = session.wire.seconds()
    found = await session.read(lambda tx: _open_known(session, tx, command), brief=True)
    if found is None:
        found = await session.read(lambda tx: _open(session, tx, command))
    opened, uids, changes = found
    if opened.first_recent < opened.uidnext and not opened.read_only:
        # This session is the first to see them: the store tells no later one that they are recent.
        work = partial(session.parts.store.claim_recent, folder_id=opened.folder_id)
        first = await session.write(work, brief=not opened.shared)
        opened = replace(opened, first_recent=first)
    view = View(opened, uids, checked_at)
    if view.shared:
        await session.write(lambda tx: note_act(session, tx, view, SharedAct.OPENED, ()))
    session.select(view)
    _describe(session, view)
    if view.is_revision_2:
        session.send(await session.read(lambda tx: selected_line(session, tx, view.opened.name)))
    if command.resync is not None and changes is not None:
        session.send(*missed(view, command.resync, changes))
    return ok("Dossier ouvert.", b"READ-ONLY" if command.read_only else b"READ-WRITE")


async def _mailbox_of(session: Session, name: str) -> str:
    if not is_shared_name(name):
        return session.mailbox_id
    return (await session.read(lambda tx: place_of(session, tx, name), brief=True)).mailbox_id


def _open_known(session: Session, tx: Transaction, command: Select) -> _Found | None:
    """Unit of work: read what the session will see, if nothing but the folder's own row must be read."""
    folder = existing_folder(session, tx, command.mailbox)
    uids = session.known_uids.current(folder) if command.resync is None else None
    return None if uids is None else (_opened(session, tx, command, folder), uids, None)


def _open(session: Session, tx: Transaction, command: Select) -> _Found:
    """Unit of work: read what the session will see."""
    folder = existing_folder(session, tx, command.mailbox)
    uids = session.known_uids.of(tx, folder)
    opened = _opened(session, tx, command, folder)
    if command.resync is None:
        return opened, uids, None
    return opened, uids, session.parts.store.changes(tx, folder.id, command.resync.modseq, viewer=opened.viewer)


def _opened(session: Session, tx: Transaction, command: Select, folder: Folder) -> Opened:
    return Opened(
        mailbox_id=folder.mailbox_id,
        viewer=session.viewer_of(folder.mailbox_id),
        shared=folder.mailbox_id != session.mailbox_id,
        folder_id=folder.id,
        name=place_of(session, tx, command.mailbox).shown(folder).name,
        read_only=command.read_only,
        uidvalidity=folder.uidvalidity,
        uidnext=folder.uidnext,
        modseq=folder.highest_modseq,
        first_recent=folder.recent_from,
    )


async def close(session: Session, command: Close) -> Outcome:
    """CLOSE, which expunges without telling, and UNSELECT."""
    view = session.selected
    if command.expunge and not view.read_only:
        await session.write(lambda tx: expunged(session, tx, view, None))
    session.deselect()
    return ok()


def _describe(session: Session, view: View) -> None:
    permanent = b"" if view.read_only else _FLAGS + b" \\*"
    session.send(untagged(b"FLAGS (" + _FLAGS + b")"), untagged(b"%d EXISTS" % len(view.uids)))
    if not view.is_revision_2:
        session.send(untagged(b"%d RECENT" % view.recent_count))
    session.send(
        untagged(b"OK [UIDVALIDITY %d] ." % view.opened.uidvalidity),
        untagged(b"OK [UIDNEXT %d] ." % view.uidnext),
        untagged(b"OK [PERMANENTFLAGS (" + permanent + b")] ."),
        untagged(b"OK [HIGHESTMODSEQ %d] ." % view.modseq),
        untagged(b"OK [MAILBOXID (" + mailbox_id(view.folder_id) + b")] ."),
    )
