"""Peer domain: an operator speaks for the domains that the whitelist gives to its certificate, and for no other.

It holds for MAIL FROM (the null one is for reports) and for the header From. Source: domain note §4.1 steps 3 to 5.
"""

from collections.abc import Collection

from smtp_gateway.replies import Refusal


def check_reverse_path(sender: str, domains: Collection[str]) -> Refusal | None:
    """Check MAIL FROM at the MX."""
    return None if not sender or domain_of(sender) in domains else Refusal.PEER_DOMAIN


def check_author(author: str, domains: Collection[str]) -> Refusal | None:
    """Check the header From at the MX."""
    return None if domain_of(author) in domains else Refusal.FROM


def domain_of(address: str) -> str:
    """Return the domain of an address in lower case."""
    return address.rpartition("@")[2].lower()
