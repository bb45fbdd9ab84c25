"""The commands about mailboxes: names, LIST and its options, STATUS, CREATE, APPEND.

Source: RFC 9051 §9; RFC 5258 and RFC 5819 (LIST options), RFC 6154 (SPECIAL-USE),
RFC 9590 (METADATA).
"""

import re
from dataclasses import replace
from datetime import datetime

from mailstore.imap.protocol.commands import (
    Append,
    Create,
    GetAcl,
    ListMailboxes,
    ListRights,
    MyRights,
    Rename,
    Resync,
    Select,
    SetAcl,
    Status,
    StatusItem,
    Subscribe,
)
from mailstore.imap.protocol.cursor import Cursor, read_set
from mailstore.imap.protocol.mailbox_names import NAME_BYTES, mailbox, pattern
from mailstore.imap.protocol.metadata import MetadataQuery, read_query
from vaguemestre.kernel.errors import ProtocolError

_IDENTIFIER = re.compile(rb"[\x21\x23-\x5b\x5d-\x7e]+")
SPECIAL_USES = {
    use.upper(): use for use in ("\\All", "\\Archive", "\\Drafts", "\\Flagged", "\\Junk", "\\Sent", "\\Trash")
}
_SELECT_OPTIONS = frozenset({"SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"})
_SELECT_PARAMETERS = frozenset({"CONDSTORE", "QRESYNC"})
_RETURN_OPTIONS = frozenset({"SUBSCRIBED", "CHILDREN", "SPECIAL-USE", "STATUS", "METADATA"})


def parse_select(cursor: Cursor, *, read_only: bool) -> Select:
    """Read the arguments of SELECT or EXAMINE."""
    cursor.space()
    name = mailbox(cursor)
    if not cursor.accept(b" "):
        return Select(name, read_only)
    resyncs: list[Resync] = []

    def parameter() -> str:
        word = cursor.word()
        if word == "QRESYNC":
            resyncs.append(_resync(cursor))
        return word

    words = _options(cursor.parenthesised(parameter), _SELECT_PARAMETERS)
    return Select(name, read_only, "CONDSTORE" in words, resyncs[0] if resyncs else None)


def parse_create(cursor: Cursor) -> Create:
    """Read the arguments of CREATE, the USE parameter included; a final "/" is only a hint."""
    cursor.space()
    name, use = mailbox(cursor).removesuffix("/"), None
    if cursor.accept(b" ("):
        if cursor.word() != "USE":
            raise ProtocolError("unknown parameter")
        cursor.space()
        uses = cursor.parenthesised(lambda: _special_use(cursor))
        cursor.expect(b")")
        if len(uses) > 1:
            raise ProtocolError("one use at most")
        use = uses[0] if uses else None
    return Create(name, use)


def parse_rename(cursor: Cursor) -> Rename:
    """Read the arguments of RENAME."""
    cursor.space()
    old = mailbox(cursor)
    cursor.space()
    return Rename(old, mailbox(cursor).removesuffix("/"))


def parse_subscribe(cursor: Cursor, *, wanted: bool) -> Subscribe:
    """Read the argument of SUBSCRIBE or UNSUBSCRIBE."""
    cursor.space()
    return Subscribe(mailbox(cursor), wanted)


def parse_status(cursor: Cursor) -> Status:
    """Read the arguments of STATUS."""
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    return Status(name, _status_items(cursor))


def parse_lsub(cursor: Cursor) -> ListMailboxes:
    """Read the arguments of LSUB."""
    cursor.space()
    reference = mailbox(cursor)
    cursor.space()
    return ListMailboxes(reference=reference, patterns=(pattern(cursor),), legacy_subscribed=True)


def parse_list(cursor: Cursor) -> ListMailboxes:
    """Read the arguments of LIST, in its plain and its extended form."""
    cursor.space()
    select: frozenset[str] = frozenset()
    if cursor.starts_with(b"("):
        select = _options(cursor.parenthesised(cursor.word), _SELECT_OPTIONS)
        if "RECURSIVEMATCH" in select and not select & {"SUBSCRIBED", "SPECIAL-USE"}:
            raise ProtocolError("RECURSIVEMATCH needs something to match")
        cursor.space()
    reference = mailbox(cursor)
    cursor.space()
    several = cursor.starts_with(b"(")
    patterns = cursor.parenthesised(lambda: pattern(cursor)) if several else (pattern(cursor),)
    listed = ListMailboxes(reference=reference, patterns=patterns, select=select)
    return listed if cursor.at_end() else _with_return_options(cursor, listed)


