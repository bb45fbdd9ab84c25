"""What a patient objects to seeing filed, for a legitimate motive (R1111-47).

An objection is about one professional, one type of document, both, or everything that professionals file. It says
nothing of consultation, and stands until she lifts it, whatever the clock says. Its motive stays here: it goes to no
trace, log or reply. Nothing here decides; `case_facts` turns a row into a fact and `rights` writes it after a permit.
"""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import bindparam, insert, or_, select, update

from access_core.facts import FilingOpposition
from access_core.nomenclature import document_types, is_professional_type
from access_core.tables import filing_objection
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import PermanentFailure
from vaguemestre.kernel.ids import new_id

MOTIVE_CHARACTERS = 500


class ObjectionInvalid(PermanentFailure):
    """Without a motive, or about a type that professionals do not file. Never quotes the motive."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingScope:
    """What is objected to: `professional_id` an account, None for any; `type_code` of JDV_J07, None for any."""

    professional_id: str | None = None
    type_code: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FilingObjection:
    """An objection that stands; `motive` in her words, 1 to 500 characters."""

    scope: FilingScope
    motive: str = field(repr=False)
    objected_at: datetime


_STANDS = (filing_objection.c.profile_id == bindparam("patient")) & filing_objection.c.lifted_at.is_(None)
_OF_PATIENT = select(filing_objection).where(_STANDS).order_by(filing_objection.c.id)
_MET = (
    select(filing_objection.c.id)
    .where(
        _STANDS,
        or_(
            filing_objection.c.professional_id.is_(None),
            filing_objection.c.professional_id == bindparam("professional"),
        ),
        or_(filing_objection.c.type_code.is_(None), filing_objection.c.type_code == bindparam("type")),
    )
    .limit(1)
)
_LIFT = (
    update(filing_objection)
    .where(
        _STANDS,
        filing_objection.c.professional_id.is_not_distinct_from(bindparam("professional")),
        filing_objection.c.type_code.is_not_distinct_from(bindparam("type")),
    )
    .values(lifted_at=bindparam("now"))
)
_INSERT = insert(filing_objection)


def check_objection(objection: FilingObjection) -> None:
    """Check that an objection has a motive and, if it names a type, one that professionals file.

    Raises:
        ObjectionInvalid: it has not.
    """
    code = objection.scope.type_code
    if not objection.motive.strip() or len(objection.motive) > MOTIVE_CHARACTERS:
        raise ObjectionInvalid(f"l'opposition au dépôt demande un motif, de {MOTIVE_CHARACTERS} caractères au plus")
    if code is not None and (code not in document_types() or not is_professional_type(code)):
        raise ObjectionInvalid("les professionnels ne déposent aucun document de ce type")


def record_objection(tx: Transaction, profile_id: str, objection: FilingObjection) -> None:
    """Record an objection; the one about the same before it, with its motive, is kept as lifted."""
    lift_objection(tx, profile_id, objection.scope, now=objection.objected_at)
    row = {
        "id": new_id(),
        "profile_id": profile_id,
        "professional_id": objection.scope.professional_id,
        "type_code": objection.scope.type_code,
        "motive": objection.motive.strip(),
        "objected_at": objection.objected_at,
        "lifted_at": None,
    }
    tx.execute(_INSERT, row)


def lift_objection(tx: Transaction, profile_id: str, scope: FilingScope, *, now: datetime) -> bool:
    """Lift the objection about exactly this; returns whether one stood."""
    return tx.execute(_LIFT, {**_keys(profile_id, scope), "now": now}).rowcount == 1


def objections_of(tx: Transaction, profile_id: str) -> list[FilingObjection]:
    """List the objections that stand, oldest first."""
    return [
        FilingObjection(
            scope=FilingScope(professional_id=row.professional_id, type_code=row.type_code),
            motive=row.motive,
            objected_at=row.objected_at,
        )
        for row in tx.execute(_OF_PATIENT, {"patient": profile_id})
    ]


def filing_opposition(tx: Transaction, profile_id: str, scope: FilingScope) -> FilingOpposition:
    """Return the fact `opposition_depot` for a document of this type, by this professional (None: not one of ours)."""
    met = tx.execute(_MET, _keys(profile_id, scope)).first() is not None
    return FilingOpposition.MOTIF_LEGITIME if met else FilingOpposition.NON


def _keys(profile_id: str, scope: FilingScope) -> dict[str, str | None]:
    return {"patient": profile_id, "professional": scope.professional_id, "type": scope.type_code}
