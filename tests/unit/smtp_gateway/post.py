"""A world with a worker of the outbox, one of the queue, and another operator; reports as others write them."""

import email
from email.message import Message
from typing import Any

from sqlalchemy import select

from access_core.tables import trace_entry
from mailstore.store import INBOX
from smtp_gateway.receipts.arriving import REPORT_TASK, ReportReader, speakers
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.posting import Postman
from smtp_gateway.receipts.sending import ReceiptSender, note_read
from smtp_gateway.receipts.states import states_named
from smtp_gateway.tables import queue_entry
from tests.standins.peer import Manners, PeerOperator
from tests.unit.smtp_gateway.world import DOMAIN, MARTIN, PATIENT, PATIENT_DOMAIN, PEER, PEER_DOMAIN, World, letter
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import Handler, OutboxWorker, task
from vaguemestre.kernel.tls import server_context

ABOUT = "<1@demo>"
KIND = 'Content-Type: multipart/report; boundary="b"; report-type='
OWN = frozenset({DOMAIN, PATIENT_DOMAIN})


class Post:
    """A world with a worker of the outbox, one of the queue, and another operator."""

    def __init__(self, world: World) -> None:
        self.world = world
        folder = world.folder
        context = server_context(folder / "peer.pem", folder / "peer.key", client_ca=folder / "ca.pem")
        self.peer = world.run(PeerOperator(context, Manners(dsn=True)).start())

    def submit(self, recipient: str, *, rcpt: tuple[str, ...] = (), **fields: str) -> None:
        with self.world.at_submission() as client:
            content = letter(MARTIN, recipient, "Diagnostic", Message_ID=ABOUT, **fields)
            client.sendmail(MARTIN, [recipient], content, rcpt_options=rcpt)

    def arrive(self, content: bytes, recipient: str, sender: str = PEER, **options: Any) -> None:
        client = self.world.at_mx()
        client.sendmail(sender, [recipient], content, **options)
        client.quit()

    def read(self, address: str = PATIENT) -> None:
        """Mark as read all that a mailbox holds, as the space does."""

        def work(tx: Transaction) -> None:
            mailbox_id = self.world.mailbox(address)
            inbox = self.world.store.folder(tx, mailbox_id, INBOX)
            assert inbox is not None
            for each in self.world.store.entries(tx, inbox.id):
                note_read(tx, each.message_id, mailbox_id, now=self.world.clock.now())

        self.world.database.write_now(work)
        self.work()

    def work(self) -> None:
        """Do what waits in the outbox, then what waits in the queue."""
        world = self.world
        parts = (world.database, world.store, world.clock)

        async def once() -> None:
            postman = Postman(world.store, 1_000, own=OWN, listed=world.trust.lists)
            sender = ReceiptSender(*parts, postman, world.smtp)
            reader = ReportReader(*parts, speakers(world.trust, OWN))
            handlers: dict[str, Handler] = {**sender.handlers(), REPORT_TASK: reader}
            await OutboxWorker(world.database, world.bus, world.clock, handlers).run_due()
            await world.runner(routes={PEER_DOMAIN: f"127.0.0.1:{self.peer.port}"}).run_due()

        world.run(once())

    def inbox(self, address: str = MARTIN) -> list[Message]:
        return [email.message_from_bytes(each) for each in self.world.messages(address)]

    def states(self, header: str = ABOUT) -> list[tuple[str, Outcome, str | None]]:
        found = self.world.database.read_now(lambda tx: states_named(tx, header))
        return [(each.recipient, each.state, each.reason) for each in found]

    def traced(self, act: str) -> list[tuple[str, str]]:
        def work(tx: Transaction) -> list[tuple[str, str]]:
            rows = tx.execute(select(trace_entry).where(trace_entry.c.act == act))
            return [(row.verdict, row.reason) for row in rows]

        return self.world.database.read_now(work)

    def unread(self, address: str) -> int:
        """Count what a mailbox has not read."""

        def work(tx: Transaction) -> int:
            inbox = self.world.store.folder(tx, self.world.mailbox(address), INBOX)
            assert inbox is not None
            return sum("\\Seen" not in each.flags for each in self.world.store.entries(tx, inbox.id))

        return self.world.database.read_now(work)

    def tasks(self, kind: str) -> int:
        """Count the tasks of a kind, ended or not."""
        return self.world.database.read_now(
            lambda tx: len(tx.execute(select(task.c.id).where(task.c.kind == kind)).all())
        )

    def waiting(self) -> int:
        """Count what is in the queue, ended or not."""
        return self.world.database.read_now(lambda tx: len(tx.execute(select(queue_entry.c.id)).all()))


def delivery_report(action: str, status: str, recipient: str = PEER, **fields: str) -> bytes:
    """Return what another operator's server says of ABOUT."""
    head = letter(fields.get("author", f"mailer-daemon@{PEER_DOMAIN}"), MARTIN, "Undelivered", Message_ID="<r@peer>")
    return (
        head[: head.find(b"\r\n\r\n")]
        + (
            f"\r\nMIME-Version: 1.0\r\n{KIND}delivery-status\r\n\r\n"
            f"--b\r\n\r\nno\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx\r\n\r\n"
            f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: {status}\r\n\r\n"
            f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nMessage-ID: {ABOUT}\r\n\r\n--b--\r\n"
        ).encode()
    )


def reading_report(author: str, recipient: str, **fields: str) -> bytes:
    """Return a receipt that AUTHOR writes for RECIPIENT."""
    head = letter(author, MARTIN, "Lu", Message_ID="<l@peer>", **fields)
    return (
        head[: head.find(b"\r\n\r\n")]
        + (
            f"\r\nMIME-Version: 1.0\r\n{KIND}disposition-notification"
            f"\r\n\r\n--b\r\n\r\nlu\r\n--b\r\nContent-Type: message/disposition-notification\r\n\r\n"
            f"Final-Recipient: rfc822; {recipient}\r\nOriginal-Message-ID: {ABOUT}\r\n"
            f"Disposition: manual-action/MDN-sent-manually; displayed\r\n\r\n--b--\r\n"
        ).encode()
    )
