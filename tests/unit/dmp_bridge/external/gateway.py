"""Our own record with its way out to a record elsewhere, and the worker that goes it."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import select

from access_core.case_acts import Asking
from access_core.case_inputs import Session, local_sender
from access_core.facts import Auth
from access_core.performing import Outcome
from dmp_bridge.config import TEST_INS_AUTHORITIES, BridgeSettings
from dmp_bridge.external.client import Access
from dmp_bridge.external.config import RecordChoice
from dmp_bridge.external.filing_task import ExternalFilingTask, TaskParts
from dmp_bridge.external.queue import FILE_TASK, open_filings
from dmp_bridge.intake import build_filer
from dmp_bridge.outcome import FilingOutcome
from dmp_bridge.preparation import prepare_archive
from dmp_bridge.record.acts import Change
from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.tables import external_filing
from tests.unit.dmp_bridge.conftest import Practice
from vaguemestre.app.demo.fictional_documents import fictional_archive
from vaguemestre.kernel.bus import LocalBus
from vaguemestre.kernel.outbox import OutboxWorker, Patience, task

if TYPE_CHECKING:
    from tests.unit.dmp_bridge.external.conftest import Elsewhere

A_DAY = timedelta(days=1)
LOST = "c" * 32


@dataclass
class Gateway:
    """Our own record with its way out, and the worker that goes it."""

    practice: Practice
    elsewhere: "Elsewhere"
    access: Access
    bus: LocalBus
    choice: RecordChoice = RecordChoice.BOTH

    def file(self, *documents: bytes, **changes: object) -> list[FilingOutcome]:
        """File documents as the intake does."""
        settings = BridgeSettings(
            ins_authorities=TEST_INS_AUTHORITIES, record=self.choice, external=self.access.settings
        )
        filer = build_filer(self.practice.store, settings)
        prepared = prepare_archive(fictional_archive(*documents), settings.reader_rules())
        case = self.practice.case(message_id=LOST, **changes)
        return self.practice.write(lambda tx: [filer.file(tx, case, each) for each in prepared])

    def handler(self) -> ExternalFilingTask:
        """What files elsewhere."""
        parts = TaskParts(
            database=self.practice.database,
            store=self.practice.store,
            clock=self.practice.clock,
            access=self.access,
            choice=self.choice,
        )
        return ExternalFilingTask(parts)

    async def work(self, handler: ExternalFilingTask | None = None) -> None:
        """Do once what is due, and let a day pass, so that whatever was put off is due next time."""
        patience = Patience(max_attempts=self.access.settings.attempts)
        handlers = {FILE_TASK: handler or self.handler()}
        await OutboxWorker(self.practice.database, self.bus, self.practice.clock, handlers, patience).run_due()
        self.practice.clock.advance(A_DAY)

    def rows(self) -> list[tuple[str, str | None]]:
        """State and code of each document of the queue."""
        query = select(external_filing.c.state, external_filing.c.code).order_by(external_filing.c.id)
        return [(row.state, row.code) for row in self.practice.database.read_now(lambda tx: tx.execute(query).all())]

    def tasks(self, kind: str) -> list[str]:
        """The tasks of a kind, as state and payload."""
        query = select(task.c.payload).where(task.c.kind == kind)
        return list(self.practice.database.read_now(lambda tx: tx.execute(query).scalars().all()))

    def open(self) -> list[dict[str, object]]:
        """What `dmp pending` lists."""
        return [dict(each) for each in self.practice.database.read_now(open_filings)]

    def told(self) -> list[str | None]:
        """The mails by which the trace of what was sent is found."""
        return [each.message_id_header for each in self.practice.history() if each.act == "send_document"]

    def sent(self) -> list[tuple[str, str]]:
        """What the trace tells of what was sent."""
        return [(each.verdict, each.reason) for each in self.practice.history() if each.act == "send_document"]

    def change(self, act: Callable[..., Outcome[RecordedDocument]], found: RecordedDocument) -> None:
        """Let the doctor do something with a document of our record."""
        practice = self.practice
        asking = Asking(
            profile=practice.patient,
            actor=local_sender(practice.doctor),
            session=Session(auth=Auth.PSC_ECPS, since_min=0),
            now=practice.clock.now(),
        )
        outcome = practice.write(lambda tx: act(tx, Change(asking=asking, found=found)))
        assert outcome.decision.allowed
