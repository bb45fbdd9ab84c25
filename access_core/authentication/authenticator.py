"""Signing in by password, then by one-time code.

An unknown login, an account that is closed and a wrong password answer alike, in the same time. Every attempt that
is not a repetition is traced here and counted by the brake; callers trace what is done next, not the sign-in.
"""

import asyncio
from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from math import ceil
from typing import TypeVar

from sqlalchemy import bindparam, select

from access_core.accounts import (
    Account,
    AccountKind,
    AccountState,
    account_by_id,
    account_by_login,
    canonical_login,
    set_password,
)
from access_core.authentication.passwords import LONGEST, decoy, hash_password, is_outdated, verify_password
from access_core.authentication.recent import RecentSuccesses
from access_core.authentication.throttle import Throttle
from access_core.authentication.totp import accept_code
from access_core.config import AuthenticationSettings
from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.profiles import profile_by_account
from access_core.reasons import Reason
from access_core.tables import password_credential
from access_core.trace.entries import TraceEntry, record
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.errors import TemporaryFailure, VaguemestreError
from vaguemestre.kernel.keys import InstanceKey

T = TypeVar("T")
LOGIN_LONGEST = 254
SIGN_IN = "sign_in"
SECOND_FACTOR = "second_factor"

_REFUSALS = {SIGN_IN: Reason.A_ABSENTE, SECOND_FACTOR: Reason.A_MOYEN_INSUFFISANT}
_ENCODED = select(password_credential.c.encoded).where(password_credential.c.account_id == bindparam("account_id"))


class AuthenticationFailed(VaguemestreError):
    """Login or password wrong, or the account may not sign in: which of them is not said."""


class Throttled(TemporaryFailure):
    """Too many failures lately, or too many sign-ins at once; `retry_after_s` says when to come back."""

    def __init__(self, retry_after_s: int) -> None:
        super().__init__("sign-in: too many attempts")
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True, repr=False)
class _Attempt:
    """One sign-in; ENCODED is the password kept, None when there is no such account or it has none."""

    login: str
    password: str
    peer: str
    account: Account | None
    encoded: str | None


