"""Rates: what one account may submit in an hour and in a day, whatever mailbox it writes from.

A stolen password or a program gone wild is slowed down, and the sender's program keeps the message. Source: domain
note §13 [inferred]; settings `[rates]`.
"""

from dataclasses import dataclass

from smtp_gateway.config import RateSettings
from smtp_gateway.replies import Refusal


@dataclass(frozen=True, slots=True)
class Usage:
    """What was submitted: messages in the last hour, recipients and bytes in the last day."""

    messages: int = 0
    recipients: int = 0
    size_bytes: int = 0


def check_rate(used: Usage, adding: Usage, limits: RateSettings) -> Refusal | None:
    """Check one more message against what was submitted; 0 sets no limit."""
    for before, more, limit, refusal in (
        (used.messages, adding.messages, limits.messages_per_hour, Refusal.RATE_MESSAGES),
        (used.recipients, adding.recipients, limits.recipients_per_day, Refusal.RATE_RECIPIENTS),
        (used.size_bytes, adding.size_bytes, limits.bytes_per_day, Refusal.RATE_BYTES),
    ):
        if limit and before + more > limit:
            return refusal
    return None
