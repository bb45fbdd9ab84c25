"""METADATA: annotations of folders and of the mailbox as a whole, private to an account or shared.

Whoever has a folder may set both kinds on it (rights are membership, `acl.py`): the private ones are hers alone, the
shared ones of an organisational mailbox are every member's, and setting those is traced. Annotations of the server (the
empty name) are private to the account, but for `/shared/admin`, which is the operator's. `/private/specialuse` tells
what RFC 6154 §4 says of a folder and cannot be set, as special uses cannot.

Source: RFC 5464; RFC 9590.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mailstore.annotations import PRIVATE, SHARED, WHOLE_MAILBOX, Annotation, Drawer
from mailstore.imap.namespaces import existing_folder
from mailstore.imap.outcome import Outcome, Refused, ok
from mailstore.imap.protocol.metadata import GetMetadata, MetadataQuery, SetMetadata, canonical
from mailstore.imap.protocol.responses import literal, string, untagged
from mailstore.imap.session import Session
from mailstore.imap.shared_acts import SharedAct, note_in
from mailstore.model import Folder
from vaguemestre.kernel.database import Transaction

WORD = "METADATA"
ADMIN = "/shared/admin"
SPECIAL_USE = "/private/specialuse"


@dataclass(frozen=True, slots=True)
class Told:
    """Which entries an answer gives, and the size of the largest that was left out as too long, 0 for none."""

    given: Sequence[Annotation]
    longest: int = 0


async def get_metadata(session: Session, command: GetMetadata) -> Outcome:
    """GETMETADATA; an entry that is named and has no value is NIL."""
    longest = 0

    def work(tx: Transaction) -> bytes:
        nonlocal longest
        if not command.mailbox:
            told, values = _of_server(session, tx, command.query)
        else:
            told, values = _of_folder(session, tx, existing_folder(session, tx, command.mailbox), command.query)
        longest = told.longest
        return _response(session, command.mailbox, command.query, values)

    line = await session.read(work)
    session.send(line)
    return end_of_query(longest)


def end_of_query(longest: int) -> Outcome:
    """End a query; LONGEST is the size of the longest value that was left out, 0 when none was."""
    return ok(code=b"METADATA LONGENTRIES %d" % longest) if longest else ok()


async def set_metadata(session: Session, command: SetMetadata) -> Outcome:
    """SETMETADATA: every entry, or none."""
    settings = session.parts.settings
    if any(value is not None and len(value) > settings.metadata_value_bytes for _, value in command.values):
        limit = b"METADATA MAXSIZE %d" % settings.metadata_value_bytes
        raise Refused(limit, "Une annotation est trop longue.")

    def work(tx: Transaction) -> Mapping[tuple[int, str], str]:
        folder = existing_folder(session, tx, command.mailbox) if command.mailbox else None
        return _put(session, tx, folder, command.values)

    versions = await session.write(work)
    if session.watch is not None:
        session.watch.know(versions)
    return ok()


def list_lines(
    session: Session, tx: Transaction, folders: Sequence[Folder], query: MetadataQuery
) -> tuple[Mapping[int, bytes], int]:
    """Return the METADATA response of each folder that LIST tells, by its id, and the size of the longest left out."""
    chosen = _chosen(session, tx, [folder.id for folder in folders], query)
    values = session.parts.store.annotations.values(tx, session.account_id, chosen.given)
    lines = {}
    for folder in folders:
        own = {name: value for (folder_id, name), value in values.items() if folder_id == folder.id}
        lines[folder.id] = _response(session, folder.name, query, own | _special_use(folder, query))
    return lines, chosen.longest


def _of_server(session: Session, tx: Transaction, query: MetadataQuery) -> tuple[Told, Mapping[str, bytes]]:
    told = _chosen(session, tx, [WHOLE_MAILBOX], query)
    values = _values(session, tx, told)
    contact = session.parts.settings.contact
    if contact is not None and _is_asked(ADMIN, query):
        values |= {ADMIN: contact.encode()}
    return told, values


def _of_folder(
    session: Session, tx: Transaction, folder: Folder, query: MetadataQuery
) -> tuple[Told, Mapping[str, bytes]]:
    told = _chosen(session, tx, [folder.id], query)
    return told, _values(session, tx, told) | _special_use(folder, query)


def _special_use(folder: Folder, query: MetadataQuery) -> dict[str, bytes]:
    use = folder.special_use
    return {SPECIAL_USE: use.encode()} if use is not None and _is_asked(SPECIAL_USE, query) else {}


def _chosen(session: Session, tx: Transaction, folder_ids: Sequence[int], query: MetadataQuery) -> Told:
    """Return which annotations a query names."""
    known = session.parts.store.annotations.list(tx, session.account_id, folder_ids)
    named = [each for each in known if _is_asked(each.name, query)]
    if query.max_bytes is None:
        return Told(named)
    long = [each.size_bytes for each in named if each.size_bytes > query.max_bytes]
    return Told([each for each in named if each.size_bytes <= query.max_bytes], max(long, default=0))


def _values(session: Session, tx: Transaction, told: Told) -> dict[str, bytes]:
    found = session.parts.store.annotations.values(tx, session.account_id, told.given)
    return {name: value for (_, name), value in found.items()}


def _is_asked(name: str, query: MetadataQuery) -> bool:
    return any(_is_within(name, canonical(entry), query.depth) for entry in query.entries)


def _is_within(name: str, entry: str, depth: int) -> bool:
    """Say whether a name is an entry, or lies below it by at most DEPTH levels."""
    if name == entry:
        return True
    return depth > 0 and name.startswith(entry + "/") and name[len(entry) :].count("/") <= depth


def _response(session: Session, name: str, query: MetadataQuery, values: Mapping[str, bytes]) -> bytes:
    """Write the response; nothing when there is nothing to say, which only an answer to DEPTH or MAXSIZE may."""
    asked = {canonical(entry): entry for entry in query.entries}
    words = [entry_word(asked.get(name, name)) + b" " + _value(values[name]) for name in sorted(values)]
    if query.depth == 0 and query.max_bytes is None:
        words += [entry_word(entry) + b" NIL" for known, entry in asked.items() if known not in values]
    return untagged(b"METADATA " + session.mailbox_name(name) + b" (" + b" ".join(words) + b")") if words else b""


def _value(value: bytes) -> bytes:
    return b"~" + literal(value) if b"\0" in value else string(value)


def entry_word(entry: str) -> bytes:
    """Write the name of an entry."""
    raw = entry.encode("ascii")
    return raw if all(character not in b' (){"\\' for character in raw) else string(raw)


def _put(
    session: Session, tx: Transaction, folder: Folder | None, values: Iterable[tuple[str, bytes | None]]
) -> Mapping[tuple[int, str], str]:
    """Set the entries of a folder, or of the server when it is None; returns their versions, empty for one removed."""
    annotations, versions, drawers = session.parts.store.annotations, {}, set()
    for entry, value in values:
        name = canonical(entry)
        drawer = _drawer(session, folder, name)
        versions[drawer.folder_id, name] = annotations.put(tx, drawer, name, value)
        drawers.add(drawer)
    for drawer in drawers:
        if annotations.count(tx, drawer) > session.parts.settings.metadata_entries:
            raise Refused(b"METADATA TOOMANY", "Il y a trop d'annotations sur ce dossier.")
    if folder is not None and folder.mailbox_id != session.mailbox_id and any(not each.account_id for each in drawers):
        note_in(session, tx, folder.mailbox_id, SharedAct.ANNOTATED, ())
    tx.wake(f"mailbox:{session.mailbox_id if folder is None else folder.mailbox_id}")
    return versions


def _drawer(session: Session, folder: Folder | None, name: str) -> Drawer:
    """Return where an entry lies.

    Raises:
        Refused: it is the operator's, or says what cannot be changed.
    """
    own = session.mailbox_id
    if name.startswith(f"{SHARED}/"):
        if folder is None:
            raise Refused(b"NOPERM", "Les annotations communes du serveur sont celles de l'exploitant.")
        return Drawer(folder_id=folder.id, account_id="", mailbox_id=folder.mailbox_id)
    assert name.startswith(f"{PRIVATE}/")
    if name == SPECIAL_USE and folder is not None:
        raise Refused(b"CANNOT", "L'usage d'un dossier ne se change pas.")
    return Drawer(
        folder_id=WHOLE_MAILBOX if folder is None else folder.id, account_id=session.account_id, mailbox_id=own
    )
