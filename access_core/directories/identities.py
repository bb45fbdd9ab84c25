"""The identity check, as the téléservice INSi answers it: 00 one identity, 01 none, 02 several.

`IdentityService` is what the national service fits; `KnownIdentities` is the registry that stands in for it, kept in
the catalogue and loaded from a file. The status of a patient's identity follows from the answer and from the paper
that somebody looked at (RNIV): provisoire, récupérée (INSi), validée (paper), qualifiée (both).

Source: dmp.md §5; référentiel INS
"""

import csv
import io
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from sqlalchemy import bindparam, delete, insert, select

from access_core.facts import IdentityStatus
from access_core.identifiers import INS
from access_core.tables import identity_check, known_identity
from vaguemestre.kernel.database import Transaction
from vaguemestre.kernel.errors import ConfigurationError, InvalidIdentifier
from vaguemestre.kernel.text_files import read_utf8

COLUMNS = ("ins", "oid", "family", "given", "birth_date", "sex", "birth_place")
UNKNOWN_PLACE = "99999"
_SAME_DAY = select(known_identity).where(
    known_identity.c.birth_date == bindparam("birth_date"), known_identity.c.sex == bindparam("sex")
)
_STATUS = select(identity_check.c.status).where(identity_check.c.profile_id == bindparam("profile"))


class AnswerCode(StrEnum):
    """How many identities the traits name."""

    ONE = "00"
    NONE = "01"
    SEVERAL = "02"


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Traits:
    """The strict traits: name of birth, given names, birth date, sex (M or F), birth place (COG) if known."""

    family: str
    given: str
    birth_date: date
    sex: str
    birth_place: str = UNKNOWN_PLACE


@dataclass(frozen=True, slots=True, repr=False)
class IdentityAnswer:
    """What the service found; INS only with code 00."""

    code: AnswerCode
    ins: INS | None = None


class IdentityService(Protocol):
    """Where identities are checked: the téléservice INSi, or what stands in for it."""

    def by_traits(self, traits: Traits) -> IdentityAnswer:
        """Look for the one person of these traits (`rechercherInsAvecTraitsIdentite`).

        Raises:
            TemporaryFailure: the service cannot be asked now.
        """


class KnownIdentities:
    """An `IdentityService` that answers from the catalogue, within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self._tx = tx

    def by_traits(self, traits: Traits) -> IdentityAnswer:
        """Look among the known identities: accents, case and signs do not count, any of her given names will do."""
        keys = {"birth_date": traits.birth_date, "sex": traits.sex}
        found = [
            row
            for row in self._tx.execute(_SAME_DAY, keys)
            if _plain(row.family) == _plain(traits.family)
            and _words(traits.given)
            and {*_words(traits.given)} <= {*_words(row.given)}
            and (UNKNOWN_PLACE in (traits.birth_place, row.birth_place) or traits.birth_place == row.birth_place)
        ]
        if len(found) == 1:
            return IdentityAnswer(AnswerCode.ONE, INS.parse(found[0].ins, oid=found[0].oid, strict=False))
        return IdentityAnswer(AnswerCode.SEVERAL if found else AnswerCode.NONE)


def status_after(answer: IdentityAnswer | None, ins: INS, *, paper: bool) -> IdentityStatus:
    """Return the status of an identity: ANSWER None when the service was not asked, PAPER when one was looked at.

    Source: RNIV; dmp.md §5
    """
    if answer is not None and answer.ins is not None and answer.ins.value != ins.value:
        return IdentityStatus.DISCORDANTE
    if answer is not None and answer.code is AnswerCode.ONE:
        return IdentityStatus.QUALIFIEE if paper else IdentityStatus.RECUPEREE
    return IdentityStatus.VALIDEE if paper else IdentityStatus.PROVISOIRE


def keep_status(tx: Transaction, profile_id: str, status: IdentityStatus, *, at: datetime) -> None:
    """Keep the status of a patient's identity."""
    tx.execute(delete(identity_check).where(identity_check.c.profile_id == profile_id))
    tx.execute(insert(identity_check), {"profile_id": profile_id, "status": status, "checked_at": at})


def status_of(tx: Transaction, profile_id: str) -> IdentityStatus | None:
    """Return the status that was kept; None when the identity was never checked here."""
    status = tx.execute(_STATUS, {"profile": profile_id}).scalar_one_or_none()
    return None if status is None else IdentityStatus(status)


def load_identities(tx: Transaction, path: Path, *, strict: bool = True) -> int:
    """Replace the registry by a CSV file (UTF-8; columns of COLUMNS); returns how many identities it holds.

    Raises:
        ConfigurationError: unreadable, or a cell is wrong; names line and column. Nothing is half loaded.
    """
    rows = _rows(path.name, io.StringIO(read_utf8(path), newline=""), strict=strict)
    tx.execute(delete(known_identity))
    if rows:
        tx.execute(insert(known_identity), rows)
    return len(rows)


def _rows(name: str, lines: Iterable[str], *, strict: bool) -> list[dict[str, object]]:
    reader = csv.DictReader(lines, strict=True)
    seen: set[object] = set()
    rows = []
    try:
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ConfigurationError(f"{name}: line 1: the columns must be {', '.join(COLUMNS)}")
        for cells in reader:
            place = f"{name}: line {reader.line_num}"
            if None in cells or None in cells.values():
                raise ConfigurationError(f"{place}: not as many cells as columns")
            row = _row(place, cells, strict=strict)
            if row["ins"] in seen:
                raise ConfigurationError(f"{place}, column ins: this identity has a row already")
            seen.add(row["ins"])
            rows.append(row)
    except csv.Error:
        raise ConfigurationError(f"{name}: line {reader.line_num}: not well-formed CSV") from None
    return rows


def _row(place: str, cells: dict[str, str], *, strict: bool) -> dict[str, object]:
    try:
        ins = INS.parse(cells["ins"], oid=cells["oid"] or None, strict=strict)
    except InvalidIdentifier as error:
        raise ConfigurationError(f"{place}, column ins: {error}") from None
    try:
        born = date.fromisoformat(cells["birth_date"])
    except ValueError:
        raise ConfigurationError(f"{place}, column birth_date: write YYYY-MM-DD") from None
    if cells["sex"] not in ("M", "F"):
        raise ConfigurationError(f"{place}, column sex: M or F")
    birth_place = cells["birth_place"] or UNKNOWN_PLACE
    if len(birth_place) != 5 or not birth_place.isalnum():
        raise ConfigurationError(f"{place}, column birth_place: not a COG code")
    for column, longest in (("family", 100), ("given", 200)):
        if not 0 < len(cells[column].strip()) <= longest or not cells[column].strip().isprintable():
            raise ConfigurationError(f"{place}, column {column}: 1 to {longest} printable characters")
    return {
        "ins": ins.value,
        "oid": ins.oid,
        "family": cells["family"].strip(),
        "given": cells["given"].strip(),
        "birth_date": born,
        "sex": cells["sex"],
        "birth_place": birth_place,
    }


def _words(names: str) -> list[str]:
    return _plain(names).split()


def _plain(name: str) -> str:
    letters = unicodedata.normalize("NFKD", name).upper()
    return " ".join(
        "".join(each if each.isalpha() else " " for each in letters if not unicodedata.combining(each)).split()
    )
