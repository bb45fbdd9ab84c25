"""Signing in by an access token (OAUTHBEARER, XOAUTH2): the verifier says who holds it, the catalogue which mailbox."""

from dataclasses import dataclass
from typing import Protocol

from access_core.accounts import Account, account_by_login, canonical_login
from access_core.authentication.certificates import PERSON_ID, logins_of_person
from access_core.authentication.failures import AuthenticationFailed, TokenRefused
from access_core.authentication.gate import Attempt, Gate
from vaguemestre.kernel.database import Transaction


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Holder:
    """Who holds a token.

    Attributes:
        issuer: name of the issuer in the settings.
        value: what its claim says.
        names: "rpps" when that is a national person id or an RPPS, "address" when it is the address of a mailbox.
        refusal: what to tell a client whose mailbox it does not open.
    """

    issuer: str
    value: str
    names: str
    refusal: TokenRefused


class TokenVerifier(Protocol):
    """Whatever can say who holds an access token."""

    async def holder(self, token: str) -> Holder:
        """Verify TOKEN.

        Raises:
            TokenRefused: it is false, late, for somebody else, or has too small a scope.
            TemporaryFailure: its issuer cannot be asked.
        """


class TokenSignIn:
    """Finds the mailbox of a token's holder."""

    def __init__(self, gate: Gate, verifier: TokenVerifier) -> None:
        self._gate = gate
        self._verifier = verifier

    async def verify(self, login: str, token: str, *, peer: str) -> Account:
        """Return the account of LOGIN, or of the holder's only mailbox when it is "".

        Raises:
            TokenRefused: the token is not good, or is not of that mailbox; counted as a failure.
            Throttled: the login or the address has to wait.
            TemporaryFailure: the issuer cannot be asked; nothing was counted.
        """
        wanted = canonical_login(login)
        await self._gate.hold(Attempt(login=wanted, peer=peer, account=None, kind="token", guessable=False))
        try:
            holder = await self._verifier.holder(token)
        except TokenRefused as refused:
            account = await self._gate.database.read(lambda tx: account_by_login(tx, wanted))
            await self._settle(wanted, account, peer, holder=None)
            raise refused from None

        def look(tx: Transaction) -> tuple[str, Account | None, bool]:
            named = _logins(tx, holder)
            chosen = wanted or (next(iter(named)) if len(named) == 1 else "")
            return chosen, account_by_login(tx, chosen), chosen in named

        chosen, account, right = await self._gate.database.read(look)
        found = await self._settle(chosen, account, peer, holder=holder if right else None)
        if found is None:
            raise holder.refusal
        return found

    async def _settle(self, login: str, account: Account | None, peer: str, *, holder: Holder | None) -> Account | None:
        attempt = Attempt(
            login=login,
            peer=peer,
            account=account,
            kind="token",
            credential_id=holder.issuer if holder else None,
            guessable=False,
        )
        try:
            return await self._gate.settle(attempt, right=holder is not None)
        except AuthenticationFailed:
            return None


def _logins(tx: Transaction, holder: Holder) -> frozenset[str]:
    if holder.names == "address":
        return frozenset((canonical_login(holder.value),))
    match = PERSON_ID.fullmatch(holder.value)
    return frozenset(logins_of_person(tx, match[1] if match else holder.value))
