"""Who wrote a message: a person, a program by itself, a program in answer, or one for many at once. Pure.

A vacation notice closes and reopens nothing, and no program answers another: answers made by programs are told from
messages that programs begin. Source: RFC 3834 §2, §5 (Auto-Submitted, Precedence, List-*), and what mail programs put
instead (X-Autoreply, X-Autorespond, X-Auto-Response-Suppress, the prefix that Outlook gives to vacation notices).
"""

import re
from enum import StrEnum

from smtp_gateway.header import HeaderBlock, decode_words


class Authorship(StrEnum):
    """Who wrote."""

    PERSON = "person"
    GENERATED = "generated"
    """A program, by itself: an applicative mailbox sends a result."""
    REPLY = "reply"
    """A program, in answer to a message: vacation, acknowledgement, report."""
    BULK = "bulk"
    """A list, or one text for many."""


REPLY_FIELDS = frozenset({b"x-autoreply", b"x-autorespond", b"x-autoresponse", b"x-auto-reply-from", b"x-vacation"})
LIST_FIELDS = frozenset({b"list-id", b"list-post", b"list-unsubscribe", b"list-help"})
BULK_WORDS = frozenset({"bulk", "junk", "list"})
REPLY_WORDS = frozenset({"auto_reply", "auto-reply", "autoreply"})
VACATION = re.compile(
    r"(?:réponse automatique|reponse automatique|absence du bureau|message d'absence|auto(?:matic)?[ -]?reply"
    r"|out of (?:the )?office|abwesenheitsnotiz|automatische antwort)\s*:",
    re.IGNORECASE,
)
READ = frozenset(
    {b"auto-submitted", b"precedence", b"x-precedence", b"subject", b"x-auto-response-suppress", b"content-type"}
) | (REPLY_FIELDS | LIST_FIELDS)


def read_authorship(header: HeaderBlock) -> Authorship:
    """Tell who wrote a message, from its header alone."""
    seen: dict[bytes, str] = {}
    for field in header.fields:
        if field.name in READ and field.name not in seen:
            seen[field.name] = field.text
    submitted = seen.get(b"auto-submitted", "no").split(";")[0].split("(")[0].strip().lower()
    precedence = {seen.get(name, "").strip().lower() for name in (b"precedence", b"x-precedence")}
    if submitted.startswith("auto-replied") or precedence & REPLY_WORDS or _answers(seen):
        return Authorship.REPLY
    if precedence & BULK_WORDS or not LIST_FIELDS.isdisjoint(seen):
        return Authorship.BULK
    return Authorship.PERSON if submitted in ("no", "") else Authorship.GENERATED


def _answers(seen: dict[bytes, str]) -> bool:
    kind = seen.get(b"content-type", "").split(";")[0].strip().lower()
    vacation = VACATION.match(decode_words(seen.get(b"subject", "")).replace("\xa0", " ").replace("’", "'").strip())
    marked = any(seen.get(name, "no").strip().lower() not in ("", "no") for name in REPLY_FIELDS & seen.keys())
    return kind == "multipart/report" or marked or vacation is not None
