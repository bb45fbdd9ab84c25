"""Proofs that a person receives: of her opposition, of the start and end of a carer's access.

A proof is a durable row with its reference, written in the transaction of what it proves and never changed. It is what
meets the obligation ATTESTATION_PDF: no PDF file is made of it and nothing is filed in the record; the command
`patient attestations` shows its text.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import bindparam, insert, select

from access_core.tables import attestation
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id


class AttestationKind(StrEnum):
    """What is proved."""

    OPPOSITION = "opposition"
    CARER_STARTS = "aidant_debut"
    CARER_ENDS = "aidant_fin"


@dataclass(frozen=True, slots=True, repr=False)
class Attestation:
    """A proof: `id` is its reference, `statement` its French text."""

    id: str
    profile_id: str
    kind: AttestationKind
    statement: str
    issued_at: datetime


_INSERT = insert(attestation)
_OF_PATIENT = (
    select(attestation)
    .where(attestation.c.profile_id == bindparam("patient"))
    .order_by(attestation.c.issued_at, attestation.c.id)
)


def issue(tx: Transaction, profile_id: str, kind: AttestationKind, statement: str, *, now: datetime) -> Attestation:
    """Write a proof; it becomes durable with what it proves."""
    issued = Attestation(new_id(), profile_id, kind, statement, now)
    row = {"id": issued.id, "profile_id": profile_id, "kind": kind, "statement": statement, "issued_at": now}
    tx.execute(_INSERT, row)
    return issued


def attestations_of(tx: Transaction, profile_id: str) -> list[Attestation]:
    """List the proofs that concern a profile, oldest first."""
    rows = tx.execute(_OF_PATIENT, {"patient": profile_id})
    return [
        Attestation(row.id, row.profile_id, AttestationKind(row.kind), row.statement, row.issued_at) for row in rows
    ]
