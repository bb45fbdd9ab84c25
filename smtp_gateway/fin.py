"""[FIN]: how a professional ends an exchange, and what a message does to conversations. Pure.

Every rule of contract §7 is here: what counts as FIN, who may say it, what it closes, what reopens. Callers load
the conversations concerned and apply the change that `follow_professional` returns.

Sources: MSS2:ECO.2.2.8, ENS-1.3 §7, VGM:FIN.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from smtp_gateway.header import decode_words

FinMatch = Literal["mention", "exact"]
MENTION = "[fin]"
# What mail programs put in front of a reply, as often as they like: "Re:", "RE :", "Re[2]:", "Rép:", "AW:", "SV:".
REPLY_PREFIXES = re.compile(r"(?:(?:re|ré|rép|aw|antw|sv|vs)(?:\s*[\[(]\d+[\])])?\s*:\s*)+", re.IGNORECASE)


class Fin(StrEnum):
    """What a message ends."""

    NONE = "none"
    THREAD = "thread"
    """Its own conversation."""
    ALL = "all"
    """Every conversation of its writer with that patient."""


class State(StrEnum):
    """Whether the patient may answer in a conversation."""

    OPEN = "open"
    CLOSED = "closed"


def read_fin(subject: str | None, mes: str | None, *, match: FinMatch) -> Fin:
    """Read what a message ends.

    Args:
        subject: the Subject as written, encoded words included.
        mes: the value of X-MSS-MES.
        match: "mention": `[FIN]` anywhere in any case ends the conversation, and alone (reply prefixes removed) all
            of them; "exact": only a subject that is `[FIN]` in capitals with nothing else, for all of them.
    """
    text = decode_words(subject or "").replace("\xa0", " ").strip()
    subject_fin = _read_exact(text) if match == "exact" else _read_mention(text.casefold())
    if subject_fin is not Fin.NONE:
        return subject_fin
    return Fin.THREAD if mes is not None and mes.strip() == "FIN" else Fin.NONE


def _read_exact(text: str) -> Fin:
    return Fin.ALL if text == "[FIN]" else Fin.NONE


def _read_mention(text: str) -> Fin:
    if MENTION not in text:
        return Fin.NONE
    prefixes = REPLY_PREFIXES.match(text)
    return Fin.ALL if text[prefixes.end() if prefixes else 0 :].strip() == MENTION else Fin.THREAD


@dataclass(frozen=True, slots=True, kw_only=True)
class Thread:
    """What the rules need of a conversation; addresses are in lower case."""

    id: str
    professional: str
    """The address that opened it."""
    correspondent: str
    """The address that the patient may answer: the professional's Reply-To, else the professional."""
    state: State
    answerable: bool = True
    """Whether the last message of the professional side takes an answer at all."""

    def has_on_its_side(self, addresses: Iterable[str]) -> bool:
        """Tell whether one of ADDRESSES is the sender or the authorised Reply-To."""
        return any(address in (self.professional, self.correspondent) for address in addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProfessionalMessage:
    """A message of a professional to one patient, as far as the rules look at it."""

    sender: str
    """The address of its From."""
    writer_addresses: frozenset[str]
    """Every address that its writer may use: his own and the organisational mailboxes that he is a member of."""
    reply_to: str | None
    fin: Fin
    answerable: bool = True
    by_program: bool = False
    """A program wrote it in answer to a message: a vacation notice, a report."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThreadChange:
    """What the delivery does to conversations."""

    thread_id: str | None
    """The conversation that the message belongs to; None: a new one."""
    professional: str
    correspondent: str
    state: State
    answerable: bool
    also_closed: tuple[str, ...] = ()
    """Other conversations that end with it."""
    closes: bool = False
    """The message ends the conversation, which is what a person said and not what was so before."""


def follow_professional(
    message: ProfessionalMessage, referenced: Sequence[Thread], own: Sequence[Thread] = ()
) -> ThreadChange:
    """Say what a professional's message does.

    Args:
        message: the message.
        referenced: conversations of that patient which In-Reply-To and References name, nearest first.
        own: conversations of that patient with the message's From address; looked at only for FIN of all.

    Returns:
        The conversation it continues or opens, in its new state. A conversation to whose professional side the
        writer does not belong is left alone: he opens one of his own, and his FIN is inert text in the other.
    """
    thread = next((each for each in referenced if each.has_on_its_side(message.writer_addresses)), None)
    if message.by_program:
        return _join(message, thread)
    state = State.OPEN if message.fin is Fin.NONE else State.CLOSED
    also: tuple[str, ...] = ()
    if message.fin is Fin.ALL:
        also = tuple(
            each.id
            for each in own
            if each.state is State.OPEN
            and each.has_on_its_side((message.sender,))
            and (thread is None or each.id != thread.id)
        )
    return ThreadChange(
        thread_id=thread.id if thread else None,
        professional=thread.professional if thread else message.sender,
        correspondent=_correspondent(message, thread),
        state=state,
        answerable=message.answerable,
        also_closed=also,
        closes=state is State.CLOSED,
    )


def _join(message: ProfessionalMessage, thread: Thread | None) -> ThreadChange:
    """An answer written by a program is shown where it belongs, and ends, reopens and allows nothing (RFC 3834)."""
    return ThreadChange(
        thread_id=thread.id if thread else None,
        professional=thread.professional if thread else message.sender,
        correspondent=thread.correspondent if thread else message.sender,
        state=thread.state if thread else State.OPEN,
        answerable=thread.answerable if thread else False,
    )


def _correspondent(message: ProfessionalMessage, thread: Thread | None) -> str:
    """A Reply-To takes the place of the sender; without it, a member writing in a shared thread changes nothing."""
    if message.reply_to is not None:
        return message.reply_to
    if thread is None or message.sender == thread.professional:
        return message.sender
    return thread.correspondent


class Answer(StrEnum):
    """The facts `conversation`, `reponse` and `destinataire` of `reply_by_patient`, in one word."""

    OPEN = "open"
    UNKNOWN = "unknown"
    CLOSED = "closed"
    NOT_ANSWERABLE = "not_answerable"
    SOMEBODY_ELSE = "somebody_else"


def judge_patient(thread: Thread | None, recipient: str | None) -> Answer:
    """Say how a patient's message stands to the conversation that it answers.

    RECIPIENT is the address that she writes to; None: the conversation's correspondent.
    """
    if thread is None:
        return Answer.UNKNOWN
    if recipient is not None and recipient != thread.correspondent:
        return Answer.SOMEBODY_ELSE
    if thread.state is State.CLOSED:
        return Answer.CLOSED
    return Answer.OPEN if thread.answerable else Answer.NOT_ANSWERABLE
