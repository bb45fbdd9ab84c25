"""COPY and MOVE, with the COPYUID answer.

Source: RFC 9051 §6.4.7, §6.4.8; RFC 4315 §3 (COPYUID); RFC 6851.
"""

from mailstore.imap.commands.quota import check_room
from mailstore.imap.namespaces import existing_folder
from mailstore.imap.outcome import READ_ONLY, Outcome, Refused, bad, ok
from mailstore.imap.protocol.commands import Copy
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.protocol.sequence import format_set
from mailstore.imap.session import Session
from mailstore.imap.shared_acts import SharedAct, note_act, note_in
from mailstore.model import Folder, FolderRefused
from vaguemestre.kernel.database import Transaction


async def copy_or_move(session: Session, command: Copy) -> Outcome:
    """COPY, MOVE, UID COPY and UID MOVE: every message or none."""
    view = session.selected
    if command.move and view.read_only:
        return READ_ONLY
    uids = view.resolve(command.target)
    if uids is None:
        return bad("no such message")

    def work(tx: Transaction) -> tuple[int, list[tuple[int, int]]]:
        store, target = session.parts.store, _target(session, tx, command.mailbox)
        concerned = store.entries(tx, view.folder_id, uids)
        if not command.move or target.mailbox_id != view.mailbox_id:
            check_room(session, tx, target.mailbox_id, sum(entry.size_bytes for entry in concerned))
        transfer = store.move if command.move else store.copy
        act = SharedAct.MOVED if command.move else SharedAct.COPIED
        note_act(session, tx, view, act, concerned)
        if target.mailbox_id not in (view.mailbox_id, session.mailbox_id):
            note_in(session, tx, target.mailbox_id, SharedAct.ADDED, [entry.message_id for entry in concerned])
        return target.uidvalidity, transfer(tx, view.folder_id, uids, target.id)

    uidvalidity, pairs = await session.write(work)
    code = _copyuid(uidvalidity, pairs) if pairs else b""
    if command.move and code:
        # RFC 6851 §4.3: before the EXPUNGE responses, so that the client can follow each message.
        session.send(untagged(b"OK [" + code + b"] Deplace."))
        code = b""
    if command.move:
        await session.refresh(may_expunge=True)
    return ok("Fait.", code)


def _target(session: Session, tx: Transaction, name: str) -> Folder:
    try:
        return existing_folder(session, tx, name)
    except FolderRefused:
        raise Refused(b"TRYCREATE", "Le dossier de destination n'existe pas.") from None


def _copyuid(uidvalidity: int, pairs: list[tuple[int, int]]) -> bytes:
    sources, targets = (format_set(side) for side in zip(*pairs, strict=True))
    return b"COPYUID %d %s %s" % (uidvalidity, sources, targets)
