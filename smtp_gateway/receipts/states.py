"""The rows of `recipient_state`: written with the acceptance of a message, moved forward by attempts and reports.

Moving forward is one conditional statement, so that two processes that hear of one recipient at once agree. A report
is applied only to messages of the mailbox that received it, so that nobody can change what another sender is told.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, bindparam, delete, select, update

from smtp_gateway.receipts.outcome import ORDER, Outcome
from smtp_gateway.tables import recipient_state
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

_T = recipient_state.c
_IN_ORDER = (_T.sent_at, _T.message_id, _T.recipient)
_OF_MESSAGE = select(recipient_state).where(_T.message_id == bindparam("message")).order_by(*_IN_ORDER)
_OF_HEADER = select(recipient_state).where(_T.message_id_header == bindparam("header")).order_by(*_IN_ORDER)
_OF_MAILBOX = _OF_HEADER.where(_T.mailbox_id == bindparam("mailbox"))
RECENT = 200


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sent:
    """A message as its sender's mailbox knows it."""

    message_id: str
    message_id_header: str | None
    mailbox_id: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecipientState:
    """One recipient: where the message is for her, since when, and why when it failed."""

    id: str
    message_id: str
    message_id_header: str | None
    mailbox_id: str
    recipient: str
    state: Outcome
    reason: str | None
    status: str | None
    sent_at: datetime
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What is told of a recipient, by an attempt of ours or by a report."""

    state: Outcome
    at: datetime
    reason: str | None = None
    status: str | None = None


def note_sent(tx: Transaction, sent: Sent, recipients: Collection[str], state: Outcome) -> None:
    """Begin to follow recipients; each address once per message."""
    for address in dict.fromkeys(each.lower() for each in recipients):
        row = {
            "id": new_id(),
            "message_id": sent.message_id,
            "message_id_header": sent.message_id_header,
            "mailbox_id": sent.mailbox_id,
            "recipient": address,
            "state": state,
            "reason": None,
            "status": None,
            "sent_at": sent.at,
            "at": sent.at,
        }
        tx.add(recipient_state, row)


def advance(tx: Transaction, message_id: str, recipient: str, told: Told) -> bool:
    """Move one recipient of a message (id of the store) forward; False when it was not known or already further."""
    return _advance(tx, (_T.message_id == message_id) & (_T.recipient == recipient.lower()), told)


def advance_one(tx: Transaction, state_id: str, told: Told) -> bool:
    """Move the recipient of that row forward."""
    return _advance(tx, _T.id == state_id, told)


def _advance(tx: Transaction, which: ColumnElement[bool], told: Told) -> bool:
    lesser = [each for each in Outcome if ORDER[each] < ORDER[told.state]]
    values = {"state": told.state, "reason": told.reason, "status": told.status, "at": told.at}
    return tx.execute(update(recipient_state).where(which, _T.state.in_(lesser)).values(values)).rowcount == 1


def states_of(tx: Transaction, message_id: str) -> list[RecipientState]:
    """Return the recipients of a message by its id in the store."""
    return _read(tx.execute(_OF_MESSAGE, {"message": message_id}))


def states_named(tx: Transaction, header: str, mailbox_id: str | None = None) -> list[RecipientState]:
    """Return the recipients of the messages with a Message-ID (angle brackets included), of one sender or of all."""
    if mailbox_id is None:
        return _read(tx.execute(_OF_HEADER, {"header": header}))
    return _read(tx.execute(_OF_MAILBOX, {"header": header, "mailbox": mailbox_id}))


def states_of_messages(tx: Transaction, message_ids: Sequence[str]) -> dict[str, list[RecipientState]]:
    """Return the recipients of several messages, by the id of each."""
    found: dict[str, list[RecipientState]] = {}
    if message_ids:
        statement = select(recipient_state).where(_T.message_id.in_(message_ids)).order_by(*_IN_ORDER)
        for each in _read(tx.execute(statement)):
            found.setdefault(each.message_id, []).append(each)
    return found


def states_sent_by(tx: Transaction, mailbox_id: str, *, limit: int = RECENT) -> list[RecipientState]:
    """Return what a mailbox sent last, the latest first."""
    chosen = select(recipient_state).where(_T.mailbox_id == mailbox_id)
    chosen = chosen.order_by(_T.sent_at.desc(), _T.message_id, _T.recipient).limit(limit)
    return _read(tx.execute(chosen))


def forget_states(tx: Transaction, before: datetime, limit: int = 1_000) -> int:
    """Remove what was sent BEFORE; the trace keeps what became of it."""
    old = select(_T.id).where(_T.sent_at < before).order_by(_T.sent_at).limit(limit)
    ids = tx.execute(old).scalars().all()
    if ids:
        tx.execute(delete(recipient_state).where(_T.id.in_(ids)))
    return len(ids)


def _read(rows: Any) -> list[RecipientState]:
    return [
        RecipientState(**{**row._mapping, "state": Outcome(row.state)})  # noqa: SLF001  SQLAlchemy's public accessor
        for row in rows
    ]
