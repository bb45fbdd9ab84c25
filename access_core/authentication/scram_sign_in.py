"""Signing in by SCRAM: what a login is offered, and the end of an exchange that proved a password or none."""

from sqlalchemy import bindparam, select

from access_core.accounts import Account, account_by_login
from access_core.authentication.application_passwords import TRACED_AS, ApplicationPasswords, note_use
from access_core.authentication.channel import Use
from access_core.authentication.gate import Attempt, Gate
from access_core.authentication.sasl.steps import ScramOffer, ScramSecret
from access_core.authentication.scram_keys import ITERATIONS, ScramKeeper
from access_core.config import AuthenticationSettings
from access_core.tables import password_credential
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.keys import InstanceKey

_OWN = select(password_credential.c.scram).where(password_credential.c.account_id == bindparam("account_id"))


class ScramSignIn:
    """Offers salts, real or not, and settles proofs."""

    def __init__(self, gate: Gate, instance_key: InstanceKey, settings: AuthenticationSettings) -> None:
        self._gate = gate
        self._settings = settings
        self._keeper = ScramKeeper(instance_key)
        self._applications = ApplicationPasswords(instance_key)

    async def offer(self, login: str, use: Use) -> ScramOffer:
        """Return salt, number of iterations and every secret that opens USE for a canonical login."""
        secrets = await self._gate.database.read(lambda tx: self._secrets(tx, login, use))
        return ScramOffer(self._keeper.salt(login), ITERATIONS, tuple(secrets))

    async def settle(self, login: str, credential_id: str | None, *, peer: str) -> Account:
        """End an exchange that was proved with a credential, None: with none.

        Raises:
            AuthenticationFailed: nothing was proved, or the account may not sign in any more.
            Throttled: the login or the address has to wait.
        """
        account = await self._gate.database.read(lambda tx: account_by_login(tx, login))
        own = credential_id is None or (account is not None and credential_id == account.id)
        attempt = Attempt(
            login=login,
            peer=peer,
            account=account,
            kind="account" if own else TRACED_AS,
            credential_id=credential_id,
            guessable=own,
        )

        def also(tx: Transaction) -> None:
            if credential_id is not None and not own:
                note_use(tx, credential_id, self._gate.clock.now())

        return await self._gate.settle(attempt, right=credential_id is not None, also=also)

    def _secrets(self, tx: Transaction, login: str, use: Use) -> list[ScramSecret]:
        account = account_by_login(tx, login)
        if account is None:
            return []
        sealed: list[tuple[str, bytes | None]] = []
        if self._settings.account_password_in_mail:
            sealed.append((account.id, tx.execute(_OWN, {"account_id": account.id}).scalar_one_or_none()))
        kept = self._applications.in_force(tx, account.id, self._gate.clock.now())
        sealed += [(identifier, keys) for identifier, scope, keys in kept if scope.allows(use)]
        opened = (self._keeper.opened(identifier, keys) for identifier, keys in sealed if keys is not None)
        return [secret for secret in opened if secret is not None]
