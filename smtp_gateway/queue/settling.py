"""The end of an attempt: each recipient gets its next time or its one final state, and the sender is told, at once.

Reports are composed and sealed before the transaction; inside it they are delivered only for recipients that were
still ours. When nobody waits for the message any more the store lets it go.
"""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.store import SealedMessage
from smtp_gateway.config import RelaySettings
from smtp_gateway.queue import entries
from smtp_gateway.queue.model import Answer, EntryState, Job, Waiting
from smtp_gateway.queue.reports import Reporter, Told, compose_report, returns_whole
from smtp_gateway.queue.schedule import Action, Occasion, Ruling, rule
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.posting import Letter, Postman
from smtp_gateway.receipts.states import Told as Known
from smtp_gateway.receipts.states import advance
from smtp_gateway.receipts.telling import tell_patient
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.log import get_logger

EVENTS = {
    EntryState.WAITING: "message_delayed",
    EntryState.SENT: "message_relayed",
    EntryState.FAILED: "message_bounced",
    EntryState.EXPIRED: "message_bounced",
    EntryState.DROPPED: "message_dropped",
}
OUTCOMES = {
    EntryState.SENT: Outcome.RELAYED,
    EntryState.FAILED: Outcome.FAILED,
    EntryState.EXPIRED: Outcome.EXPIRED,
    EntryState.DROPPED: Outcome.DROPPED,
}
VERDICTS = {EntryState.WAITING: Verdict.DEFER, EntryState.SENT: Verdict.PERMIT}
log = get_logger(__name__)


@dataclass(frozen=True, slots=True)
class _Report:
    """A sealed report and whom it is about."""

    message: SealedMessage
    entry_ids: frozenset[str]


class Settler:
    """Ends attempts."""

    def __init__(
        self, database: Database, postman: Postman, clock: Clock, *, settings: RelaySettings, hostname: str
    ) -> None:
        self._database = database
        self._postman = postman
        self._store = postman.store
        self._clock = clock
        self._settings = settings
        self._hostname = hostname

    async def settle(self, job: Job, answers: Sequence[Answer]) -> None:
        """Write what an attempt gave for each recipient of JOB, in their order.

        Raises:
            TemporaryFailure: nothing was written; the lease ends by itself and the attempt is made again.
        """
        now = self._clock.now()
        told = [
            Told(waiting=each, answer=answer, ruling=self._rule(job, each, answer, now))
            for each, answer in zip(job.waiting, answers, strict=True)
        ]
        reports = [await self._report(job, action, told, now) for action in Action if job.reverse_path]
        await self._database.write(lambda tx: self._write(tx, job, told, [each for each in reports if each]))
        for each in told:
            log.info(
                "recipient_settled",
                message_id=job.message_id,
                state=each.ruling.state,
                status=each.ruling.status,
                reason=each.answer.trouble,
                attempts=each.waiting.attempts,
            )

    def _rule(self, job: Job, each: Waiting, answer: Answer, now: datetime) -> Ruling:
        occasion = Occasion(now, random.random())  # noqa: S311 - spreads retries
        return rule(each, answer, job.accepted_at, self._settings, occasion)

    async def _report(self, job: Job, action: Action, told: Sequence[Told], now: datetime) -> _Report | None:
        """Compose and seal the report of one kind, None when nobody is concerned."""
        concerned = [each for each in told if each.ruling.report is action]
        if not concerned:
            return None
        original = await self._database.read(lambda tx: self._original(tx, job, whole=returns_whole(job, action)))
        draft = self._store.draft()
        await draft.write(compose_report(job, action, concerned, original, reporter=Reporter(self._hostname, now)))
        return _Report(await draft.seal(), frozenset(each.waiting.id for each in concerned))

    def _original(self, tx: Transaction, job: Job, *, whole: bool) -> bytes:
        try:
            reader = self._store.open_held(tx, job.message_id)
            return reader.read() if whole else reader.header
        except (IntegrityError, PermanentFailure):
            return b"\r\n\r\n"  # what cannot be read is not returned

    def _write(self, tx: Transaction, job: Job, told: Sequence[Told], reports: Sequence[_Report]) -> None:
        held_uid = entries.lock(tx, job.queue_id)
        now = self._clock.now()
        ours = {each.waiting.id for each in told if self._end(tx, job, each, now)}
        for report in reports:
            if report.entry_ids <= ours:
                self._deliver(tx, job, report, now)
        for each in told:
            if each.waiting.id in ours:
                self._note(tx, job, each, now)
        if entries.close_when_empty(tx, job.queue_id) and held_uid is not None:
            self._store.release(tx, held_uid)

    @staticmethod
    def _note(tx: Transaction, job: Job, each: Told, now: datetime) -> None:
        """Trace an end or a delay, move the recipient forward, and tell a patient of what failed."""
        state = each.ruling.state
        if state is not EntryState.WAITING or each.ruling.report is not None:
            record(tx, _entry(job, each, now))
        if state in OUTCOMES and job.destination:
            known = Known(state=OUTCOMES[state], at=now, reason=each.answer.trouble, status=each.ruling.status)
            if advance(tx, job.message_id, each.waiting.recipient, known) and job.reporter_id is not None:
                tell_patient(tx, job.reporter_id, job.message_id, known.state, now=now)

    @staticmethod
    def _end(tx: Transaction, job: Job, each: Told, now: datetime) -> bool:
        final = each.ruling.state is not EntryState.WAITING
        values = {
            "state": each.ruling.state,
            "due_at": each.ruling.due_at,
            "delay_reported": each.waiting.delay_reported or each.ruling.report is Action.DELAYED,
            "trouble": each.answer.trouble,
            "status": each.ruling.status,
            "reply_code": each.answer.reply_code,
            "ended_at": now if final else None,
        }
        return entries.settle(tx, job, each.waiting.id, values)

    def _deliver(self, tx: Transaction, job: Job, report: _Report, now: datetime) -> None:
        """Give a report to the sender: into her mailbox here when she still has one, else by the queue."""
        letter = Letter(message=report.message, to=job.reverse_path, at=now, require_tls=job.require_tls)
        if job.reporter_id is not None:
            self._postman.put(tx, letter, job.reporter_id)
        else:
            self._postman.post(tx, letter)


def _entry(job: Job, each: Told, now: datetime) -> TraceEntry:
    state = each.ruling.state
    return TraceEntry(
        at=now,
        act=EVENTS[state] if job.destination else "delivery_reported",
        verdict=VERDICTS.get(state, Verdict.DENY),
        reason=each.answer.trouble or Reason.OK,
        subject_kind=SubjectKind.SYSTEME,
        subject_label=each.waiting.recipient,
        mailbox_id=job.reporter_id,
        resource_kind="message",
        resource_id=job.message_id,
        message_id_header=job.message_id_header,
    )
