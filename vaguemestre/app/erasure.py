"""Erasing for ever what a closed space holds, in every package's store, as one unit of work."""

from collections.abc import Callable

from access_core.profiles import Profile
from dmp_bridge.record.erasure import erase_record
from mailstore.store import MailStore
from smtp_gateway.erasure import erase_conversations
from vaguemestre.kernel.database import Transaction


def space_eraser(store: MailStore) -> Callable[[Transaction, Profile], None]:
    """Return what erases a space: record, conversations, then the mailbox with its key, which seals all bodies."""

    def erase(tx: Transaction, closed: Profile) -> None:
        erase_record(tx, closed.id)
        erase_conversations(tx, closed.id)
        store.delete_mailbox(tx, closed.account_id)

    return erase
