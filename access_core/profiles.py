"""Patient profiles and the life of their status.

Every change of status that is allowed is in STATUS_CHANGES and nowhere else; an account can sign in only while its
profile is `non_active` or `actif`. Closing with archive or deletion, and what falls due by time, come on top of
these changes and do not replace them.
"""

from calendar import isleap
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from enum import StrEnum
from typing import Any

from sqlalchemy import Row, Select, bindparam, insert, select, update

from access_core.accounts import AccountKind, AccountState, NewAccount, add_account, set_account_state
from access_core.identifiers import INS
from access_core.majority import MAJORITY
from access_core.tables import profile
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.ids import new_id


class ProfileStatus(StrEnum):
    """Where a profile stands; the values are those of the fact `profil`, save ANNONCE: announced, not there yet."""

    ANNONCE = "annonce"
    NON_ACTIVE = "non_active"
    ACTIF = "actif"
    OPPOSE = "oppose"
    CLOS = "clos"
    SUSPENDU = "suspendu"
    DECEDE = "decede"


class ProfileConflict(PermanentFailure):
    """The profile is not in a status from which this can be done, or is not there."""


@dataclass(frozen=True, slots=True, repr=False)
class Profile:
    """A patient's profile; `account_id` is also the id of her mailbox."""

    id: str
    ins: INS
    family: str
    given: str
    birth_date: date
    sex: str
    email: str | None
    status: ProfileStatus
    account_id: str

    @property
    def name(self) -> str:
        """Given then family name, as people read it."""
        return f"{self.given} {self.family}"

    def age(self, on: datetime) -> int:
        """Return her age in whole years at the instant ON."""
        day = on.date()
        return day.year - self.birth_date.year - ((day.month, day.day) < (self.birth_date.month, self.birth_date.day))

    def majority(self) -> datetime:
        """Return the instant from which `age` says that she is of age; born on 29 February: on 1 March."""
        year = self.birth_date.year + MAJORITY.years()
        leap_day = (self.birth_date.month, self.birth_date.day) == (2, 29) and not isleap(year)
        day = date(year, 3, 1) if leap_day else self.birth_date.replace(year=year)
        return datetime.combine(day, time.min, UTC)

    def __repr__(self) -> str:
        return f"Profile({self.id}, {self.status})"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class NewProfile:
    """What it takes to create a profile.

    `sex` is M or F, `email` an ordinary address or None; `opens_at`: only announced, it opens by itself then.
    """

    ins: INS
    family: str
    given: str
    birth_date: date
    sex: str
    created_at: datetime
    email: str | None = None
    opens_at: datetime | None = None


_LIVE = frozenset({ProfileStatus.NON_ACTIVE, ProfileStatus.ACTIF})
STATUS_CHANGES: Mapping[ProfileStatus, frozenset[ProfileStatus]] = {
    ProfileStatus.NON_ACTIVE: frozenset({ProfileStatus.ANNONCE}),
    ProfileStatus.ACTIF: frozenset({ProfileStatus.NON_ACTIVE, ProfileStatus.ANNONCE}),
    ProfileStatus.OPPOSE: _LIVE | {ProfileStatus.ANNONCE},
    ProfileStatus.CLOS: _LIVE | {ProfileStatus.SUSPENDU},
    ProfileStatus.SUSPENDU: _LIVE,
    ProfileStatus.DECEDE: frozenset(ProfileStatus) - {ProfileStatus.DECEDE},
}
"""For each status, those from which it can be reached; `reopen` and `resume` go back to the live status before."""

PROFILES = select(
    profile.c.id,
    profile.c.ins,
    profile.c.oid,
    profile.c.family,
    profile.c.given,
    profile.c.birth_date,
    profile.c.sex,
    profile.c.email,
    profile.c.status,
    profile.c.account_id,
)
_BY_INS = PROFILES.where(profile.c.ins == bindparam("ins"))
_BY_ID = PROFILES.where(profile.c.id == bindparam("id"))
_BY_ACCOUNT = PROFILES.where(profile.c.account_id == bindparam("account_id"))
_CHANGE = (
    update(profile)
    .where(profile.c.id == bindparam("profile_id"), profile.c.status == bindparam("before"))
    .values(status=bindparam("after"), status_since=bindparam("since"))
)
_SET_EMAIL = update(profile).where(profile.c.id == bindparam("profile_id")).values(email=bindparam("address"))
_WAS_ACTIVATED = select(profile.c.activated_at).where(profile.c.id == bindparam("id"))


def add_profile(tx: Transaction, new: NewProfile) -> Profile:
    """Create a profile, announced or not activated, with the account by which she will sign in.

    Raises:
        AlreadyExists: this INS has a profile.
    """
    opened = add_account(
        tx,
        NewAccount(
            kind=AccountKind.PATIENT,
            login=new.ins.value,
            display_name=f"{new.given} {new.family}",
            created_at=new.created_at,
        ),
    )
    status = ProfileStatus.NON_ACTIVE if new.opens_at is None else ProfileStatus.ANNONCE
    added = Profile(new_id(), new.ins, new.family, new.given, new.birth_date, new.sex, new.email, status, opened.id)
    tx.execute(insert(profile), {**_row(added, new.created_at), "opens_at": new.opens_at})
    set_account_state(tx, opened.id, _account_state(status))
    return added


