"""Signing in by the certificate of the TLS client (EXTERNAL)."""

import hashlib
from collections.abc import Awaitable, Callable

from access_core.accounts import Account, account_by_login, canonical_login
from access_core.authentication.certificates import logins_of, read_names
from access_core.authentication.channel import Channel
from access_core.authentication.gate import Attempt, Gate
from vaguemestre.kernel.database import Transaction


async def _stands(_certificate: bytes) -> bool:
    return True


class CertificateSignIn:
    """Finds the mailbox of a certificate; `stands` says whether it was not revoked."""

    def __init__(self, gate: Gate, believed: tuple[str, ...]) -> None:
        self._gate = gate
        self._believed = believed
        self.stands: Callable[[bytes], Awaitable[bool]] = _stands

    async def verify(self, login: str, channel: Channel) -> Account:
        """Return the account of LOGIN, or of the only mailbox that the certificate names when it is "".

        Raises:
            AuthenticationFailed: it does not speak for that mailbox, names several or none, or was revoked.
            Throttled: the login or the address has to wait.
        """
        certificate = channel.certificate or b""
        names = read_names(certificate)
        wanted = canonical_login(login)

        def look(tx: Transaction) -> tuple[str, Account | None, bool]:
            logins = logins_of(tx, names, self._believed)
            chosen = wanted or (next(iter(logins)) if len(logins) == 1 else "")
            return chosen, account_by_login(tx, chosen), chosen in logins

        chosen, account, named = await self._gate.database.read(look)
        right = named and await self.stands(certificate)
        attempt = Attempt(
            login=chosen,
            peer=channel.peer,
            account=account,
            kind="certificate",
            credential_id=hashlib.sha256(certificate).hexdigest(),
            guessable=False,
        )
        return await self._gate.settle(attempt, right=right)
