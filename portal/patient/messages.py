"""The patient's conversations: list, open, fetch an attachment. Reading is noted and traced in the same transaction."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from access_core.professionals import professional_by_address
from access_core.reasons import REGISTER, Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.model import INBOX, SEEN, FlagChange
from portal.patient.bodies import Body
from portal.patient.mail import (
    AttachedFile,
    FileContent,
    attached_files,
    author_name,
    file_content,
    header_of,
    read_body,
    subject_words,
)
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from smtp_gateway.conversation import (
    Conversation,
    ConversationMessage,
    conversation,
    conversations_of_patient,
    messages_of,
)
from smtp_gateway.fin import State
from vaguemestre.kernel.database import Transaction

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
class MessageView:
    """One message of an open conversation; `mine`: the patient wrote it."""

    id: str
    mine: bool
    author: str
    at: datetime
    was_unread: bool
    body: Body
    attachments: tuple[AttachedFile, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """A conversation with its messages, oldest first; `no_reply` says why there is no reply, "" when there is."""

    id: str
    correspondent: str
    address: str
    subject: str
    closed: bool
    no_reply: str
    messages: tuple[MessageView, ...]

    @property
    def may_reply(self) -> bool:
        """Whether the page offers a reply; the engine decides again when one is sent."""
        return not self.no_reply


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


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message stands: its conversation and its own id."""

    conversation_id: str
    message_id: str


async def list_conversations(services: PortalServices, viewer: Viewer) -> list[ConversationLine]:
    """Return the conversations of a patient, the one that changed last first."""
    return await services.database.read(partial(_list, services=services, viewer=viewer))


async def list_messages(services: PortalServices, viewer: Viewer) -> list[MessageLine]:
    """Return the messages of her latest conversations, the latest first."""
    return await services.database.read(partial(_list_messages, services=services, viewer=viewer))


async def open_conversation(services: PortalServices, viewer: Viewer, conversation_id: str) -> Thread | None:
    """Open a conversation: its messages become read, and the reading of each new one is traced.

    Returns:
        None when this patient has no such conversation.
    """
    thread = await services.database.read(
        partial(_open, services=services, viewer=viewer, conversation_id=conversation_id)
    )
    if thread is not None and any(message.was_unread for message in thread.messages):
        await services.database.write(partial(_mark_read, services=services, viewer=viewer, thread=thread))
    return thread


async def open_attachment(
    services: PortalServices, viewer: Viewer, place: MessagePlace, section: str
) -> FileContent | None:
    """Fetch one attached file; the reading is traced. None when there is no such file for this patient."""
    content = await services.database.read(
        partial(_attachment, services=services, viewer=viewer, place=place, section=section)
    )
    if content is not None:
        await services.database.write(partial(_trace_attachment, services=services, viewer=viewer, place=place))
    return content


def count_unread(tx: Transaction, services: PortalServices, viewer: Viewer) -> int:
    """Return the number of messages in her inbox that she has not read."""
    return len(_unread(tx, services, viewer))


def _unread(tx: Transaction, services: PortalServices, viewer: Viewer) -> dict[str, int]:
    """Return UID by message for the unread messages of the inbox."""
    inbox = services.store.folder(tx, viewer.mailbox_id, INBOX)
    if inbox is None:
        return {}
    return {entry.message_id: entry.uid for entry in services.store.entries(tx, inbox.id) if SEEN not in entry.flags}


def _own(tx: Transaction, viewer: Viewer, conversation_id: str) -> Conversation | None:
    found = conversation(tx, conversation_id)
    return found if found is not None and found.profile_id == viewer.profile.id else None


def correspondent_name(tx: Transaction, address: str) -> str:
    """Return the name of a professional of this instance, else the address."""
    known = professional_by_address(tx, address)
    return address if known is None else known.name


def _list(tx: Transaction, services: PortalServices, viewer: Viewer) -> list[ConversationLine]:
    unread = _unread(tx, services, viewer)
    found = conversations_of_patient(tx, viewer.profile.id)[:LISTED]
    return [_line(tx, services, viewer, each, unread) for each in found]


def _line(
    tx: Transaction, services: PortalServices, viewer: Viewer, each: Conversation, unread: Mapping[str, int]
) -> ConversationLine:
    messages = messages_of(tx, each.id)
    ids = [message.message_id for message in messages]
    indexes = services.store.indexes(tx, viewer.mailbox_id, ids)
    first = header_of(services.store.open(tx, viewer.mailbox_id, ids[0]))
    return ConversationLine(
        id=each.id,
        correspondent=_name(tx, each, first.text(b"from")),
        address=each.correspondent,
        subject=subject_words(first.text(b"subject")),
        last_at=messages[-1].at,
        unread=sum(message_id in unread for message_id in ids),
        messages=len(messages),
        attachments=sum(len(attached_files(index.parts)) for index in indexes.values()),
        closed=each.state is State.CLOSED,
    )


