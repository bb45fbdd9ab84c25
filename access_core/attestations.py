"""Proofs that a person receives: of her opposition, of the start and end of a carer's access.

A proof is a durable row with its reference, written in the transaction of what it proves and never changed: it meets
the obligation ATTESTATION_PDF. Its PDF is made of the row when somebody asks for it, always the same bytes. It is no
document of the record: those are filed by people about care.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from sqlalchemy import bindparam, insert, select

from access_core.tables import attestation
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.ids import new_id
from vaguemestre.kernel.pdf import write_pdf


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


TITLES: Final[Mapping[AttestationKind, str]] = {
    AttestationKind.OPPOSITION: "Attestation d'opposition à l'espace de santé",
    AttestationKind.CARER_STARTS: "Attestation d'accès d'un proche aidant",
    AttestationKind.CARER_ENDS: "Attestation de fin d'accès d'un proche aidant",
}
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


def attestation_of(tx: Transaction, profile_id: str, attestation_id: str) -> Attestation | None:
    """Find a proof that concerns a profile, by its reference."""
    return next((each for each in attestations_of(tx, profile_id) if each.id == attestation_id), None)


def attestation_pdf(proof: Attestation) -> bytes:
    """Return the proof as the PDF that a person keeps."""
    return write_pdf(
        TITLES[proof.kind],
        (
            proof.statement,
            f"Établie le {proof.issued_at:%d/%m/%Y} à {proof.issued_at:%H:%M} UTC.",
            f"Référence de l'attestation : {proof.id}. L'opérateur garde l'original et peut confirmer cette référence.",
        ),
    )
