"""Decisions of the gateway: the facts of a delivery or of a patient's answer, put to the access engine.

The engine decides; this file only says in its words what the gateway knows.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from access_core.acts import Act
from access_core.case_facts import delivery_facts
from access_core.cases import ExchangeFacts, Sender
from access_core.decide import decide
from access_core.decision import Decision
from access_core.facts import Auth, Context, Exchange, Resource, ReplyOption, Subject, SubjectKind
from access_core.facts import Recipient as RecipientFact
from access_core.identifiers import INS
from access_core.professionals import MailboxType, Professional
from access_core.profiles import Profile
from smtp_gateway.fin import Answer
from vaguemestre.kernel.database import Transaction

NO_PROFESSION = "-"
_SHARED = frozenset({MailboxType.ORG, MailboxType.APP})
_EXCHANGES: Mapping[Answer, tuple[Exchange, ReplyOption, RecipientFact]] = {
    Answer.OPEN: (Exchange.OUVERTE, ReplyOption.AUTORISEE, RecipientFact.EXPEDITEUR),
    Answer.UNKNOWN: (Exchange.INEXISTANTE, ReplyOption.AUTORISEE, RecipientFact.EXPEDITEUR),
    Answer.CLOSED: (Exchange.CLOSE_FIN, ReplyOption.AUTORISEE, RecipientFact.EXPEDITEUR),
    Answer.NOT_ANSWERABLE: (Exchange.OUVERTE, ReplyOption.BLOQUEE, RecipientFact.EXPEDITEUR),
    Answer.SOMEBODY_ELSE: (Exchange.OUVERTE, ReplyOption.AUTORISEE, RecipientFact.TIERS),
}