def _list_messages(tx: Transaction, services: PortalServices, viewer: Viewer) -> list[MessageLine]:
    unread = _unread(tx, services, viewer)
    found = conversations_of_patient(tx, viewer.profile.id)[:LISTED]
    lines = [_message(tx, services, viewer, message) for each in found for message in messages_of(tx, each.id)]
    marked = [replace(line, unread=line.id in unread) for line in lines]
    return sorted(marked, key=lambda line: line.at, reverse=True)


def _message(
    tx: Transaction, services: PortalServices, viewer: Viewer, message: ConversationMessage
) -> MessageLine:
    reader = services.store.open(tx, viewer.mailbox_id, message.message_id)
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


def _name(tx: Transaction, each: Conversation, first_from: str | None) -> str:
    """Name the professional side: the directory, then what the first message says, then the address."""
    name = correspondent_name(tx, each.correspondent)
    return author_name(first_from) if name == each.correspondent == each.professional else name


def _open(tx: Transaction, services: PortalServices, viewer: Viewer, conversation_id: str) -> Thread | None:
    found = _own(tx, viewer, conversation_id)
    if found is None:
        return None
    unread = _unread(tx, services, viewer)
    messages = messages_of(tx, found.id)
    views = tuple(_view(tx, services, viewer, message, message.message_id in unread) for message in messages)
    first = header_of(services.store.open(tx, viewer.mailbox_id, messages[0].message_id))
    name = _name(tx, found, first.text(b"from"))
    return Thread(
        id=found.id,
        correspondent=name,
        address=found.correspondent,
        subject=subject_words(first.text(b"subject")),
        closed=found.state is State.CLOSED,
        no_reply=_no_reply(found, name),
        messages=views,
    )


def _no_reply(found: Conversation, name: str) -> str:
    if found.state is State.CLOSED:
        return f"{name} a mis fin à vos échanges."
    return "" if found.answerable else REGISTER[Reason.C_REPONSE_NON_AUTORISEE].sentence


def _view(
    tx: Transaction, services: PortalServices, viewer: Viewer, message: ConversationMessage, was_unread: bool
) -> MessageView:
    reader = services.store.open(tx, viewer.mailbox_id, message.message_id)
    mine = message.direction == "out"
    return MessageView(
        id=message.message_id,
        mine=mine,
        author=viewer.name if mine else author_name(header_of(reader).text(b"from")),
        at=message.at,
        was_unread=was_unread,
        body=read_body(reader),
        attachments=tuple(attached_files(reader.index.parts)),
    )


def _mark_read(tx: Transaction, services: PortalServices, viewer: Viewer, thread: Thread) -> None:
    """Note what the page shows as read; another tab may have done it since, then there is nothing left to note."""
    inbox = services.store.folder(tx, viewer.mailbox_id, INBOX)
    shown = {message.id for message in thread.messages if message.was_unread}
    uids = {id_: uid for id_, uid in _unread(tx, services, viewer).items() if id_ in shown}
    if inbox is None or not uids:
        return
    services.store.change_flags(tx, inbox.id, sorted(uids.values()), FlagChange(op="add", flags=frozenset({SEEN})))
    now = services.clock.now()
    for message in messages_of(tx, thread.id):
        if message.message_id in uids:
            record(tx, _entry(viewer, message, Event.MESSAGE_READ, now))


def _entry(viewer: Viewer, message: ConversationMessage, event: Event, now: datetime) -> TraceEntry:
    return event_entry(
        viewer.profile, event, now, resource=("message", message.message_id), header=message.message_id_header
    )


def _find(tx: Transaction, viewer: Viewer, place: MessagePlace) -> ConversationMessage | None:
    found = _own(tx, viewer, place.conversation_id)
    messages = [] if found is None else messages_of(tx, found.id)
    return next((each for each in messages if each.message_id == place.message_id), None)


def _attachment(
    tx: Transaction, services: PortalServices, viewer: Viewer, place: MessagePlace, section: str
) -> FileContent | None:
    message = _find(tx, viewer, place)
    if message is None:
        return None
    return file_content(services.store.open(tx, viewer.mailbox_id, message.message_id), section)


def _trace_attachment(tx: Transaction, services: PortalServices, viewer: Viewer, place: MessagePlace) -> None:
    message = _find(tx, viewer, place)
    if message is not None:
        record(tx, _entry(viewer, message, Event.ATTACHMENT_READ, services.clock.now()))
