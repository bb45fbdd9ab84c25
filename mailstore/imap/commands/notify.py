"""NOTIFY: the server tells what happens in mailboxes that are not selected, and does not wait to be asked.

What is told of a folder is its STATUS or its LIST line as things stand now. A client that watches more folders than
the settings allow is told NOTIFICATIONOVERFLOW and hears of nothing until it asks again. Annotations of messages
(RFC 5257) do not exist here, so AnnotationChange is a BADEVENT.

Source: RFC 5465; RFC 5464 §4.4 for a session that enabled METADATA.
"""

from array import array
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from mailstore.annotations import WHOLE_MAILBOX
from mailstore.expunged_log import has_expunged
from mailstore.folders import canonical_name
from mailstore.imap.commands.fetch import tell
from mailstore.imap.commands.listing import news_line
from mailstore.imap.commands.metadata import WORD as METADATA
from mailstore.imap.commands.metadata import entry_word
from mailstore.imap.commands.status import status_line
from mailstore.imap.namespaces import Place, is_shared_name, shared_mailboxes, shown_name
from mailstore.imap.outcome import Outcome, no, ok
from mailstore.imap.protocol.commands import Fetch, StatusItem
from mailstore.imap.protocol.notify import EventGroup, Notify, NotifyEvent
from mailstore.imap.protocol.responses import untagged
from mailstore.imap.protocol.sequence import SequenceSet, Target
from mailstore.imap.session import Session
from mailstore.imap.watch import Known, Sight, Watch, changed_marks, wants_messages
from mailstore.model import Folder, FolderRefused
from vaguemestre.kernel.database import Transaction

_BAD_EVENT = no(
    b"BADEVENT (" + b" ".join(event.value.encode() for event in NotifyEvent) + b")", "Un evenement n'est pas connu."
)
_ITEMS = (StatusItem.MESSAGES, StatusItem.UIDNEXT, StatusItem.UIDVALIDITY, StatusItem.UNSEEN)
_OVERFLOW = untagged(b"OK [NOTIFICATIONOVERFLOW] Trop de dossiers a surveiller, plus rien n'est annonce.")
_ALL_UIDS = range(1, 1 << 32)
_NO_EVENTS: frozenset[NotifyEvent] = frozenset()


@dataclass(slots=True)
class _Look:
    """What one unit of work saw: how things stand, and the lines that tell the difference."""

    sight: Sight
    lines: list[bytes] = field(default_factory=list)


async def set_notifications(session: Session, command: Notify) -> Outcome:
    """NOTIFY SET and NOTIFY NONE; what was asked before is forgotten."""
    if any(group.unknown for group in command.groups):
        return _BAD_EVENT
    groups = [replace(group, names=tuple(map(_known_name, group.names))) for group in command.groups]
    await begin_watch(session, groups or None)
    watch = session.watch
    if session.view is not None:
        session.view.fetched_to = session.view.uidnext
    if command.status and watch is not None:
        session.send(*await session.read(lambda tx: _standing(session, tx, watch)))
    return ok()


async def begin_watch(session: Session, groups: Sequence[EventGroup] | None) -> None:
    """Begin to watch what GROUPS name, and annotations when METADATA is enabled; changes from now on are told."""
    if groups is None and METADATA not in session.enabled:
        session.set_watch(None)
        return
    watch = Watch(groups, session.parts.bus, session.wire.on_news)
    if watch.looks_beyond or METADATA in session.enabled:
        watch.listen({session.mailbox_id})
        watch.dirty = False
        try:
            look = await session.read(lambda tx: _look(session, tx, watch))
        except BaseException:
            watch.stop()
            raise
        if look is None:
            watch.stop()
            _give_up(session)
            return
        _take(session, watch, look)
    session.set_watch(watch)


