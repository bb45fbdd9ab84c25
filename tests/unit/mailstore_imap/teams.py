"""A server, two doctors, and the secretariat's mailbox that both share."""

from access_core.professionals import MailboxType, NewProfessional, add_professional, set_members
from access_core.trace.reader import acts_of_mailbox
from mailstore.store import Delivery
from tests.unit.mailstore_imap.house import LOGIN, ImapHouse
from tests.unit.mailstore_imap.messages import SIMPLE
from vaguemestre.kernel.database import Transaction

SECRETARIAT = "secretariat@demo.mssante.fr"
SHARED = f'"Autres utilisateurs/{SECRETARIAT}"'
COLLEAGUE = "claude.petit@demo.mssante.fr"


class Team:
    """A server, two doctors, and the secretariat that both share."""

    def __init__(self, house: ImapHouse) -> None:
        self.house = house
        house.add_account(COLLEAGUE)
        self.mailbox_id: str = house.database.write_now(self._add)

    def _add(self, tx: Transaction) -> str:
        now = self.house.clock.now()
        new = NewProfessional(
            address=SECRETARIAT,
            type=MailboxType.ORG,
            name="Secrétariat",
            created_at=now,
            members=(LOGIN, COLLEAGUE),
        )
        account_id = add_professional(tx, new).account_id
        self.house.store.create_mailbox(tx, account_id)
        return account_id

    def deliver(self, message: bytes = SIMPLE) -> None:
        """Put a message into the shared INBOX."""

        async def work() -> None:
            draft = self.house.store.draft()
            await draft.write(message)
            sealed = await draft.seal()
            place = Delivery(mailbox_id=self.mailbox_id, internal_date=self.house.clock.now())
            await self.house.database.write(lambda tx: self.house.store.deliver(tx, sealed, [place]))

        self.house.run(work())

    def keep_only(self, *members: str) -> None:
        """Change who shares the mailbox."""
        self.house.database.write_now(lambda tx: set_members(tx, self.mailbox_id, members))

    def traced(self) -> list[tuple[str, str]]:
        """Return who did what in the shared mailbox, oldest first."""
        lines = self.house.database.read_now(lambda tx: acts_of_mailbox(tx, self.mailbox_id))
        return [(line.entry.act, line.entry.subject_label) for line in reversed(lines)]
