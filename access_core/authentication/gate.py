"""What every means of signing in passes through: the brake, the count of failures, the trace.

Proofs that cost nothing to check are settled in one write transaction that looks at the brake again, so that guesses
sent at once do not outrun it. A success is written once; the same credential from the same address within a few
minutes is not written again.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from math import ceil

from access_core.accounts import Account, AccountKind, AccountState
from access_core.authentication.failures import AuthenticationFailed, Throttled
from access_core.authentication.throttle import Brake, Throttle
from access_core.decision import Verdict
from access_core.facts import SubjectKind
from access_core.profiles import profile_by_account
from access_core.reasons import Reason
from access_core.trace.entries import TraceEntry, record
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction

SIGN_IN = "sign_in"
SECOND_FACTOR = "second_factor"
TOLD_LIMIT = 10_000
_REFUSALS = {SIGN_IN: Reason.A_ABSENTE, SECOND_FACTOR: Reason.A_MOYEN_INSUFFISANT}


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Attempt:
    """One sign-in.

    Attributes:
        login: canonical; what the counters are kept by.
        account: None when there is none of this login.
        kind: what proved it, as the trace says it: account (its password), app_password, certificate, token.
        credential_id: which of them; None when it is not known, or its successes are to be written each time.
        guessable: whether the proof is a password that somebody chose: those have a counter of their own, so that
            guessing them does not shut out the programs that prove by something else.
    """

    login: str
    peer: str
    account: Account | None
    kind: str = "account"
    credential_id: str | None = None
    guessable: bool = True

    @property
    def active(self) -> bool:
        """Whether there is an account and it may sign in."""
        return self.account is not None and self.account.state is AccountState.ACTIVE


class Gate:
    """Lets in, refuses, or puts off."""

    def __init__(self, database: Database, clock: Clock, throttle: Throttle, remember_s: int) -> None:
        self.database = database
        self.clock = clock
        self._throttle = throttle
        self._remember_s = remember_s
        self._told: dict[tuple[str, str], dict[str, float]] = {}

    async def hold(self, attempt: Attempt) -> None:
        """Stop who failed too often.

        Raises:
            Throttled: the login or the address has to wait.
        """
        _put_off(await self.database.read(lambda tx: self.waiting(tx, attempt)))

    def waiting(self, tx: Transaction, attempt: Attempt) -> timedelta:
        """Return how long the login or the address of an attempt has to wait, for who is reading anyway."""
        return self._throttle.waiting_time(tx, self._brakes(attempt), self.clock.now())

    async def settle(
        self,
        attempt: Attempt,
        *,
        right: bool,
        also: Callable[[Transaction], None] | None = None,
        waited: timedelta | None = None,
    ) -> Account:
        """End an attempt whose proof was RIGHT or not.

        Args:
            also: joins the transaction of a success that is written.
            waited: what `waiting` said just now, None when nobody asked it.

        Raises:
            AuthenticationFailed: it was not, or the account may not sign in.
            Throttled: the login or the address has to wait; nothing was counted.
        """
        account = attempt.account
        if right and account is not None and attempt.active and self._was_told(attempt, account):
            await self.hold(attempt) if waited is None else _put_off(waited)
            return account
        wait = await self.database.write(lambda tx: self._settle(tx, attempt, right and attempt.active, also))
        _put_off(wait)
        if not right or account is None or not attempt.active:
            self._told.pop((account.id if account else "", attempt.peer), None)
            raise AuthenticationFailed("sign-in: refused")
        self._tell(attempt, account)
        return account

    def trace(
        self, tx: Transaction, account: Account, act: str, attempt: Attempt | None = None, *, right: bool
    ) -> None:
        """Record a sign-in or a second factor."""
        patient = profile_by_account(tx, account.id) if account.kind is AccountKind.PATIENT else None
        entry = TraceEntry(
            at=self.clock.now(),
            act=act,
            verdict=Verdict.PERMIT if right else Verdict.DENY,
            reason=Reason.OK if right else _REFUSALS[act],
            subject_kind=SubjectKind.TITULAIRE if patient else SubjectKind.PRO,
            subject_id=account.id,
            subject_label=account.display_name,
            profile_id=patient.id if patient else None,
            mailbox_id=account.id,
            resource_kind=attempt.kind if attempt else "account",
            resource_id=(attempt.credential_id if attempt else None) or account.id,
        )
        record(tx, entry)

    def _brakes(self, attempt: Attempt) -> tuple[Brake, Brake]:
        kind = "login" if attempt.guessable else attempt.kind
        return self._throttle.of_login(attempt.login, kind), self._throttle.of_peer(attempt.peer)

    def _settle(
        self, tx: Transaction, attempt: Attempt, admitted: bool, also: Callable[[Transaction], None] | None
    ) -> timedelta:
        brakes, now = self._brakes(attempt), self.clock.now()
        wait = self._throttle.waiting_time(tx, brakes, now)
        if wait:
            return wait
        if admitted:
            self._throttle.forget(tx, brakes[0])
            if also is not None:
                also(tx)
        else:
            for brake in brakes:
                self._throttle.count(tx, brake, now)
        if attempt.account is not None:
            self.trace(tx, attempt.account, SIGN_IN, attempt, right=admitted)
        return wait

    def _was_told(self, attempt: Attempt, account: Account) -> bool:
        until = self._told.get((account.id, attempt.peer), {}).get(attempt.credential_id or "", 0.0)
        return self.clock.monotonic() < until

    def _tell(self, attempt: Attempt, account: Account) -> None:
        """Remember a success that was written, until something fails for that account from that address."""
        if attempt.credential_id is None:
            return
        until = self.clock.monotonic() + self._remember_s
        self._told.setdefault((account.id, attempt.peer), {})[attempt.credential_id] = until
        while len(self._told) > TOLD_LIMIT:
            del self._told[next(iter(self._told))]


def _put_off(wait: timedelta) -> None:
    if wait:
        raise Throttled(ceil(wait.total_seconds()))