async def tell_news(session: Session, *, may_expunge: bool, asked: bool) -> None:
    """Send what changed in the selected folder and in those that are watched.

    Args:
        may_expunge: whether EXPUNGE responses may be sent now.
        asked: whether a command is under way, be it IDLE, which hears of everything in the selected folder.
    """
    view, watch = session.view, session.watch
    if view is not None and (asked or (watch is not None and watch.of_selected is not None)):
        if view.dirty or view.holds_expunges:
            await session.refresh(may_expunge=may_expunge, quiet=() if asked else _quiet(session))
        if session.owes_messages:
            await _send_new(session)
    if watch is not None and watch.dirty:
        watch.dirty = False
        look = await session.read(lambda tx: _look(session, tx, watch))
        if look is None:
            _give_up(session)
        else:
            _take(session, watch, look)
            session.send(*look.lines)


def _quiet(session: Session) -> Sequence[int]:
    """Return the UIDs whose flags are not told of their own accord: all when changes of flags are not wanted."""
    group = session.watch.of_selected if session.watch is not None else None
    return () if group is None or NotifyEvent.FLAG_CHANGE in group.events else _ALL_UIDS


async def _send_new(session: Session) -> None:
    """Send what the client wants of messages that are new in the selected folder."""
    view, group = session.selected, session.watch.of_selected if session.watch is not None else None
    fresh = array("I", view.uids[bisect_left(view.uids, view.fetched_to) :])
    view.fetched_to = view.uidnext
    if group is not None and fresh:
        target = Target(SequenceSet(((fresh[0], fresh[-1]),)), uid=True)
        await tell(session, Fetch(target, group.attributes, group.contents), fresh)


def _take(session: Session, watch: Watch, look: _Look) -> None:
    """Go on from what a look saw."""
    watch.listen(look.sight.mailboxes)
    watch.sight = look.sight
    watch.checked_at = session.wire.seconds()


def _give_up(session: Session) -> None:
    """End the watch of a client that watches too much (RFC 5465 §5.8)."""
    session.set_watch(None)
    session.send(_OVERFLOW)


def _known_name(name: str) -> str:
    """Return the name by which a folder is listed; one that no folder can have fits none."""
    if is_shared_name(name):
        return shown_name(name)
    try:
        return canonical_name(name)
    except FolderRefused:
        return name


def _folders(session: Session, tx: Transaction) -> tuple[list[Folder], frozenset[str]]:
    """Return the folders that the account has, as they are listed, and the mailboxes that they are in."""
    shared = shared_mailboxes(session, tx)
    places = [Place(session.mailbox_id, ""), *(Place(each, "", address) for address, each in shared.items())]
    found = [place.shown(each) for place in places for each in session.parts.store.folders(tx, place.mailbox_id)]
    return found, frozenset(place.mailbox_id for place in places)


def _look(session: Session, tx: Transaction, watch: Watch) -> _Look | None:
    """Unit of work: compare how things stand with what the client was told; None when that is too many folders."""
    folders, mailboxes = _folders(session, tx)
    kept = {}
    for folder in folders:
        events = watch.wanted(folder, is_own=folder.mailbox_id == session.mailbox_id)
        if events:
            kept[folder.id] = Known(events, folder.name, folder.subscribed, folder.uidnext, folder.highest_modseq)
    if len(kept) > session.parts.settings.notify_folders:
        return None
    marks = {}
    if _tells_annotations(session, watch, kept):
        ids = [WHOLE_MAILBOX, *(folder.id for folder in folders)]
        known = session.parts.store.annotations.list(tx, session.account_id, ids)
        marks = {(each.folder_id, each.name): each.version for each in known}
    look = _Look(Sight(kept, marks, mailboxes))
    before = watch.sight
    for folder in folders:
        now, told = kept.get(folder.id), before.folders.get(folder.id)
        look.lines += _named(session, folder, now, told)
        if now is not None and wants_messages(now.events) and not _is_selected(session, folder):
            look.lines += _counted(session, tx, folder, now, told)
    look.lines += _gone(session, before.folders, {folder.id for folder in folders})
    look.lines += _annotated(session, watch, look.sight, {folder.id: folder for folder in folders})
    return look


