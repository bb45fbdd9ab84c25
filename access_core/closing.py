"""What a closed space holds: archived, then erased; restored or replaced by an empty one when it opens again.

`erase_at` is the one date that counts: opening again clears it, and the task that comes due finds no cause left.
Erasing for good needs the stores of the packages above; they come in as an `Eraser`.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import bindparam, delete, select, update

from access_core import tables
from access_core.accounts import AccountKind, AccountState, NewAccount, add_account, retire_login, set_account_state
from access_core.config import LifeSettings
from access_core.planning import plan_closure, plan_erasure
from access_core.profiles import Profile, ProfileConflict, ProfileStatus
from vaguemestre.kernel.database import Transaction

Eraser = Callable[[Transaction, Profile], None]
"""Erases for ever what a space holds (mailbox and its key, record, conversations), in the transaction."""

Opener = Callable[[Transaction, str], None]
"""Makes an empty mailbox of this id, in the transaction."""


@dataclass(frozen=True, slots=True)
class Holding:
    """What is to become of a space that is not open: when it closes, when it is erased, when it was."""

    closes_at: datetime | None
    erase_at: datetime | None
    erased_at: datetime | None


_OURS = tables.profile.c.id == bindparam("which")
_HOLDING = select(tables.profile.c.closes_at, tables.profile.c.erase_at, tables.profile.c.erased_at).where(_OURS)
_SET_CLOSING = update(tables.profile).where(_OURS).values(closes_at=bindparam("at"))
_SET_ERASURE = update(tables.profile).where(_OURS).values(erase_at=bindparam("at"))
_SET_ERASED = update(tables.profile).where(_OURS).values(erased_at=bindparam("at"), erase_at=None)
_EMPTY = (
    update(tables.profile)
    .where(_OURS)
    .values(
        account_id=bindparam("fresh_account"),
        status=ProfileStatus.NON_ACTIVE,
        status_since=bindparam("now"),
        activated_at=None,
        erased_at=None,
        erase_at=None,
    )
)
_PERSONAL = tuple(
    delete(table).where(table.c.profile_id == bindparam("patient"))
    for table in (
        tables.authorisation,
        tables.care_relation,
        tables.first_access,
        tables.minor_secret,
        tables.preference,
        tables.filing_objection,
    )
)


def holding_of(tx: Transaction, profile_id: str) -> Holding:
    """Return what is kept of a space."""
    row = tx.execute(_HOLDING, {"which": profile_id}).one()
    return Holding(row.closes_at, row.erase_at, row.erased_at)


def plan_closing(tx: Transaction, profile_id: str, at: datetime) -> None:
    """Have a suspended space close at an instant, unless it opens again before."""
    tx.execute(_SET_CLOSING, {"which": profile_id, "at": at})
    plan_closure(tx, profile_id, at)


def keep_archive(tx: Transaction, profile_id: str, rules: LifeSettings, *, now: datetime) -> None:
    """Keep what the space holds for ten years, then have it erased (R1111-36, L1111-18)."""
    _plan(tx, profile_id, _years_after(now, rules.archive_years))


def plan_deletion(tx: Transaction, profile_id: str, rules: LifeSettings, *, now: datetime) -> None:
    """Have what the space holds erased within three months, as was asked (R1111-36)."""
    _plan(tx, profile_id, now + timedelta(days=rules.deletion_days))


def restore(tx: Transaction, profile_id: str) -> None:
    """Give back what the space held: it is erased no more.

    Raises:
        ProfileConflict: it was erased.
    """
    if holding_of(tx, profile_id).erased_at is not None:
        raise ProfileConflict("profile: its archive was erased")
    tx.execute(_SET_ERASURE, {"which": profile_id, "at": None})


def start_empty(tx: Transaction, emptied: Profile, opener: Opener, *, now: datetime) -> None:
    """Open an empty space after an erasure: a fresh account, hence a fresh mailbox, to be activated again.

    An account id is a mailbox id, and that of an erased mailbox never serves again.
    """
    retire_login(tx, emptied.account_id)
    set_account_state(tx, emptied.account_id, AccountState.CLOSED)
    fresh = add_account(
        tx,
        NewAccount(kind=AccountKind.PATIENT, login=emptied.ins.value, display_name=emptied.name, created_at=now),
    )
    tx.execute(_EMPTY, {"which": emptied.id, "fresh_account": fresh.id, "now": now})
    opener(tx, fresh.id)


def erase(tx: Transaction, closed: Profile, eraser: Eraser, *, now: datetime) -> None:
    """Erase for ever what a closed space holds; the profile itself and the trace stay."""
    eraser(tx, closed)
    for statement in _PERSONAL:
        tx.execute(statement, {"patient": closed.id})
    tx.execute(_SET_ERASED, {"which": closed.id, "at": now})


def _plan(tx: Transaction, profile_id: str, at: datetime) -> None:
    tx.execute(_SET_ERASURE, {"which": profile_id, "at": at})
    plan_erasure(tx, profile_id, at)


def _years_after(now: datetime, years: int) -> datetime:
    leap_day = (now.month, now.day) == (2, 29)
    return now.replace(year=now.year + years, day=28) if leap_day else now.replace(year=now.year + years)
