"""The reading of NOTIFY.

Source: RFC 5465 §8.
"""

from collections.abc import Callable
from dataclasses import replace

from mailstore.imap.protocol.cursor import Cursor
from mailstore.imap.protocol.fetch_grammar import read_items
from mailstore.imap.protocol.items import Attribute, Content
from mailstore.imap.protocol.mailbox_names import mailbox
from mailstore.imap.protocol.notify import BY_NAME, MESSAGE_EVENTS, EventGroup, Notify, NotifyEvent, Where
from vaguemestre.kernel.errors import ProtocolError

GROUPS = 50
NAMES = 1_000
_PAIR = frozenset({NotifyEvent.MESSAGE_NEW, NotifyEvent.MESSAGE_EXPUNGE})
_EVENTS = {event.upper(): event for event in NotifyEvent}


def parse_notify(cursor: Cursor) -> Notify:
    """Read the arguments of NOTIFY."""
    cursor.space()
    word = cursor.word()
    if word == "NONE":
        return Notify()
    if word != "SET":
        raise ProtocolError("SET or NONE expected")
    status = _accept_status(cursor)
    groups: list[EventGroup] = []
    while not groups or not cursor.at_end():
        cursor.space()
        groups.append(_group(cursor))
        if len(groups) > GROUPS:
            raise ProtocolError("too many groups")
    if sum(group.is_of_selected for group in groups) > 1:
        raise ProtocolError("the selected mailbox is named twice")
    return Notify(tuple(groups), status)


def _accept_status(cursor: Cursor) -> bool:
    start = cursor.at
    if cursor.accept(b" ") and not cursor.starts_with(b"(") and cursor.word() == "STATUS":
        return True
    cursor.at = start
    return False


def _group(cursor: Cursor) -> EventGroup:
    cursor.expect(b"(")
    try:
        where = Where(cursor.word())
    except ValueError:
        raise ProtocolError("mailbox specifier expected") from None
    names: tuple[str, ...] = ()
    if where in BY_NAME:
        cursor.space()
        names = _one_or_more(cursor, lambda: mailbox(cursor))
    cursor.space()
    group = EventGroup(where=where, names=names)
    if cursor.starts_with(b"("):
        group = _with_events(cursor, group)
    elif cursor.word() != "NONE":
        raise ProtocolError("events or NONE expected")
    cursor.expect(b")")
    return group


def _one_or_more(cursor: Cursor, read: Callable[[], str]) -> tuple[str, ...]:
    names = cursor.parenthesised(read) if cursor.starts_with(b"(") else (read(),)
    if not names or len(names) > NAMES:
        raise ProtocolError("mailbox expected")
    return names


def _with_events(cursor: Cursor, group: EventGroup) -> EventGroup:
    """Read (MessageNew (UID FLAGS) MessageExpunge …).

    Raises:
        ProtocolError: new and expunged messages come together, changes of flags with them (RFC 5465 §5), and of the
            selected mailbox there is nothing else to hear.
    """
    attributes: list[Attribute] = []
    contents: list[Content] = []

    def event() -> str:
        word = cursor.word()
        if word == "MESSAGENEW" and cursor.accept(b" ("):
            cursor.at -= 1
            for item in read_items(cursor):
                if isinstance(item, Attribute):
                    attributes.append(item)
                else:
                    contents.append(item)
        return word

    words = cursor.parenthesised(event)
    events = frozenset(_EVENTS[word] for word in words if word in _EVENTS)
    if not words or len(events & _PAIR) == 1 or (NotifyEvent.FLAG_CHANGE in events and not events >= _PAIR):
        raise ProtocolError("MessageNew and MessageExpunge go together, FlagChange with them")
    if group.is_of_selected and not events <= MESSAGE_EVENTS:
        raise ProtocolError("not an event of the selected mailbox")
    unknown = tuple(word for word in words if word not in _EVENTS)
    return replace(group, events=events, attributes=tuple(attributes), contents=tuple(contents), unknown=unknown)
