"""What the IMAP server is given by the program around it; nothing here is made by the server itself."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass

from access_core.accounts import Account
from access_core.authentication.authenticator import Authenticator
from mailstore.imap.config import ImapSettings
from mailstore.store import MailStore
from vaguemestre.kernel.bus import Bus
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database


def own_mailbox(account: Account) -> str:
    """Return the mailbox that bears the account's id."""
    return account.id


@dataclass(frozen=True, slots=True, kw_only=True)
class ImapParts:
    """The collaborators of the IMAP server.

    Args:
        mailbox_of: which mailbox an account opens.
        tls: the context of both listeners.
        reload_tls: called at SIGHUP, to load the certificates again into `tls`.
        end_point: hash of the certificate in force (RFC 5929 §4.1), None when SCRAM cannot be bound to it.
    """

    store: MailStore
    database: Database
    bus: Bus
    clock: Clock
    authenticator: Authenticator
    tls: ssl.SSLContext
    settings: ImapSettings
    mailbox_of: Callable[[Account], str] = own_mailbox
    reload_tls: Callable[[], None] = lambda: None
    end_point: Callable[[], bytes | None] = lambda: None
