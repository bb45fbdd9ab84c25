"""Counters of what accounts submit, in the catalogue: every process counts alike, in the transaction that accepts.

One row per account and ten minutes; the last hour is six of them, the last day 144.
"""

from datetime import datetime, timedelta

from sqlalchemy import bindparam, case, func, select

from access_core.case_inputs import Sender
from access_core.facts import SubjectKind
from smtp_gateway.arrival import Arrival, Refused
from smtp_gateway.deciding import refusal_entry
from smtp_gateway.rules.submission_rate import Usage, check_rate
from smtp_gateway.tables import submission_rate as rate
from vaguemestre.kernel.database import Transaction, insert_ignoring

SLOT = timedelta(minutes=10)
HOUR_SLOTS, DAY_SLOTS = 6, 144
_used = select(
    func.coalesce(func.sum(case((rate.c.slot > bindparam("hour"), rate.c.messages), else_=0)), 0).label("messages"),
    func.coalesce(func.sum(rate.c.recipients), 0).label("recipients"),
    func.coalesce(func.sum(rate.c.size_bytes), 0).label("size_bytes"),
).where(rate.c.account_id == bindparam("account"), rate.c.slot > bindparam("day"))
_count = (
    rate.update()
    .where(rate.c.account_id == bindparam("account"), rate.c.slot == bindparam("at"))
    .values(
        messages=rate.c.messages + bindparam("more_messages"),
        recipients=rate.c.recipients + bindparam("more_recipients"),
        size_bytes=rate.c.size_bytes + bindparam("more_bytes"),
    )
)


def count_submission(tx: Transaction, arrival: Arrival) -> None:
    """Count a submitted message, if the role that took it in asks for it.

    Raises:
        Refused: the account submitted as much as it may.
    """
    account_id = arrival.writer.account_id
    if arrival.rates is None or account_id is None or arrival.writer.patient is not None:
        return
    elsewhere = sum(1 for each in arrival.queued if each.destination)
    adding = Usage(1, len(arrival.recipients) + elsewhere, arrival.message.size_bytes)
    refusal = check_rate(used(tx, account_id, arrival.at), adding, arrival.rates)
    if refusal is not None:
        sender = Sender(kind=SubjectKind.PRO, label=arrival.writer.address, id=account_id)
        entry = refusal_entry(refusal, sender, at=arrival.at, header=arrival.marks.message_id)
        raise Refused(refusal, None, (entry,))
    _add(tx, account_id, _slot(arrival.at), adding)


def used(tx: Transaction, account_id: str, now: datetime) -> Usage:
    """Return what an account submitted in the last hour and day."""
    slot = _slot(now)
    row = tx.execute(_used, {"account": account_id, "hour": slot - HOUR_SLOTS, "day": slot - DAY_SLOTS}).one()
    return Usage(int(row.messages), int(row.recipients), int(row.size_bytes))


def forget(tx: Transaction, now: datetime) -> int:
    """Forget what was counted more than a day ago; returns how many rows."""
    return int(tx.execute(rate.delete().where(rate.c.slot <= _slot(now) - DAY_SLOTS)).rowcount)


def _add(tx: Transaction, account_id: str, slot: int, adding: Usage) -> None:
    values = {
        "account": account_id,
        "at": slot,
        "more_messages": adding.messages,
        "more_recipients": adding.recipients,
        "more_bytes": adding.size_bytes,
    }
    if tx.execute(_count, values).rowcount:
        return
    row = {"account_id": account_id, "slot": slot, "messages": 0, "recipients": 0, "size_bytes": 0}
    insert_ignoring(tx, rate, row)  # another process may have been first
    tx.execute(_count, values)


def _slot(at: datetime) -> int:
    return int(at.timestamp() // SLOT.total_seconds())
