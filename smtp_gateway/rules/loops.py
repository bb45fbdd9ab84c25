"""Loops: a message that passed through too many hands goes round in circles (RFC 5321 §6.3)."""

from smtp_gateway.header import HeaderBlock
from smtp_gateway.replies import Refusal


def check_loop(header: HeaderBlock, max_received: int) -> Refusal | None:
    """Count the Received fields."""
    return Refusal.LOOP if len(header.all(b"received")) > max_received else None
