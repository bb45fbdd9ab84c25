"""Lines of the trace that no decision stands behind: what the program does by itself when its time has come."""

from datetime import datetime

from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from vaguemestre.kernel.database import Transaction

SYSTEM = "Vaguemestre"


def note_event(tx: Transaction, event: str, profile: Profile, *, now: datetime, by: str = SYSTEM) -> None:
    """Trace an event of a space's life: `profile_opened_by_delay`, `representation_ended`."""
    record(
        tx,
        TraceEntry(
            at=now,
            act=event,
            verdict=Verdict.PERMIT,
            reason=Reason.OK,
            subject_kind=SubjectKind.SYSTEME,
            subject_label=by,
            profile_id=profile.id,
            mailbox_id=profile.account_id,
            resource_kind="profile",
            resource_id=profile.id,
        ),
    )
