"""A disposition notification: read by the recipient, deleted, or integrated into a record or not. Pure.

Two layouts of an integration failure are in circulation: that of the ANS guide puts the code where RFC 8098 has a word
(`processed/Error: 902^libellé^…`), the RFC form has a field of its own (`processed/error`, then `Error: 902^libellé`).
Both are read, the second is written. Source: RFC 8098 §3, domain note §8.
"""

import re
from dataclasses import dataclass

from smtp_gateway.receipts.fields import Fields, read_address, read_groups
from smtp_gateway.receipts.integration import INTEGRATION_LABELS
from smtp_gateway.receipts.outcome import Outcome

DISPOSITION = re.compile(
    r"(?P<action>manual|automatic)-action\s*/\s*MDN-sent-(?P<sent>manually|automatically)\s*;\s*"
    r"(?P<type>[a-z]+)\s*(?:/\s*(?P<modifier>.*))?",
    re.IGNORECASE | re.DOTALL,
)
IN_MODIFIER = re.compile(r"error\s*:\s*(?P<code>\d{1,4})\s*(?:\^|\Z)", re.IGNORECASE)
CODE = re.compile(r"\s*(\d{1,4})\s*(?:\^|\Z)")
MESSAGE_ID = re.compile(r"<[^<>\s]{1,990}>")


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Disposition:
    """What a notification says; CODE is an application code, "" when it says none."""

    original: str | None
    final: str | None
    message_id_header: str | None
    state: Outcome
    code: str = ""


def read_disposition(content: bytes) -> Disposition | None:
    """Read the content of a `message/disposition-notification` part; None when it says nothing of any use."""
    fields = next((group for group in read_groups(content) if "disposition" in group), None)
    match = DISPOSITION.fullmatch(fields["disposition"].strip()) if fields is not None else None
    if fields is None or match is None:
        return None
    code = _code(fields, match["modifier"] or "")
    state = _state(match["type"].lower(), (match["modifier"] or "").strip().lower(), code)
    header = MESSAGE_ID.search(fields.get("original-message-id", ""))
    if state is None:
        return None
    return Disposition(
        original=read_address(fields.get("original-recipient")),
        final=read_address(fields.get("final-recipient")),
        message_id_header=header[0] if header else None,
        state=state,
        code=code,
    )


def _state(kind: str, modifier: str, code: str) -> Outcome | None:
    if kind == "processed":
        return Outcome.NOT_INTEGRATED if code or modifier.startswith("error") else Outcome.INTEGRATED
    return {"displayed": Outcome.READ, "deleted": Outcome.DELETED}.get(kind)


def _code(fields: Fields, modifier: str) -> str:
    inside = IN_MODIFIER.search(modifier)
    apart = CODE.match(fields.get("error", ""))
    code = inside["code"] if inside else (apart[1] if apart else "")
    return code if not code or code in INTEGRATION_LABELS else "906"
