"""The handlers that write receipts: read by the patient, integrated or not. Each message is answered once at most.

The portal and the bridge leave a task in the transaction of their act; here the message's header decides whether a
receipt may leave (`rules.py`), and what leaves is sealed, sent on its way and traced with the end of the task.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.professionals import professional_by_account
from access_core.profiles import Profile, profile_by_account
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from access_core.trace.events import SYSTEM
from mailstore.store import MailStore, SealedMessage
from smtp_gateway.config import SmtpSettings
from smtp_gateway.header import HeaderBlock, message_ids
from smtp_gateway.receipts.arriving import ACTS as REPORTED
from smtp_gateway.receipts.integration import INTEGRATION_LABELS, INTEGRATION_TASK
from smtp_gateway.receipts.notification import Recipient, compose_integration, compose_read
from smtp_gateway.receipts.outcome import Outcome
from smtp_gateway.receipts.posting import Letter, Postman
from smtp_gateway.receipts.rules import ReceiptWanted, Silence, judge_receipt
from smtp_gateway.receipts.states import RecipientState, Told, advance_one, states_of
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.outbox import Closing, Handler, Task, enqueue

READ_TASK = "mdn.read"
LARGEST_RETURNED = 10_000_000  # the size that every operator takes (domain note §4); of a larger message, the header
ACTS = {READ_TASK: "read_receipt", INTEGRATION_TASK: "integration_receipt"}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class _Opened:
    """A message to acknowledge, whose mailbox it is in, and what may be written."""

    header: HeaderBlock
    whole: Callable[[], bytes]
    size_bytes: int
    head: bytes
    address: str
    profile: Profile | None
    message_id: str
    mailbox_id: str
    judged: ReceiptWanted | Silence

    @property
    def about(self) -> str | None:
        """Its Message-ID."""
        own = message_ids(self.header.text(b"message-id"))
        return own[0] if own else None


def note_read(tx: Transaction, message_id: str, mailbox_id: str, *, now: datetime) -> None:
    """Leave word, in the transaction that marks a message as read, that its sender may have asked to hear of it."""
    payload = {"message_id": message_id, "mailbox_id": mailbox_id}
    enqueue(tx, READ_TASK, f"{message_id}:{mailbox_id}", payload, due_at=now)


class ReceiptSender:
    """Does the tasks of the kinds "mdn.read" and "mdn.integration"."""

    def __init__(
        self, database: Database, store: MailStore, clock: Clock, postman: Postman, smtp: SmtpSettings
    ) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._postman = postman
        self._smtp = smtp

    def handlers(self) -> dict[str, Handler]:
        """Return what the outbox worker needs."""
        return dict.fromkeys(ACTS, self)

    async def __call__(self, task: Task) -> Closing | None:
        """Write the receipt of one message, or note why none is written; None when the message is gone.

        Raises:
            TemporaryFailure: the blobs are away.
        """
        opened = await self._database.read(partial(self._open, task=task))
        if opened is None or opened.judged is Silence.NOT_ASKED:
            return None
        if isinstance(opened.judged, Silence):
            return partial(self._close, task=task, opened=opened, reason=opened.judged, message=None)
        now = self._clock.now()
        recipient = Recipient(address=opened.address, hostname=self._smtp.hostname, at=now)
        if task.kind == READ_TASK:
            content = compose_read(opened.judged, recipient, opened.head)
        else:
            original = opened.whole() if opened.size_bytes <= LARGEST_RETURNED else opened.head
            content = compose_integration(opened.judged, recipient, _code(task), original)
        draft = self._store.draft()
        await draft.write(content)
        message = await draft.seal()
        reason = str(task.payload.get("reason", Reason.OK))
        return partial(self._close, task=task, opened=opened, reason=reason, message=message)

    def _open(self, tx: Transaction, task: Task) -> _Opened | None:
        message_id, mailbox_id = str(task.payload["message_id"]), str(task.payload["mailbox_id"])
        profile = profile_by_account(tx, mailbox_id)
        professional = professional_by_account(tx, mailbox_id) if profile is None else None
        try:
            reader = self._store.open(tx, mailbox_id, message_id)
            head = reader.header
        except (PermanentFailure, IntegrityError):
            return None
        if profile is not None:
            address = f"{profile.ins.value}@{self._smtp.patient_domains[0]}".lower()
        elif professional is not None:
            address = professional.address
        else:
            return None
        header = HeaderBlock.parse(head.removesuffix(b"\r\n"))
        judged = judge_receipt(header, self._may_write(tx), of_programs=task.kind == INTEGRATION_TASK)
        return _Opened(
            header=header,
            whole=reader.read,
            size_bytes=reader.size_bytes,
            head=head,
            address=address,
            profile=profile,
            message_id=message_id,
            mailbox_id=mailbox_id,
            judged=judged,
        )

    def _may_write(self, tx: Transaction) -> Callable[[str], bool]:
        return lambda address: self._postman.reaches(tx, address)

    def _close(
        self, tx: Transaction, *, task: Task, opened: _Opened, reason: str, message: SealedMessage | None
    ) -> None:
        now = self._clock.now()
        if message is not None and isinstance(opened.judged, ReceiptWanted):
            letter = Letter(message=message, to=opened.judged.to, at=now)
            if not self._postman.post(tx, letter):
                reason = Silence.OUTSIDE
        sent = not isinstance(reason, Silence)
        record(tx, _entry(task, opened, reason, sent=sent, now=now))
        if sent:
            self._follow(tx, task, opened, now)

    def _follow(self, tx: Transaction, task: Task, opened: _Opened, now: datetime) -> None:
        """Move the recipient forward when the sender is of this instance."""
        told = Told(state=_outcome(task), at=now, reason=_code(task) or None)
        local = opened.address.partition("@")[0]
        for each in states_of(tx, opened.message_id):
            domain = each.recipient.partition("@")[2]
            of_patient = opened.profile is not None and domain in self._smtp.patient_domains
            if each.recipient == opened.address or (of_patient and each.recipient.startswith(f"{local}@")):
                advance_one(tx, each.id, told)
                record(tx, _told_entry(task, each, now))


def _outcome(task: Task) -> Outcome:
    if task.kind == READ_TASK:
        return Outcome.READ
    return Outcome.NOT_INTEGRATED if _code(task) else Outcome.INTEGRATED


def _code(task: Task) -> str:
    code = str(task.payload.get("code") or "")
    return code if not code or code in INTEGRATION_LABELS else "906"


def _told_entry(task: Task, each: RecipientState, now: datetime) -> TraceEntry:
    """Return what the sender's own trace says of the receipt."""
    return TraceEntry(
        at=now,
        act=REPORTED[_outcome(task)],
        verdict=Verdict.DENY if _code(task) else Verdict.PERMIT,
        reason=_code(task) or Reason.OK,
        subject_kind=SubjectKind.SYSTEME,
        subject_label=each.recipient,
        mailbox_id=each.mailbox_id,
        resource_kind="message",
        resource_id=each.message_id,
        message_id_header=each.message_id_header,
    )


def _entry(task: Task, opened: _Opened, reason: str, *, sent: bool, now: datetime) -> TraceEntry:
    profile = opened.profile
    return TraceEntry(
        at=now,
        act=ACTS[task.kind],
        verdict=Verdict.PERMIT if sent else Verdict.DENY,
        reason=reason,
        subject_kind=SubjectKind.SYSTEME,
        subject_label=SYSTEM,
        profile_id=profile.id if profile is not None else None,
        mailbox_id=opened.mailbox_id,
        resource_kind="message",
        resource_id=opened.message_id,
        message_id_header=opened.about,
    )
