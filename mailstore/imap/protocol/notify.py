"""NOTIFY as a value: which events of which mailboxes a client wants to hear of.

Names of events that are not known are kept, so that the answer can say which ones are.

Source: RFC 5465.
"""

from dataclasses import dataclass
from enum import StrEnum

from mailstore.imap.protocol.items import Attribute, Content


class NotifyEvent(StrEnum):
    """What may happen (RFC 5465 §5)."""

    MESSAGE_NEW = "MessageNew"
    MESSAGE_EXPUNGE = "MessageExpunge"
    FLAG_CHANGE = "FlagChange"
    MAILBOX_NAME = "MailboxName"
    SUBSCRIPTION_CHANGE = "SubscriptionChange"
    MAILBOX_METADATA_CHANGE = "MailboxMetadataChange"
    SERVER_METADATA_CHANGE = "ServerMetadataChange"


MESSAGE_EVENTS = frozenset({NotifyEvent.MESSAGE_NEW, NotifyEvent.MESSAGE_EXPUNGE, NotifyEvent.FLAG_CHANGE})


class Where(StrEnum):
    """Which mailboxes a group is about (RFC 5465 §6)."""

    SELECTED = "SELECTED"
    SELECTED_DELAYED = "SELECTED-DELAYED"
    INBOXES = "INBOXES"
    PERSONAL = "PERSONAL"
    SUBSCRIBED = "SUBSCRIBED"
    SUBTREE = "SUBTREE"
    MAILBOXES = "MAILBOXES"


_OF_SELECTED = frozenset({Where.SELECTED, Where.SELECTED_DELAYED})
BY_NAME = frozenset({Where.SUBTREE, Where.MAILBOXES})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventGroup:
    """What is wanted of some mailboxes, nothing when `events` is empty.

    `names` are those of SUBTREE and MAILBOXES; `attributes` and `contents` is what is fetched of new messages;
    `unknown` are names of events that this server does not have.
    """

    where: Where
    names: tuple[str, ...] = ()
    events: frozenset[NotifyEvent] = frozenset()
    attributes: tuple[Attribute, ...] = ()
    contents: tuple[Content, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_of_selected(self) -> bool:
        """Whether it is about the selected mailbox, whichever that is."""
        return self.where in _OF_SELECTED


@dataclass(frozen=True, slots=True)
class Notify:
    """RFC 5465 §3.1; no group at all is NOTIFY NONE; `status` asks for how things stand now."""

    groups: tuple[EventGroup, ...] = ()
    status: bool = False
