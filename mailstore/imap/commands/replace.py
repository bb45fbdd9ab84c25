"""REPLACE: a new version of a draft takes the place of the one before, in one unit of work.

Source: RFC 8508.
"""

from mailstore.imap.commands.flags import expunged
from mailstore.imap.outcome import READ_ONLY, Outcome, Refused, bad, ok
from mailstore.imap.protocol.commands import Append
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from mailstore.model import DELETED, FlagChange
from vaguemestre.kernel.database import Transaction


def unfit_to_replace(session: Session, command: Append) -> Outcome | None:
    """Say what is wrong with what a REPLACE names, None when all is well or it is an APPEND."""
    if command.replaces is None:
        return None
    if session.selected.read_only:
        return READ_ONLY
    uids = session.selected.resolve(command.replaces)
    return bad("one message that exists") if uids is None or len(uids) != 1 else None


def replaced_uid(session: Session, command: Append) -> int | None:
    """Return the UID of the message that goes away, None for an APPEND."""
    uids = session.selected.resolve(command.replaces) if command.replaces is not None else None
    return uids[0] if uids else None


def take_away(session: Session, tx: Transaction, uid: int) -> None:
    """Unit of work: expunge the message that is replaced.

    Raises:
        Refused: EXPUNGEISSUED - another session did so already; nothing is kept then.
    """
    store, folder_id = session.parts.store, session.selected.folder_id
    store.change_flags(tx, folder_id, [uid], FlagChange(op="add", flags=frozenset({DELETED})))
    if not expunged(session, tx, session.selected, [uid]):
        raise Refused(b"EXPUNGEISSUED", "Le message a remplacer n'existe plus.")


async def tell_replaced(session: Session, code: bytes) -> Outcome:
    """Tell the new message before the old one goes (RFC 8508 §3.3)."""
    session.send(untagged(b"OK [" + code + b"] ."))
    await session.refresh(may_expunge=True)
    return ok("Remplace.")
