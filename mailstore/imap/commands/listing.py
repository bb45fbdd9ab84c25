"""LIST and LSUB.

A level that has no folder of its own but folders below it is listed as one that does not exist and cannot be selected.

Source: RFC 9051 §6.3.9; RFC 3501 §6.3.8, §6.3.9; RFC 5258; RFC 5819; RFC 6154; RFC 9590.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from mailstore.aliases import is_alias
from mailstore.imap.commands.metadata import end_of_query, list_lines
from mailstore.imap.commands.status import prepare_status, status_line
from mailstore.imap.namespaces import Place, as_asked, shared_mailboxes
from mailstore.imap.outcome import Outcome, ok
from mailstore.imap.protocol.commands import ListMailboxes
from mailstore.imap.protocol.responses import untagged, words_in_parentheses
from mailstore.imap.session import Session
from mailstore.model import SEPARATOR, Folder
from vaguemestre.kernel.database import Transaction

PATTERN_WILDCARDS = 10
_CRITERIA = frozenset({"SUBSCRIBED", "SPECIAL-USE"})


@dataclass(frozen=True, slots=True)
class _Level:
    """A name of the hierarchy; FOLDER is None when only folders below it exist."""

    name: str
    folder: Folder | None
    has_children: bool
    selected_below: bool = False
    """Whether RECURSIVEMATCH has the client told that folders below are selected (RFC 5258 §3.5)."""


async def list_mailboxes(session: Session, command: ListMailboxes) -> Outcome:
    """LIST and LSUB."""
    if command.patterns == ("",) and not command.legacy_subscribed:
        session.send(untagged(b'LIST (\\Noselect) "/" ""'))
        return ok()

    prepare_status(session, command.status)

    def work(tx: Transaction) -> tuple[list[bytes], int]:
        levels = _levels(_folders(session, tx))
        chosen = _chosen([*levels, *_aliases(session, tx, command)], command)
        annotated, longest = _annotated(session, tx, chosen, command)
        lines = []
        for level in chosen:
            lines.append(_list_line(session, level, command))
            if command.status and level.folder is not None:
                viewer = session.viewer_of(level.folder.mailbox_id)
                counted = session.parts.store.status(tx, level.folder.id, viewer=viewer)
                lines.append(status_line(session, level.folder, command.status, counted))
            if level.folder is not None and level.folder.id in annotated:
                lines.append(annotated[level.folder.id])
        return lines, longest

    lines, longest = await session.read(work)
    session.send(*lines)
    return end_of_query(longest)


def _annotated(
    session: Session, tx: Transaction, chosen: Sequence[_Level], command: ListMailboxes
) -> tuple[Mapping[int, bytes], int]:
    """Return the METADATA responses of the folders listed, when they are asked for."""
    if command.metadata is None:
        return {}, 0
    folders = [level.folder for level in chosen if level.folder is not None]
    return list_lines(session, tx, folders, command.metadata)


def _folders(session: Session, tx: Transaction) -> list[Folder]:
    """Return the folders of the account's own mailbox, then those of the mailboxes that it shares."""
    store = session.parts.store
    places = [Place(mailbox_id, "", address) for address, mailbox_id in shared_mailboxes(session, tx).items()]
    shared = [place.shown(folder) for place in places for folder in store.folders(tx, place.mailbox_id)]
    return [*store.folders(tx, session.mailbox_id), *shared]


def _aliases(session: Session, tx: Transaction, command: ListMailboxes) -> Iterator[_Level]:
    """Yield the special folders that are asked for by other names; a pattern with wildcards names none."""
    for name in dict.fromkeys(command.reference + text for text in command.patterns):
        if is_alias(name) and not set(name) & set("*%"):
            folder = session.parts.store.folder(tx, session.mailbox_id, name)
            if folder is not None:
                yield _Level(name, as_asked(folder, name), has_children=False)


def selected_line(session: Session, tx: Transaction, name: str) -> bytes:
    """Write the LIST response that SELECT gives in IMAP4rev2 (RFC 9051 §6.3.2)."""
    (level,) = (each for each in _levels(_folders(session, tx)) if each.name == name)
    return _list_line(session, level, ListMailboxes(reference="", patterns=(name,)))


