"""A world and a real Postfix as two operators that know each other, with what tests of both need."""

import contextlib
import email
import smtplib
import time
from collections.abc import Callable, Iterator
from email.message import Message
from pathlib import Path

from smtp_gateway.receipts.arriving import REPORT_TASK, ReportReader, speakers
from smtp_gateway.receipts.posting import Postman
from smtp_gateway.receipts.sending import ReceiptSender
from smtp_gateway.receipts.states import states_named
from tests.standins.postfix import PostfixServer, Site, start_postfix
from tests.unit.smtp_gateway.post import OWN
from tests.unit.smtp_gateway.world import DOMAIN, PATIENT_DOMAIN, PEER, PEER_DOMAIN, Options, World, running
from vaguemestre.kernel.outbox import Handler, OutboxWorker

PATIENCE_S = 60


class Correspondence:
    """Both operators; what leaves the world waits until `work`."""

    def __init__(self, world: World, postfix: PostfixServer) -> None:
        self.world = world
        self.postfix = postfix

    def until(self, found: Callable[[], bool]) -> None:
        """Wait for Postfix, which tells nobody when it is done."""
        deadline = time.monotonic() + PATIENCE_S
        while not found():
            assert time.monotonic() < deadline, self.postfix.log()
            time.sleep(0.05)

    def write(self, recipient: str, content: bytes, *, mail: tuple[str, ...] = (), rcpt: tuple[str, ...] = ()) -> None:
        """Have Postfix's user write to us; she does not wait."""
        with smtplib.SMTP("127.0.0.1", self.postfix.inside) as client:
            client.sendmail(PEER, [recipient], content, mail_options=mail, rcpt_options=rcpt)

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
            await world.runner(routes={PEER_DOMAIN: f"127.0.0.1:{self.postfix.port}"}).run_due()

        world.run(once())

    def received(self) -> list[Message]:
        """Return what Postfix's user has."""
        return [email.message_from_bytes(each) for each in self.postfix.messages()]

    def state(self, header: str, recipient: str) -> str | None:
        """Return where a message of ours stands for a recipient."""
        found = self.world.database.read_now(lambda tx: states_named(tx, header))
        return next((each.state for each in found if each.recipient == recipient), None)


@contextlib.contextmanager
def correspondence(folder: Path, options: Options | None = None, *, delay: str = "0h") -> Iterator[Correspondence]:
    """Start both; DELAY is when Postfix tells a sender that it is still trying."""
    with running(folder, options) as world:
        routes = {DOMAIN: world.ports["mx"], PATIENT_DOMAIN: world.ports["mx"]}
        with start_postfix(Site(folder, PEER_DOMAIN, PEER, routes, delay)) as postfix:
            yield Correspondence(world, postfix)
