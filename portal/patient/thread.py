"""One conversation: open it, fetch its attachments. Reading is noted and traced once the page is ready to show."""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

from access_core.reasons import REGISTER, Reason
from access_core.trace.entries import TraceEntry, record
from mailstore.model import INBOX, SEEN, FlagChange
from portal.attachments.kinds import FileContent
from portal.delivery import RecipientLine, recipient_lines
from portal.patient.bodies import Body
from portal.patient.mail import (
    AttachedFile,
    attached_files,
    author_name,
    file_content,
    header_of,
    read_body,
)
from portal.patient.messages import correspondent_of, opening_of, professional_name, reader_of, unread_of
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer
from portal.services import PortalServices
from smtp_gateway.conversation import Conversation, ConversationMessage, conversation, messages_of
from smtp_gateway.fin import State
from smtp_gateway.receipts.sending import note_read
from smtp_gateway.receipts.states import states_of_messages
from vaguemestre.kernel.database import Transaction

GONE = Body(text="Ce message n'est plus disponible.")


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
    recipients: tuple[RecipientLine, ...] = ()
    """Where a message of hers stands for those whom she wrote to."""


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


@dataclass(frozen=True, slots=True)
class MessagePlace:
    """Where a message stands: its conversation and its own id."""

    conversation_id: str
    message_id: str


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
    content = await peek_attachment(services, viewer, place, section)
    if content is not None:
        await services.database.write(partial(_trace_attachment, services=services, viewer=viewer, place=place))
    return content


async def peek_attachment(
    services: PortalServices, viewer: Viewer, place: MessagePlace, section: str
) -> FileContent | None:
    """Fetch one attached file to draw it on the page of its conversation, whose reading is traced."""
    read = partial(_attachment, services=services, viewer=viewer, place=place, section=section)
    return await services.database.read(read)


def _own(tx: Transaction, viewer: Viewer, conversation_id: str) -> Conversation | None:
    found = conversation(tx, conversation_id)
    return found if found is not None and found.profile_id == viewer.profile.id else None


def _open(tx: Transaction, services: PortalServices, viewer: Viewer, conversation_id: str) -> Thread | None:
    found = _own(tx, viewer, conversation_id)
    if found is None:
        return None
    unread = unread_of(tx, services, viewer)
    messages = messages_of(tx, found.id)
    views = tuple(_view(tx, services, viewer, message, message.message_id in unread) for message in messages)
    sent = states_of_messages(tx, [view.id for view in views if view.mine])
    views = tuple(replace(view, recipients=recipient_lines(sent.get(view.id, ()))) for view in views)
    sender, subject = opening_of(tx, services, viewer, messages[0].message_id)
    name = correspondent_of(tx, found, sender)
    return Thread(
        id=found.id,
        correspondent=name,
        address=found.correspondent,
        subject=subject,
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
    reader = reader_of(tx, services, viewer, message.message_id)
    mine = message.direction == "out"
    author = message.sender if reader is None else author_name(header_of(reader).text(b"from"))
    if author == message.sender:
        author = professional_name(tx, message.sender)
    return MessageView(
        id=message.message_id,
        mine=mine,
        author=viewer.name if mine else author,
        at=message.at,
        was_unread=was_unread,
        body=GONE if reader is None else read_body(reader),
        attachments=() if reader is None else tuple(attached_files(reader.index.parts)),
    )


def _mark_read(tx: Transaction, services: PortalServices, viewer: Viewer, thread: Thread) -> None:
    """Note what the page shows as read; another tab may have done it since, then there is nothing left to note."""
    inbox = services.store.folder(tx, viewer.mailbox_id, INBOX)
    shown = {message.id for message in thread.messages if message.was_unread}
    uids = {id_: uid for id_, uid in unread_of(tx, services, viewer).items() if id_ in shown}
    if inbox is None or not uids:
        return
    services.store.change_flags(tx, inbox.id, sorted(uids.values()), FlagChange(op="add", flags=frozenset({SEEN})))
    now = services.clock.now()
    for message in messages_of(tx, thread.id):
        if message.message_id in uids:
            record(tx, _entry(viewer, message, Event.MESSAGE_READ, now))
            note_read(tx, message.message_id, viewer.mailbox_id, now=now)


def _entry(viewer: Viewer, message: ConversationMessage, event: Event, now: datetime) -> TraceEntry:
    return event_entry(
        viewer.profile, event, now, resource=("message", message.message_id), header=message.message_id_header
    )


def find_message(tx: Transaction, viewer: Viewer, place: MessagePlace) -> ConversationMessage | None:
    """Find a message of one of her conversations."""
    found = _own(tx, viewer, place.conversation_id)
    messages = [] if found is None else messages_of(tx, found.id)
    return next((each for each in messages if each.message_id == place.message_id), None)


def _attachment(
    tx: Transaction, services: PortalServices, viewer: Viewer, place: MessagePlace, section: str
) -> FileContent | None:
    message = find_message(tx, viewer, place)
    reader = None if message is None else reader_of(tx, services, viewer, message.message_id)
    return None if reader is None else file_content(reader, section)


def _trace_attachment(tx: Transaction, services: PortalServices, viewer: Viewer, place: MessagePlace) -> None:
    message = find_message(tx, viewer, place)
    if message is not None:
        record(tx, _entry(viewer, message, Event.ATTACHMENT_READ, services.clock.now()))