def news_line(session: Session, folder: Folder, *, old_name: str = "", subscription: bool = False) -> bytes:
    """Write the LIST response that tells of a folder that is new, has a new name, or was (un)subscribed (RFC 5465)."""
    words = [folder.special_use] if folder.special_use is not None else []
    words += ["\\Subscribed"] if subscription and folder.subscribed else []
    line = b"LIST " + words_in_parentheses(words) + b' "/" ' + session.mailbox_name(folder.name)
    return untagged(line + (b' ("OLDNAME" (' + session.mailbox_name(old_name) + b"))" if old_name else b""))


def _levels(folders: list[Folder]) -> list[_Level]:
    """Return every name of the hierarchy, INBOX first, then in order."""
    by_name = {folder.name: folder for folder in folders}
    parents = {parent for name in by_name for parent in _parents(name)}
    names = sorted(by_name.keys() | parents, key=lambda name: (name != "INBOX", name))
    return [_Level(name, by_name.get(name), name in parents) for name in names]


def _parents(name: str) -> Iterator[str]:
    levels = name.split(SEPARATOR)
    return (SEPARATOR.join(levels[:depth]) for depth in range(1, len(levels)))


def _chosen(levels: list[_Level], command: ListMailboxes) -> list[_Level]:
    """Return the levels that fit a pattern and the selection, and say which have others below them that do."""
    patterns = [_normalised(command.reference + text) for text in command.patterns]
    fitting = [level for level in levels if any(name_matches(level.name, pattern) for pattern in patterns)]
    if "RECURSIVEMATCH" not in command.select:
        return [level for level in fitting if _is_selected(level, command)]
    above = {name for level in levels if _is_selected(level, command) for name in _parents(level.name)}
    return [
        replace(level, selected_below=level.name in above)
        for level in fitting
        if level.name in above or _is_selected(level, command)
    ]


def _is_selected(level: _Level, command: ListMailboxes) -> bool:
    folder = level.folder
    if ("SUBSCRIBED" in command.select or command.legacy_subscribed) and not (folder and folder.subscribed):
        return False
    return "SPECIAL-USE" not in command.select or (folder is not None and folder.special_use is not None)


def _normalised(text: str) -> str:
    """Join runs of wildcards and write INBOX in capitals; a pattern with too many wildcards matches nothing."""
    text = re.sub(r"[*%]*\*[*%]*", "*", re.sub("%+", "%", text))
    if text.count("*") + text.count("%") > PATTERN_WILDCARDS:
        return ""
    return "INBOX" + text[5:] if text.upper().startswith("INBOX") and text[5:6] in ("", SEPARATOR) else text


def name_matches(name: str, pattern: str) -> bool:
    """Say whether a name fits a pattern: `*` stands for anything, `%` for anything within a level.

    Takes a step per character and wildcard at most, whatever the pattern.
    """
    places = _skip_wildcards(pattern, {0})
    for character in name:
        following = set()
        for place in places:
            symbol = pattern[place : place + 1]
            if symbol == "*" or (symbol == "%" and character != SEPARATOR):
                following.add(place)
            elif symbol == character:
                following.add(place + 1)
        places = _skip_wildcards(pattern, following)
    return len(pattern) in places


def _skip_wildcards(pattern: str, places: set[int]) -> set[int]:
    """Add the places after each wildcard, which may stand for nothing."""
    reached = set(places)
    for place in places:
        end = place
        while pattern[end : end + 1] in ("*", "%"):
            end += 1
            reached.add(end)
    return reached


def _list_line(session: Session, level: _Level, command: ListMailboxes) -> bytes:
    folder = level.folder
    words = ["\\HasChildren" if level.has_children else "\\HasNoChildren"]
    if folder is None:
        words += ["\\NonExistent", "\\Noselect"]
    elif folder.special_use is not None:
        words.append(folder.special_use)
    if folder is not None and folder.subscribed and "SUBSCRIBED" in command.select | command.return_:
        words.append("\\Subscribed")
    verb = b"LSUB" if command.legacy_subscribed else b"LIST"
    info = b""
    if level.selected_below:
        criteria = b" ".join(b'"%s"' % word.encode() for word in sorted(command.select & _CRITERIA))
        info = b' ("CHILDINFO" (' + criteria + b"))"
    return untagged(verb + b" " + words_in_parentheses(words) + b' "/" ' + session.mailbox_name(level.name) + info)