class Authenticator:
    """Verifies passwords and one-time codes, with the brake on guessing.

    Args:
        patient_domains: domains whose addresses a patient may type in place of her INS.
    """

    def __init__(
        self,
        database: Database,
        clock: Clock,
        instance_key: InstanceKey,
        settings: AuthenticationSettings,
        *,
        patient_domains: Collection[str] = (),
    ) -> None:
        self._database = database
        self._clock = clock
        self._instance_key = instance_key
        self._settings = settings
        self._patient_domains = frozenset(patient_domains)
        self._throttle = Throttle(instance_key, settings)
        self._recent = RecentSuccesses(clock, settings.remember_s)
        self._threads = ThreadPoolExecutor(settings.concurrent_hashes, thread_name_prefix="argon2")
        self._turns = asyncio.Semaphore(settings.concurrent_hashes)
        self._waiting = 0
        self._decoy = decoy()

    async def password(self, login: str, password: str, *, peer: str) -> Account:
        """Verify a login and its password, for a connection that comes from the address PEER.

        Raises:
            AuthenticationFailed: they do not match, or the account is suspended or closed.
            Throttled: the login or the address failed too often; nothing was verified.
            TemporaryFailure: the catalogue is away.
        """
        canonical = canonical_login(login, self._patient_domains)[:LOGIN_LONGEST]
        account, encoded = await self._database.read(lambda tx: _known(tx, canonical))
        attempt = _Attempt(canonical, password, peer, account, encoded)
        active = account is not None and account.state is AccountState.ACTIVE
        if active and account and self._recent.holds(canonical, peer, password, encoded):
            return account
        right = await self._take_turn(attempt)
        if not (right and active and account):
            raise AuthenticationFailed("sign-in: refused")
        return account

    async def second_factor(self, account_id: str, code: str) -> bool:
        """Verify a one-time code; each code passes once. False as well for an account without second factor.

        Raises:
            Throttled: the account failed too often; the code was not looked at.
            TemporaryFailure: the catalogue is away.
        """
        outcome = await self._database.write(lambda tx: self._check_code(tx, account_id, code))
        if isinstance(outcome, timedelta):
            raise Throttled(ceil(outcome.total_seconds()))
        return outcome

    def close(self) -> None:
        """End the threads that compute Argon2."""
        self._threads.shutdown()

    async def _take_turn(self, attempt: _Attempt) -> bool:
        """Verify in turn: no more guesses are under way than turns, so that the brake sees each failure."""
        if self._waiting >= self._settings.waiting_limit:
            raise Throttled(1)
        self._waiting += 1
        try:
            async with self._turns:
                return await self._verify(attempt)
        finally:
            self._waiting -= 1

    async def _verify(self, attempt: _Attempt) -> bool:
        brakes = (self._throttle.of_login(attempt.login), self._throttle.of_peer(attempt.peer))
        now = self._clock.now()
        wait = await self._database.read(lambda tx: self._throttle.waiting_time(tx, brakes, now))
        if wait:
            raise Throttled(ceil(wait.total_seconds()))
        encoded = attempt.encoded if attempt.encoded and len(attempt.password) <= LONGEST else self._decoy
        right = await self._in_thread(verify_password, attempt.password[:LONGEST], encoded)
        if right and attempt.account and attempt.account.state is AccountState.ACTIVE:
            await self._succeed(attempt, attempt.account, encoded)
        else:
            await self._database.write(lambda tx: self._fail(tx, attempt))
        return right

    async def _succeed(self, attempt: _Attempt, account: Account, encoded: str) -> None:
        fresh = encoded
        if is_outdated(encoded):
            fresh = await self._in_thread(hash_password, attempt.password)

        def work(tx: Transaction) -> None:
            self._throttle.forget(tx, self._throttle.of_login(attempt.login))
            if fresh != encoded:
                set_password(tx, account.id, fresh, changed_at=self._clock.now())
            self._trace(tx, account, SIGN_IN, right=True)

        await self._database.write(work)
        self._recent.keep(attempt.login, attempt.peer, attempt.password, fresh)

    def _fail(self, tx: Transaction, attempt: _Attempt) -> None:
        now = self._clock.now()
        self._throttle.count(tx, self._throttle.of_login(attempt.login), now)
        self._throttle.count(tx, self._throttle.of_peer(attempt.peer), now)
        if attempt.account:
            self._trace(tx, attempt.account, SIGN_IN, right=False)

    def _check_code(self, tx: Transaction, account_id: str, code: str) -> bool | timedelta:
        now, brake = self._clock.now(), self._throttle.of_factor(account_id)
        wait = self._throttle.waiting_time(tx, (brake,), now)
        account = account_by_id(tx, account_id)
        if wait or account is None or account.state is not AccountState.ACTIVE:
            return wait or False
        right = accept_code(tx, self._instance_key, account_id, code, now=now)
        if right:
            self._throttle.forget(tx, brake)
        else:
            self._throttle.count(tx, brake, now)
        self._trace(tx, account, SECOND_FACTOR, right=right)
        return right

    def _trace(self, tx: Transaction, account: Account, act: str, *, right: bool) -> None:
        patient = profile_by_account(tx, account.id) if account.kind is AccountKind.PATIENT else None
        entry = TraceEntry(
            at=self._clock.now(),
            act=act,
            verdict=Verdict.PERMIT if right else Verdict.DENY,
            reason=Reason.OK if right else _REFUSALS[act],
            subject_kind=SubjectKind.TITULAIRE if patient else SubjectKind.PRO,
            subject_id=account.id,
            subject_label=account.display_name,
            profile_id=patient.id if patient else None,
            mailbox_id=account.id,
            resource_kind="account",
            resource_id=account.id,
        )
        record(tx, entry)

    async def _in_thread(self, function: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _known(tx: Transaction, login: str) -> tuple[Account | None, str | None]:
    account = account_by_login(tx, login)
    if account is None:
        return None, None
    return account, tx.execute(_ENCODED, {"account_id": account.id}).scalar_one_or_none()
