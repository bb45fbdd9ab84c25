"""When to try again, when to tell the sender, when to give up: pure, chance and clock are given.

Source: RFC 5321 §4.5.4 (retries, giving up after 4 to 5 days), RFC 3461 §5.2 (who is told of what).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from smtp_gateway.config import RelaySettings
from smtp_gateway.queue.model import Answer, EntryState, Trouble, Waiting

EXPIRED_STATUS = "5.4.7"  # delivery time expired (RFC 3463 §3.5)


class Action(StrEnum):
    """What a report says of a recipient (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"


@dataclass(frozen=True, slots=True)
class Occasion:
    """When it is ruled, and the chance (0 to 1) that spreads the retries."""

    now: datetime
    chance: float


@dataclass(frozen=True, slots=True)
class Ruling:
    """What becomes of a recipient after an attempt; REPORT is None when nobody is told."""

    state: EntryState
    due_at: datetime
    status: str
    report: Action | None = None


def pause(attempts: int, settings: RelaySettings, chance: float) -> timedelta:
    """Return the pause after ATTEMPTS failed ones; CHANCE lies between 0 and 1."""
    seconds = min(settings.retry_first_s * 2 ** min(attempts - 1, 20), settings.retry_longest_s)
    return timedelta(seconds=seconds * (1 + settings.retry_jitter * (2 * chance - 1)))


def rule(
    waiting: Waiting, answer: Answer, accepted_at: datetime, settings: RelaySettings, occasion: Occasion
) -> Ruling:
    """Decide what becomes of a recipient."""
    now = occasion.now
    match answer.status[0]:
        case "2":
            return Ruling(EntryState.SENT, now, answer.status, _success(waiting, answer))
        case "5":
            state = EntryState.DROPPED if answer.trouble is Trouble.DROPPED else EntryState.FAILED
            return Ruling(state, now, answer.status, _wanted(waiting, "FAILURE", Action.FAILED))
    if now >= waiting.expires_at:
        return Ruling(EntryState.EXPIRED, now, EXPIRED_STATUS, _wanted(waiting, "FAILURE", Action.FAILED))
    due_at = min(now + pause(waiting.attempts, settings, occasion.chance), waiting.expires_at)
    late = now >= accepted_at + timedelta(seconds=settings.delay_notice_s) and not waiting.delay_reported
    report = _wanted(waiting, "DELAY", Action.DELAYED) if late else None
    return Ruling(EntryState.WAITING, due_at, answer.status, report)


def _wanted(waiting: Waiting, word: str, action: Action) -> Action | None:
    """Return ACTION when the sender wants to hear of it: without NOTIFY, of failures and delays."""
    return action if waiting.notify is None or word in waiting.notify.split(",") else None


def _success(waiting: Waiting, answer: Answer) -> Action | None:
    if waiting.notify is None or "SUCCESS" not in waiting.notify.split(",") or answer.passed_on:
        return None
    return Action.DELIVERED if answer.reply_code is None else Action.RELAYED