def parse_my_rights(cursor: Cursor) -> MyRights:
    """Read the argument of MYRIGHTS."""
    cursor.space()
    return MyRights(mailbox(cursor))


def parse_get_acl(cursor: Cursor) -> GetAcl:
    """Read the argument of GETACL."""
    cursor.space()
    return GetAcl(mailbox(cursor))


def parse_list_rights(cursor: Cursor) -> ListRights:
    """Read the arguments of LISTRIGHTS."""
    name, identifier = _whose(cursor)
    return ListRights(name, identifier)


def parse_set_acl(cursor: Cursor) -> SetAcl:
    """Read the arguments of SETACL."""
    name, _ = _whose(cursor)
    cursor.space()
    cursor.astring()
    return SetAcl(name)


def parse_delete_acl(cursor: Cursor) -> SetAcl:
    """Read the arguments of DELETEACL."""
    return SetAcl(_whose(cursor)[0])


def _whose(cursor: Cursor) -> tuple[str, str]:
    """Read a mailbox and an identifier (RFC 4314 §3)."""
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    raw = cursor.astring()
    if len(raw) > NAME_BYTES or not _IDENTIFIER.fullmatch(raw):
        raise ProtocolError("identifier expected")
    return name, raw.decode("ascii")


def parse_append(cursor: Cursor) -> Append:
    """Read the arguments of APPEND up to the space before the message."""
    cursor.space()
    name = mailbox(cursor)
    cursor.space()
    return parse_append_message(cursor, name)


def parse_append_message(cursor: Cursor, name: str) -> Append:
    """Read the flags and the date of one message of APPEND, up to the message."""
    flags: frozenset[str] = frozenset()
    if cursor.starts_with(b"("):
        flags = frozenset(cursor.parenthesised(cursor.flag)) - {"\\Recent"}
        cursor.space()
    moment: datetime | None = None
    if cursor.starts_with(b'"'):
        moment = cursor.date_time()
        cursor.space()
    return Append(name, flags, moment, utf8=cursor.accept(b"UTF8 ("))


def _resync(cursor: Cursor) -> Resync:
    """Read (UIDVALIDITY modseq [known UIDs] [(sequence numbers, their UIDs)]), RFC 7162 §7."""
    cursor.expect(b" (")
    uidvalidity = cursor.number()
    cursor.space()
    modseq, known = cursor.modseq(), None
    if cursor.accept(b" ") and not cursor.starts_with(b"("):
        known = read_set(cursor)
        cursor.accept(b" ")
    if cursor.accept(b"("):
        read_set(cursor)
        cursor.space()
        read_set(cursor)
        cursor.expect(b")")
    cursor.expect(b")")
    return Resync(uidvalidity, modseq, known)


def _special_use(cursor: Cursor) -> str:
    cursor.expect(b"\\")
    try:
        return SPECIAL_USES["\\" + cursor.word()]
    except KeyError:
        raise ProtocolError("unknown use") from None


def _status_items(cursor: Cursor) -> tuple[StatusItem, ...]:
    try:
        items = tuple(StatusItem(word) for word in cursor.parenthesised(cursor.word))
    except ValueError:
        raise ProtocolError("unknown status item") from None
    if not items:
        raise ProtocolError("status item expected")
    return tuple(dict.fromkeys(items))


def _with_return_options(cursor: Cursor, listed: ListMailboxes) -> ListMailboxes:
    cursor.space()
    if cursor.word() != "RETURN":
        raise ProtocolError("RETURN expected")
    cursor.space()
    status: list[StatusItem] = []
    queries: list[MetadataQuery] = []

    def option() -> str:
        word = cursor.word()
        if word == "STATUS":
            cursor.space()
            status.extend(_status_items(cursor))
        elif word == "METADATA":
            cursor.space()
            queries.append(read_query(cursor))
        return word

    returned = _options(cursor.parenthesised(option), _RETURN_OPTIONS)
    return replace(listed, return_=returned, status=tuple(status), metadata=queries[-1] if queries else None)


def _options(words: tuple[str, ...], allowed: frozenset[str]) -> frozenset[str]:
    if not allowed.issuperset(words):
        raise ProtocolError("unknown option")
    return frozenset(words)
