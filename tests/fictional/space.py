"""Who asks what of a space: shorthand for tests of the acts of access_core."""

from datetime import datetime

from access_core.case_acts import BY_CARD, SIGNED_IN, Asking
from access_core.case_inputs import local_sender
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.trace.reader import history_of_patient
from vaguemestre.kernel.database import Database


def as_person(profile: Profile, now: datetime, actor: Profile | None = None) -> Asking:
    """Somebody of the patient's side, the holder unless ACTOR says otherwise, signed in with two factors."""
    return Asking(profile=profile, actor=actor or profile, session=SIGNED_IN, now=now)


def as_doctor(profile: Profile, now: datetime, doctor: Professional) -> Asking:
    """A professional, signed in by Pro Santé Connect."""
    return Asking(profile=profile, actor=local_sender(doctor), session=BY_CARD, now=now)


def traced(database: Database, profile: Profile) -> list[tuple[str, str, str]]:
    """Act, verdict and reason of each line about a profile, oldest first."""
    lines = database.read_now(lambda tx: history_of_patient(tx, profile.id))
    return [(each.entry.act, each.entry.verdict, each.entry.reason) for each in reversed(lines)]
