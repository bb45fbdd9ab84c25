"""A world, a peer operator, and one worker of the queue."""

import email
from email.message import Message
from typing import Any

from sqlalchemy import select

from mailstore.tables import entry
from smtp_gateway.dkim_sign import SigningKey
from smtp_gateway.tables import queue_entry
from tests.standins.peer import PeerOperator
from tests.unit.smtp_gateway.world import MARTIN, PEER_DOMAIN, World, letter
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Transaction


class Relay:
    """A world, a peer operator, and one worker of the queue."""

    def __init__(self, world: World, clock: ManualClock) -> None:
        self.world = world
        self.clock = clock
        self.keys: tuple[SigningKey, ...] = ()
        self.peer = world.run(PeerOperator(self.server("peer")).start())

    def server(self, stem: str) -> Any:
        from vaguemestre.kernel.tls import server_context

        folder = self.world.folder
        return server_context(folder / f"{stem}.pem", folder / f"{stem}.key", client_ca=folder / "ca.pem")

    def submit(self, *recipients: str, mail: tuple[str, ...] = (), rcpt: tuple[str, ...] = ()) -> None:
        content = letter(MARTIN, recipients[0], "Secret", Message_ID="<1@demo>", Bcc="cache@example.org")
        with self.world.at_submission() as client:
            client.sendmail(MARTIN, list(recipients), content, mail_options=mail, rcpt_options=rcpt)

    def work(self, **settings: Any) -> None:
        routes = {PEER_DOMAIN: f"127.0.0.1:{self.peer.port}"}

        async def once() -> None:
            await self.world.runner(self.keys, routes=routes, **settings).run_due()

        self.world.run(once())

    def states(self) -> list[tuple[str, str | None]]:
        """Return (state, trouble) of each recipient by recipient."""

        def read(tx: Transaction) -> list[tuple[str, str | None]]:
            rows = tx.execute(select(queue_entry).order_by(queue_entry.c.recipient, queue_entry.c.id))
            return [(row.state, row.trouble) for row in rows]

        return self.world.database.read_now(read)

    def held(self) -> int:
        """Count what the store holds for the queue."""

        def read(tx: Transaction) -> int:
            place = self.world.store.folder(tx, "held", "INBOX")
            return 0 if place is None else len(tx.execute(select(entry).where(entry.c.folder_id == place.id)).all())

        return self.world.database.read_now(read)

    def reports(self) -> list[Message]:
        return [email.message_from_bytes(each) for each in self.world.messages(MARTIN)]
