"""In which mailbox a folder lies that a client names: its own, or an organisational one that it shares.

The mailboxes of which the account is a member stand under « Autres utilisateurs », by their address (RFC 2342):
`Autres utilisateurs/secretariat@hopital.mssante.fr` is the INBOX of one, `…/Envoyés` below it another of its folders.
Every command that takes a name asks here, inside its unit of work, so that a member who was taken off is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from unicodedata import normalize

from access_core.professionals import mailboxes_of
from mailstore.aliases import is_alias, resolve
from mailstore.imap.session import Session
from mailstore.model import INBOX, SEPARATOR, Folder, FolderProblem, FolderRefused
from vaguemestre.kernel.database import Transaction

OTHERS = "Autres utilisateurs"


@dataclass(frozen=True, slots=True)
class Place:
    """A folder's name within a mailbox; `address` of the mailbox when it is a shared one."""

    mailbox_id: str
    name: str
    address: str = ""

    def shown(self, folder: Folder) -> Folder:
        """Return a folder of this mailbox as the client sees it; shared ones have no special use for her."""
        if not self.address:
            return folder
        inside = "" if folder.name == INBOX else SEPARATOR + folder.name
        return replace(folder, name=f"{OTHERS}{SEPARATOR}{self.address}{inside}", special_use=None, subscribed=True)


def is_shared_name(name: str) -> bool:
    """Say whether a name lies under « Autres utilisateurs »."""
    return normalize("NFC", name).split(SEPARATOR)[0] == OTHERS


def shown_name(name: str) -> str:
    """Return a name below « Autres utilisateurs » as LIST writes it."""
    levels = normalize("NFC", name).split(SEPARATOR)
    above, inside = [*levels[:1], *(level.lower() for level in levels[1:2])], levels[2:]
    if [level.upper() for level in inside] == [INBOX]:
        inside = []
    return SEPARATOR.join([*above, *(resolve(inside) if inside else ())])


def shared_mailboxes(session: Session, tx: Transaction) -> Mapping[str, str]:
    """Return the ids of the organisational mailboxes of the account, by address in order."""
    found = mailboxes_of(tx, session.account_id)
    return {address: found[address] for address in sorted(found) if found[address] != session.mailbox_id}


def place_of(session: Session, tx: Transaction, name: str) -> Place:
    """Return where a name leads.

    Raises:
        FolderRefused: NONEXISTENT - no shared mailbox of that address, or not for this account.
    """
    if not is_shared_name(name):
        return Place(session.mailbox_id, name)
    _, _, rest = normalize("NFC", name).partition(SEPARATOR)
    address, _, inside = rest.partition(SEPARATOR)
    shared = shared_mailboxes(session, tx).get(address.lower())
    if shared is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return Place(shared, inside or INBOX, address.lower())


def existing_folder(session: Session, tx: Transaction, name: str) -> Folder:
    """Return the folder that a name leads to, as the store has it.

    Raises:
        FolderRefused: NONEXISTENT.
    """
    place = place_of(session, tx, name)
    folder = session.parts.store.folder(tx, place.mailbox_id, place.name)
    if folder is None:
        raise FolderRefused(FolderProblem.NONEXISTENT)
    return folder


def as_asked(folder: Folder, name: str) -> Folder:
    """Return a folder under the name by which the client asked for it, which it waits for in the answer."""
    return replace(folder, name=name) if is_alias(name) or is_shared_name(name) else folder
