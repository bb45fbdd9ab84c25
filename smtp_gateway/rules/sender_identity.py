"""Sender identity: an account writes under its own addresses only.

MAIL FROM and the header From must be addresses of the identified account: its own or an organisational mailbox
that it is a member of. The null reverse path is left to receipts (RFC 8098 §2.1); their From is checked all the
same. Source: MSS2:ECO.2.2, domain note §5.
"""

from collections.abc import Collection

from smtp_gateway.replies import Refusal


def check_reverse_path(sender: str, own: Collection[str]) -> Refusal | None:
    """Check MAIL FROM at submission."""
    return None if not sender or sender.lower() in own else Refusal.SENDER


def check_author(author: str, own: Collection[str]) -> Refusal | None:
    """Check the header From at submission."""
    return None if author in own else Refusal.FROM
