"""The handler of reports that arrive: what they say of a message that the mailbox sent moves its recipients forward.

Acceptance leaves a task for each report delivered here, so that a hostile one costs the worker a bounded reading and
never the session that brought it. A report counts only for messages of the mailbox that received it, and only from
those who speak for the recipient's domain; anything else is a message like any other.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.reader import MessageReader
from mailstore.store import MailStore, MessageIndex, Part
from smtp_gateway.header import HeaderBlock, addresses, message_ids
from smtp_gateway.queue.model import trouble_of
from smtp_gateway.queue.peer import Trust
from smtp_gateway.receipts.delivery_status import read_delivery_status
from smtp_gateway.receipts.disposition import read_disposition
from smtp_gateway.receipts.fields import LONGEST_BYTES
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.states import RecipientState, Told, advance_one, states_named
from smtp_gateway.receipts.telling import tell_patient
from smtp_gateway.rules.peer_domain import domain_of
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.outbox import Closing, Task, enqueue

REPORT_TASK = "report.read"
STATUS_TYPES = frozenset({"message/delivery-status", "message/global-delivery-status"})
DISPOSITION_TYPES = frozenset({"message/disposition-notification", "message/global-disposition-notification"})
HEADER_TYPES = frozenset({"text/rfc822-headers", "message/global-headers"})
MESSAGE_TYPES = frozenset({"message/rfc822", "message/global"})
ACTS = {
    Outcome.RELAYED: "relay_reported",
    Outcome.FAILED: "failure_reported",
    Outcome.DELIVERED: "delivery_reported",
    Outcome.DELETED: "deletion_reported",
    Outcome.READ: "reading_reported",
    Outcome.NOT_INTEGRATED: "integration_reported",
    Outcome.INTEGRATED: "integration_reported",
}
SpeaksFor = Callable[[str, str], bool]
"""Tells whether who writes from one domain speaks for another: the same operator has both."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Notice:
    """What a report says of one recipient."""

    recipients: tuple[str, ...]
    """Her addresses, the one that we gave first."""
    state: Outcome
    reason: str | None = None
    status: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Report:
    """A report as far as it is acted upon: about which message, by whom, what it says."""

    message_id_header: str
    author: str
    notices: tuple[Notice, ...]
    by_recipient: bool = False
    """It is a disposition: only the recipient herself, or her operator, may say so."""


def is_report(index: MessageIndex) -> bool:
    """Tell whether a machine reports on a message (receipt, non-delivery)."""
    return index.parts[0].media_type == "multipart/report"


def note_report(tx: Transaction, message_id: str, mailbox_id: str, *, now: datetime) -> None:
    """Leave word of a report in the transaction that delivers it."""
    payload = {"message_id": message_id, "mailbox_id": mailbox_id}
    enqueue(tx, REPORT_TASK, f"{message_id}:{mailbox_id}", payload, due_at=now)


def speakers(trust: Trust, own: Collection[str]) -> SpeaksFor:
    """Return who speaks for whom, from the whitelist in force; nobody here speaks for anybody else by mail."""

    def speaks_for(author: str, recipient: str) -> bool:
        subjects = trust.whitelist.subjects
        return author not in own and not subjects.get(author, frozenset()).isdisjoint(subjects.get(recipient, ()))

    return speaks_for


class ReportReader:
    """Does the tasks of kind "report.read"."""

    def __init__(self, database: Database, store: MailStore, clock: Clock, speaks_for: SpeaksFor) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._speaks_for = speaks_for

    async def __call__(self, task: Task) -> Closing | None:
        """Read one report; None when it says nothing that can be acted upon.

        Raises:
            TemporaryFailure: the blobs are away.
        """
        report = await self._database.read(partial(self._read, task=task))
        if report is None:
            return None
        return partial(self._close, report=report, mailbox_id=str(task.payload["mailbox_id"]))

    def _read(self, tx: Transaction, task: Task) -> Report | None:
        try:
            reader = self._store.open(tx, str(task.payload["mailbox_id"]), str(task.payload["message_id"]))
            return read_report(reader)
        except (PermanentFailure, IntegrityError):
            return None

    def _close(self, tx: Transaction, *, report: Report, mailbox_id: str) -> None:
        now = self._clock.now()
        known = states_named(tx, report.message_id_header, mailbox_id)
        for notice in report.notices:
            for each in self._concerned(known, report, notice):
                told = Told(state=notice.state, at=now, reason=notice.reason, status=notice.status)
                if advance_one(tx, each.id, told):
                    record(tx, _entry(each, notice, now))
                    tell_patient(tx, mailbox_id, each.message_id, notice.state, now=now)

    def _concerned(self, known: Sequence[RecipientState], report: Report, notice: Notice) -> list[RecipientState]:
        """Return the recipients that a notice is about: named by it, or the only one that its author answers for."""
        answered = [each for each in known if self._answers(report, each.recipient)]
        for address in notice.recipients:
            named = [each for each in answered if each.recipient == address]
            if named:
                return named
        forwarded = not report.by_recipient and len({each.recipient for each in known}) == 1
        return answered if forwarded else []

    def _answers(self, report: Report, recipient: str) -> bool:
        if report.by_recipient and report.author == recipient:
            return True
        return self._speaks_for(domain_of(report.author), domain_of(recipient))


