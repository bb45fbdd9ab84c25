"""What the IMAP server is given by the program around it; nothing here is made by the server itself."""

import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from access_core.accounts import Account
from mailstore.imap.config import ImapSettings
from mailstore.store import MailStore
from vaguemestre.kernel.bus import Bus
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database


class SignInOutcome(StrEnum):
    """How a sign-in ended."""

    ACCEPTED = "accepted"
    REFUSED = "refused"
    THROTTLED = "throttled"
    NOT_FOR_THIS_KIND = "not_for_this_kind"


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """An attempt to sign in, for the trace; `account` is None when the password did not match one."""

    login: str
    account: Account | None
    peer: str
    outcome: SignInOutcome


class PasswordCheck(Protocol):
    """The part of `access_core.authentication.authenticator.Authenticator` that IMAP uses."""

    async def password(self, login: str, password: str, *, peer: str) -> Account:
        """Return the account, or raise AuthenticationFailed or a TemporaryFailure."""


def own_mailbox(account: Account) -> str:
    """Return the mailbox that bears the account's id."""
    return account.id


async def forget_sign_in(_sign_in: SignIn) -> None:
    """Keep no trace of a sign-in (programs that have none)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapParts:
    """The collaborators of the IMAP server.

    Args:
        mailbox_of: which mailbox an account opens.
        on_sign_in: called, and awaited, before the client hears how its sign-in ended, refusals included.
        tls: the context of both listeners.
        reload_tls: called at SIGHUP, to load the certificates again into `tls`.
    """

    store: MailStore
    database: Database
    bus: Bus
    clock: Clock
    authenticator: PasswordCheck
    tls: ssl.SSLContext
    settings: ImapSettings
    mailbox_of: Callable[[Account], str] = own_mailbox
    on_sign_in: Callable[[SignIn], Awaitable[None]] = forget_sign_in
    reload_tls: Callable[[], None] = lambda: None
