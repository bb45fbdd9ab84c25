"""The durable queue of what is to be filed elsewhere: one row and one outbox task for each document.

A document is queued in the transaction that files it here, and ends exactly once: filed, kept (it stays here only)
or failed, where it waits for a person (`vaguemestre dmp pending`, `dmp retry`). One that was filed and is then deleted
here leaves there too. Idempotent by document.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, bindparam, insert, select, update

from dmp_bridge.receipt import announce
from dmp_bridge.refusals import REGISTER, Refusal
from dmp_bridge.tables import external_filing as table
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.outbox import enqueue, rearm, task

FILE_TASK = "dmp.file"


class FilingState(StrEnum):
    """Where a document stands.

    Waiting ends as filed, kept or failed; leaving (it was deleted here) as gone or remains. A person may have what
    failed or remains tried again.
    """

    WAITING = "waiting"
    FILED = "filed"
    KEPT = "kept"
    FAILED = "failed"
    LEAVING = "leaving"
    GONE = "gone"
    REMAINS = "remains"


_TRIED_AGAIN = {
    FilingState.WAITING: FilingState.WAITING,
    FilingState.FAILED: FilingState.WAITING,
    FilingState.LEAVING: FilingState.LEAVING,
    FilingState.REMAINS: FilingState.LEAVING,
}
_UNDER_WAY = (FilingState.WAITING, FilingState.LEAVING)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExternalFiling:
    """One document of the queue; SUBMISSION_ID: its sealed metadata, None for one that was never to leave."""

    id: str
    document_id: str
    unique_id: str
    profile_id: str
    mailbox_id: str
    content_id: str
    submission_id: str | None
    message_id: str | None
    message_id_header: str | None
    state: FilingState
    code: str | None
    queued_at: datetime


@dataclass(frozen=True, slots=True)
class Ending:
    """How a filing ended; CODE: of ours (`Refusal`) or as the other side gave it, None when it was filed."""

    state: FilingState
    code: str | None = None


_BY_ID = select(table).where(table.c.id == bindparam("id"))
_OF_DOCUMENT = select(table).where(table.c.document_id == bindparam("document"), table.c.state == bindparam("filed"))
_OF_MESSAGE = select(table.c.state, table.c.code).where(
    table.c.message_id == bindparam("message"), table.c.mailbox_id == bindparam("mailbox")
)
_CHANGE = (
    update(table)
    .where(table.c.id == bindparam("filing"))
    .values(state=bindparam("new_state"), code=bindparam("new_code"), ended_at=bindparam("now"))
)
_NOTE = (
    update(table)
    .where(table.c.id == bindparam("filing"), table.c.state.in_(_UNDER_WAY))
    .values(code=bindparam("new_code"))
)
_OPEN = (
    select(
        table.c.id, table.c.document_id, table.c.message_id, table.c.state, table.c.code, table.c.queued_at,
        task.c.attempts, task.c.due_at, task.c.state.label("task_state"),
    )
    .join(task, (task.c.key == table.c.id) & (task.c.kind == FILE_TASK))
    .where(table.c.state.in_(list(_TRIED_AGAIN)))
    .order_by(table.c.queued_at, table.c.id)
)  # fmt: skip


def add_filing(tx: Transaction, filing: ExternalFiling) -> None:
    """Queue a document that was just filed here; one that is kept is written down, without a task."""
    row = {name: getattr(filing, name) for name in ExternalFiling.__dataclass_fields__}
    ended = None if filing.state is FilingState.WAITING else filing.queued_at
    tx.execute(insert(table), {**row, "ended_at": ended})
    if filing.state is FilingState.WAITING:
        enqueue(tx, FILE_TASK, filing.id, {"filing_id": filing.id}, due_at=filing.queued_at)


def filing_by_id(tx: Transaction, filing_id: str) -> ExternalFiling | None:
    """Find a document of the queue."""
    row = tx.execute(_BY_ID, {"id": filing_id}).one_or_none()
    return None if row is None else _filing(row)


def end_filing(tx: Transaction, filing: ExternalFiling, ending: Ending, now: datetime) -> None:
    """Write how a filing ended; the last one of a message tells its sender (`dmp_bridge/receipt.py`)."""
    tx.execute(_CHANGE, {"filing": filing.id, "new_state": ending.state, "new_code": ending.code, "now": now})
    if filing.message_id is not None:
        _tell(tx, filing.message_id, filing.mailbox_id, now)


def note_trouble(tx: Transaction, filing_id: str, code: str) -> None:
    """Write down why the last attempt did not pass."""
    tx.execute(_NOTE, {"filing": filing_id, "new_code": code})


def is_awaited(tx: Transaction, message_id: str, mailbox_id: str) -> bool:
    """Tell whether a document of a message is still on its way elsewhere."""
    rows = tx.execute(_OF_MESSAGE, {"message": message_id, "mailbox": mailbox_id}).all()
    return any(row.state == FilingState.WAITING for row in rows)


def open_filings(tx: Transaction) -> Sequence[Mapping[str, Any]]:
    """List what waits and what failed, oldest first, with attempts and the time of the next."""
    return [dict(row) for row in tx.execute(_OPEN).mappings()]


def retry_filing(tx: Transaction, filing_id: str, now: datetime) -> bool:
    """Try a document again at once; False when it is not there or has nothing left to try."""
    filing = filing_by_id(tx, filing_id)
    if filing is None or filing.state not in _TRIED_AGAIN:
        return False
    return _begin_again(tx, filing, _TRIED_AGAIN[filing.state], now)


def withdraw_filing(tx: Transaction, document_id: str, now: datetime) -> bool:
    """Have a document that was deleted here leave the record elsewhere; False when it is not there."""
    row = tx.execute(_OF_DOCUMENT, {"document": document_id, "filed": FilingState.FILED}).one_or_none()
    return row is not None and _begin_again(tx, _filing(row), FilingState.LEAVING, now)


def _begin_again(tx: Transaction, filing: ExternalFiling, state: FilingState, now: datetime) -> bool:
    tx.execute(_CHANGE, {"filing": filing.id, "new_state": state, "new_code": filing.code, "now": None})
    return rearm(tx, FILE_TASK, filing.id, due_at=now)


def _tell(tx: Transaction, message_id: str, mailbox_id: str, now: datetime) -> None:
    rows = tx.execute(_OF_MESSAGE, {"message": message_id, "mailbox": mailbox_id}).all()
    if any(row.state == FilingState.WAITING for row in rows):
        return
    announce(tx, message_id, mailbox_id, [_reason(row) for row in rows], now=now)


def _reason(row: Row[Any]) -> str:
    """Return what the sender is told of a document: one that is kept for what it is was integrated, here."""
    if row.state not in (FilingState.KEPT, FilingState.FAILED):
        return "OK"
    known = Refusal(row.code) if row.code in set(Refusal) else Refusal.DMP_REFUSED
    return "OK" if row.state == FilingState.KEPT and REGISTER[known].mdn_code == "906" else known


def _filing(row: Row[Any]) -> ExternalFiling:
    values = {name: getattr(row, name) for name in ExternalFiling.__dataclass_fields__}
    return ExternalFiling(**{**values, "state": FilingState(row.state)})
