"""Which handler answers which command."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from mailstore.imap.commands.acl import get_acl, list_rights, my_rights, set_acl
from mailstore.imap.commands.copying import copy_or_move
from mailstore.imap.commands.enable import enable
from mailstore.imap.commands.fetch import fetch
from mailstore.imap.commands.flags import expunge, store_flags
from mailstore.imap.commands.general import capability, identify, idle, logout, namespace, noop
from mailstore.imap.commands.listing import list_mailboxes
from mailstore.imap.commands.mailboxes import create, delete, rename, subscribe
from mailstore.imap.commands.metadata import get_metadata, set_metadata
from mailstore.imap.commands.notify import set_notifications
from mailstore.imap.commands.quota import get_quota, get_quota_root, set_quota
from mailstore.imap.commands.search import search
from mailstore.imap.commands.selection import close, select
from mailstore.imap.commands.sign_in import authenticate, login
from mailstore.imap.commands.sort import sort
from mailstore.imap.commands.status import status
from mailstore.imap.commands.threads import thread
from mailstore.imap.protocol import commands as asked
from mailstore.imap.protocol import metadata
from mailstore.imap.protocol.notify import Notify
from mailstore.imap.session import Reaction, Session

Handler = Callable[[Session, Any], Reaction | Awaitable[Reaction]]

HANDLERS: Mapping[type[asked.Command], Handler] = {
    asked.Capability: capability,
    asked.Noop: noop,
    asked.Check: noop,
    asked.Logout: logout,
    asked.Enable: enable,
    asked.Identify: identify,
    asked.Namespace: namespace,
    asked.GetQuota: get_quota,
    asked.GetQuotaRoot: get_quota_root,
    asked.SetQuota: set_quota,
    asked.MyRights: my_rights,
    asked.GetAcl: get_acl,
    asked.ListRights: list_rights,
    asked.SetAcl: set_acl,
    Notify: set_notifications,
    metadata.GetMetadata: get_metadata,
    metadata.SetMetadata: set_metadata,
    asked.Idle: idle,
    asked.Login: login,
    asked.Authenticate: authenticate,
    asked.Select: select,
    asked.Close: close,
    asked.Create: create,
    asked.Delete: delete,
    asked.Rename: rename,
    asked.Subscribe: subscribe,
    asked.Status: status,
    asked.ListMailboxes: list_mailboxes,
    asked.Fetch: fetch,
    asked.Store: store_flags,
    asked.Expunge: expunge,
    asked.Copy: copy_or_move,
    asked.Search: search,
    asked.Sort: sort,
    asked.Thread: thread,
}
"""STARTTLS and APPEND, which change how the connection reads, are with the connection."""


def may_expunge(command: asked.Command) -> bool:
    """Say whether EXPUNGE responses may be sent while COMMAND is answered (RFC 9051 §7.5.1)."""
    if isinstance(command, (asked.Fetch, asked.Store)):
        return command.target.uid
    if isinstance(command, (asked.Sort, asked.Thread)):
        return command.search.uid
    return command.uid if isinstance(command, asked.Search) else True
