"""What the trace keeps of an act, and how it is written.

An entry is written in the transaction of the act that it tells: both become durable or neither. The trace may hold
names, since the patient reads it; it never holds subjects, file names or content.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from access_core.trace.chain import Row, append
from vaguemestre.kernel.database import Transaction

RESOURCE_ID_LONGEST = 128
HEADER_LONGEST = 998  # RFC 5322 §2.1.1
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class TraceEntry:
    """One line of the register.

    Attributes:
        at: when, aware.
        act: a value of `Act`, or an event such as "sign_in" or "message_read".
        verdict: PERMIT, DENY or DEFER.
        reason: a value of `Reason`.
        subject_kind: the fact `sujet` (pro, structure, titulaire, rl, aidant, systeme…).
        subject_id: account or profile that acted; None when it is not one of ours.
        subject_label: who acted, as the patient reads it (name or address).
        profile_id: the patient concerned.
        mailbox_id: the mailbox concerned.
        resource_kind: message, document, profile, account…
        message_id_header: Message-ID with its angle brackets; `explain` finds the entry by it.
        obligations: codes, in the order of the decision.
        matrix_version: of the habilitation matrix that was applied, if any.
        mode: access mode.
    """

    at: datetime
    act: str
    verdict: str
    reason: str
    subject_kind: str
    subject_id: str | None = None
    subject_label: str = ""
    profile_id: str | None = None
    mailbox_id: str | None = None
    resource_kind: str | None = None
    resource_id: str | None = None
    message_id_header: str | None = None
    obligations: tuple[str, ...] = ()
    matrix_version: str | None = None
    mode: str = "normal"


def record(tx: Transaction, entry: TraceEntry) -> None:
    """Write an entry with the transaction; the entries of one commit group are chained together."""
    tx.collect(append, _row(entry))


def _row(entry: TraceEntry) -> Row:
    since = entry.at - _EPOCH
    return {
        "at": (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds,
        "act": str(entry.act),
        "verdict": str(entry.verdict),
        "reason": str(entry.reason),
        "mode": str(entry.mode),
        "subject_kind": str(entry.subject_kind),
        "subject_id": entry.subject_id,
        "subject_label": _clean(entry.subject_label),
        "profile_id": entry.profile_id,
        "mailbox_id": entry.mailbox_id,
        "resource_kind": entry.resource_kind,
        "resource_id": None if entry.resource_id is None else _clean(entry.resource_id)[:RESOURCE_ID_LONGEST],
        "message_id_header": (
            None if entry.message_id_header is None else _clean(entry.message_id_header)[:HEADER_LONGEST]
        ),
        "obligations": ";".join(entry.obligations),
        "matrix_version": entry.matrix_version,
    }


def _clean(text: str) -> str:
    """Return a text that every catalogue keeps as it is: no NUL, no lone surrogate (headers of hostile mail)."""
    if text.isascii() and "\0" not in text:
        return text
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