def profile_by_ins(tx: Transaction, ins: INS) -> Profile | None:
    """Find the profile of an INS, in any status; the 15 characters count, not the OID."""
    return _one(tx, _BY_INS, {"ins": ins.value})


def profile_by_id(tx: Transaction, profile_id: str) -> Profile | None:
    """Find a profile by its id."""
    return _one(tx, _BY_ID, {"id": profile_id})


def profile_by_account(tx: Transaction, account_id: str) -> Profile | None:
    """Find the profile of an account (or mailbox)."""
    return _one(tx, _BY_ACCOUNT, {"account_id": account_id})


def set_email(tx: Transaction, profile_id: str, email: str | None) -> None:
    """Replace the ordinary address to which notices go; None: no notices."""
    tx.execute(_SET_EMAIL, {"profile_id": profile_id, "address": email})


def open_announced(tx: Transaction, profile_id: str, *, now: datetime) -> Profile:
    """Open a profile that was announced and not opposed. Raises ProfileConflict when it is not waiting."""
    return change_status(tx, known_profile(tx, profile_id), ProfileStatus.NON_ACTIVE, now)


def oppose(tx: Transaction, profile_id: str, *, now: datetime) -> Profile:
    """Record the opposition of the insured person to her space. Raises ProfileConflict when it is not open."""
    return change_status(tx, known_profile(tx, profile_id), ProfileStatus.OPPOSE, now)


def close(tx: Transaction, profile_id: str, *, now: datetime) -> Profile:
    """Close a profile; what it holds stays. Raises ProfileConflict when it is not open."""
    return change_status(tx, known_profile(tx, profile_id), ProfileStatus.CLOS, now)


def suspend(tx: Transaction, profile_id: str, *, now: datetime) -> Profile:
    """Suspend a profile (fraud, malfunction; R1111-36). Raises ProfileConflict when it is not open."""
    return change_status(tx, known_profile(tx, profile_id), ProfileStatus.SUSPENDU, now)


def declare_death(tx: Transaction, profile_id: str, *, now: datetime) -> Profile:
    """Record the death of the holder; nobody signs in any more. Raises ProfileConflict when it is recorded."""
    return change_status(tx, known_profile(tx, profile_id), ProfileStatus.DECEDE, now)


def reopen(tx: Transaction, profile_id: str, *, now: datetime) -> Profile:
    """Open again a profile that was closed, opposed or suspended, as it was before.

    Raises:
        ProfileConflict: it is open, or the holder is dead.
    """
    shut = known_profile(tx, profile_id)
    if shut.status not in {ProfileStatus.CLOS, ProfileStatus.OPPOSE, ProfileStatus.SUSPENDU}:
        raise ProfileConflict("profile: only a closed, opposed or suspended profile opens again")
    activated = tx.execute(_WAS_ACTIVATED, {"id": profile_id}).scalar_one() is not None
    return _move(tx, shut, ProfileStatus.ACTIF if activated else ProfileStatus.NON_ACTIVE, now)


def known_profile(tx: Transaction, profile_id: str) -> Profile:
    """Return a profile by its id. Raises ProfileConflict when there is none."""
    found = profile_by_id(tx, profile_id)
    if found is None:
        raise ProfileConflict("profile: not found")
    return found


def change_status(tx: Transaction, before: Profile, after: ProfileStatus, now: datetime) -> Profile:
    """Move a profile along STATUS_CHANGES. Raises ProfileConflict when that is not one of them."""
    if before.status not in STATUS_CHANGES[after]:
        raise ProfileConflict(f"profile: {before.status} does not become {after}")
    return _move(tx, before, after, now)


def _move(tx: Transaction, before: Profile, after: ProfileStatus, now: datetime) -> Profile:
    parameters = {"profile_id": before.id, "before": before.status, "after": after, "since": now}
    if tx.execute(_CHANGE, parameters).rowcount != 1:
        raise ProfileConflict("profile: its status changed meanwhile")
    set_account_state(tx, before.account_id, _account_state(after))
    moved = profile_by_id(tx, before.id)
    assert moved is not None
    return moved


def _account_state(status: ProfileStatus) -> AccountState:
    if status is ProfileStatus.DECEDE:
        return AccountState.CLOSED
    return AccountState.ACTIVE if status in _LIVE else AccountState.SUSPENDED


def _row(added: Profile, now: datetime) -> dict[str, object]:
    return {
        "id": added.id,
        "account_id": added.account_id,
        "ins": added.ins.value,
        "oid": added.ins.oid,
        "family": added.family,
        "given": added.given,
        "birth_date": added.birth_date,
        "sex": added.sex,
        "email": added.email,
        "status": added.status,
        "status_since": now,
        "activated_at": None,
        "closes_at": None,
        "erase_at": None,
        "erased_at": None,
    }


def _one(tx: Transaction, statement: Select[Any], parameters: Mapping[str, str]) -> Profile | None:
    row = tx.execute(statement, parameters).one_or_none()
    return None if row is None else read_profile(row)


def read_profile(row: Row[Any]) -> Profile:
    """Build the profile of a row of PROFILES."""
    return Profile(
        row.id,
        INS(row.ins[:13], row.ins[13:], row.oid),
        row.family,
        row.given,
        row.birth_date,
        row.sex,
        row.email,
        ProfileStatus(row.status),
        row.account_id,
    )
