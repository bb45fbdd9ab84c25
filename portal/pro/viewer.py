"""Who is looking in the professional space: the session and the professional mailbox behind it."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial

from access_core.accounts import Account, AccountKind, AccountState
from access_core.authentication.totp import has_totp
from access_core.case_inputs import local_sender
from access_core.decision import Verdict
from access_core.facts import Auth
from access_core.professionals import Professional, professional_by_account
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from access_core.trace.history import ProfessionalReader
from portal.patient.tracing import Event
from portal.services import PortalServices
from portal.sessions import Session, SessionLimits, Stage, close_session, find_session
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True)
class ProfessionalViewer:
    """A professional who is signed in."""

    session: Session
    professional: Professional

    @property
    def name(self) -> str:
        """Her name as people read it."""
        return self.professional.name

    @property
    def has_both_factors(self) -> bool:
        """Whether this session was opened with a code after the password."""
        return self.session.stage is Stage.OPEN

    def reader(self, now: datetime) -> ProfessionalReader:
        """Say to the engine who asks and how she signed in.

        Password and code are the local two-factor sign-in that counts as AIR; a password alone opens nothing that
        needs a professional's means (access.md §1.6, §10.3).
        """
        facts = self.session.facts(Auth.AIR if self.has_both_factors else Auth.LOGIN_SEUL, now)
        return ProfessionalReader(sender=local_sender(self.professional), session=facts, now=now)


def admit_professional(tx: Transaction, account: Account) -> Stage | None:
    """Let a professional in: with a code when she has a second factor, else on her password alone."""
    if account.kind is not AccountKind.PROFESSIONAL or account.state is not AccountState.ACTIVE:
        return None
    return Stage.CODE if has_totp(tx, account.id) else Stage.PASSWORD


def find_professional(tx: Transaction, token: str, now: datetime, limits: SessionLimits) -> ProfessionalViewer | None:
    """Return who holds this cookie; None without an open session or when the mailbox is no longer active."""
    session = find_session(tx, token, now, limits)
    if session is None or session.stage is Stage.CODE:
        return None
    found = professional_by_account(tx, session.account_id)
    active = found is not None and found.state is AccountState.ACTIVE
    return ProfessionalViewer(session, found) if found is not None and active else None


async def sign_out(services: PortalServices, viewer: ProfessionalViewer) -> None:
    """End the session of this cookie."""
    await services.database.write(partial(_sign_out, viewer=viewer, at=services.clock.now()))


def _sign_out(tx: Transaction, viewer: ProfessionalViewer, at: datetime) -> None:
    account_id = viewer.professional.account_id
    close_session(tx, account_id, viewer.session.id)
    record(
        tx,
        TraceEntry(
            at=at,
            act=Event.SIGN_OUT.value,
            verdict=Verdict.PERMIT.value,
            reason=Reason.OK.value,
            subject_kind=local_sender(viewer.professional).kind,
            subject_id=account_id,
            subject_label=viewer.name,
            mailbox_id=account_id,
        ),
    )
