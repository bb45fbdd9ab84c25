"""A connection to another operator: mutual TLS, its subject checked before anything of a message is said.

Whatever goes wrong becomes the `Answer` of each recipient; nothing of a peer's text is kept, since nobody knows what
it quotes. Source: domain note §4 (certificate subject in the set of the recipient domain, never the host name).
"""

import re
import ssl
from collections.abc import Collection, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

import aiosmtplib

from smtp_gateway.config import RelaySettings
from smtp_gateway.queue.model import Answer, Job, Trouble, Waiting, trouble_of
from smtp_gateway.queue.routes import Hop, Unreached, find_hops
from smtp_gateway.receipts.fields import encode_xtext
from smtp_gateway.trust.revocation import Revocation
from smtp_gateway.trust.subjects import Subject, subject_of
from smtp_gateway.trust.whitelist import Whitelist
from vaguemestre.kernel.log import get_logger

ENHANCED = re.compile(r"\s*([245])\.(\d{1,3})\.(\d{1,3})\b")
FAILURES = (aiosmtplib.SMTPException, OSError, TimeoutError)
NOT_8BIT = Answer(status="5.6.3", trouble=Trouble.NOT_8BIT)
NOT_UTF8 = Answer(status="5.6.7", trouble=Trouble.NOT_UTF8)
NO_LIMIT = 1_000_000

log = get_logger(__name__)


class Trust(Protocol):
    """What the relay asks of the trust space."""

    whitelist: Whitelist

    def is_stale(self, now: datetime) -> bool:
        """Tell whether the list is too old to be used."""


def read_reply(code: int, text: str) -> Answer:
    """Turn a refusal of a peer into an answer; a code that is neither 4yz nor 5yz means: try again."""
    kind = "5" if 500 <= code <= 599 else "4"
    match = ENHANCED.match(text)
    status = f"{kind}.{match[2]}.{match[3]}" if match and match[1] == kind else f"{kind}.0.0"
    return Answer(status=status, trouble=trouble_of(status), reply_code=code)


class Peer:
    """One connection to the operator of a domain, used for many messages."""

    def __init__(
        self,
        domain: str,
        hostname: str,
        settings: RelaySettings,
        tls: ssl.SSLContext,
        revocation: Revocation | None = None,
    ) -> None:
        self._domain = domain
        self._hostname = hostname
        self._settings = settings
        self._tls = tls
        self._revocation = revocation
        self._client: aiosmtplib.SMTP | None = None
        self._mails = 0
        """Messages begun on this connection."""

    async def open(self, trust: Trust, now: datetime) -> None:
        """Connect to the first host that answers and is who the list says.

        Raises:
            Unreached: none is.
        """
        if self._client is not None and self._client.is_connected:
            if self._mails < _limit(self._client, "MAILMAX"):
                return
            await self.quit()
        if trust.is_stale(now):
            raise Unreached(Answer(status="4.7.1", trouble=Trouble.LIST_STALE))
        subjects = trust.whitelist.subjects.get(self._domain)
        if subjects is None:
            raise Unreached(Answer(status="5.7.1", trouble=Trouble.WITHDRAWN))
        answer = Answer(status="4.4.1", trouble=Trouble.UNREACHABLE)
        for hop in await find_hops(self._domain, self._settings):
            client = self._new_client(hop)
            try:
                found = await self._greet(client)
                if found is None and await self._is_listed(_certificate(client), subjects):
                    self._client, self._mails = client, 0
                    return
                answer = found or Answer(status="4.7.5", trouble=Trouble.CERTIFICATE)
            except (ssl.SSLError, ValueError):
                answer = Answer(status="4.7.5", trouble=Trouble.CERTIFICATE)
            except aiosmtplib.SMTPResponseException as refusal:
                answer = Answer(status="4.3.2", trouble=Trouble.POSTPONED, reply_code=refusal.code)
            except FAILURES:
                answer = Answer(status="4.4.1", trouble=Trouble.UNREACHABLE)
            client.close()
        raise Unreached(answer)

    async def _is_listed(self, certificate: bytes, subjects: Collection[Subject]) -> bool:
        """Tell whether a server is one that the list names for the domain, with a certificate that is still good."""
        if subject_of(certificate) not in subjects:
            return False
        return self._revocation is None or self._revocation.lets_pass(await self._revocation.check(certificate))

    def _new_client(self, hop: Hop) -> aiosmtplib.SMTP:
        return aiosmtplib.SMTP(
            hostname=hop.host,
            port=hop.port,
            local_hostname=self._hostname,
            timeout=self._settings.connect_timeout_s,
            start_tls=False,
            tls_context=self._tls,
        )

    async def _greet(self, client: aiosmtplib.SMTP) -> Answer | None:
        """Connect and start TLS; returns why mail cannot be given, None when it can."""
        await client.connect()
        await client.ehlo()
        if not client.supports_extension("starttls"):
            return Answer(status="4.7.10", trouble=Trouble.NO_TLS)
        await client.starttls(tls_context=self._tls)
        await client.ehlo()
        return None

    @property
    def takes_8bit(self) -> bool:
        """Whether the peer that is connected announced 8BITMIME (RFC 6152); others get 7-bit data alone."""
        return self._client is not None and self._client.supports_extension("8bitmime")

    async def send(self, job: Job, content: bytes) -> list[Answer]:
        """Give one message; returns an answer for each recipient, in their order."""
        client = self._client
        assert client is not None
        if not content.isascii() and not client.supports_extension("8bitmime"):
            return [NOT_8BIT] * len(job.waiting)
        if job.require_tls and not client.supports_extension("requiretls"):
            return [Answer(status="5.7.30", trouble=Trouble.NO_REQUIRETLS)] * len(job.waiting)  # RFC 8689 §4.2.1
        plain = not client.supports_extension("smtputf8")
        if plain and _needs_utf8(content, job.reverse_path):
            return [NOT_UTF8] * len(job.waiting)
        named = [each for each in job.waiting if not plain or each.recipient.isascii()]
        answers: dict[str, Answer] = {}
        for group in _groups(named, _limit(client, "RCPTMAX")):
            given = await self._send(replace(job, waiting=group), content)
            answers |= {each.id: answer for each, answer in zip(group, given, strict=True)}
        return [answers.get(each.id, NOT_UTF8) for each in job.waiting]

    async def _send(self, job: Job, content: bytes) -> list[Answer]:
        """Give one message to as many recipients as the peer takes at once."""
        client = self._client
        if client is None or self._mails >= _limit(client, "MAILMAX"):
            return [Answer(status="4.4.2", trouble=Trouble.INTERRUPTED)] * len(job.waiting)  # soon, on a new connection
        self._mails += 1
        try:
            return await self._transfer(client, job, content)
        except aiosmtplib.SMTPResponseException as refusal:
            await self._reset(client)
            return [read_reply(refusal.code, refusal.message)] * len(job.waiting)
        except FAILURES:
            self.close()
            return [Answer(status="4.4.2", trouble=Trouble.INTERRUPTED)] * len(job.waiting)

    async def _transfer(self, client: aiosmtplib.SMTP, job: Job, content: bytes) -> list[Answer]:
        wait, reports = self._settings.command_timeout_s, client.supports_extension("dsn")
        options = _mail_options(client, job, content, reports)
        await client.mail(job.reverse_path, options=options, encoding="utf-8", timeout=wait)
        answers: list[Answer | None] = []
        for each in job.waiting:
            wishes = _recipient_options(each) if reports else []
            try:
                await client.rcpt(each.recipient, options=wishes, encoding="utf-8", timeout=wait)
                answers.append(None)
            except aiosmtplib.SMTPRecipientRefused as refusal:
                answers.append(read_reply(refusal.code, refusal.message))
        if all(answer is not None for answer in answers):
            await self._reset(client)
            return [answer for answer in answers if answer is not None]
        taken = await self._give_data(client, content, reports=reports)
        return [answer if answer is not None else taken for answer in answers]

    async def _give_data(self, client: aiosmtplib.SMTP, content: bytes, *, reports: bool) -> Answer:
        try:
            reply = await client.data(content, timeout=self._settings.command_timeout_s)
        except aiosmtplib.SMTPDataError as refusal:
            await self._reset(client)
            return read_reply(refusal.code, refusal.message)
        except FAILURES:
            # The peer may have taken it: SMTP prefers a message doubled to one lost (RFC 5321 §4.5.3.2.6).
            self.close()
            return Answer(status="4.4.2", trouble=Trouble.INTERRUPTED)
        return Answer(status="2.0.0", reply_code=reply.code, passed_on=reports)

    async def _reset(self, client: aiosmtplib.SMTP) -> None:
        try:
            await client.rset(timeout=self._settings.connect_timeout_s)
        except FAILURES:
            self.close()

    def close(self) -> None:
        """Drop the connection."""
        if self._client is not None:
            self._client.close()
            self._client = None

    async def quit(self) -> None:
        """Take leave."""
        if self._client is not None and self._client.is_connected:
            try:
                await self._client.quit(timeout=self._settings.connect_timeout_s)
            except FAILURES:
                log.info("peer_left_first")
            finally:
                self.close()


