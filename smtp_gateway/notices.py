"""The handler of notices: to a patient's ordinary e-mail through a smarthost, to a professional's mailbox here.

Each task ends in one state of `NoticeState`, which `notice_state` keeps; only a smarthost that is away makes it wait.
Who wants one notice a day gets one for all that came; a message that stays unread is told of once more. What is
written comes from `notice_texts.py` alone.
"""

from dataclasses import dataclass
from datetime import timedelta
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from enum import StrEnum
from functools import partial
from zoneinfo import ZoneInfo

from access_core.accounts import AccountState
from access_core.obligations import NOTICE_TASK, Notice
from access_core.professionals import professional_by_account
from access_core.profiles import profile_by_id
from mailstore.model import SEEN
from mailstore.store import INBOX, Delivery, MailStore
from smtp_gateway.config import NoticeSettings
from smtp_gateway.notice_choices import Choice, Topic, choices_of, next_daily, topic_of
from smtp_gateway.notice_links import PATH, NoticeLinks, Subscription
from smtp_gateway.notice_texts import Links, OwnNotice, render
from smtp_gateway.smarthost import Smarthost
from smtp_gateway.tables import notice_state
from vaguemestre.kernel.database import Database, Transaction, insert_ignoring
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.outbox import Closing, Handler, Task, enqueue

DIGEST_TASK = "notice.digest"
REMINDER_TASK = "notice.reminder"


class NoticeState(StrEnum):
    """How a notice ended."""

    SENT = "sent"
    MAILBOX = "mailbox"
    REFUSED = "refused"
    NO_ADDRESS = "no_address"
    NOT_CONFIGURED = "not_configured"
    OPTED_OUT = "opted_out"
    GROUPED = "grouped"
    """Told with others, once that day."""
    READ_MEANWHILE = "read_meanwhile"


@dataclass(frozen=True, slots=True, repr=False, kw_only=True)
class _Person:
    """Where somebody is told, and when: an ordinary e-mail, or a mailbox here with its address."""

    email: str | None = None
    mailbox: tuple[str, str] | None = None
    choice: Choice = Choice.IMMEDIATE
    read: bool = False
    """The message that a reminder is about has been read, or is gone."""