def read_report(reader: MessageReader) -> Report | None:
    """Read a stored report within bounds; None when it is none, or says nothing of any use.

    Raises:
        IntegrityError: it was changed.
        TemporaryFailure: the blobs are away.
    """
    if not is_report(reader.index):
        return None
    parts = [each for each in reader.index.parts[1:] if each.section.count(".") == 0]
    header = HeaderBlock.parse(reader.header.removesuffix(b"\r\n"))
    author = addresses(header.text(b"from") or "")
    if len(author) != 1:
        return None
    for part in parts:
        if part.media_type in STATUS_TYPES:
            about = _about(reader, parts) or _answered(header)
            notices = _delivery_notices(_content(reader, part))
            return Report(message_id_header=about, author=author[0], notices=notices) if about and notices else None
        if part.media_type in DISPOSITION_TYPES:
            return _disposition(_content(reader, part), author[0], _about(reader, parts) or _answered(header))
    return None


def _content(reader: MessageReader, part: Part) -> bytes:
    return reader.decoded(part.section) if part.size_bytes <= 2 * LONGEST_BYTES else b""


def _delivery_notices(content: bytes) -> tuple[Notice, ...]:
    found = []
    for each in read_delivery_status(content):
        reason = trouble_of(each.status or "5.0.0") if each.state is Outcome.FAILED else None
        recipients = tuple(address for address in (each.original, each.final) if address)
        found.append(Notice(recipients=recipients, state=each.state, reason=reason, status=each.status))
    return tuple(found)


def _disposition(content: bytes, author: str, about: str | None) -> Report | None:
    said = read_disposition(content)
    header = (said.message_id_header if said else None) or about
    if said is None or header is None:
        return None
    recipients = tuple(address for address in (said.original, said.final) if address)
    notice = Notice(recipients=recipients, state=said.state, reason=said.code or None)
    return Report(message_id_header=header, author=author, notices=(notice,), by_recipient=True)


def _about(reader: MessageReader, parts: Sequence[Part]) -> str | None:
    """Return the Message-ID of the message that came back, whole or its header."""
    for part in parts:
        if part.media_type in MESSAGE_TYPES:
            span = reader.index.span(f"{part.section}.HEADER")
            returned = reader.read(span[0], min(span[1] - span[0], LONGEST_BYTES)) if span else b""
        elif part.media_type in HEADER_TYPES:
            returned = _content(reader, part)
        else:
            continue
        own = message_ids(HeaderBlock.parse(returned.removesuffix(b"\r\n")).text(b"message-id"))
        if own:
            return own[0]
    return None


def _answered(header: HeaderBlock) -> str | None:
    named = message_ids(header.text(b"in-reply-to"))
    return named[0] if named else None


def _entry(each: RecipientState, notice: Notice, now: datetime) -> TraceEntry:
    bad = notice.state in (Outcome.FAILED, Outcome.NOT_INTEGRATED)
    return TraceEntry(
        at=now,
        act=ACTS[notice.state],
        verdict=Verdict.DENY if bad else Verdict.PERMIT,
        reason=notice.reason or Reason.OK,
        subject_kind=SubjectKind.SYSTEME,
        subject_label=each.recipient,
        mailbox_id=each.mailbox_id,
        resource_kind="message",
        resource_id=each.message_id,
        message_id_header=each.message_id_header,
    )
