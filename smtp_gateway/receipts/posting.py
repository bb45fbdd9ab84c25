"""Mail that the gateway writes itself: into the mailbox here, or into the queue, always from the null sender.

Nobody is told what becomes of it (NOTIFY=NEVER, RFC 3461 §6.1; RFC 8098 §3), so that no report begets another.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime

from access_core.accounts import AccountState
from access_core.professionals import professional_by_address
from access_core.profiles import profile_by_account
from mailstore.model import SEEN
from mailstore.store import INBOX, Delivery, MailStore, SealedMessage
from smtp_gateway.queue import entries
from smtp_gateway.queue.model import QueuedRecipient
from smtp_gateway.rules.peer_domain import domain_of
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Letter:
    """A sealed mail of the gateway's own; REQUIRE_TLS as the message that it is about."""

    message: SealedMessage
    to: str
    at: datetime
    require_tls: bool = False


class Postman:
    """Delivers or queues what the gateway writes.

    Args:
        store: the mailboxes.
        lifetime_s: how long the queue tries, seconds.
        own: the domains whose mailboxes are here; nothing is queued for them.
        listed: tells whether a domain belongs to the trust space.
    """

    def __init__(
        self, store: MailStore, lifetime_s: float, *, own: Collection[str], listed: Callable[[str], bool]
    ) -> None:
        self.store = store
        self._lifetime_s = lifetime_s
        self._own = frozenset(own)
        self._listed = listed

    def reaches(self, tx: Transaction, address: str) -> bool:
        """Tell whether there is a mailbox here that takes mail, or an operator who does."""
        known = professional_by_address(tx, address)
        return self._elsewhere(address) if known is None else known.state is not AccountState.CLOSED

    def post(self, tx: Transaction, letter: Letter) -> bool:
        """Send one mail on its way; False when nobody can take it, and then nothing was kept."""
        known = professional_by_address(tx, letter.to)
        if known is not None:
            return known.state is not AccountState.CLOSED and self.put(tx, letter, known.account_id)
        if not self._elsewhere(letter.to):
            return False
        self._queue(tx, letter)
        return True

    def put(self, tx: Transaction, letter: Letter, mailbox_id: str) -> bool:
        """Put a mail into a mailbox here; as read for a patient, whose space tells it with her message.

        Returns:
            False when there is no mailbox of that id.
        """
        if self.store.folder(tx, mailbox_id, INBOX) is None:
            return False
        flags = frozenset({SEEN}) if profile_by_account(tx, mailbox_id) is not None else frozenset[str]()
        place = Delivery(mailbox_id=mailbox_id, internal_date=letter.at, flags=flags)
        self.store.deliver(tx, letter.message, [place])
        return True

    def _elsewhere(self, address: str) -> bool:
        domain = domain_of(address)
        return domain not in self._own and self._listed(domain)

    def _queue(self, tx: Transaction, letter: Letter) -> None:
        held = self.store.deliver(tx, letter.message, [self.store.holding_place(tx)])[-1]
        message = {
            "message_id": letter.message.message_id,
            "held_uid": held.uid,
            "reverse_path": "",
            "reporter_id": None,
            "message_id_header": None,
            "envid": None,
            "ret": None,
            "require_tls": letter.require_tls,
            "accepted_at": letter.at,
            "size_bytes": letter.message.size_bytes,
        }
        recipient = QueuedRecipient(address=letter.to, destination=domain_of(letter.to), notify="NEVER")
        entries.add(tx, message, [recipient], self._lifetime_s)
