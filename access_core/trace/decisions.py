"""From a decision to its line in the trace: the same line whoever asked, permits and refusals alike."""

from dataclasses import dataclass
from datetime import datetime

from access_core.case_inputs import CaseFacts
from access_core.decision import Decision
from access_core.trace.entries import TraceEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What the act is about: ids, and the Message-ID with its angle brackets."""

    resource_kind: str
    resource_id: str | None = None
    message_id_header: str | None = None
    mailbox_id: str | None = None


def decision_entry(case: CaseFacts, decision: Decision, about: About, *, at: datetime) -> TraceEntry:
    """Build the entry of a decided case; the mailbox is the patient's unless ABOUT names another."""
    profile = case.profile
    return TraceEntry(
        at=at,
        act=case.act,
        verdict=decision.verdict,
        reason=decision.reason,
        subject_kind=case.subject.sujet or "-",
        subject_id=case.actor_id,
        subject_label=case.actor_label,
        profile_id=profile.id if profile else None,
        mailbox_id=about.mailbox_id or (profile.account_id if profile else None),
        resource_kind=about.resource_kind,
        resource_id=about.resource_id,
        message_id_header=about.message_id_header,
        obligations=tuple(decision.obligations),
        matrix_version=case.context.matrix.stamp,
        mode=case.context.mode or "-",
    )
