"""Signing in by password: the account's own (Argon2id), or that of an application (a keyed hash).

An unknown login, an account that is closed and a wrong password answer alike, in the same time. A text that has the
form of an application password is nothing else: it never costs an Argon2.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from typing import TypeVar

from sqlalchemy import Row, bindparam, select

from access_core.accounts import Account, account_by_login, set_password
from access_core.authentication.application_passwords import (
    TRACED_AS,
    ApplicationPassword,
    ApplicationPasswords,
    has_form,
    note_use,
)
from access_core.authentication.channel import Use
from access_core.authentication.failures import AuthenticationFailed, Throttled
from access_core.authentication.gate import Attempt, Gate
from access_core.authentication.passwords import LONGEST, decoy, hash_password, is_outdated, verify_password
from access_core.authentication.recent import RecentSuccesses
from access_core.authentication.scram_keys import ScramKeeper
from access_core.config import AuthenticationSettings
from access_core.tables import password_credential
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.keys import InstanceKey

T = TypeVar("T")
_KEPT = select(password_credential.c.encoded, password_credential.c.scram).where(
    password_credential.c.account_id == bindparam("account_id")
)
Kept = Row[tuple[str, bytes | None]]


class PasswordSignIn:
    """Verifies passwords, the costly ones in turn."""

    def __init__(self, gate: Gate, instance_key: InstanceKey, settings: AuthenticationSettings) -> None:
        self._gate = gate
        self._settings = settings
        self._scram = ScramKeeper(instance_key)
        self._applications = ApplicationPasswords(instance_key)
        self._recent = RecentSuccesses(gate.clock, settings.remember_s)
        self._threads = ThreadPoolExecutor(settings.concurrent_hashes, thread_name_prefix="argon2")
        self._turns = asyncio.Semaphore(settings.concurrent_hashes)
        self._waiting = 0
        self._decoy = decoy()

    async def verify(self, login: str, password: str, *, peer: str, use: Use) -> Account:
        """Verify a canonical login and its password.

        Raises:
            AuthenticationFailed, Throttled, TemporaryFailure: as `Authenticator.password` says.
        """
        if use is not Use.PORTAL and has_form(password):
            return await self._application(login, password, peer, use)
        account, kept = await self._gate.database.read(lambda tx: _known(tx, login))
        if use is not Use.PORTAL and not self._settings.account_password_in_mail:
            kept = None
        attempt = Attempt(login=login, peer=peer, account=account)
        if account and attempt.active and self._recent.holds(login, peer, password, kept.encoded if kept else None):
            return account
        return await self._take_turn(attempt, password, kept, use)

    def close(self) -> None:
        """End the threads that compute Argon2."""
        self._threads.shutdown()

    async def _application(self, login: str, password: str, peer: str, use: Use) -> Account:
        gate, now = self._gate, self._gate.clock.now()
        attempt = Attempt(login=login, peer=peer, account=None, kind=TRACED_AS, guessable=False)

        def look(tx: Transaction) -> tuple[Account | None, ApplicationPassword | None, timedelta]:
            account = account_by_login(tx, login)
            found = self._applications.find(tx, account.id, password, now) if account else None
            return account, found, gate.waiting(tx, attempt)

        account, found, waited = await gate.database.read(look)
        attempt = replace(attempt, account=account, credential_id=found.id if found else None)
        if found is None or not found.scope.allows(use):
            return await gate.settle(attempt, right=False)
        return await gate.settle(attempt, right=True, also=lambda tx: note_use(tx, found.id, now), waited=waited)

    async def _take_turn(self, attempt: Attempt, password: str, kept: Kept | None, use: Use) -> Account:
        """Verify in turn: no more guesses are under way than turns, so that the brake sees each failure."""
        if self._waiting >= self._settings.waiting_limit:
            raise Throttled(1)
        self._waiting += 1
        try:
            async with self._turns:
                return await self._compute(attempt, password, kept, use)
        finally:
            self._waiting -= 1

    async def _compute(self, attempt: Attempt, password: str, kept: Kept | None, use: Use) -> Account:
        await self._gate.hold(attempt)
        encoded = kept.encoded if kept and len(password) <= LONGEST else self._decoy
        right = await self._in_thread(verify_password, password[:LONGEST], encoded)
        if not (right and attempt.active and attempt.account and kept):
            await self._gate.settle(attempt, right=False)
            raise AuthenticationFailed("sign-in: refused")
        renewed = await self._renewed(attempt.account, password, kept, use)

        def also(tx: Transaction) -> None:
            if renewed is not None and attempt.account:
                set_password(tx, attempt.account.id, renewed[0], changed_at=self._gate.clock.now(), scram=renewed[1])

        account = await self._gate.settle(attempt, right=True, also=also)
        self._recent.keep(attempt.login, attempt.peer, password, renewed[0] if renewed else encoded)
        return account

    async def _renewed(self, account: Account, password: str, kept: Kept, use: Use) -> tuple[str, bytes] | None:
        """Encode again what was made with older parameters, derive the SCRAM keys that a mail program lacks."""
        outdated = is_outdated(kept.encoded)
        if not outdated and (kept.scram is not None or use is Use.PORTAL):
            return None
        encoded = await self._in_thread(hash_password, password) if outdated else kept.encoded
        return encoded, await self._in_thread(self._scram.sealed, account.login, account.id, password)

    async def _in_thread(self, function: Callable[..., T], *arguments: str) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, function, *arguments)


def _known(tx: Transaction, login: str) -> tuple[Account | None, Kept | None]:
    account = account_by_login(tx, login)
    if account is None:
        return None, None
    return account, tx.execute(_KEPT, {"account_id": account.id}).one_or_none()
