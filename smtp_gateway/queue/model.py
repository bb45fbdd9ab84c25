"""The words of the queue: a recipient that waits, what an attempt answered, the one state in which it ends."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from smtp_gateway.rules.peer_domain import domain_of


class EntryState(StrEnum):
    """Where a recipient stands; all but waiting are final."""

    WAITING = "waiting"
    SENT = "sent"
    FAILED = "failed"
    EXPIRED = "expired"
    DROPPED = "dropped"


class Trouble(StrEnum):
    """Why a recipient was not reached; codes are stable once released."""

    UNREACHABLE = "S_PAIR_INJOIGNABLE"
    NO_ROUTE = "S_PAIR_SANS_ROUTE"
    NO_TLS = "S_PAIR_SANS_TLS"
    CERTIFICATE = "S_PAIR_CERTIFICAT"
    WITHDRAWN = "S_PAIR_HORS_LISTE"
    LIST_STALE = "S_LISTE_PERIMEE"
    INTERRUPTED = "S_PAIR_INTERROMPU"
    POSTPONED = "S_PAIR_DIFFERE"
    REFUSED = "S_PAIR_REFUS"
    UNKNOWN_RECIPIENT = "S_PAIR_DESTINATAIRE"
    FULL = "S_PAIR_BOITE_PLEINE"
    TOO_LARGE = "S_PAIR_TAILLE"
    NOT_8BIT = "S_PAIR_8BIT"
    NO_REQUIRETLS = "S_PAIR_REQUIRETLS"
    NOT_UTF8 = "S_PAIR_SMTPUTF8"
    UNREADABLE = "S_MESSAGE_ILLISIBLE"
    DROPPED = "S_RETIRE"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class QueuedRecipient:
    """A recipient for the queue, as acceptance takes it in."""

    address: str
    destination: str
    """Domain, lower case; empty for a mailbox of ours whose delivery the sender wants reported."""
    notify: str | None = None
    orcpt: str | None = None


@dataclass(frozen=True, slots=True)
class ReportRequest:
    """What MAIL asked of reports: RET and ENVID (RFC 3461 §4.3, §4.4)."""

    ret: str | None = None
    envid: str | None = None


NO_REQUEST = ReportRequest()


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Waiting:
    """One recipient, leased."""

    id: str
    recipient: str
    notify: str | None
    orcpt: str | None
    attempts: int
    expires_at: datetime
    delay_reported: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Job:
    """The recipients of one message at one destination, leased together."""

    queue_id: str
    message_id: str
    destination: str
    reverse_path: str
    reporter_id: str | None
    message_id_header: str | None
    request: ReportRequest
    require_tls: bool
    accepted_at: datetime
    size_bytes: int
    lease: str
    leased_at: datetime
    waiting: tuple[Waiting, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What an attempt gave for one recipient.

    STATUS begins with 2 (taken), 4 (try again) or 5 (never). PASSED_ON: the peer reports successes itself.
    """

    status: str
    trouble: Trouble | None = None
    reply_code: int | None = None
    passed_on: bool = False


def trouble_of(status: str) -> Trouble:
    """Name what an enhanced status (RFC 3463) of another operator means, in words that a person is told."""
    kind, _, detail = status.partition(".")
    if kind == "5" and detail.startswith("1."):
        return Trouble.UNKNOWN_RECIPIENT
    if detail == "2.2":
        return Trouble.FULL
    if detail in ("3.4", "2.3"):
        return Trouble.TOO_LARGE
    return Trouble.REFUSED if kind == "5" else Trouble.POSTPONED


def remote(address: str) -> QueuedRecipient:
    """Return a recipient elsewhere who asks nothing of reports."""
    return QueuedRecipient(address=address, destination=domain_of(address))
