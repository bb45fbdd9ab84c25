"""QUOTA: how much a mailbox holds and may hold; one root a mailbox, when there is a limit at all.

The root of the account's own mailbox is named by the empty string, that of a shared one by its folder. What counts is
the size of every entry of every folder. The limit is set by the operator alone.

Source: RFC 9208.
"""

from mailstore.imap.namespaces import OTHERS, Place, as_asked, existing_folder, is_shared_name, place_of
from mailstore.imap.outcome import Outcome, Refused, no, ok
from mailstore.imap.protocol.commands import GetQuota, GetQuotaRoot, SetQuota
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from vaguemestre.kernel.database import Transaction

_KIB = 1_024


async def get_quota(session: Session, command: GetQuota) -> Outcome:
    """GETQUOTA."""
    known = not command.root or is_shared_name(command.root)
    if not known or not session.parts.settings.quota_bytes:
        return no(b"NONEXISTENT", "Cette racine de quota n'existe pas.")
    session.send(await session.read(lambda tx: _quota_line(session, tx, command.root)))
    return ok()


async def get_quota_root(session: Session, command: GetQuotaRoot) -> Outcome:
    """GETQUOTAROOT."""

    def work(tx: Transaction) -> list[bytes]:
        folder = as_asked(existing_folder(session, tx, command.mailbox), command.mailbox)
        name = session.mailbox_name(folder.name)
        if not session.parts.settings.quota_bytes:
            return [untagged(b"QUOTAROOT " + name)]
        root = _root_of(place_of(session, tx, command.mailbox))
        line = untagged(b"QUOTAROOT " + name + b" " + session.mailbox_name(root))
        return [line, _quota_line(session, tx, root)]

    session.send(*await session.read(work))
    return ok()


def set_quota(_session: Session, _command: SetQuota) -> Outcome:
    """SETQUOTA, which no user may do."""
    return no(b"NOPERM", "Le quota est fixe par l'exploitant.")


def check_room(session: Session, tx: Transaction, mailbox_id: str, size_bytes: int) -> None:
    """Make sure that a message of that size, or several together, may still come in.

    Raises:
        Refused: OVERQUOTA.
    """
    limit = session.parts.settings.quota_bytes
    if limit and session.parts.store.usage_bytes(tx, mailbox_id) + size_bytes > limit:
        raise Refused(b"OVERQUOTA", "La boite aux lettres est pleine.")


def _quota_line(session: Session, tx: Transaction, root: str) -> bytes:
    mailbox_id = place_of(session, tx, root).mailbox_id
    used, limit = session.parts.store.usage_bytes(tx, mailbox_id), session.parts.settings.quota_bytes
    return untagged(b"QUOTA " + session.mailbox_name(root) + b" (STORAGE %d %d)" % (-(-used // _KIB), limit // _KIB))


def _root_of(place: Place) -> str:
    """Return the name of a mailbox's root: empty for the account's own."""
    return f"{OTHERS}/{place.address}" if place.address else ""
