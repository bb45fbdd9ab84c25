"""Signing in, by whatever means, then by one-time code.

The door of the package: passwords for the portal, SASL exchanges for IMAP and SMTP, the second factor. Every attempt
that is not a repetition is traced here and counted by the brake; callers trace what is done next, not the sign-in.
"""

from collections.abc import Awaitable, Callable, Collection
from dataclasses import replace
from datetime import timedelta
from math import ceil
from typing import Any

from access_core.accounts import Account, AccountState, account_by_id, canonical_login
from access_core.authentication.certificate_sign_in import CertificateSignIn
from access_core.authentication.channel import Channel, Use
from access_core.authentication.exchange import Exchange
from access_core.authentication.failures import Throttled, TokenRefused
from access_core.authentication.gate import SECOND_FACTOR, Gate
from access_core.authentication.password_sign_in import PasswordSignIn
from access_core.authentication.sasl.mechanisms import Offer, begin
from access_core.authentication.sasl.steps import (
    CheckCertificate,
    CheckPassword,
    CheckToken,
    LookUpScram,
    Question,
    SettleScram,
)
from access_core.authentication.scram_sign_in import ScramSignIn
from access_core.authentication.throttle import Throttle
from access_core.authentication.token_sign_in import TokenSignIn, TokenVerifier
from access_core.authentication.totp import accept_code
from access_core.config import AuthenticationSettings
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.keys import InstanceKey

LOGIN_LONGEST = 254


class Authenticator:
    """Verifies who signs in, with the brake on guessing.

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
        self._gate = Gate(database, clock, self._throttle, settings.remember_s)
        self._passwords = PasswordSignIn(self._gate, instance_key, settings)
        self._scram = ScramSignIn(self._gate, instance_key, settings)
        self._certificates = CertificateSignIn(self._gate, settings.certificate_names)
        self._tokens: TokenSignIn | None = None

    def check_certificates(self, stands: Callable[[bytes], Awaitable[bool]]) -> None:
        """Ask STANDS, before a client certificate (DER) opens anything, whether it was revoked."""
        self._certificates.stands = stands

    def accept_tokens(self, verifier: TokenVerifier) -> None:
        """Offer OAUTHBEARER and XOAUTH2 from now on."""
        self._tokens = TokenSignIn(self._gate, verifier)

    async def password(self, login: str, password: str, *, peer: str, use: Use = Use.PORTAL) -> Account:
        """Verify a login and its password, for a connection that comes from the address PEER.

        Raises:
            AuthenticationFailed: they do not match, the account is suspended or closed, or an application password
                is not for this USE.
            Throttled: the login or the address failed too often; nothing was verified.
            TemporaryFailure: the catalogue is away.
        """
        return await self._passwords.verify(self._canonical(login), password, peer=peer, use=use)

    def mechanisms(self, channel: Channel) -> tuple[str, ...]:
        """Return the names of the SASL mechanisms that a connection is offered, the strongest proof first."""
        return self._offer(channel).words

    def begin(self, mechanism: str, channel: Channel) -> Exchange | None:
        """Begin an AUTH command; None when the connection is not offered this mechanism."""
        dialogue = begin(mechanism, self._offer(channel))
        if dialogue is None:
            return None

        async def answer(question: Question) -> Any:
            return await self._answer(question, channel)

        return Exchange(dialogue, answer)

    async def token(self, token: str, *, peer: str) -> Account:
        """Return the account of an access token's holder, whose only mailbox it opens.

        Raises:
            TokenRefused: it is not good, or no issuer is believed.
            Throttled: the address has to wait.
            TemporaryFailure: the issuer or the catalogue is away.
        """
        if self._tokens is None:
            raise TokenRefused("invalid_token")
        return await self._tokens.verify("", token, peer=peer)

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
        self._passwords.close()

    def _canonical(self, login: str) -> str:
        return canonical_login(login, self._patient_domains)[:LOGIN_LONGEST]

    def _offer(self, channel: Channel) -> Offer:
        return Offer(
            certificate=channel.certificate is not None and self._settings.client_certificates,
            tokens=self._tokens is not None,
            end_point=channel.end_point if self._settings.channel_binding else None,
        )

    async def _answer(self, question: Question, channel: Channel) -> Any:
        peer = channel.peer
        question = replace(question, login=self._canonical(question.login))
        match question:
            case CheckPassword():
                return await self.password(question.login, question.password, peer=peer, use=channel.use)
            case LookUpScram():
                return await self._scram.offer(question.login, channel.use)
            case SettleScram():
                return await self._scram.settle(question.login, question.credential_id, peer=peer)
            case CheckCertificate():
                return await self._certificates.verify(question.login, channel)
            case CheckToken():
                assert self._tokens is not None  # the mechanisms that ask this are not offered without
                return await self._tokens.verify(question.login, question.token, peer=peer)

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
        self._gate.trace(tx, account, SECOND_FACTOR, right=right)
        return right
