"""Messages on their way in, as values: who wrote, to whom, and what its header says to the rules.

A role or the portal builds an `Arrival`; `acceptance.py` takes it from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from access_core.case_inputs import Session
from access_core.decision import Decision
from access_core.profiles import Profile
from access_core.trace.entries import TraceEntry
from mailstore.store import SealedMessage
from smtp_gateway.config import RateSettings
from smtp_gateway.header import HeaderBlock, addresses, message_ids
from smtp_gateway.queue.model import NO_REQUEST, QueuedRecipient, ReportRequest
from smtp_gateway.receipts.automatic import Authorship, read_authorship
from vaguemestre.kernel.errors import VaguemestreError


class Origin(StrEnum):
    """By which way a message came."""

    MX = "mx"
    SUBMISSION = "submission"
    PORTAL = "portal"


class Refused(VaguemestreError):
    """A rule refused the message.

    Attributes:
        reason: a code of the engine (`Reason`) or of the gateway (`Refusal`).
        decision: the engine's, None when the gateway refused.
        entries: what to trace once the transaction is rolled back.
    """

    def __init__(self, reason: StrEnum, decision: Decision | None = None, entries: tuple[TraceEntry, ...] = ()) -> None:
        super().__init__(f"refused: {reason.value}")
        self.reason = reason
        self.decision = decision
        self.entries = entries


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recipient:
    """A mailbox of ours that an address names; ADDRESS is in lower case."""

    address: str
    mailbox_id: str
    profile: Profile | None = None
    """The patient, None for a professional mailbox."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Writer:
    """Who wrote the message."""

    address: str
    """Of the header From, lower case."""
    account_id: str | None = None
    """The account that submitted it, None for another operator's writer."""
    delegated_mailbox_id: str | None = None
    """The organisational mailbox in whose name that account wrote, None when it wrote in its own."""
    patient: Profile | None = None
    """The patient of ours in whose name it is written."""
    patient_address: str | None = None
    """Given when the writer is a patient, ours or not."""
    actor: Profile | None = None
    """Who writes for her (representative, carer), None for herself."""
    session: Session | None = None
    """How she or her actor signed in here."""


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Marks:
    """What the rules of conversations read in a header."""

    message_id: str | None
    references: tuple[str, ...]
    """Message-IDs that it answers, nearest first."""
    subject: str | None
    mes: str | None
    """X-MSS-MES."""
    reply_to: str | None
    """The first address of Reply-To, lower case."""
    authorship: Authorship
    """Whether a person wrote it, or a program, by itself or in answer (RFC 3834 §5)."""

    @property
    def automatic(self) -> bool:
        """Whether no person wrote it."""
        return self.authorship is not Authorship.PERSON


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Arrival:
    """A sealed message that every rule before acceptance let pass."""

    origin: Origin
    at: datetime
    message: SealedMessage
    marks: Marks
    writer: Writer
    reverse_path: str
    recipients: Sequence[Recipient]
    conversation_id: str | None = None
    """The conversation that a patient answers from the portal; by mail it is found by References."""
    opens_conversation: bool = False
    """A patient writes anew rather than answers."""
    queued: Sequence[QueuedRecipient] = ()
    """Recipients at other operators, and those here whose delivery is to be reported."""
    patients_elsewhere: Sequence[str] = ()
    """Addresses (lower case) of those of the queued who are patients: conversations with them are kept here too."""
    report: ReportRequest = NO_REQUEST
    rates: RateSettings | None = None
    """How much the submitting account may submit; None: it is not counted."""
    reporter_id: str | None = None
    """The mailbox that hears of what becomes of the queued ones."""
    require_tls: bool = False
    """REQUIRETLS was given with MAIL (RFC 8689): no hop may take it that does not know that word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Receipt:
    """Proof that a message is durable and delivered."""

    message_id: str
    """Of the store."""
    message_id_header: str | None
    conversation_ids: tuple[str, ...] = ()


def read_marks(header: HeaderBlock) -> Marks:
    """Read the marks in one pass over the header."""
    first: dict[bytes, str] = {}
    for field in header.fields:
        if field.name in _MARKS and field.name not in first:
            first[field.name] = field.text
    own = message_ids(first.get(b"message-id"))
    nearest = message_ids(first.get(b"in-reply-to")) + message_ids(first.get(b"references"))[::-1]
    reply_to = addresses(first[b"reply-to"]) if b"reply-to" in first else []
    return Marks(
        message_id=own[0] if own else None,
        references=tuple(dict.fromkeys(nearest)),
        subject=first.get(b"subject"),
        mes=first.get(b"x-mss-mes"),
        reply_to=reply_to[0] if reply_to and "@" in reply_to[0] else None,
        authorship=read_authorship(header),
    )


_MARKS = frozenset({b"message-id", b"in-reply-to", b"references", b"subject", b"x-mss-mes", b"reply-to"})
