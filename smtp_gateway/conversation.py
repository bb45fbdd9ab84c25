"""Conversations as the catalogue keeps them: find, read, follow.

A conversation is found by In-Reply-To and References against the Message-IDs that were stored, never by a subject.
What a message does to it is decided in `fin.py`; this file loads the facts and writes the result, inside the
transaction of the delivery.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from sqlalchemy import Row, bindparam, select, update

from smtp_gateway.fin import State, Thread, ThreadChange
from smtp_gateway.tables import conversation as conversation_table
from smtp_gateway.tables import conversation_message
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

REFERENCES_LIMIT = 50
Direction = Literal["in", "out"]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Conversation:
    """An exchange between a patient and a professional side."""

    id: str
    patient_address: str
    profile_id: str | None
    professional: str
    correspondent: str
    state: State
    answerable: bool
    opened_at: datetime
    changed_at: datetime
    closed_at: datetime | None

    @property
    def thread(self) -> Thread:
        """What the rules look at."""
        return Thread(
            id=self.id,
            professional=self.professional,
            correspondent=self.correspondent,
            state=self.state,
            answerable=self.answerable,
        )

    @property
    def open(self) -> bool:
        """Whether the patient may answer."""
        return self.state is State.OPEN and self.answerable

    def __repr__(self) -> str:
        return f"Conversation({self.id}, {self.state})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ConversationMessage:
    """One message of a conversation; MESSAGE_ID opens it in the store."""

    id: str
    conversation_id: str
    message_id: str
    message_id_header: str | None
    direction: Direction
    sender: str
    at: datetime


_C = conversation_table.c
_M = conversation_message.c
_ALL = select(conversation_table)
_BY_ID = _ALL.where(_C.id == bindparam("conversation_id"))
_BY_PROFILE = _ALL.where(_C.profile_id == bindparam("profile")).order_by(_C.changed_at.desc())
_BY_PATIENT = _ALL.where(_C.patient_address == bindparam("patient"))
_WITH_ADDRESS = _BY_PATIENT.where(
    (_C.professional == bindparam("address")) | (_C.correspondent == bindparam("address"))
).order_by(_C.changed_at.desc())
_BY_REFERENCES = (
    _ALL.add_columns(_M.message_id_header)
    .join(conversation_message, _M.conversation_id == _C.id)
    .where(
        _C.patient_address == bindparam("patient"), _M.message_id_header.in_(bindparam("references", expanding=True))
    )
)
_MESSAGES = select(conversation_message).where(_M.conversation_id == bindparam("conversation")).order_by(_M.id)
_UPDATE = (
    update(conversation_table)
    .where(_C.id == bindparam("conversation"))
    .values(
        correspondent=bindparam("new_correspondent"),
        state=bindparam("new_state"),
        answerable=bindparam("new_answerable"),
        changed_at=bindparam("now"),
        closed_at=bindparam("closed"),
    )
)
_CLOSE = (
    update(conversation_table)
    .where(_C.id == bindparam("conversation"))
    .values(state=State.CLOSED, changed_at=bindparam("now"), closed_at=bindparam("now"))
)
_TOUCH = update(conversation_table).where(_C.id == bindparam("conversation")).values(changed_at=bindparam("now"))


def conversation(tx: Transaction, conversation_id: str) -> Conversation | None:
    """Return a conversation by its id."""
    row = tx.execute(_BY_ID, {"conversation_id": conversation_id}).one_or_none()
    return None if row is None else _conversation(row)


def conversations_of_patient(tx: Transaction, profile_id: str) -> list[Conversation]:
    """Return the conversations of a patient, the one that changed last first."""
    return [_conversation(row) for row in tx.execute(_BY_PROFILE, {"profile": profile_id})]


def conversations_of_address(tx: Transaction, patient_address: str) -> list[Conversation]:
    """Return the conversations of a patient by her address (lower case), also of one whose space is elsewhere."""
    rows = tx.execute(_BY_PATIENT.order_by(_C.changed_at.desc()), {"patient": patient_address})
    return [_conversation(row) for row in rows]


def conversations_with(tx: Transaction, patient_address: str, address: str) -> list[Conversation]:
    """Return a patient's conversations with one professional address, the one that changed last first."""
    rows = tx.execute(_WITH_ADDRESS, {"patient": patient_address, "address": address})
    return [_conversation(row) for row in rows]


