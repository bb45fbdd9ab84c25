"""Signing in, in two steps, and out.

Every refusal looks the same: an unknown person, a wrong password, a professional's account, a space that is not
active. The authenticator traces each attempt and slows down guessing; here a session is born only of its yes.
"""

from dataclasses import dataclass
from functools import partial

from access_core.accounts import Account, account_by_id
from access_core.authentication.failures import AuthenticationFailed
from access_core.trace.entries import record
from portal.patient.tracing import Event, event_entry
from portal.patient.viewer import Viewer, patient_of
from portal.services import PortalServices
from portal.sessions import (
    Session,
    SessionLimits,
    Stage,
    close_session,
    count_failure,
    find_session,
    fresh_session,
    new_token,
    start_session,
)
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True)
class Visit:
    """Where the request comes from: network address, and browser in words."""

    peer: str
    device: str


async def give_password(services: PortalServices, login: str, password: str, visit: Visit) -> str | None:
    """Take the first step.

    Returns:
        The cookie of a session that awaits the code, or None: refused, without saying why.

    Raises:
        Throttled: too many failures of this person or from this address; nothing was checked.
        TemporaryFailure: the catalogue is away.
    """
    try:
        account = await services.authenticator.password(login, password, peer=visit.peer)
    except AuthenticationFailed:
        return None
    session = fresh_session(account.id, Stage.CODE, visit.device, services.clock.now())
    return await services.database.write(partial(_await_code, account=account, session=session, services=services))


def _await_code(tx: Transaction, account: Account, session: Session, services: PortalServices) -> str | None:
    if patient_of(tx, account) is None:
        return None
    token = new_token()
    start_session(tx, token, session, SessionLimits.of(services.settings))
    return token


async def awaited_session(services: PortalServices, token: str) -> Session | None:
    """Return the session that awaits its code under this cookie, None when it is over or there is none."""
    limits = SessionLimits.of(services.settings)
    session = await services.database.read(partial(find_session, token=token, now=services.clock.now(), limits=limits))
    return session if session is not None and session.stage is Stage.CODE else None


async def give_code(services: PortalServices, awaited: Session, code: str, visit: Visit) -> str | None:
    """Take the second step; a fresh cookie replaces that of the first.

    Returns:
        The cookie of an open session, or None: wrong, late or already used code.

    Raises:
        Throttled, TemporaryFailure: as in the first step.
    """
    if not await services.authenticator.second_factor(awaited.account_id, code):
        await services.database.write(partial(count_failure, session=awaited))
        return None
    opened = fresh_session(awaited.account_id, Stage.OPEN, visit.device, services.clock.now())
    return await services.database.write(partial(_open, awaited=awaited, opened=opened, services=services))


def _open(tx: Transaction, awaited: Session, opened: Session, services: PortalServices) -> str | None:
    close_session(tx, awaited.account_id, awaited.id)
    profile = patient_of(tx, account_by_id(tx, opened.account_id))
    if profile is None:
        return None
    token = new_token()
    start_session(tx, token, opened, SessionLimits.of(services.settings))
    return token


async def sign_out(services: PortalServices, viewer: Viewer) -> None:
    """End the session of this cookie."""
    await services.database.write(partial(_sign_out, viewer=viewer, services=services))


def _sign_out(tx: Transaction, viewer: Viewer, services: PortalServices) -> None:
    close_session(tx, viewer.session.account_id, viewer.session.id)
    record(tx, event_entry(viewer.profile, Event.SIGN_OUT, services.clock.now()))
