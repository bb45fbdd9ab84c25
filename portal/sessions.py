"""Sessions kept in the catalogue, so that any process serves them and their owner can end them.

The browser holds 32 random bytes; the table holds their SHA-256. Every limit of time is checked here, at the
moment of use, and nowhere else.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sqlalchemy import RowMapping, bindparam, delete, insert, select, update

from access_core.case_inputs import Session as SessionFacts
from access_core.facts import Auth
from portal.config import PortalSettings
from portal.tables import portal_session
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id

CODE_ATTEMPTS = 5
TOUCH_EVERY = timedelta(seconds=60)


class Stage(StrEnum):
    """How far the person has come."""

    CODE = "code"
    PASSWORD = "password"  # noqa: S105 - a stage: open without a second factor (professionals who have none)
    OPEN = "open"


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One session, as found with its cookie.

    Attributes:
        id: name of the session for its owner; not the cookie.
        failures: wrong one-time codes given so far (stage CODE).
    """

    id: str
    account_id: str
    stage: Stage
    started_at: datetime
    seen_at: datetime
    device: str
    failures: int

    def facts(self, auth: Auth, now: datetime) -> SessionFacts:
        """Say to the engine by what means its owner signed in and how long ago, in whole minutes."""
        return SessionFacts(auth=auth, since_min=_minutes(now - self.started_at), idle_min=_minutes(now - self.seen_at))


def _minutes(elapsed: timedelta) -> int:
    return max(0, int(elapsed.total_seconds() // 60))


@dataclass(frozen=True, slots=True)
class SessionLimits:
    """How long a session lasts: without use, in all, and while the code is awaited."""

    idle: timedelta
    lifetime: timedelta
    code: timedelta

    @classmethod
    def of(cls, settings: PortalSettings) -> "SessionLimits":
        """Read the limits from the settings."""
        return cls(
            timedelta(minutes=settings.idle_minutes),
            timedelta(minutes=settings.lifetime_minutes),
            timedelta(minutes=settings.code_minutes),
        )

    def allow(self, session: Session, now: datetime) -> bool:
        """Say whether a session is still good; a limit that is just reached still passes (access.md §10.3)."""
        if session.stage is Stage.CODE:
            return now - session.started_at <= self.code and session.failures < CODE_ATTEMPTS
        return now - session.seen_at <= self.idle and now - session.started_at <= self.lifetime


_FIND = select(portal_session).where(portal_session.c.token_hash == bindparam("hash"))
_OF_ACCOUNT = (
    select(portal_session)
    .where(portal_session.c.account_id == bindparam("account"), portal_session.c.stage != Stage.CODE.value)
    .order_by(portal_session.c.seen_at.desc(), portal_session.c.id)
)
_OLD = delete(portal_session).where(portal_session.c.seen_at < bindparam("before"))
_CLOSE = delete(portal_session).where(
    portal_session.c.account_id == bindparam("account"), portal_session.c.id == bindparam("session")
)
_CLOSE_OTHERS = delete(portal_session).where(
    portal_session.c.account_id == bindparam("account"), portal_session.c.id != bindparam("session")
)
_TOUCH = update(portal_session).where(portal_session.c.id == bindparam("session")).values(seen_at=bindparam("now"))
_FAIL = (
    update(portal_session)
    .where(portal_session.c.id == bindparam("session"))
    .values(failures=portal_session.c.failures + 1)
)


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def new_token() -> str:
    """Return a fresh cookie value: 32 random bytes in URL-safe letters."""
    return secrets.token_urlsafe(32)


def start_session(tx: Transaction, token: str, session: Session, limits: SessionLimits) -> None:
    """Keep a session under its cookie; sessions of anybody that ended by time are removed on the way."""
    tx.execute(_OLD, {"before": session.started_at - limits.lifetime})
    row = {
        "token_hash": _hash(token),
        "id": session.id,
        "account_id": session.account_id,
        "stage": session.stage.value,
        "started_at": session.started_at,
        "seen_at": session.seen_at,
        "device": session.device,
        "failures": session.failures,
    }
    tx.execute(insert(portal_session), row)


def fresh_session(account_id: str, stage: Stage, device: str, now: datetime) -> Session:
    """Build a session that starts now."""
    return Session(
        id=new_id(), account_id=account_id, stage=stage, started_at=now, seen_at=now, device=device[:80], failures=0
    )


def _session(columns: RowMapping) -> Session:
    return Session(
        id=columns["id"],
        account_id=columns["account_id"],
        stage=Stage(columns["stage"]),
        started_at=columns["started_at"],
        seen_at=columns["seen_at"],
        device=columns["device"],
        failures=columns["failures"],
    )


def find_session(tx: Transaction, token: str, now: datetime, limits: SessionLimits) -> Session | None:
    """Return the session of a cookie, None when there is none or its time is over."""
    row = tx.execute(_FIND, {"hash": _hash(token)}).mappings().first()
    session = None if row is None else _session(row)
    return session if session is not None and limits.allow(session, now) else None


def sessions_of(tx: Transaction, account_id: str, now: datetime, limits: SessionLimits) -> list[Session]:
    """Return the open sessions of an account, last used first."""
    found = (_session(row) for row in tx.execute(_OF_ACCOUNT, {"account": account_id}).mappings())
    return [session for session in found if limits.allow(session, now)]


def touch_session(tx: Transaction, session: Session, now: datetime) -> None:
    """Note that a session was used."""
    tx.execute(_TOUCH, {"session": session.id, "now": now})


def count_failure(tx: Transaction, session: Session) -> None:
    """Note one wrong one-time code."""
    tx.execute(_FAIL, {"session": session.id})


def close_session(tx: Transaction, account_id: str, session_id: str) -> None:
    """End one session of an account; another account's session is left alone."""
    tx.execute(_CLOSE, {"account": account_id, "session": session_id})


def close_other_sessions(tx: Transaction, account_id: str, session_id: str) -> None:
    """End every session of an account but one, whatever their stage."""
    tx.execute(_CLOSE_OTHERS, {"account": account_id, "session": session_id})
