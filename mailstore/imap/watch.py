"""What a session watches beyond the folder that it selected (NOTIFY), and the annotations of its folders.

A session that asked for nothing has no watch. One that did remembers of each watched folder the last change that it
was told of, a few numbers, and looks again when the bus says that a mailbox changed: what is told is the difference,
never a list of events kept meanwhile, so a slow client costs nothing more.

Source: RFC 5465; RFC 5464 §4.4 (METADATA responses without values).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from mailstore.imap.protocol.notify import MESSAGE_EVENTS, EventGroup, NotifyEvent, Where
from mailstore.model import INBOX, SEPARATOR, Folder
from vaguemestre.kernel.bus import Bus

Marks = Mapping[tuple[int, str], str]
"""Versions of annotations by folder and name."""


class Known(NamedTuple):
    """What a client was told of a folder, and what it wants to hear of it."""

    events: frozenset[NotifyEvent]
    name: str
    subscribed: bool
    uidnext: int
    modseq: int


@dataclass(frozen=True, slots=True)
class Sight:
    """How things stand: the folders that are watched, by id, annotations, and the mailboxes that they are in."""

    folders: Mapping[int, Known] = field(default_factory=dict)
    marks: Marks = field(default_factory=dict)
    mailboxes: frozenset[str] = frozenset()


class Watch:
    """What one session watches; GROUPS is None for a session that only enabled METADATA."""

    __slots__ = ("_bus", "_ended_by", "_ring", "checked_at", "dirty", "groups", "sight")

    def __init__(self, groups: Sequence[EventGroup] | None, bus: Bus, ring: Callable[[], None]) -> None:
        self.groups = None if groups is None else tuple(groups)
        self.sight = Sight()
        self.dirty = False
        self.checked_at = 0.0
        self._bus = bus
        self._ring = ring
        self._ended_by: dict[str, Callable[[], None]] = {}

    @property
    def notifies(self) -> bool:
        """Whether what happens is told at once, even while the client neither asks nor waits in IDLE."""
        return self.groups is not None

    @property
    def of_selected(self) -> EventGroup | None:
        """What is wanted of the selected folder; None: nothing of its own accord."""
        return next((group for group in self.groups or () if group.is_of_selected and group.events), None)

    @property
    def expunges_at_once(self) -> bool:
        """Whether EXPUNGE responses may be sent at any time (RFC 5465 §6.1)."""
        group = self.of_selected
        return group is not None and group.where is Where.SELECTED

    def wanted(self, folder: Folder, *, is_own: bool) -> frozenset[NotifyEvent]:
        """Return the events to tell of a folder that is not selected; the first NONE that fits ends the search."""
        events: frozenset[NotifyEvent] = frozenset()
        for group in self.groups or ():
            if not group.is_of_selected and _fits(group, folder, is_own=is_own):
                if not group.events:
                    break
                events |= group.events
        return events

    @property
    def wants_server_annotations(self) -> bool:
        """Whether changes of the annotations of the server are told."""
        return any(NotifyEvent.SERVER_METADATA_CHANGE in group.events for group in self.groups or ())

    @property
    def looks_beyond(self) -> bool:
        """Whether anything is wanted of folders that are not selected."""
        return self.groups is None or any(not group.is_of_selected for group in self.groups)

    def listen(self, mailboxes: Collection[str]) -> None:
        """Hear of every change of some mailboxes, and of no others; new ones are looked at once more."""
        for gone in self._ended_by.keys() - set(mailboxes):
            self._ended_by.pop(gone)()
        for fresh in set(mailboxes) - self._ended_by.keys():
            self._ended_by[fresh] = self._bus.subscribe(f"mailbox:{fresh}", self.rouse)
            self.dirty = True

    def rouse(self) -> None:
        """Note that something changed."""
        self.dirty = True
        self._ring()

    def stop(self) -> None:
        """Hear of nothing any more."""
        self.listen(())
        self.dirty = False

    def know(self, versions: Marks) -> None:
        """Take note of annotations that the client itself has just set; an empty version is one that it removed."""
        marks = {key: version for key, version in {**self.sight.marks, **versions}.items() if version}
        self.sight = Sight(self.sight.folders, marks, self.sight.mailboxes)


def changed_marks(before: Marks, after: Marks) -> dict[int, list[str]]:
    """Return the names of annotations that were set or removed, by folder, the mailbox itself under 0."""
    changed: dict[int, list[str]] = {}
    for folder_id, name in sorted(before.keys() | after.keys()):
        if before.get((folder_id, name)) != after.get((folder_id, name)):
            changed.setdefault(folder_id, []).append(name)
    return changed


def wants_messages(events: frozenset[NotifyEvent]) -> bool:
    """Say whether some events are about messages."""
    return not events.isdisjoint(MESSAGE_EVENTS)


def _fits(group: EventGroup, folder: Folder, *, is_own: bool) -> bool:
    if group.where is Where.PERSONAL:
        return is_own
    if group.where is Where.INBOXES:
        return is_own and folder.name == INBOX
    if group.where is Where.SUBSCRIBED:
        return folder.subscribed
    if group.where is Where.MAILBOXES:
        return folder.name in group.names
    return any(folder.name == name or folder.name.startswith(name + SEPARATOR) for name in group.names)
