"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one unit of work each; the store knows the rules of names.

Source: RFC 9051 §6.3.4 to §6.3.8; RFC 6154 §5.3 for USEATTR.
"""

from mailstore.aliases import is_alias
from mailstore.imap.commands.objectid import mailbox_id
from mailstore.imap.namespaces import place_of
from mailstore.imap.outcome import Outcome, no, ok
from mailstore.imap.protocol.commands import Create, Delete, Rename, Subscribe
from mailstore.imap.session import Session
from mailstore.model import Folder, FolderProblem, FolderRefused
from vaguemestre.kernel.database import Transaction

_USE_NOT_GIVEN = no(b"USEATTR", "Cet usage a deja son dossier.")


async def create(session: Session, command: Create) -> Outcome:
    """CREATE; the levels above are made too. Each special use has its folder from the start."""
    if command.special_use is not None:
        return _USE_NOT_GIVEN
    folder = await session.write(lambda tx: _created(session, tx, command.mailbox))
    return ok("Cree.", b"MAILBOXID (" + mailbox_id(folder.id) + b")")


def _created(session: Session, tx: Transaction, name: str) -> Folder:
    """Return the new folder; the special one when a program asks for it under a name of its own (VGM:M5)."""
    store, place = session.parts.store, place_of(session, tx, name)
    known = store.folder(tx, place.mailbox_id, place.name) if is_alias(place.name) else None
    return known or store.create_folder(tx, place.mailbox_id, place.name)


async def delete(session: Session, command: Delete) -> Outcome:
    """DELETE."""

    def work(tx: Transaction) -> None:
        place = place_of(session, tx, command.mailbox)
        session.parts.store.delete_folder(tx, place.mailbox_id, place.name)

    await session.write(work)
    return ok()


async def rename(session: Session, command: Rename) -> Outcome:
    """RENAME, folders below included; a folder stays in its mailbox."""

    def work(tx: Transaction) -> None:
        old, new = place_of(session, tx, command.mailbox), place_of(session, tx, command.new_name)
        if old.mailbox_id != new.mailbox_id:
            raise FolderRefused(FolderProblem.CANNOT)
        session.parts.store.rename_folder(tx, old.mailbox_id, old.name, new.name)

    await session.write(work)
    return ok()


async def subscribe(session: Session, command: Subscribe) -> Outcome:
    """SUBSCRIBE and UNSUBSCRIBE; every member is subscribed to what she shares."""

    def work(tx: Transaction) -> None:
        place = place_of(session, tx, command.mailbox)
        if not place.address:
            session.parts.store.subscribe(tx, place.mailbox_id, place.name, subscribed=command.wanted)
        elif not command.wanted:
            raise FolderRefused(FolderProblem.CANNOT)

    await session.write(work)
    return ok()
