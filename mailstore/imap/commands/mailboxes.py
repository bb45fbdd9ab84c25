"""CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE: one unit of work each; the store knows the rules of names.

Source: RFC 9051 §6.3.4 to §6.3.8; RFC 6154 §3 (CREATE-SPECIAL-USE, USEATTR).
"""

from mailstore.aliases import is_alias
from mailstore.imap.commands.objectid import mailbox_id
from mailstore.imap.namespaces import place_of
from mailstore.imap.outcome import Outcome, Refused, ok
from mailstore.imap.protocol.commands import Create, Delete, Rename, Subscribe
from mailstore.imap.session import Session
from mailstore.model import Folder, FolderProblem, FolderRefused
from vaguemestre.kernel.database import Transaction

_USE_NOT_GIVEN = b"USEATTR", "Cet usage a deja son dossier, ou n'en a pas ici."


async def create(session: Session, command: Create) -> Outcome:
    """CREATE; the levels above are made too.

    Each special use has its folder from the start: a program that makes one for it, under whatever name people have for
    that folder, is given the folder itself, and for any other name refused.
    """
    folder = await session.write(lambda tx: _created(session, tx, command))
    return ok("Cree.", b"MAILBOXID (" + mailbox_id(folder.id) + b")")


def _created(session: Session, tx: Transaction, command: Create) -> Folder:
    """Return the new folder; the special one when a program asks for it under a name of its own (VGM:M5)."""
    store, place = session.parts.store, place_of(session, tx, command.mailbox)
    asks_for_special = is_alias(place.name) or command.special_use is not None
    known = store.folder(tx, place.mailbox_id, place.name) if asks_for_special else None
    if command.special_use is not None and (known is None or place.shown(known).special_use != command.special_use):
        raise Refused(*_USE_NOT_GIVEN)
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
