"""Giving a notice to the server that takes mail for the Internet; to a second one when the first is away for long."""

import ssl
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from enum import StrEnum

import aiosmtplib

from smtp_gateway.config import NoticeSettings
from smtp_gateway.dkim_sign import SigningKey, sign
from smtp_gateway.header import HeaderBlock
from smtp_gateway.queue.routes import parse_hop
from smtp_gateway.rules.peer_domain import domain_of
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure
from vaguemestre.kernel.outbox import backoff


class Given(StrEnum):
    """What a smarthost said."""

    SENT = "sent"
    REFUSED = "refused"


def waited_s(attempts: int) -> float:
    """Return how long a task has waited when it is tried for the ATTEMPTS-th time, seconds."""
    return sum(backoff(each).total_seconds() for each in range(1, attempts))


class Smarthost:
    """The way to ordinary e-mail.

    Args:
        settings: where it is and how it is spoken to.
        clock: for the time of signatures.
        keys: those that sign, asked for each notice; one-click unsubscription needs a signature (RFC 8058 §4).

    Raises:
        ConfigurationError: its authorities cannot be read.
    """

    def __init__(self, settings: NoticeSettings, clock: Clock, keys: Callable[[], Sequence[SigningKey]]) -> None:
        self._settings = settings
        self.clock = clock
        self._keys = keys
        try:
            self._tls = ssl.create_default_context(cafile=settings.authority)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"notices: authority cannot be used: {type(error).__name__}") from None

    @property
    def configured(self) -> bool:
        """Whether there is one."""
        return self._settings.smarthost is not None

    async def give(self, message: EmailMessage, *, attempts: int) -> Given:
        """Give one mail, by the second server once the first was away for `fallback_after_s`.

        Raises:
            TemporaryFailure: neither takes it now.
        """
        settings, recipient = self._settings, message["To"].addresses[0].addr_spec
        content = self._signed(message.as_bytes())
        first, second = settings.smarthost or "", settings.fallback_smarthost
        if second is not None and waited_s(attempts) >= settings.fallback_after_s:
            try:
                return await self._give(content, recipient, first)
            except TemporaryFailure:
                return await self._give(content, recipient, second)
        return await self._give(content, recipient, first)

    def _signed(self, content: bytes) -> bytes:
        if not self._settings.dkim:
            return content
        border = content.find(b"\r\n\r\n") + 2
        header, body = HeaderBlock.parse(content[:border]), content[border + 2 :]
        signatures = sign(header, body, domain_of(self._settings.sender), self._keys(), self.clock.now())
        return b"".join((*signatures, content))

    async def _give(self, content: bytes, recipient: str, host: str) -> Given:
        settings, hop = self._settings, parse_hop(host)
        try:
            await aiosmtplib.send(
                content,
                sender=settings.sender,
                recipients=[recipient],
                hostname=hop.host,
                port=hop.port,
                timeout=settings.timeout_s,
                use_tls=settings.tls == "implicit",
                start_tls=settings.tls == "starttls",
                tls_context=None if settings.tls == "none" else self._tls,
                username=settings.login,
                password=settings.password.get_secret_value() if settings.password else None,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            if any(each.code < 500 for each in refused.recipients):
                raise TemporaryFailure("notice: the smarthost asks to try again") from None
            return Given.REFUSED
        except aiosmtplib.SMTPResponseException as refusal:
            if refusal.code >= 500:
                return Given.REFUSED
            raise TemporaryFailure("notice: the smarthost asks to try again") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            raise TemporaryFailure("notice: the smarthost is away") from None
        return Given.SENT
