"""Trace entries of what a patient does in her space. Names of acts that are events, not decisions, are here."""

from datetime import datetime
from enum import StrEnum

from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry


class Event(StrEnum):
    """What is traced without a decision of the engine."""

    SIGN_OUT = "sign_out"
    MESSAGE_READ = "message_read"
    ATTACHMENT_READ = "attachment_read"
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of an event
    NOTICE_CHANGED = "notice_changed"
    SESSION_CLOSED = "session_closed"
    ATTESTATION_READ = "attestation_read"


def event_entry(
    profile: Profile,
    event: Event,
    at: datetime,
    *,
    resource: tuple[str, str] | None = None,
    header: str | None = None,
) -> TraceEntry:
    """Build the entry of an event; RESOURCE is its kind and id, HEADER the Message-ID of the mail concerned."""
    kind, identifier = resource or (None, None)
    return TraceEntry(
        at=at,
        act=event.value,
        verdict=Verdict.PERMIT.value,
        reason=Reason.OK.value,
        subject_kind=SubjectKind.TITULAIRE.value,
        subject_id=profile.account_id,
        subject_label=profile.name,
        profile_id=profile.id,
        mailbox_id=profile.account_id,
        resource_kind=kind,
        resource_id=identifier,
        message_id_header=header,
    )
