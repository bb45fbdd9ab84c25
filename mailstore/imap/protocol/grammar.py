"""From the bytes of one command to its value. Whatever the bytes, a `Request` or a ProtocolError comes back.

The texts of the errors name the rule, never the bytes.

Source: RFC 9051 §9, RFC 3501 §9.
"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import replace

from mailstore.imap.protocol import mailbox_grammar as mailboxes
from mailstore.imap.protocol.commands import (
    Append,
    Authenticate,
    Capability,
    Check,
    Close,
    Command,
    Copy,
    Delete,
    Enable,
    Expunge,
    FlagOperation,
    GetQuota,
    GetQuotaRoot,
    Identify,
    Idle,
    Login,
    Logout,
    Namespace,
    Noop,
    Request,
    SetQuota,
    StartTls,
    Store,
)
from mailstore.imap.protocol.cursor import Cursor, read_set
from mailstore.imap.protocol.fetch_grammar import parse_fetch
from mailstore.imap.protocol.mailbox_names import mailbox
from mailstore.imap.protocol.metadata import parse_get_metadata, parse_set_metadata
from mailstore.imap.protocol.notify_grammar import parse_notify
from mailstore.imap.protocol.search_grammar import parse_search, parse_sort, parse_thread
from mailstore.imap.protocol.sequence import Target
from vaguemestre.kernel.errors import ProtocolError

# tag = 1*<any ASTRING-CHAR except "+">
_TAG = re.compile(rb"[^\x00-\x20\x7f-\xff(){%*\"\\+]{1,100}(?= |\Z)")
_FLAGS_ITEM = re.compile(rb"([+-]?)FLAGS(\.SILENT)?", re.IGNORECASE)
_OPERATIONS = {b"": FlagOperation.REPLACE, b"+": FlagOperation.ADD, b"-": FlagOperation.REMOVE}
_QUOTA_WORD = re.compile(rb"[A-Za-z0-9-]{1,64}")
_BASE64 = re.compile(rb"=|[A-Za-z0-9+/]+={0,2}")


def find_tag(data: bytes) -> bytes | None:
    """Return the tag at the beginning of a command, None when there is none to answer with."""
    found = _TAG.match(data)
    return found[0] if found else None


def parse_request(data: bytes, *, utf8: bool = False) -> Request:
    """Read one whole command, literals in place, without its final CR LF.

    Args:
        data: the command.
        utf8: whether mailbox names are UTF-8, as RFC 6855 and RFC 9051 have it, and not modified UTF-7.

    Raises:
        ProtocolError: not a command, an unknown one, or malformed arguments.
    """
    cursor = Cursor(data, utf8=utf8)
    tag = cursor.match(_TAG, "tag")[0]
    cursor.space()
    command = _command(cursor)
    cursor.end()
    return Request(tag, command)


def parse_append_prelude(data: bytes, *, utf8: bool = False) -> Request | None:
    """Read a command up to an announced literal: the APPEND whose message it is, None when it is something else."""
    cursor = Cursor(data[: data.rfind(b"{")].removesuffix(b"~"), utf8=utf8)  # ~{ is the literal8 of RFC 3516
    try:
        tag = cursor.match(_TAG, "tag")[0]
        cursor.space()
        append = _append(cursor)
        if append is None:
            return None
        cursor.end()
    except ProtocolError:
        return None
    return Request(tag, append)


def _append(cursor: Cursor) -> Append | None:
    """Read APPEND, REPLACE or UID REPLACE up to the message; None when it is something else."""
    name = cursor.word()
    if name == "APPEND":
        return mailboxes.parse_append(cursor)
    uid = name == "UID"
    if uid:
        cursor.space()
        name = cursor.word()
    if name != "REPLACE":
        return None
    cursor.space()
    replaced = Target(read_set(cursor), uid)
    return replace(mailboxes.parse_append(cursor), replaces=replaced)


def parse_following_append(data: bytes) -> Append | None:
    """Read what stands between two messages of one APPEND (RFC 3502); None when it is something else.

    IMAPClient puts two spaces there when a message has no flags: they are taken as one.
    """
    cursor = Cursor(data[: data.rfind(b"{")].removesuffix(b"~"))
    try:
        cursor.accept(b")")
        cursor.space()
        cursor.accept(b" ")
        append = mailboxes.parse_append_message(cursor, "")
        cursor.end()
    except ProtocolError:
        return None
    return append


def decode_base64(line: bytes) -> bytes:
    """Read a base64 line of a SASL exchange, `=` as the empty answer (RFC 4959 §3).

    Raises:
        ProtocolError: not base64.
    """
    if line == b"=":
        return b""
    try:
        return base64.b64decode(line, validate=True)
    except (binascii.Error, ValueError):
        raise ProtocolError("base64 expected") from None


def _command(cursor: Cursor) -> Command:
    name = cursor.word()
    if name == "UID":
        cursor.space()
        return _lookup(_UID_PARSERS, cursor.word())(cursor)
    return _lookup(_PARSERS, name)(cursor)


def _lookup(parsers: "Mapping[str, Parser]", name: str) -> "Parser":
    try:
        return parsers[name]
    except KeyError:
        raise ProtocolError("unknown command") from None


def _authenticate(cursor: Cursor) -> Command:
    cursor.space()
    mechanism = cursor.word()
    if cursor.at_end():
        return Authenticate(mechanism, None)
    cursor.space()
    return Authenticate(mechanism, decode_base64(cursor.match(_BASE64, "base64")[0]))


def _login(cursor: Cursor) -> Command:
    cursor.space()
    login = cursor.astring()
    cursor.space()
    try:
        return Login(login.decode(), cursor.astring().decode())
    except UnicodeDecodeError:
        raise ProtocolError("login is not UTF-8") from None


def _delete(cursor: Cursor) -> Command:
    cursor.space()
    return Delete(mailbox(cursor))


def _enable(cursor: Cursor) -> Command:
    names: tuple[str, ...] = ()
    while not names or not cursor.at_end():
        cursor.space()
        names += (cursor.word(),)
    return Enable(names)


def _identify(cursor: Cursor) -> Command:
    cursor.space()
    if cursor.starts_with(b"("):
        cursor.parenthesised(cursor.nstring)
    elif cursor.nstring() is not None:
        raise ProtocolError("parameter list or NIL expected")
    return Identify()


def _get_quota(cursor: Cursor) -> Command:
    cursor.space()
    return GetQuota(cursor.astring().decode("utf-8", "replace"))


def _get_quota_root(cursor: Cursor) -> Command:
    cursor.space()
    return GetQuotaRoot(mailbox(cursor))


def _set_quota(cursor: Cursor) -> Command:
    cursor.space()
    cursor.astring()
    cursor.space()
    words = cursor.parenthesised(lambda: cursor.match(_QUOTA_WORD, "resource"))
    if len(words) % 2:
        raise ProtocolError("resource and limit expected")
    return SetQuota()


def _append_without_literal(_cursor: Cursor) -> Command:
    raise ProtocolError("the message is a literal")


def _target(cursor: Cursor, uid: bool) -> Target:
    cursor.space()
    target = Target(read_set(cursor), uid)
    cursor.space()
    return target


def _fetch(cursor: Cursor, uid: bool) -> Command:
    return parse_fetch(cursor, _target(cursor, uid))


def _store(cursor: Cursor, uid: bool) -> Command:
    target, unchanged_since = _target(cursor, uid), None
    if cursor.accept(b"("):
        if cursor.word() != "UNCHANGEDSINCE":
            raise ProtocolError("unknown modifier")
        cursor.space()
        unchanged_since = cursor.modseq()
        cursor.expect(b") ")
    item = cursor.match(_FLAGS_ITEM, "FLAGS")
    cursor.space()
    flags: tuple[str, ...]
    if cursor.starts_with(b"("):
        flags = cursor.parenthesised(cursor.flag)
    else:
        flags = (cursor.flag(),)
        while cursor.accept(b" "):
            flags += (cursor.flag(),)
    return Store(target, _OPERATIONS[item[1]], frozenset(flags) - {"\\Recent"}, item[2] is not None, unchanged_since)


def _copy(cursor: Cursor, uid: bool) -> Command:
    return Copy(_target(cursor, uid), mailbox(cursor), move=False)


def _move(cursor: Cursor, uid: bool) -> Command:
    return Copy(_target(cursor, uid), mailbox(cursor), move=True)


def _uid_expunge(cursor: Cursor) -> Command:
    cursor.space()
    return Expunge(read_set(cursor))


def _bare(command: Command) -> "Parser":
    return lambda _cursor: command


Parser = Callable[[Cursor], Command]
_PARSERS: Mapping[str, Parser] = {
    "CAPABILITY": _bare(Capability()),
    "NOOP": _bare(Noop()),
    "ENABLE": _enable,
    "LOGOUT": _bare(Logout()),
    "STARTTLS": _bare(StartTls()),
    "AUTHENTICATE": _authenticate,
    "LOGIN": _login,
    "SELECT": lambda cursor: mailboxes.parse_select(cursor, read_only=False),
    "EXAMINE": lambda cursor: mailboxes.parse_select(cursor, read_only=True),
    "CREATE": mailboxes.parse_create,
    "DELETE": _delete,
    "RENAME": mailboxes.parse_rename,
    "SUBSCRIBE": lambda cursor: mailboxes.parse_subscribe(cursor, wanted=True),
    "UNSUBSCRIBE": lambda cursor: mailboxes.parse_subscribe(cursor, wanted=False),
    "LIST": mailboxes.parse_list,
    "LSUB": mailboxes.parse_lsub,
    "STATUS": mailboxes.parse_status,
    "NAMESPACE": _bare(Namespace()),
    "ID": _identify,
    "APPEND": _append_without_literal,
    "REPLACE": _append_without_literal,
    "GETQUOTA": _get_quota,
    "GETQUOTAROOT": _get_quota_root,
    "SETQUOTA": _set_quota,
    "MYRIGHTS": mailboxes.parse_my_rights,
    "GETACL": mailboxes.parse_get_acl,
    "LISTRIGHTS": mailboxes.parse_list_rights,
    "SETACL": mailboxes.parse_set_acl,
    "DELETEACL": mailboxes.parse_delete_acl,
    "NOTIFY": parse_notify,
    "GETMETADATA": parse_get_metadata,
    "SETMETADATA": parse_set_metadata,
    "IDLE": _bare(Idle()),
    "CHECK": _bare(Check()),
    "CLOSE": _bare(Close(expunge=True)),
    "UNSELECT": _bare(Close(expunge=False)),
    "EXPUNGE": _bare(Expunge(None)),
    "SEARCH": lambda cursor: parse_search(cursor, uid=False),
    "SORT": lambda cursor: parse_sort(cursor, uid=False),
    "THREAD": lambda cursor: parse_thread(cursor, uid=False),
    "FETCH": lambda cursor: _fetch(cursor, False),
    "STORE": lambda cursor: _store(cursor, False),
    "COPY": lambda cursor: _copy(cursor, False),
    "MOVE": lambda cursor: _move(cursor, False),
}
_UID_PARSERS: Mapping[str, Parser] = {
    "SEARCH": lambda cursor: parse_search(cursor, uid=True),
    "SORT": lambda cursor: parse_sort(cursor, uid=True),
    "THREAD": lambda cursor: parse_thread(cursor, uid=True),
    "FETCH": lambda cursor: _fetch(cursor, True),
    "STORE": lambda cursor: _store(cursor, True),
    "COPY": lambda cursor: _copy(cursor, True),
    "MOVE": lambda cursor: _move(cursor, True),
    "REPLACE": _append_without_literal,
    "EXPUNGE": _uid_expunge,
}
