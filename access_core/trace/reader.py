"""Reading the trace: a patient's history, a mailbox's acts, what happened to one message.

Readers return every line that concerns what they are asked for; who may read them, and with which filter, is decided
by the act `read_access_history`, before.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Select, bindparam, or_, select

from access_core.tables import trace_entry
from access_core.trace.entries import TraceEntry
from vaguemestre.kernel.database import Transaction

HISTORY_PAGE = 100  # patient_space.md §0.1: 100 lines, newest first
NO_BOUND = 2**63 - 1
MESSAGE_LINES = 1_000


@dataclass(frozen=True, slots=True)
class Recorded:
    """An entry with its number in the register."""

    seq: int
    entry: TraceEntry


_newest_first = (
    select(trace_entry)
    .where(trace_entry.c.seq < bindparam("before"))
    .order_by(trace_entry.c.seq.desc())
    .limit(bindparam("count"))
)
_OF_PATIENT = _newest_first.where(trace_entry.c.profile_id == bindparam("profile"))
_OF_MAILBOX = _newest_first.where(
    or_(trace_entry.c.mailbox_id == bindparam("mailbox"), trace_entry.c.subject_id == bindparam("mailbox"))
)
_BY_SUBJECT = _newest_first.where(trace_entry.c.subject_id == bindparam("subject"))
_OF_MESSAGE = (
    select(trace_entry)
    .where(trace_entry.c.message_id_header == bindparam("header"))
    .order_by(trace_entry.c.seq)
    .limit(MESSAGE_LINES)
)


def history_of_patient(
    tx: Transaction, profile_id: str, limit: int = HISTORY_PAGE, before: int | None = None
) -> list[Recorded]:
    """Return what concerns a patient, newest first, before the sequence number BEFORE."""
    return _read(tx, _OF_PATIENT, {"profile": profile_id, "before": before or NO_BOUND, "count": limit})


def acts_of_mailbox(
    tx: Transaction, mailbox_id: str, limit: int = HISTORY_PAGE, before: int | None = None
) -> list[Recorded]:
    """Return what was done in a mailbox, or by its account elsewhere, newest first."""
    return _read(tx, _OF_MAILBOX, {"mailbox": mailbox_id, "before": before or NO_BOUND, "count": limit})


def acts_of(tx: Transaction, subject_id: str, limit: int = HISTORY_PAGE, before: int | None = None) -> list[Recorded]:
    """Return what an account did itself, newest first, before the sequence number BEFORE."""
    return _read(tx, _BY_SUBJECT, {"subject": subject_id, "before": before or NO_BOUND, "count": limit})


def by_message(tx: Transaction, message_id_header: str) -> list[Recorded]:
    """Return all that happened to a message, oldest first, by its Message-ID with or without angle brackets."""
    header = message_id_header.strip()
    return _read(tx, _OF_MESSAGE, {"header": header}) or _read(tx, _OF_MESSAGE, {"header": f"<{header}>"})


def _read(tx: Transaction, statement: Select[Any], parameters: Mapping[str, object]) -> list[Recorded]:
    return [Recorded(row.seq, _entry(row)) for row in tx.execute(statement, parameters)]


def _entry(row: Row[Any]) -> TraceEntry:
    return TraceEntry(
        at=row.at,
        act=row.act,
        verdict=row.verdict,
        reason=row.reason,
        subject_kind=row.subject_kind,
        subject_id=row.subject_id,
        subject_label=row.subject_label,
        profile_id=row.profile_id,
        mailbox_id=row.mailbox_id,
        resource_kind=row.resource_kind,
        resource_id=row.resource_id,
        message_id_header=row.message_id_header,
        obligations=tuple(row.obligations.split(";")) if row.obligations else (),
        matrix_version=row.matrix_version,
        mode=row.mode,
    )