def _certificate(client: aiosmtplib.SMTP) -> bytes:
    channel = client.get_transport_info("ssl_object")
    return (channel.getpeercert(binary_form=True) if channel is not None else None) or b""


def _needs_utf8(content: bytes, reverse_path: str) -> bool:
    """Tell whether only a host that offers SMTPUTF8 may get the message, whoever it is for (RFC 6531 §3.6)."""
    return not (reverse_path.isascii() and content[: content.find(b"\r\n\r\n")].isascii())


def _limit(client: aiosmtplib.SMTP, name: str) -> int:
    """Return what a peer announced by LIMITS (RFC 9422 §4); as good as none when it did not, or not in order."""
    found = re.search(rf"(?:^|\s){name}=([1-9][0-9]{{0,5}})(?:\s|$)", client.esmtp_extensions.get("limits", ""))
    return int(found[1]) if found else NO_LIMIT


def _groups(waiting: Sequence[Waiting], most: int) -> list[tuple[Waiting, ...]]:
    return [tuple(waiting[start : start + most]) for start in range(0, len(waiting), most)]


def _mail_options(client: aiosmtplib.SMTP, job: Job, content: bytes, reports: bool) -> list[str]:
    options = []
    if client.supports_extension("size"):
        options.append(f"SIZE={len(content)}")
    if client.supports_extension("8bitmime"):
        options.append("BODY=8BITMIME")
    if job.require_tls:
        options.append("REQUIRETLS")
    if _needs_utf8(content, job.reverse_path) or not all(each.recipient.isascii() for each in job.waiting):
        options.append("SMTPUTF8")
    if reports and job.request.ret:
        options.append(f"RET={job.request.ret}")
    if reports and job.request.envid:
        options.append(f"ENVID={job.request.envid}")
    return options


def _recipient_options(waiting: Waiting) -> Sequence[str]:
    """Return NOTIFY as it was given, and ORCPT, ours when none was (RFC 3461 §5.2.1): reports name it again."""
    options = []
    if waiting.notify:
        options.append(f"NOTIFY={waiting.notify}")
    kind = "rfc822" if waiting.recipient.isascii() else "utf-8"
    options.append(f"ORCPT={waiting.orcpt or f'{kind};{encode_xtext(waiting.recipient)}'}")
    return options