class NoticeSender:
    """Does the tasks of the kinds "notice", "notice.digest" and "notice.reminder"."""

    def __init__(
        self, database: Database, store: MailStore, links: NoticeLinks, settings: NoticeSettings, smarthost: Smarthost
    ) -> None:
        self._database = database
        self._store = store
        self._links = links
        self._settings = settings
        self._smarthost = smarthost
        self._clock = smarthost.clock

    def handlers(self) -> dict[str, Handler]:
        """Return what the outbox worker needs."""
        return dict.fromkeys((NOTICE_TASK, DIGEST_TASK, REMINDER_TASK), self)

    async def __call__(self, task: Task) -> Closing:
        """Tell one person.

        Raises:
            TemporaryFailure: the smarthost is away.
        """
        notice = _notice(task)
        person = await self._database.read(partial(self._find, task=task, notice=notice))
        if person.mailbox is not None and not isinstance(notice, OwnNotice):
            return await self._into_mailbox(task, notice, person.mailbox)
        ended = self._without_sending(person)
        if ended is not None:
            return partial(self._close, task=task, state=ended)
        letter = self._letter(notice, person.email or "", self._unsubscribe(task, notice))
        given = await self._smarthost.give(letter, attempts=task.attempts)
        return partial(self._close, task=task, state=NoticeState(given))

    def _without_sending(self, person: _Person) -> NoticeState | None:
        """Return how a notice ends that does not leave, None when it leaves."""
        if person.email is None:
            return NoticeState.NO_ADDRESS
        if person.choice is Choice.NONE:
            return NoticeState.OPTED_OUT
        if person.read:
            return NoticeState.READ_MEANWHILE
        if not self._smarthost.configured:
            return NoticeState.NOT_CONFIGURED
        return NoticeState.GROUPED if person.choice is Choice.DAILY else None

    def _find(self, tx: Transaction, *, task: Task, notice: Notice | OwnNotice) -> _Person:
        recipient_id = str(task.payload["recipient_id"])
        profile = profile_by_id(tx, recipient_id)
        if profile is None:
            professional = professional_by_account(tx, recipient_id)
            if professional is None or professional.state is AccountState.CLOSED:
                return _Person()
            return _Person(mailbox=(professional.account_id, professional.address))
        choices = choices_of(tx, recipient_id)
        if notice is OwnNotice.DIGEST:
            told = Choice.IMMEDIATE if Choice.DAILY in choices.values() else Choice.NONE
        else:
            topic = _topic(notice)
            told = choices[topic] if topic is not None else Choice.IMMEDIATE
        if notice is OwnNotice.REMINDER and told is Choice.DAILY:
            told = Choice.NONE
        read = notice is OwnNotice.REMINDER and self._is_read(tx, task)
        return _Person(email=profile.email or None, choice=told, read=read)

    def _is_read(self, tx: Transaction, task: Task) -> bool:
        """Tell whether the message that a reminder is about is no longer waiting in the patient's inbox."""
        owner = profile_by_id(tx, str(task.payload["profile_id"]))
        inbox = self._store.folder(tx, owner.account_id, INBOX) if owner is not None else None
        entries = self._store.entries(tx, inbox.id) if inbox is not None else []
        message_id = task.payload["resource_id"]
        return not any(each.message_id == message_id and SEEN not in each.flags for each in entries)

    def _unsubscribe(self, task: Task, notice: Notice | OwnNotice) -> str | None:
        """Return the address that ends this kind of notice to this person, None when it cannot be ended."""
        topic = _topic(notice)
        if topic is None and notice is not OwnNotice.DIGEST:
            return None
        token = self._links.token(Subscription(str(task.payload["recipient_id"]), topic))
        return f"{self._settings.portal_url.rstrip('/')}{PATH}/{token}"

    def _letter(self, notice: Notice | OwnNotice, address: str, unsubscribe: str | None) -> EmailMessage:
        subject, text = render(notice, Links(self._settings.portal_url, unsubscribe))
        message = EmailMessage(policy=SMTP)
        message["From"] = Address("Espace patient", addr_spec=self._settings.sender)
        message["To"] = Address(addr_spec=address)
        message["Subject"] = subject
        message["Date"] = self._clock.now()
        message["Message-ID"] = f"<{new_id()}@{self._settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        if unsubscribe is not None:
            message["List-Unsubscribe"] = f"<{unsubscribe}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(text, charset="utf-8", cte="quoted-printable")
        return message

    async def _into_mailbox(self, task: Task, notice: Notice, mailbox: tuple[str, str]) -> Closing:
        """Put the notice into a professional's own mailbox, where nothing needs to leave."""
        mailbox_id, address = mailbox
        letter = self._letter(notice, address, None)
        draft = self._store.draft()
        await draft.write(letter.as_bytes())
        message = await draft.seal()
        now = self._clock.now()

        def close(tx: Transaction) -> None:
            self._store.deliver(tx, message, [Delivery(mailbox_id=mailbox_id, internal_date=now)])
            self._note(tx, task, NoticeState.MAILBOX)

        return close

    def _close(self, tx: Transaction, *, task: Task, state: NoticeState) -> None:
        """Note how a task ended, and leave what follows: the notice of the day, the reminder."""
        self._note(tx, task, state)
        now, recipient_id = self._clock.now(), str(task.payload["recipient_id"])
        if state is NoticeState.GROUPED:
            due_at = next_daily(now, self._settings.daily_at, ZoneInfo(self._settings.time_zone))
            once = {"notice": OwnNotice.DIGEST.value, "recipient_id": recipient_id}
            enqueue(tx, DIGEST_TASK, f"{recipient_id}:{due_at.date()}", once, due_at=due_at)
        elif state is NoticeState.SENT and _notice(task) is Notice.MESSAGE and self._settings.reminder_after_s:
            due_at = now + timedelta(seconds=self._settings.reminder_after_s)
            again = dict(task.payload) | {"notice": OwnNotice.REMINDER.value}
            enqueue(tx, REMINDER_TASK, f"{recipient_id}:{task.payload['resource_id']}", again, due_at=due_at)

    def _note(self, tx: Transaction, task: Task, state: NoticeState) -> None:
        row = {
            "task_id": task.id,
            "notice": task.payload["notice"],
            "recipient_id": task.payload["recipient_id"],
            "state": state,
            "at": self._clock.now(),
        }
        insert_ignoring(tx, notice_state, row)


def _notice(task: Task) -> Notice | OwnNotice:
    said = str(task.payload["notice"])
    return OwnNotice(said) if said in set(OwnNotice) else Notice(said)


def _topic(notice: Notice | OwnNotice) -> Topic | None:
    """Return what a notice is about; None for the notice of the day and for what cannot be ended."""
    if isinstance(notice, OwnNotice):
        return Topic.MESSAGE if notice is OwnNotice.REMINDER else None
    return topic_of(notice)
