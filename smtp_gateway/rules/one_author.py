"""One author: a message has exactly one From field with exactly one address.

Two of them would let the reader see another author than the one that was checked.
"""

from smtp_gateway.header import HeaderBlock, addresses
from smtp_gateway.replies import Refusal


def find_author(header: HeaderBlock) -> str | Refusal:
    """Return the address of the author in lower case."""
    fields = header.all(b"from")
    found = addresses(fields[0].text) if len(fields) == 1 else []
    if len(found) != 1 or found[0].count("@") != 1:
        return Refusal.FROM_COUNT
    return found[0]