def messages_of(tx: Transaction, conversation_id: str) -> list[ConversationMessage]:
    """Return the messages of a conversation, oldest first."""
    rows = tx.execute(_MESSAGES, {"conversation": conversation_id})
    return [ConversationMessage(**row._mapping) for row in rows]  # noqa: SLF001  SQLAlchemy's public accessor


def conversations_referenced(tx: Transaction, patient_address: str, references: Sequence[str]) -> list[Conversation]:
    """Return the patient's conversations that hold one of these Message-IDs, in the order of REFERENCES."""
    if not references:
        return []
    nearest = list(dict.fromkeys(references))[:REFERENCES_LIMIT]
    rows = tx.execute(_BY_REFERENCES, {"patient": patient_address, "references": nearest}).all()
    found = {row.message_id_header: _conversation(row) for row in rows}
    by_id = {found[reference].id: found[reference] for reference in nearest if reference in found}
    return list(by_id.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class Posted:
    """A message that goes into a conversation."""

    message_id: str
    message_id_header: str | None
    sender: str
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """The patient side of a conversation: PROFILE_ID is None for another operator's patient."""

    address: str
    profile_id: str | None


def apply_change(tx: Transaction, patient: Patient, change: ThreadChange, posted: Posted) -> str:
    """Write what a professional's message does; returns the id of its conversation."""
    conversation_id = change.thread_id or _open(tx, patient, change, posted.at)
    if change.thread_id is not None and change.state is State.CLOSED and not change.closes:
        tx.execute(_TOUCH, {"conversation": change.thread_id, "now": posted.at})  # it was closed before
    elif change.thread_id is not None:
        values = {
            "conversation": change.thread_id,
            "new_correspondent": change.correspondent,
            "new_state": change.state,
            "new_answerable": change.answerable,
            "now": posted.at,
            "closed": posted.at if change.state is State.CLOSED else None,
        }
        tx.execute(_UPDATE, values)
    for other in change.also_closed:
        tx.execute(_CLOSE, {"conversation": other, "now": posted.at})
    _add_message(tx, conversation_id, posted, "in")
    return conversation_id


def open_by_patient(tx: Transaction, patient: Patient, recipient: str, posted: Posted) -> str:
    """Open a conversation with a message of the patient; returns its id."""
    change = ThreadChange(
        thread_id=None, professional=recipient, correspondent=recipient, state=State.OPEN, answerable=True
    )
    conversation_id = _open(tx, patient, change, posted.at)
    _add_message(tx, conversation_id, posted, "out")
    return conversation_id


def _open(tx: Transaction, patient: Patient, change: ThreadChange, at: datetime) -> str:
    conversation_id = new_id()
    row = {
        "id": conversation_id,
        "patient_address": patient.address,
        "profile_id": patient.profile_id,
        "professional": change.professional,
        "correspondent": change.correspondent,
        "state": change.state,
        "answerable": change.answerable,
        "opened_at": at,
        "changed_at": at,
        "closed_at": at if change.state is State.CLOSED else None,
    }
    tx.add(conversation_table, row)
    return conversation_id


def add_patient_message(tx: Transaction, conversation_id: str, posted: Posted) -> None:
    """Put a patient's message into an open conversation; its state does not change."""
    tx.execute(_TOUCH, {"conversation": conversation_id, "now": posted.at})
    _add_message(tx, conversation_id, posted, "out")


def _add_message(tx: Transaction, conversation_id: str, posted: Posted, direction: Direction) -> None:
    row = {
        "id": new_id(),
        "conversation_id": conversation_id,
        "message_id": posted.message_id,
        "message_id_header": posted.message_id_header,
        "direction": direction,
        "sender": posted.sender,
        "at": posted.at,
    }
    tx.add(conversation_message, row)


def _conversation(row: Row[Any]) -> Conversation:
    return Conversation(
        id=row.id,
        patient_address=row.patient_address,
        profile_id=row.profile_id,
        professional=row.professional,
        correspondent=row.correspondent,
        state=State(row.state),
        answerable=row.answerable,
        opened_at=row.opened_at,
        changed_at=row.changed_at,
        closed_at=row.closed_at,
    )
