"""The states of a session. Every legal step is in these two tables and nowhere else.

Source: RFC 9051 §3.
"""

from collections.abc import Mapping
from enum import Enum, auto

from mailstore.imap.protocol.commands import (
    Append,
    Authenticate,
    Capability,
    Check,
    Close,
    Command,
    Copy,
    Create,
    Delete,
    Enable,
    Expunge,
    Fetch,
    GetAcl,
    GetQuota,
    GetQuotaRoot,
    Identify,
    Idle,
    ListMailboxes,
    ListRights,
    Login,
    Logout,
    MyRights,
    Namespace,
    Noop,
    Rename,
    Search,
    Select,
    SetAcl,
    SetQuota,
    Sort,
    StartTls,
    Status,
    Store,
    Subscribe,
    Thread,
)
from mailstore.imap.protocol.metadata import GetMetadata, SetMetadata
from mailstore.imap.protocol.notify import Notify


class State(Enum):
    """RFC 9051 §3.1 to §3.4."""

    NOT_AUTHENTICATED = auto()
    AUTHENTICATED = auto()
    SELECTED = auto()
    LOGOUT = auto()


class Step(Enum):
    """What a handler did that moves the session."""

    AUTHENTICATED = auto()
    SELECTED = auto()
    DESELECTED = auto()
    LOGGED_OUT = auto()


TRANSITIONS: Mapping[tuple[State, Step], State] = {
    (State.NOT_AUTHENTICATED, Step.AUTHENTICATED): State.AUTHENTICATED,
    (State.AUTHENTICATED, Step.SELECTED): State.SELECTED,
    (State.SELECTED, Step.SELECTED): State.SELECTED,
    (State.AUTHENTICATED, Step.DESELECTED): State.AUTHENTICATED,
    (State.SELECTED, Step.DESELECTED): State.AUTHENTICATED,
    (State.NOT_AUTHENTICATED, Step.LOGGED_OUT): State.LOGOUT,
    (State.AUTHENTICATED, Step.LOGGED_OUT): State.LOGOUT,
    (State.SELECTED, Step.LOGGED_OUT): State.LOGOUT,
}

_ANY = frozenset({State.NOT_AUTHENTICATED, State.AUTHENTICATED, State.SELECTED})
_BEFORE = frozenset({State.NOT_AUTHENTICATED})
_AFTER = frozenset({State.AUTHENTICATED, State.SELECTED})
_SELECTED = frozenset({State.SELECTED})

ALLOWED: Mapping[type[Command], frozenset[State]] = {
    **dict.fromkeys((Capability, Noop, Logout, Identify), _ANY),
    **dict.fromkeys((StartTls, Authenticate, Login), _BEFORE),
    **dict.fromkeys(
        (
            Enable,
            GetQuota,
            GetQuotaRoot,
            SetQuota,
            MyRights,
            GetAcl,
            ListRights,
            SetAcl,
            GetMetadata,
            SetMetadata,
            Notify,
            Select,
            Create,
            Delete,
            Rename,
            Subscribe,
            ListMailboxes,
            Namespace,
            Status,
            Append,
            Idle,
        ),
        _AFTER,
    ),
    **dict.fromkeys((Check, Close, Expunge, Search, Sort, Thread, Fetch, Store, Copy), _SELECTED),
}


def is_allowed(state: State, command: Command) -> bool:
    """Say whether a client may send COMMAND in STATE."""
    return state in ALLOWED[type(command)]
