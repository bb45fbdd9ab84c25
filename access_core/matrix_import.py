"""Taking over a habilitation matrix from elsewhere: the official annex when the operator has it.

Three layouts are read, told apart by their header; each becomes the file that `load_matrix` reads, or nothing does.
- ours: a version line, then document_type_code, profession_code, right, provenance, basis;
- long: document_type_code, profession_code, right (or read), and any other columns, in any order;
- wide: document_type_code (and labels), then one column for each profession code, as the official annex is laid out.
"""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from access_core.matrix import COLUMNS, LONGEST_VERSION, PROVENANCES, VERSION_MARK, Matrix, MatrixMode, read_matrix
from access_core.nomenclature import ROLE_PROFESSIONS, TRE_G15, document_types
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.text_files import read_utf8

_TYPE: Final = "document_type_code"
_LONG: Final = frozenset({_TYPE, "profession_code", "right"})
_PROFESSIONS: Final = TRE_G15 | ROLE_PROFESSIONS
_RIGHTS: Final = {
    **dict.fromkeys(("R", "O", "OUI", "X", "1", "VRAI", "TRUE", "YES"), "R"),
    **dict.fromkeys(("-", "", "N", "NON", "0", "FAUX", "FALSE", "NO"), "-"),
    "W": "W",
    "RW": "RW",
}


@dataclass(frozen=True, slots=True)
class MatrixChange:
    """One cell that differs: whether the profession may read the type, before and after."""

    document_type: str
    profession: str
    before: bool
    after: bool


def read_foreign(path: Path, *, version: str | None = None) -> bytes:
    """Read a matrix in any of the three layouts; returns it in ours, checked whole.

    Args:
        path: UTF-8 text, separated by commas or semicolons.
        version: how the trace will name it; by default that of the file, or the name of the file.

    Raises:
        ConfigurationError: unreadable, or a cell is wrong; names line and column.
    """
    text = read_utf8(path).replace("\r\n", "\n").replace("\r", "\n")
    if text.startswith(VERSION_MARK) and version is None:
        data = text.encode()
    else:
        data = _converted(path, text, version or path.stem)
    if not any(read_matrix(path.name, data, MatrixMode.RECONSTRUCTED).reads.values()):
        raise ConfigurationError(f"{path.name}: line 2: this matrix lets nobody read anything")
    return data


def put_in_place(target: Path, data: bytes) -> None:
    """Write an imported matrix where the program reads it, whole or not at all."""
    fresh = target.with_name(f"{target.name}.new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(target)


def changes(before: Matrix, after: Matrix) -> list[MatrixChange]:
    """List the cells that differ, by type then profession."""
    found = []
    for profession in sorted(before.reads.keys() | after.reads.keys()):
        old, new = before.reads.get(profession, frozenset()), after.reads.get(profession, frozenset())
        found += [MatrixChange(each, profession, each in old, each in new) for each in old ^ new]
    return sorted(found, key=lambda each: (each.document_type, each.profession))


def _converted(path: Path, text: str, version: str) -> bytes:
    """Rewrite a file of another layout as ours; errors name the line of the file that was given."""
    if not version.isprintable() or not 0 < len(version.strip()) <= LONGEST_VERSION:
        raise ConfigurationError(f"{path.name}: the version must be 1 to {LONGEST_VERSION} printable characters")
    lines = text.splitlines()
    skipped = 1 if lines and lines[0].startswith(VERSION_MARK) else 0
    header = lines[skipped] if len(lines) > skipped else ""
    rows = csv.reader(lines[skipped:], delimiter=";" if header.count(";") > header.count(",") else ",", strict=True)
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    try:
        writer.writerows(_cells(path.name, rows, skipped))
    except csv.Error:
        raise ConfigurationError(f"{path.name}: line {rows.line_num + skipped}: not well-formed CSV") from None
    return f"{VERSION_MARK}{version.strip()}\n{out.getvalue()}".encode()


def _cells(name: str, rows: Iterable[list[str]], skipped: int) -> Iterator[tuple[str, ...]]:
    header: tuple[str, ...] = ()
    seen: set[tuple[str, str]] = set()
    for line, row in enumerate(rows, start=1 + skipped):
        cells, place = tuple(cell.strip() for cell in row), f"{name}: line {line}"
        if not header:
            header = _known_header(place, tuple("right" if cell == "read" else cell for cell in cells))
            continue
        if len(cells) != len(header):
            raise ConfigurationError(f"{place}: {len(cells)} columns instead of {len(header)}")
        for cell in _cells_of_row(place, header, cells):
            if cell[:2] in seen:
                raise ConfigurationError(f"{place}, column {_TYPE}: this pair has a row already")
            seen.add((cell[0], cell[1]))
            yield cell
    if not header:
        raise ConfigurationError(f"{name}: line 1: the file is empty")


def _known_header(place: str, header: tuple[str, ...]) -> tuple[str, ...]:
    long, wide = {*header} >= _LONG, _TYPE in header and not _PROFESSIONS.isdisjoint(header)
    if not long and not wide:
        raise ConfigurationError(f"{place}: neither {', '.join(sorted(_LONG))} nor one column for each profession")
    if len({*header}) != len(header):
        raise ConfigurationError(f"{place}: a column is named twice")
    unknown = [cell for cell in header if cell.isdigit() and cell not in _PROFESSIONS]
    if unknown:
        raise ConfigurationError(f"{place}, column {unknown[0]}: unknown profession")
    return header


def _cells_of_row(place: str, header: Sequence[str], row: Sequence[str]) -> Iterator[tuple[str, ...]]:
    cells = dict(zip(header, row, strict=True))
    document_type = cells[_TYPE]
    if document_type not in document_types():
        raise ConfigurationError(f"{place}, column {_TYPE}: unknown code")
    if cells.keys() >= _LONG:
        profession, provenance = cells["profession_code"], cells.get("provenance") or "sourced"
        if profession not in _PROFESSIONS:
            raise ConfigurationError(f"{place}, column profession_code: unknown code")
        if provenance not in PROVENANCES:
            raise ConfigurationError(f"{place}, column provenance: unknown code")
        yield document_type, profession, _right(place, "right", cells), provenance, cells.get("basis", "")
        return
    for profession in header:
        if profession in _PROFESSIONS:
            yield document_type, profession, _right(place, profession, cells), "sourced", ""


def _right(place: str, column: str, cells: Mapping[str, str]) -> str:
    right = _RIGHTS.get(cells[column].upper())
    if right is None:
        raise ConfigurationError(f"{place}, column {column}: unknown right")
    return right
