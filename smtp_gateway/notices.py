"""The handler of notices: to a patient's ordinary e-mail through a smarthost, to a professional's mailbox here.

Each task ends: sent, refused by the smarthost, nobody to tell, or no smarthost set; `notice_state` says which. Only a
smarthost that is away makes it wait. What is written comes from `notice_texts.py` alone.
"""

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum

import aiosmtplib

from access_core.accounts import AccountState
from access_core.obligations import Notice
from access_core.professionals import professional_by_account
from access_core.profiles import profile_by_id
from mailstore.store import Delivery, MailStore
from smtp_gateway.config import NoticeSettings
from smtp_gateway.notice_texts import FIXED, render
from smtp_gateway.queue.routes import parse_hop
from smtp_gateway.tables import notice_state
from vaguemestre.kernel.clock import Clock
from vaguemestre.kernel.database import Database, Transaction, insert_ignoring
from vaguemestre.kernel.errors import ConfigurationError, TemporaryFailure
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.outbox import Task

Closing = Callable[[Transaction], None]


class NoticeState(StrEnum):
    """How a notice ended."""

    SENT = "sent"
    MAILBOX = "mailbox"
    REFUSED = "refused"
    NO_ADDRESS = "no_address"
    NOT_CONFIGURED = "not_configured"


@dataclass(frozen=True, slots=True, repr=False)
class _Person:
    """Where somebody is told: an ordinary e-mail, or a mailbox here with its address."""

    email: str | None = None
    mailbox: tuple[str, str] | None = None


class NoticeSender:
    """Does the tasks of kind "notice".

    Raises:
        ConfigurationError: the authorities of the smarthost cannot be read.
    """

    def __init__(self, database: Database, store: MailStore, clock: Clock, settings: NoticeSettings) -> None:
        self._database = database
        self._store = store
        self._clock = clock
        self._settings = settings
        try:
            self._tls = ssl.create_default_context(cafile=settings.authority)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(f"notices: authority cannot be used: {type(error).__name__}") from None

    async def __call__(self, task: Task) -> Closing:
        """Tell one person.

        Raises:
            TemporaryFailure: the smarthost is away.
        """
        notice, recipient_id = Notice(str(task.payload["notice"])), str(task.payload["recipient_id"])
        person = await self._database.read(lambda tx: _find(tx, recipient_id))
        if person.mailbox is not None:
            return await self._into_mailbox(task, notice, person.mailbox)
        if person.email is None:
            return self._closing(task, NoticeState.NO_ADDRESS)
        if self._settings.smarthost is None:
            return self._closing(task, NoticeState.NOT_CONFIGURED)
        return self._closing(task, await self._send(self._letter(notice, person.email), self._settings.smarthost))

    def _letter(self, notice: Notice, address: str) -> EmailMessage:
        subject, text = render(notice, self._settings.portal_url)
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("Espace patient", addr_spec=self._settings.sender)
        message["To"] = Address(addr_spec=address)
        message["Subject"] = subject
        message["Date"] = self._clock.now()
        message["Message-ID"] = f"<{new_id()}@{self._settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        if notice not in FIXED:
            message["List-Unsubscribe"] = f"<{self._settings.portal_url.rstrip('/')}/parametres>"
        message.set_content(text, charset="utf-8", cte="quoted-printable")
        return message

    async def _send(self, message: EmailMessage, smarthost: str) -> NoticeState:
        settings, hop = self._settings, parse_hop(smarthost)
        try:
            await aiosmtplib.send(
                message,
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
            return NoticeState.REFUSED
        except aiosmtplib.SMTPResponseException as refusal:
            if refusal.code >= 500:
                return NoticeState.REFUSED
            raise TemporaryFailure("notice: the smarthost asks to try again") from None
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            raise TemporaryFailure("notice: the smarthost is away") from None
        return NoticeState.SENT

    async def _into_mailbox(self, task: Task, notice: Notice, mailbox: tuple[str, str]) -> Closing:
        """Put the notice into a professional's own mailbox, where nothing needs to leave."""
        mailbox_id, address = mailbox
        draft = self._store.draft()
        await draft.write(self._letter(notice, address).as_bytes())
        message = await draft.seal()
        now = self._clock.now()

        def close(tx: Transaction) -> None:
            self._store.deliver(tx, message, [Delivery(mailbox_id=mailbox_id, internal_date=now)])
            self._note(tx, task, NoticeState.MAILBOX)

        return close

    def _closing(self, task: Task, state: NoticeState) -> Closing:
        return lambda tx: self._note(tx, task, state)

    def _note(self, tx: Transaction, task: Task, state: NoticeState) -> None:
        row = {
            "task_id": task.id,
            "notice": task.payload["notice"],
            "recipient_id": task.payload["recipient_id"],
            "state": state,
            "at": self._clock.now(),
        }
        insert_ignoring(tx, notice_state, row)


def _find(tx: Transaction, recipient_id: str) -> _Person:
    profile = profile_by_id(tx, recipient_id)
    if profile is not None:
        return _Person(email=profile.email or None)
    professional = professional_by_account(tx, recipient_id)
    if professional is None or professional.state is AccountState.CLOSED:
        return _Person()
    return _Person(mailbox=(professional.account_id, professional.address))
