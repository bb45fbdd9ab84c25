"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one unit of work each; the store knows the rules of names.

Source: RFC 9051 §6.3.4 to §6.3.8; RFC 6154 §5.3 for USEATTR.
"""

from dataclasses import replace

from mailstore.aliases import is_alias
from mailstore.imap.commands.objectid import mailbox_id
from mailstore.imap.outcome import Outcome, no, ok
from mailstore.imap.protocol.commands import Create, Delete, Rename, Subscribe
from mailstore.imap.session import Session
from mailstore.model import Folder, FolderProblem, FolderRefused
from vaguemestre.kernel.database import Transaction

_USE_NOT_GIVEN = no(b"USEATTR", "Cet usage a deja son dossier.")


def existing_folder(session: Session, tx: Transaction, name: str) -> Folder:
    """Return a folder of the session's mailbox.

    Raises:
        FolderRefused: there is none of that name.
    """
    folder = session.parts.store.folder(tx, session.mailbox_id, name)
    if folder is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return folder


def as_asked(folder: Folder, name: str) -> Folder:
    """Return a folder under the name by which the client asked for it, which it waits for in the answer."""
    return replace(folder, name=name) if is_alias(name) else folder


async def create(session: Session, command: Create) -> Outcome:
    """CREATE; the levels above are made too. Each special use has its folder from the start."""
    if command.special_use is not None:
        return _USE_NOT_GIVEN
    folder = await session.write(lambda tx: _created(session, tx, command.mailbox))
    return ok("Cree.", b"MAILBOXID (" + mailbox_id(folder.id) + b")")


def _created(session: Session, tx: Transaction, name: str) -> Folder:
    """Return the new folder; the special one when a program asks for it under a name of its own (VGM:M5)."""
    store = session.parts.store
    known = store.folder(tx, session.mailbox_id, name) if is_alias(name) else None
    return known or store.create_folder(tx, session.mailbox_id, name)


async def delete(session: Session, command: Delete) -> Outcome:
    """DELETE."""
    await session.write(lambda tx: session.parts.store.delete_folder(tx, session.mailbox_id, command.mailbox))
    return ok()


async def rename(session: Session, command: Rename) -> Outcome:
    """RENAME, folders below included."""
    store, mailbox_id = session.parts.store, session.mailbox_id
    await session.write(lambda tx: store.rename_folder(tx, mailbox_id, command.mailbox, command.new_name))
    return ok()


async def subscribe(session: Session, command: Subscribe) -> Outcome:
    """SUBSCRIBE and UNSUBSCRIBE."""
    store, mailbox_id = session.parts.store, session.mailbox_id
    await session.write(lambda tx: store.subscribe(tx, mailbox_id, command.mailbox, subscribed=command.wanted))
    return ok()
