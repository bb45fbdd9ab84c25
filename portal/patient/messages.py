"""The patient's conversations: list, open, fetch an attachment. Reading is noted and traced in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from access_core.professionals import professional_by_address
from mailstore.model import INBOX, SEEN
from mailstore.reader import MessageReader
from portal.patient.mail import (
    NO_SUBJECT,
    AttachedFile,
    attached_files,
    author_name,
    header_of,
    subject_words,
)
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from smtp_gateway.conversation import (
    Conversation,
    ConversationMessage,
    conversations_of_patient,
    messages_of,
)
from smtp_gateway.fin import State
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import IntegrityError, PermanentFailure
from vaguemestre.kernel.log import get_logger

log = get_logger(__name__)
LISTED = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationLine:
    """A conversation in the list; `unread`, `messages` and `attachments` are counts."""

    id: str
    correspondent: str
    address: str
    subject: str
    last_at: datetime
    unread: int
    messages: int
    attachments: int
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ConversationPage:
    """At most LISTED conversations; `older` names the last of them when others follow; `unread` is of the inbox."""

    lines: list[ConversationLine]
    older: str | None
    unread: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageLine:
    """One message of any conversation; `author` is the patient herself when `mine`."""

    id: str
    conversation_id: str
    mine: bool
    author: str
    subject: str
    at: datetime
    unread: bool
    attachments: tuple[AttachedFile, ...]


async def list_conversations(services: PortalServices, viewer: Viewer, after: str | None = None) -> ConversationPage:
    """Return the conversations of a patient, the one that changed last first; the next page comes AFTER an id."""
    return await services.database.read(partial(_list, services=services, viewer=viewer, after=after))


async def list_messages(services: PortalServices, viewer: Viewer) -> list[MessageLine]:
    """Return the messages of her latest conversations, the latest first."""
    return await services.database.read(partial(_list_messages, services=services, viewer=viewer))


def count_unread(tx: Transaction, services: PortalServices, viewer: Viewer) -> int:
    """Return the number of messages in her inbox that she has not read."""
    return len(unread_of(tx, services, viewer))


def unread_of(tx: Transaction, services: PortalServices, viewer: Viewer) -> dict[str, int]:
    """Return UID by message for the unread messages of the inbox."""
    inbox = services.store.folder(tx, viewer.mailbox_id, INBOX)
    if inbox is None:
        return {}
    return {entry.message_id: entry.uid for entry in services.store.entries(tx, inbox.id) if SEEN not in entry.flags}


def professional_name(tx: Transaction, address: str) -> str:
    """Return the name of a professional of this instance, else the address."""
    known = professional_by_address(tx, address)
    return address if known is None else known.name


def _list(tx: Transaction, services: PortalServices, viewer: Viewer, after: str | None) -> ConversationPage:
    unread = unread_of(tx, services, viewer)
    found = conversations_of_patient(tx, viewer.profile.id)
    start = next((place for place, each in enumerate(found, start=1) if each.id == after), 0)
    shown = found[start : start + LISTED]
    return ConversationPage(
        lines=[_line(tx, services, viewer, each, unread) for each in shown],
        older=shown[-1].id if len(found) > start + LISTED else None,
        unread=len(unread),
    )


def _line(
    tx: Transaction, services: PortalServices, viewer: Viewer, each: Conversation, unread: Mapping[str, int]
) -> ConversationLine:
    messages = messages_of(tx, each.id)
    ids = [message.message_id for message in messages]
    indexes = services.store.indexes(tx, viewer.mailbox_id, ids)
    sender, subject = opening_of(tx, services, viewer, ids[0])
    return ConversationLine(
        id=each.id,
        correspondent=correspondent_of(tx, each, sender),
        address=each.correspondent,
        subject=subject,
        last_at=messages[-1].at,
        unread=sum(message_id in unread for message_id in ids),
        messages=len(messages),
        attachments=sum(len(attached_files(index.parts)) for index in indexes.values()),
        closed=each.state is State.CLOSED,
    )


def _list_messages(tx: Transaction, services: PortalServices, viewer: Viewer) -> list[MessageLine]:
    unread = unread_of(tx, services, viewer)
    found = conversations_of_patient(tx, viewer.profile.id)[:LISTED]
    lines = [_message(tx, services, viewer, message) for each in found for message in messages_of(tx, each.id)]
    marked = [replace(line, unread=line.id in unread) for line in lines if line is not None]
    return sorted(marked, key=lambda line: line.at, reverse=True)


def _message(
    tx: Transaction, services: PortalServices, viewer: Viewer, message: ConversationMessage
) -> MessageLine | None:
    reader = reader_of(tx, services, viewer, message.message_id)
    if reader is None:
        return None
    header = header_of(reader)
    mine = message.direction == "out"
    return MessageLine(
        id=message.message_id,
        conversation_id=message.conversation_id,
        mine=mine,
        author=viewer.name if mine else author_name(header.text(b"from")),
        subject=subject_words(header.text(b"subject")),
        at=message.at,
        unread=False,
        attachments=tuple(attached_files(reader.index.parts)),
    )


def reader_of(tx: Transaction, services: PortalServices, viewer: Viewer, message_id: str) -> MessageReader | None:
    """Open a message; None when it was deleted or its bytes were changed: the rest of the page still shows."""
    try:
        reader = services.store.open(tx, viewer.mailbox_id, message_id)
        return reader if reader.header else None
    except (PermanentFailure, IntegrityError) as error:
        log.warning("message_not_opened", message_id=message_id, error=error)
        return None


def opening_of(tx: Transaction, services: PortalServices, viewer: Viewer, message_id: str) -> tuple[str, str]:
    """Return the author and the subject of the message that opened a conversation; ("", …) when it is gone."""
    reader = reader_of(tx, services, viewer, message_id)
    if reader is None:
        return "", NO_SUBJECT
    header = header_of(reader)
    return author_name(header.text(b"from")), subject_words(header.text(b"subject"))


def correspondent_of(tx: Transaction, each: Conversation, sender: str) -> str:
    """Name the professional side: the directory, then what the first message says, then the address."""
    name = professional_name(tx, each.correspondent)
    return sender if sender and name == each.correspondent == each.professional else name
