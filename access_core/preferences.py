"""What a patient set for her whole space: the three emergency switches, masking by default.

Without a row the defaults of `domain/access.md` §2 hold: SAMU and bris de glace on, masked documents off. Masked
documents open in an emergency only while one of the two others is on.
"""

from dataclasses import dataclass, replace

from sqlalchemy import bindparam, select, update

from access_core.facts import EmergencySwitch, Resource
from access_core.tables import preference
from vaguemestre.kernel.database import Transaction, insert_ignoring

SWITCHES = ("samu", "break_glass", "masked_documents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Preferences:
    """`samu` is ETREAT, `break_glass` BTG, `masked_documents` MASKED."""

    samu: bool = True
    break_glass: bool = True
    masked_documents: bool = False
    masked_by_default: bool = False

    def consistent(self) -> "Preferences":
        """Return the same, with masked documents closed when no emergency access is left."""
        return replace(self, masked_documents=self.masked_documents and (self.samu or self.break_glass))

    def applied(self, resource: Resource) -> Resource:
        """Return the facts of a case with these preferences."""
        return replace(
            resource,
            urgence_samu=_switch(self.samu),
            urgence_btg=_switch(self.break_glass),
            urgence_masques=_switch(self.masked_documents),
            masque_defaut=self.masked_by_default,
        )


_COLUMNS = tuple(column.name for column in preference.c if column.name != "profile_id")
_ONE = select(*(preference.c[name] for name in _COLUMNS)).where(preference.c.profile_id == bindparam("patient"))
_CHANGE = (
    update(preference)
    .where(preference.c.profile_id == bindparam("patient"))
    .values({name: bindparam(f"new_{name}") for name in _COLUMNS})
)


def preferences_of(tx: Transaction, profile_id: str) -> Preferences:
    """Return what the patient set, or the defaults."""
    row = tx.execute(_ONE, {"patient": profile_id}).one_or_none()
    return Preferences() if row is None else Preferences(**dict(zip(_COLUMNS, row, strict=True)))


def set_preferences(tx: Transaction, profile_id: str, wanted: Preferences) -> Preferences:
    """Replace what the patient set; returns what is then in force."""
    kept = wanted.consistent()
    values = {name: getattr(kept, name) for name in _COLUMNS}
    if not insert_ignoring(tx, preference, {"profile_id": profile_id, **values}):
        tx.execute(_CHANGE, {"patient": profile_id, **{f"new_{name}": value for name, value in values.items()}})
    return kept


def _switch(on: bool) -> EmergencySwitch:
    return EmergencySwitch.PERMIT if on else EmergencySwitch.DENY
