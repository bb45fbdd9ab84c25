"""Who is looking: the session, the account behind it and the patient profile that it opens."""

from dataclasses import dataclass
from datetime import datetime

from access_core.accounts import Account, AccountKind, AccountState, account_by_id
from access_core.case_inputs import NO_DOCUMENT, ReadingRequest
from access_core.case_inputs import Session as SessionFacts
from access_core.facts import Auth
from access_core.profiles import Profile, ProfileStatus, profile_by_account
from portal.sessions import Session, SessionLimits, Stage, find_session
from vaguemestre.kernel.database import Transaction

SIGNS_IN = frozenset({ProfileStatus.ACTIF})


@dataclass(frozen=True, slots=True)
class Viewer:
    """A patient who is signed in with both factors."""

    session: Session
    profile: Profile

    @property
    def name(self) -> str:
        """Given then family name."""
        return self.profile.name

    @property
    def mailbox_id(self) -> str:
        """Id of her mail store, which is that of her account."""
        return self.profile.account_id

    @property
    def professional_id(self) -> None:
        """None: she reads her own record."""
        return None

    @property
    def documents_path(self) -> str:
        """Address of the list of her documents."""
        return "/documents"

    def reading(self, now: datetime) -> ReadingRequest:
        """Say to the engine that she reads in her own record."""
        profile = self.profile
        return ReadingRequest(reader=profile, profile=profile, document=NO_DOCUMENT, session=self.facts(now), now=now)

    def facts(self, now: datetime) -> SessionFacts:
        """Say how she signed in and how long ago, for the engine: two factors."""
        return self.session.facts(Auth.LOGIN_OTP, now)


def patient_of(tx: Transaction, account: Account | None) -> Profile | None:
    """Return the profile that an account may open, None for a professional or a profile that is not active."""
    if account is None or account.kind is not AccountKind.PATIENT or account.state is not AccountState.ACTIVE:
        return None
    profile = profile_by_account(tx, account.id)
    return profile if profile is not None and profile.status in SIGNS_IN else None


def find_viewer(tx: Transaction, token: str, now: datetime, limits: SessionLimits) -> Viewer | None:
    """Return who holds this cookie; None without an open session or when the profile is no longer active."""
    session = find_session(tx, token, now, limits)
    if session is None or session.stage is not Stage.OPEN:
        return None
    profile = patient_of(tx, account_by_id(tx, session.account_id))
    return None if profile is None else Viewer(session, profile)
