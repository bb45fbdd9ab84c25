"""The habilitation matrix: which profession may read which type of document (order of 26 October 2023).

The file in `data/` is a reconstruction; it is replaced whole when the official annex can be had, so nothing
may depend on one cell. Only the read side decides: filing is not in the official matrix.
"""

import csv
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Final

from access_core.nomenclature import ROLE_PROFESSIONS, TRE_G15, document_types
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.text_files import decode_utf8

MATRIX_FILE: Final = Path(__file__).parent / "data" / "habilitation_matrix.csv"
COLUMNS: Final = ("document_type_code", "profession_code", "right", "provenance", "basis")
VERSION_MARK: Final = "# version: "
LONGEST_VERSION: Final = 40
"""A stamp must fit in the trace: version, mode and 16 characters of digest in 80."""
_RIGHTS: Final = frozenset({"R", "W", "RW", "-"})
PROVENANCES: Final = frozenset({"sourced", "complement", "inferred"})
_ESTABLISHED: Final = frozenset({"sourced", "complement"})


class MatrixMode(StrEnum):
    """How much of the file is believed: only cells that a public source supports, or all."""

    STRICT = "strict"
    RECONSTRUCTED = "reconstructed"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Matrix:
    """The read rights in force.

    `digest` is the SHA-256 of the file in hexadecimal; `reads` holds, for each profession that has a row,
    the types that it may read.
    """

    version: str
    mode: MatrixMode
    digest: str
    reads: dict[str, frozenset[str]]

    @property
    def stamp(self) -> str:
        """What a trace entry keeps: version, mode, start of the digest."""
        return f"{self.version} {self.mode} {self.digest[:16]}"

    def has_profession(self, code: str | None) -> bool:
        """Whether the matrix has a row for the profession."""
        return code in self.reads

    def may_read(self, profession: str | None, document_type: str | None) -> bool:
        """Whether the profession may read the type; False for any code that is not there."""
        return document_type in self.reads.get(profession or "", frozenset())


def load_matrix(path: Path, mode: MatrixMode) -> Matrix:
    """Read a matrix file: a version line, a header, one row per document type and profession.

    Raises:
        ConfigurationError: unreadable, or a cell is wrong; names line and column. Nothing is half loaded.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"{path.name}: cannot be read: {type(error).__name__}") from None
    return read_matrix(path.name, data, mode)


def read_matrix(name: str, data: bytes, mode: MatrixMode) -> Matrix:
    """Read the bytes of a matrix file; NAME is how errors call it.

    Raises:
        ConfigurationError: as `load_matrix`.
    """
    lines = decode_utf8(name, data).splitlines()
    version = lines[0].removeprefix(VERSION_MARK).strip() if lines else ""
    if not version or not lines[0].startswith(VERSION_MARK):
        raise ConfigurationError(f'{name}: line 1: expected "{VERSION_MARK}…"')
    if len(version) > LONGEST_VERSION:
        raise ConfigurationError(f"{name}: line 1: the version is longer than {LONGEST_VERSION} characters")
    reads: dict[str, set[str]] = {}
    for document_type, profession, right, provenance in _cells(name, lines[1:]):
        row = reads.setdefault(profession, set())
        if "R" in right and (mode is MatrixMode.RECONSTRUCTED or provenance in _ESTABLISHED):
            row.add(document_type)
    digest = hashlib.sha256(data).hexdigest()
    return Matrix(
        version=version, mode=mode, digest=digest, reads={code: frozenset(row) for code, row in reads.items()}
    )


@lru_cache(maxsize=2)
def default_matrix(mode: MatrixMode = MatrixMode.RECONSTRUCTED) -> Matrix:
    """Give the matrix that comes with the program, read once."""
    return load_matrix(MATRIX_FILE, mode)


def _cells(name: str, lines: Iterable[str]) -> Iterator[tuple[str, str, str, str]]:
    rows = csv.reader(lines, strict=True)
    seen: set[tuple[str, str]] = set()
    try:
        if tuple(next(rows, ())) != COLUMNS:
            raise ConfigurationError(f"{name}: line 2: the columns must be {', '.join(COLUMNS)}")
        for row in rows:
            place = f"{name}: line {rows.line_num + 1}"
            document_type, profession, right, provenance = _checked(place, row)
            if (document_type, profession) in seen:
                raise ConfigurationError(f"{place}, column document_type_code: this pair has a row already")
            seen.add((document_type, profession))
            yield document_type, profession, right, provenance
    except csv.Error:
        raise ConfigurationError(f"{name}: line {rows.line_num + 1}: not well-formed CSV") from None


def _checked(place: str, row: list[str]) -> tuple[str, str, str, str]:
    if len(row) != len(COLUMNS):
        raise ConfigurationError(f"{place}: {len(row)} columns instead of {len(COLUMNS)}")
    allowed = (document_types(), TRE_G15 | ROLE_PROFESSIONS, _RIGHTS, PROVENANCES)
    for column, value, codes in zip(COLUMNS, row, allowed, strict=False):
        if value not in codes:
            raise ConfigurationError(f"{place}, column {column}: unknown code")
    return row[0], row[1], row[2], row[3]