def _standing(session: Session, tx: Transaction, watch: Watch) -> list[bytes]:
    """Unit of work: the STATUS of each watched folder (RFC 5465 §3.1)."""
    lines = []
    for folder in _folders(session, tx)[0]:
        wanted = watch.wanted(folder, is_own=folder.mailbox_id == session.mailbox_id)
        if wants_messages(wanted) and not _is_selected(session, folder):
            lines.append(_status(session, tx, folder))
    return lines


def _named(session: Session, folder: Folder, now: Known | None, told: Known | None) -> list[bytes]:
    """Return what to tell of the name and the subscription of a folder that exists."""
    events = (now.events if now is not None else _NO_EVENTS) | (told.events if told is not None else _NO_EVENTS)
    lines = []
    if NotifyEvent.MAILBOX_NAME in events and (told is None or told.name != folder.name):
        lines.append(news_line(session, folder, old_name=told.name if told is not None else ""))
    if NotifyEvent.SUBSCRIPTION_CHANGE in events and told is not None and told.subscribed is not folder.subscribed:
        lines.append(news_line(session, folder, subscription=True))
    return lines


def _counted(session: Session, tx: Transaction, folder: Folder, now: Known, told: Known | None) -> list[bytes]:
    """Return the STATUS of a folder in which something happened that is wanted."""
    if told is not None:
        if now.modseq == told.modseq:
            return []
        counts = now.uidnext > told.uidnext or has_expunged(tx, folder.id, told.modseq)
        if not counts and NotifyEvent.FLAG_CHANGE not in now.events:
            return []
    return [_status(session, tx, folder)]


def _gone(session: Session, told: Mapping[int, Known], existing: set[int]) -> list[bytes]:
    """Return what to tell of folders that were deleted, or may not be seen any more."""
    gone = [known.name for folder_id, known in told.items() if folder_id not in existing and _is_named(known)]
    return [untagged(b'LIST (\\NonExistent) "/" ' + session.mailbox_name(name)) for name in sorted(gone)]


def _is_named(known: Known) -> bool:
    return NotifyEvent.MAILBOX_NAME in known.events


def _tells_annotations(session: Session, watch: Watch, kept: Mapping[int, Known]) -> bool:
    return (
        METADATA in session.enabled
        or watch.wants_server_annotations
        or any(NotifyEvent.MAILBOX_METADATA_CHANGE in known.events for known in kept.values())
    )


def _annotated(session: Session, watch: Watch, sight: Sight, folders: Mapping[int, Folder]) -> list[bytes]:
    """Return a METADATA response without values for each folder, and the server, whose annotations changed."""
    lines = []
    for folder_id, names in changed_marks(watch.sight.marks, sight.marks).items():
        folder, known = folders.get(folder_id), sight.folders.get(folder_id)
        if folder_id == WHOLE_MAILBOX:
            told = watch.wants_server_annotations
        else:
            told = known is not None and NotifyEvent.MAILBOX_METADATA_CHANGE in known.events
        if (told or METADATA in session.enabled) and (folder is not None or folder_id == WHOLE_MAILBOX):
            name = session.mailbox_name(folder.name if folder is not None else "")
            words = b" ".join(entry_word(each) for each in names)
            lines.append(untagged(b"METADATA " + name + b" " + words))
    return lines


def _is_selected(session: Session, folder: Folder) -> bool:
    return session.view is not None and session.view.folder_id == folder.id


def _status(session: Session, tx: Transaction, folder: Folder) -> bytes:
    items = (*_ITEMS, StatusItem.HIGHESTMODSEQ) if "CONDSTORE" in session.enabled else _ITEMS
    counted = session.parts.store.status(tx, folder.id, viewer=session.viewer_of(folder.mailbox_id))
    return status_line(session, folder, items, counted)
