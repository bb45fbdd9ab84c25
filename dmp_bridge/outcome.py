"""A filing and what became of it: values, the one line of the trace, the sentence that people read."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from access_core.acts import Act
from access_core.case_acts import Asking
from access_core.case_inputs import CaseFacts, Sender
from access_core.decision import Decision, Obligation, Verdict
from access_core.profiles import Profile
from access_core.reasons import REGISTER, Reason
from access_core.trace.decisions import About, decision_entry
from access_core.trace.entries import TraceEntry, record
from dmp_bridge import refusals
from dmp_bridge.record.model import Origin, RecordedDocument
from dmp_bridge.refusals import Refusal
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class FilingCase:
    """Into whose record, by whom, and how it came.

    Attributes:
        message_id: of the stored message; `message_id_header` its Message-ID; both None when filed directly.
        informed: as in `FilingRequest`: True when the document comes with a message to the patient.
        presume_care: the message itself shows the care relation (setting `filing_care`).
        asking: set when the patient's side files: who, signed in how; `sender` then names the same person.
    """

    profile: Profile
    sender: Sender
    now: datetime
    message_id: str | None = None
    message_id_header: str | None = None
    informed: bool | None = None
    presume_care: bool = False
    asking: Asking | None = None

    @property
    def filed_by(self) -> str | None:
        """Account that files, None when it is not ours."""
        actor = None if self.asking is None else self.asking.actor
        return actor.account_id if isinstance(actor, Profile) else self.sender.id

    @property
    def origin(self) -> Origin:
        """Who the documents come from."""
        return Origin.PRO if self.asking is None else Origin.PATIENT


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingOutcome:
    """What became of one document; REASON is `OK`, a `Reason` or a `Refusal`."""

    verdict: Verdict
    reason: str
    unique_id: str
    document_id: str | None = None
    obligations: tuple[Obligation, ...] = ()
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingRules:
    """Settings that filing applies: the repository's OID, the OIDs under which an INS is read."""

    repository_id: str
    ins_authorities: Collection[str]


def refuse(tx: Transaction, case: FilingCase, refusal: Refusal, unique_id: str | None = None) -> FilingOutcome:
    """Trace a refusal of the bridge's own: of one document, or of an archive when UNIQUE_ID is None."""
    return refuse_as(tx, case, refusal, unique_id)


def refuse_as(tx: Transaction, case: FilingCase, reason: str, unique_id: str | None = None) -> FilingOutcome:
    """Trace a refusal of the engine or of the bridge, decided in a transaction that was given up."""
    record(
        tx,
        TraceEntry(
            at=case.now,
            act=Act.FILE_DOCUMENT,
            verdict=Verdict.DENY,
            reason=reason,
            subject_kind=case.sender.kind,
            subject_id=case.sender.id,
            subject_label=case.sender.label,
            profile_id=case.profile.id,
            mailbox_id=case.profile.account_id,
            resource_kind="document" if unique_id else "archive",
            resource_id=unique_id or case.message_id,
            message_id_header=case.message_id_header,
        ),
    )
    return FilingOutcome(verdict=Verdict.DENY, reason=reason, unique_id=unique_id or "")


def conclude(
    tx: Transaction,
    case: FilingCase,
    decided: tuple[CaseFacts, Decision],
    unique_id: str,
    document: RecordedDocument | None = None,
) -> FilingOutcome:
    """Write the one line of the trace that tells what became of the document."""
    facts, decision = decided
    about = About(
        resource_kind="document",
        resource_id=document.id if document else unique_id,
        message_id_header=case.message_id_header,
        mailbox_id=case.profile.account_id,
    )
    record(tx, decision_entry(facts, decision, about, at=case.now))
    return FilingOutcome(
        verdict=decision.verdict,
        reason=decision.reason,
        unique_id=unique_id,
        document_id=document.id if document else None,
        obligations=decision.obligations,
        warnings=document.warnings if document else (),
    )


def sentence_of(reason: str) -> str:
    """Return the French sentence for a reason, the engine's or the bridge's; empty for what is in no register."""
    if reason in set(Refusal):
        return refusals.REGISTER[Refusal(reason)].sentence
    return REGISTER[Reason(reason)].sentence if reason in set(Reason) else ""
