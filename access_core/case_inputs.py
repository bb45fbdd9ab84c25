"""The cases that are put to the engine: who asks, for what, and the facts that only the caller knows.

These are values; `case_facts` completes them with what the catalogue holds.
"""

from dataclasses import dataclass
from datetime import datetime

from access_core.accounts import AccountState
from access_core.acts import Act
from access_core.decide import decide
from access_core.decision import Decision
from access_core.facts import (
    Auth,
    Confidentiality,
    Context,
    Directory,
    DocumentState,
    Exchange,
    IdentityStatus,
    MaskedBy,
    Mode,
    Origin,
    Recipient,
    ReplyOption,
    Resource,
    Subject,
    SubjectKind,
)
from access_core.identifiers import INS
from access_core.professionals import MailboxType, Professional
from access_core.profiles import Profile

NO_PROFESSION = "-"
_STRUCTURES = frozenset({MailboxType.ORG, MailboxType.APP})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Sender:
    """A professional or structure, as the engine and the trace see it.

    `id` is the account when it is one of ours; `profession` a TRE_G15 code, "-" when not known; `label` is what the
    patient reads in her history.
    """

    kind: SubjectKind
    label: str
    id: str | None = None
    profession: str = NO_PROFESSION
    directory: Directory = Directory.ACTIF


def local_sender(professional: Professional) -> Sender:
    """Describe one of our professional mailboxes; what the national directory says counts, once it was asked."""
    known = professional.directory or Directory.ACTIF
    return Sender(
        kind=SubjectKind.STRUCTURE if professional.type in _STRUCTURES else SubjectKind.PRO,
        label=professional.name,
        id=professional.account_id,
        profession=professional.profession or NO_PROFESSION,
        directory=known if professional.state is AccountState.ACTIVE else Directory.INACTIF,
    )


def remote_sender(address: str) -> Sender:
    """Describe a sender at another operator of the trust space, which answers for her identity."""
    return Sender(kind=SubjectKind.PRO, label=address)


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentFacts:
    """What the record knows of the one document; `by_reader`: the one who asks filed it."""

    type_code: str
    origin: Origin = Origin.PRO
    confidentiality: frozenset[Confidentiality] = frozenset({Confidentiality.N})
    masked_by: MaskedBy = MaskedBy.TITULAIRE
    state: DocumentState = DocumentState.APPROUVE
    duplicate: bool = False
    announced: bool = False
    by_reader: bool = False
    filed_at: datetime | None = None


NO_DOCUMENT = DocumentFacts(type_code="-")
"""Stands where a request is made before any document is looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeFacts:
    """What the gateway knows of the conversation that the patient wants to write in."""

    conversation: Exchange
    reply: ReplyOption = ReplyOption.AUTORISEE
    recipient: Recipient = Recipient.EXPEDITEUR


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """How somebody signed in, and for how long it has lasted (minutes)."""

    auth: Auth
    since_min: int = 0
    idle_min: int = 0
    mode: Mode = Mode.NORMAL


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReplyRequest:
    """A message that `actor` wants to write from the space of `profile`; they are the same for a holder."""

    profile: Profile
    actor: Profile
    exchange: ExchangeFacts
    session: Session
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FilingRequest:
    """A document to file in the record of the patient whose INS it bears.

    `identity` tells what became of the check of her traits; `informed`: whether she is told of it, None to go by
    the care relation (True when the document comes with a message to her); `presume_care`: setting `filing_care`.
    """

    sender: Sender
    ins: INS | None
    document: DocumentFacts
    now: datetime
    identity: IdentityStatus = IdentityStatus.QUALIFIEE
    informed: bool | None = None
    presume_care: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class ReadingRequest:
    """Somebody who wants to read one document: `reader` is a professional, or the profile of a patient."""

    reader: Sender | Profile
    profile: Profile
    document: DocumentFacts
    session: Session
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class CaseFacts:
    """A case ready for decision; PROFILE is None when the INS has none, ACTOR_ID when the actor is not one of ours."""

    act: Act
    subject: Subject
    resource: Resource
    context: Context
    profile: Profile | None
    actor_id: str | None
    actor_label: str

    def decide(self) -> Decision:
        """Ask the engine."""
        return decide(self.subject, self.act, self.resource, self.context)
