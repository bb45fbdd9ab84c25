"""Activating a space: its holder's password and second factor, or the word of those who represent her."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import bindparam, update

from access_core.accounts import set_password
from access_core.authentication.totp import keep_totp
from access_core.profiles import Profile, ProfileConflict, ProfileStatus, change_status, known_profile
from access_core.representation import representatives_of
from access_core.tables import profile
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Activation:
    """What activating needs, computed outside the transaction.

    `encoded_password` comes from `hash_password`, `sealed_totp` from `seal_secret` for the profile's account.
    Both are None for a child, whose representatives sign in with their own.
    """

    activated_at: datetime
    encoded_password: str | None = None
    sealed_totp: bytes | None = None


_ACTIVATED = update(profile).where(profile.c.id == bindparam("profile_id")).values(activated_at=bindparam("instant"))


def activate(tx: Transaction, profile_id: str, activation: Activation) -> Profile:
    """Activate a profile, with her password and second factor.

    Raises:
        ProfileConflict: not waiting for activation; or without a password while nobody represents her.
    """
    waiting = known_profile(tx, profile_id)
    now = activation.activated_at
    if activation.encoded_password is None or activation.sealed_totp is None:
        if not representatives_of(tx, profile_id, now=now):
            raise ProfileConflict("profile: activation needs a password and a second factor")
    else:
        set_password(tx, waiting.account_id, activation.encoded_password, changed_at=now)
        keep_totp(tx, waiting.account_id, activation.sealed_totp, enrolled_at=now)
    tx.execute(_ACTIVATED, {"profile_id": profile_id, "instant": now})
    return change_status(tx, waiting, ProfileStatus.ACTIF, now)
