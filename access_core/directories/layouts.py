"""The files of the national extraction: one line a row, fields separated by bars, told apart by their header.

`PS_LibreAcces_Personne_activite`: a line for each activity of each professional. `Extraction_Correspondance_MSSante`:
a line for each published mailbox. Columns are found by name, since the agency adds some and respells others.

Source: mssante.md §10; Annuaire Santé, public extractions
"""

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from access_core.identifiers import RPPS, MssAddress
from vaguemestre.kernel.errors import ConfigurationError, InvalidIdentifier

_TYPES: Final = frozenset({"PER", "ORG", "APP", "CAB"})
_NOT_RPPS: Final = "0134567"  # ADELI, FINESS, SIREN and SIRET based identifiers of persons
_SPACES = re.compile(r"[^a-z0-9]+")


class Layout(StrEnum):
    """Which file."""

    ACTIVITIES = "personne_activite"
    MAILBOXES = "correspondance_mssante"


@dataclass(frozen=True, slots=True)
class Line:
    """One kept line: its number in the file, and its values by column of our table."""

    number: int
    values: Mapping[str, str]


@dataclass(slots=True)
class Warnings:
    """What was odd and let pass, counted by kind."""

    rpps_key: int = 0
    skipped: int = 0


_Read = Callable[[str, Mapping[str, str], Warnings], Mapping[str, str] | None]

_ACTIVITY_COLUMNS: Final = {
    "id": "identification nationale pp",
    "family": "nom d exercice",
    "given": "prenom d exercice",
    "profession": "code profession",
    "skill": "code savoir faire",
    "mode": "code mode exercice",
    "sector": "code secteur d activite",
    "technical": "identifiant technique de la structure",
    "finess": "numero finess site",
    "siret": "numero siret site",
    "structure_name": "raison sociale site",
}
_MAILBOX_COLUMNS: Final = {
    "type": "type de bal",
    "address": "adresse bal",
    "id": "identification nationale pp",
    "structure": "identification structure",
    "service": "service de rattachement",
    "profession": "code profession",
}
_OPTIONAL: Final = frozenset({"skill", "technical", "siret", "service", "sector"})


def read_lines(name: str, lines: Iterable[str], warnings: Warnings) -> tuple[Layout, Iterator[Line]]:
    """Recognise a file by its header; returns its layout and its lines, read as they are asked for.

    Lines of professionals without an RPPS (ADELI numbers and such) are skipped and counted.

    Raises:
        ConfigurationError: not such a file, or (while iterating) a line is wrong; names line and column.
    """
    rows = iter(lines)
    header = [_plain(cell) for cell in next(rows, "").lstrip("\ufeff").rstrip("\r\n").split("|")]
    if _MAILBOX_COLUMNS["address"] in header:
        return Layout.MAILBOXES, _kept(name, rows, _places(name, header, _MAILBOX_COLUMNS), _mailbox, warnings)
    if _ACTIVITY_COLUMNS["id"] in header:
        return Layout.ACTIVITIES, _kept(name, rows, _places(name, header, _ACTIVITY_COLUMNS), _activity, warnings)
    raise ConfigurationError(f"{name}: line 1: neither Personne_activite nor Correspondance_MSSante")


@dataclass(frozen=True, slots=True)
class _Places:
    """Where the columns that we keep are, and how many cells a line must have at least."""

    of: Mapping[str, int]
    cells: int


def _places(name: str, header: list[str], wanted: Mapping[str, str]) -> _Places:
    missing = [label for key, label in wanted.items() if label not in header and key not in _OPTIONAL]
    if missing:
        raise ConfigurationError(f"{name}: line 1: the column « {missing[0]} » is missing")
    places = {key: header.index(label) for key, label in wanted.items() if label in header}
    return _Places(places, len(header) - (header[-1] == ""))


def _kept(name: str, rows: Iterable[str], places: _Places, read: _Read, warnings: Warnings) -> Iterator[Line]:
    for number, row in enumerate(rows, start=2):
        cells = row.rstrip("\r\n").split("|")
        if cells == [""]:
            continue
        place = f"{name}: line {number}"
        if "\0" in row:
            raise ConfigurationError(f"{place}: a NUL character is no text")
        if not places.cells <= len(cells) <= places.cells + 1:
            raise ConfigurationError(f"{place}: {len(cells)} fields instead of {places.cells}")
        values = read(place, {key: cells[index].strip() for key, index in places.of.items()}, warnings)
        if values is None:
            warnings.skipped += 1
        else:
            yield Line(number, values)


def _activity(place: str, cells: Mapping[str, str], warnings: Warnings) -> Mapping[str, str] | None:
    rpps = _rpps(place, cells["id"], warnings)
    if rpps is None:
        return None
    return {
        "rpps": rpps,
        "family": cells["family"][:100],
        "given": cells["given"][:100],
        "profession": _code(place, "Code profession", cells["profession"]),
        "skill": _code(place, "Code savoir-faire", cells.get("skill", "")),
        "mode": _code(place, "Code mode exercice", cells["mode"]),
        "sector": _code(place, "Code secteur d'activité", cells.get("sector", "")),
        "structure": (cells.get("technical") or cells["finess"] or cells.get("siret", ""))[:40],
        "structure_name": cells["structure_name"][:200],
    }


def _mailbox(place: str, cells: Mapping[str, str], warnings: Warnings) -> Mapping[str, str] | None:
    kind = cells["type"].upper()
    if kind not in _TYPES:
        raise ConfigurationError(f"{place}, column Type de BAL: unknown type")
    try:
        address = str(MssAddress.parse(cells["address"]))
    except InvalidIdentifier as error:
        raise ConfigurationError(f"{place}, column Adresse BAL: {error}") from None
    rpps = _rpps(place, cells["id"], warnings) if cells["id"] else ""
    if rpps is None:
        return None
    return {
        "type": kind,
        "address": address,
        "rpps": rpps,
        "profession": _code(place, "Code Profession", cells["profession"]),
        "structure": cells["structure"][:40],
        "service": cells.get("service", "")[:200],
    }


def _rpps(place: str, text: str, warnings: Warnings) -> str | None:
    """Read a national identifier; None for one that is no RPPS. A wrong key is counted, never refused."""
    if text and text[0] in _NOT_RPPS:
        return None
    try:
        rpps = RPPS.parse(text)
    except InvalidIdentifier as error:
        raise ConfigurationError(f"{place}, column Identification nationale PP: {error}") from None
    if not rpps.luhn_matches:
        warnings.rpps_key += 1
    return rpps.number


def _code(place: str, column: str, code: str) -> str:
    if len(code) > 8 or not code.isascii():
        raise ConfigurationError(f"{place}, column {column}: not a code")
    return code


def _plain(cell: str) -> str:
    """Return a heading without accents, case and signs: the agency spells them in more than one way."""
    letters = unicodedata.normalize("NFKD", cell.replace("’", "'")).encode("ascii", "ignore").decode().lower()
    return _SPACES.sub(" ", letters).strip()
