"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one unit of work each.

Source: RFC 9051 §6.3.4 to §6.3.8; RFC 5530 response codes.
"""

from mailstore.imap.outcome import Outcome, Refused, ok
from mailstore.imap.protocol.commands import Create, Delete, Rename, Subscribe
from mailstore.imap.session import Session
from mailstore.model import INBOX, SEPARATOR, Folder
from vaguemestre.kernel.database import Transaction

_LEVELS = 20


def existing_folder(session: Session, tx: Transaction, name: str) -> Folder:
    """Return a folder of the session's mailbox.

    Raises:
        Refused: there is none of that name (NONEXISTENT).
    """
    folder = session.parts.store.folder(tx, session.mailbox_id, name)
    if folder is None:
        raise Refused(b"NONEXISTENT", "Ce dossier n'existe pas.")
    return folder


async def create(session: Session, command: Create) -> Outcome:
    """CREATE; the levels above are made too."""
    _check_name(command.mailbox)

    def work(tx: Transaction) -> None:
        store, mailbox_id = session.parts.store, session.mailbox_id
        known = {folder.name for folder in store.folders(tx, mailbox_id)}
        if command.mailbox in known:
            raise Refused(b"ALREADYEXISTS", "Ce dossier existe deja.")
        levels = command.mailbox.split(SEPARATOR)
        for depth in range(1, len(levels)):
            parent = SEPARATOR.join(levels[:depth])
            if parent not in known:
                store.create_folder(tx, mailbox_id, parent)
        store.create_folder(tx, mailbox_id, command.mailbox, special_use=command.special_use)

    await session.write(work)
    return ok()


async def delete(session: Session, command: Delete) -> Outcome:
    """DELETE; never INBOX, a folder with a special use, or one with folders below it."""

    def work(tx: Transaction) -> None:
        folder = existing_folder(session, tx, command.mailbox)
        if folder.name == INBOX or folder.special_use is not None:
            raise Refused(b"CANNOT", "Ce dossier ne peut etre supprime.")
        below = folder.name + SEPARATOR
        if any(other.name.startswith(below) for other in session.parts.store.folders(tx, session.mailbox_id)):
            raise Refused(b"HASCHILDREN", "Ce dossier en contient d'autres.")
        session.parts.store.delete_folder(tx, session.mailbox_id, folder.name)

    await session.write(work)
    return ok()


async def rename(session: Session, command: Rename) -> Outcome:
    """RENAME, folders below included; INBOX keeps its name."""
    _check_name(command.new_name)

    def work(tx: Transaction) -> None:
        store, mailbox_id = session.parts.store, session.mailbox_id
        folder = existing_folder(session, tx, command.mailbox)
        if folder.name == INBOX or command.new_name.startswith(folder.name + SEPARATOR):
            raise Refused(b"CANNOT", "Ce dossier ne peut etre renomme ainsi.")
        if store.folder(tx, mailbox_id, command.new_name) is not None:
            raise Refused(b"ALREADYEXISTS", "Ce dossier existe deja.")
        store.rename_folder(tx, mailbox_id, folder.name, command.new_name)

    await session.write(work)
    return ok()


async def subscribe(session: Session, command: Subscribe) -> Outcome:
    """SUBSCRIBE and UNSUBSCRIBE."""

    def work(tx: Transaction) -> None:
        folder = existing_folder(session, tx, command.mailbox)
        session.parts.store.subscribe(tx, session.mailbox_id, folder.name, command.wanted)

    await session.write(work)
    return ok()


def _check_name(name: str) -> None:
    """Refuse a name with an empty level or too many levels."""
    levels = name.split(SEPARATOR)
    if not all(levels) or len(levels) > _LEVELS:
        raise Refused(b"CANNOT", "Ce nom de dossier n'est pas admis.")
