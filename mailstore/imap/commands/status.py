"""STATUS, and the STATUS answers that LIST gives.

Source: RFC 9051 §6.3.11; RFC 3501 §6.3.10; RFC 8438 (SIZE); RFC 7162 §3.1.2.2 (HIGHESTMODSEQ);
RFC 8474 §4.3 (MAILBOXID); RFC 9051 §6.3.11 (DELETED); RFC 9208 §4.1.4 (DELETED-STORAGE).
"""

from mailstore.imap.commands.condstore import become_aware
from mailstore.imap.commands.objectid import mailbox_id
from mailstore.imap.namespaces import as_asked, existing_folder
from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import Status, StatusItem
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.session import Session
from mailstore.model import Folder, FolderStatus
from vaguemestre.kernel.database import Transaction


async def status(session: Session, command: Status) -> Outcome:
    """STATUS."""
    prepare_status(session, command.items)

    def work(tx: Transaction) -> bytes:
        folder = as_asked(existing_folder(session, tx, command.mailbox), command.mailbox)
        counted = session.parts.store.status(tx, folder.id, viewer=session.viewer_of(folder.mailbox_id))
        return status_line(session, folder, command.items, counted)

    session.send(await session.read(work))
    return ok()


def prepare_status(session: Session, items: tuple[StatusItem, ...]) -> None:
    """Note that the client knows of modseqs when it asks for one."""
    if StatusItem.HIGHESTMODSEQ in items:
        become_aware(session)


def status_line(session: Session, folder: Folder, items: tuple[StatusItem, ...], counted: FolderStatus) -> bytes:
    """Write the STATUS response of a folder."""
    values: dict[StatusItem, int | str] = {
        StatusItem.MESSAGES: counted.messages,
        StatusItem.RECENT: counted.recent,
        StatusItem.UIDNEXT: counted.uidnext,
        StatusItem.UIDVALIDITY: counted.uidvalidity,
        StatusItem.UNSEEN: counted.unseen,
        StatusItem.DELETED: counted.deleted,
        StatusItem.DELETED_STORAGE: counted.deleted_bytes,
        StatusItem.SIZE: counted.size_bytes,
        StatusItem.HIGHESTMODSEQ: counted.highest_modseq,
        StatusItem.MAILBOXID: f"({mailbox_id(folder.id).decode()})",
    }
    told = " ".join(f"{item.value} {values[item]}" for item in items)
    return untagged(b"STATUS " + session.mailbox_name(folder.name) + b" (" + told.encode("ascii") + b")")
