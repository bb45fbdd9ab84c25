"""What a person wants to be told of by ordinary e-mail, and when: at once, once a day, or never.

There is no choice about accesses and about the state of the space: these notices protect her (patient_space.md §15).
"""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from sqlalchemy import bindparam, select, update

from access_core.obligations import Notice
from smtp_gateway.tables import notice_preference
from vaguemestre.kernel.database import Transaction, insert_ignoring


class Topic(StrEnum):
    """What a choice is about."""

    MESSAGE = "message"
    DOCUMENT = "document"
    SERVICE = "service"


class Choice(StrEnum):
    """When a person is told."""

    IMMEDIATE = "immediate"
    DAILY = "daily"
    NONE = "none"


FIXED = frozenset({Notice.FIRST_ACCESS, Notice.EMERGENCY_ACCESS, Notice.ACCOUNT})
_TOPICS = {
    Notice.MESSAGE: Topic.MESSAGE,
    Notice.DOCUMENT: Topic.DOCUMENT,
    Notice.VISIT: Topic.DOCUMENT,
    Notice.DOCUMENT_OPENED: Topic.DOCUMENT,
}
_P = notice_preference.c
_ALL = select(_P.topic, _P.choice).where(_P.profile_id == bindparam("profile"))
_CHANGE = (
    update(notice_preference)
    .where(_P.profile_id == bindparam("profile"), _P.topic == bindparam("about"))
    .values(choice=bindparam("wanted"))
)


def topic_of(notice: Notice) -> Topic | None:
    """Return what a notice is about, None when nobody may switch it off."""
    return None if notice in FIXED else _TOPICS.get(notice, Topic.SERVICE)


def choices_of(tx: Transaction, profile_id: str) -> Mapping[Topic, Choice]:
    """Return the choice for every topic; what was never chosen is told at once."""
    known = {row.topic: row.choice for row in tx.execute(_ALL, {"profile": profile_id})}
    return {topic: Choice(known.get(topic, Choice.IMMEDIATE)) for topic in Topic}


def choose(tx: Transaction, profile_id: str, topic: Topic, choice: Choice) -> None:
    """Keep a choice."""
    row = {"profile_id": profile_id, "topic": topic, "choice": choice}
    if not insert_ignoring(tx, notice_preference, row):
        tx.execute(_CHANGE, {"profile": profile_id, "about": topic, "wanted": choice})


def stop(tx: Transaction, profile_id: str, topic: Topic | None) -> None:
    """End the notices about a topic, or, when it is None, all those that came once a day."""
    known = choices_of(tx, profile_id)
    for each in [topic] if topic is not None else [each for each in Topic if known[each] is Choice.DAILY]:
        choose(tx, profile_id, each, Choice.NONE)


def next_daily(now: datetime, at: time, zone: ZoneInfo) -> datetime:
    """Return the next instant at which the notices of a day leave, after NOW."""
    local = now.astimezone(zone)
    today = datetime.combine(local.date(), at, zone)
    chosen = today if today > local else datetime.combine(local.date() + timedelta(days=1), at, zone)
    return chosen.astimezone(now.tzinfo)
