"""A delivery report of another operator: what it says of each recipient (RFC 3464, RFC 6533). Pure.

Only what can be acted upon is kept; the peer's own words are read by nobody, since they may quote anything.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from smtp_gateway.receipts.fields import Fields, read_address, read_groups
from smtp_gateway.receipts.outcome import Outcome

STATUS = re.compile(r"([245])\.(\d{1,3})\.(\d{1,3})\b")
ACTIONS = {"failed": Outcome.FAILED, "delivered": Outcome.DELIVERED, "relayed": Outcome.RELAYED}
# "expanded" leaves our trust in one recipient; "delayed" changes nothing of where the message is.
ACTIONS["expanded"] = Outcome.RELAYED


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class RecipientReport:
    """What a report says of one recipient: her addresses, as we gave it and as it became, and how far it came."""

    original: str | None
    final: str | None
    state: Outcome
    status: str | None


def read_delivery_status(content: bytes) -> tuple[RecipientReport, ...]:
    """Read the content of a `message/delivery-status` or `message/global-delivery-status` part."""
    return tuple(_reports(read_groups(content)))


def _reports(groups: Iterable[Fields]) -> Iterable[RecipientReport]:
    for group in groups:
        action = ACTIONS.get(group.get("action", "").split(" ")[0].split("(")[0].lower())
        original, final = read_address(group.get("original-recipient")), read_address(group.get("final-recipient"))
        if action is not None and (original or final):
            status = STATUS.match(group.get("status", ""))
            yield RecipientReport(original=original, final=final, state=action, status=status[0] if status else None)
