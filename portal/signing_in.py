"""Signing in, in one or two steps, to any space.

Every refusal looks the same: an unknown person, a wrong password, an account of another space, a space that is not
active. The authenticator traces each attempt and slows down guessing; here a session is born only of its yes.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from access_core.accounts import Account, account_by_id
from access_core.authentication.failures import AuthenticationFailed
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

Admit = Callable[[Transaction, Account], Stage | None]
"""Says which stage the password opens for an account of this space; None: the account has no business here."""


@dataclass(frozen=True, slots=True)
class Visit:
    """Where the request comes from: network address, and browser in words."""

    peer: str
    device: str


@dataclass(frozen=True, slots=True)
class Begun:
    """The session that the password opened, under the cookie TOKEN."""

    token: str
    stage: Stage


@dataclass(frozen=True, slots=True)
class Given:
    """What somebody typed as the first step."""

    login: str
    password: str


async def give_password(services: PortalServices, given: Given, visit: Visit, admit: Admit) -> Begun | None:
    """Take the first step.

    Returns:
        The session that it opens, or None: refused, without saying why.

    Raises:
        Throttled: too many failures of this person or from this address; nothing was checked.
        TemporaryFailure: the catalogue is away.
    """
    try:
        account = await services.authenticator.password(given.login, given.password, peer=visit.peer)
    except AuthenticationFailed:
        return None

    def begin(tx: Transaction) -> Begun | None:
        stage = admit(tx, account)
        if stage is None:
            return None
        session = fresh_session(account.id, stage, visit.device, services.clock.now())
        return Begun(_start(tx, services, session), stage)

    return await services.database.write(begin)


async def awaited_session(services: PortalServices, token: str) -> Session | None:
    """Return the session that awaits its code under this cookie, None when it is over or there is none."""
    limits = SessionLimits.of(services.settings)
    session = await services.database.read(partial(find_session, token=token, now=services.clock.now(), limits=limits))
    return session if session is not None and session.stage is Stage.CODE else None


async def give_code(services: PortalServices, awaited: Session, code: str, visit: Visit, admit: Admit) -> str | None:
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

    def begin(tx: Transaction) -> str | None:
        close_session(tx, awaited.account_id, awaited.id)
        account = account_by_id(tx, opened.account_id)
        if account is None or admit(tx, account) is None:
            return None
        return _start(tx, services, opened)

    return await services.database.write(begin)


def _start(tx: Transaction, services: PortalServices, session: Session) -> str:
    token = new_token()
    start_session(tx, token, session, SessionLimits.of(services.settings))
    return token
