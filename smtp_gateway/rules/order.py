"""The order of the rules. The first refusal is the answer.

| step | submission | MX |
| --- | --- | --- |
| EHLO | none | list in force, certificate not revoked |
| MAIL | size, sender identity | size, peer domain |
| RCPT | recipient, room, one patient, `deliver_to_patient` | recipient, room, `deliver_to_patient` |
| end of data | one author, loops, sender identity, one patient in To and Cc | one author, loops, peer domain |
| content (`content.py`) | file names, contents, archives, antivirus, X-MSS fields | the same |
| acceptance | rate, `deliver_to_patient` again | that; a patient of another operator: `reply_by_patient` |
"""

from collections.abc import Collection

from smtp_gateway.header import HeaderBlock
from smtp_gateway.replies import Refusal
from smtp_gateway.rules import peer_domain, sender_identity
from smtp_gateway.rules.loops import check_loop
from smtp_gateway.rules.one_author import find_author


def check_submitted(header: HeaderBlock, own: Collection[str], max_received: int) -> str | Refusal:
    """Apply the rules of submitted content; returns the author's address."""
    author = find_author(header)
    if isinstance(author, Refusal):
        return author
    return check_loop(header, max_received) or sender_identity.check_author(author, own) or author


def check_relayed(header: HeaderBlock, domains: Collection[str], max_received: int) -> str | Refusal:
    """Apply the rules of content from another operator; returns the author's address."""
    author = find_author(header)
    if isinstance(author, Refusal):
        return author
    return check_loop(header, max_received) or peer_domain.check_author(author, domains) or author
