"""A table of what-if cases, decided one by one: `vaguemestre decide --cases FILE`.

The format is that of `tests/spec/access_cases.csv`. The whole file is read before the first decision, so
that a mistake in it leaves nothing half done.
"""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from access_core.acts import Act
from access_core.decide import decide
from access_core.decision import Decision
from access_core.given import Given, parse_given
from access_core.matrix import Matrix
from vaguemestre.kernel.errors import ConfigurationError
from vaguemestre.kernel.text_files import read_utf8

_REQUIRED: Final = ("given", "act")
_ACTS: Final[Mapping[str, Act]] = {act.value: act for act in Act}


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row: the facts, the act (None when it is not one of the twenty), what the writer expects.

    The `expected_` fields are None where the file has no such column or leaves the cell empty, save for the
    obligations, where an empty cell says that there are none.
    """

    line: int
    case_id: str
    act: Act | None
    given: Given
    problems: tuple[str, ...]
    expected_decision: str | None
    expected_reason: str | None
    expected_obligations: frozenset[str] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseResult:
    """A case and its decision. `case.problems` says which unknown act or values made it a refusal."""

    case: Case
    decision: Decision

    @property
    def differs(self) -> bool:
        """Whether the verdict or the reason is not the expected one; False when nothing was expected."""
        verdict, reason = self.case.expected_decision, self.case.expected_reason
        return verdict not in (None, self.decision.verdict) or reason not in (None, self.decision.reason)

    @property
    def doubtful(self) -> bool:
        """Whether an unknown act or value refused a case of which nothing was expected: surely a slip."""
        silent = self.case.expected_decision is None and self.case.expected_reason is None
        return silent and bool(self.case.problems)

    @property
    def obligations_differ(self) -> bool:
        """Whether the obligations, in any order, are not those expected; False when nothing was."""
        expected = self.case.expected_obligations
        return expected is not None and expected != frozenset(self.decision.obligations)


def decide_cases(path: Path, *, matrix: Matrix | None = None) -> Iterator[CaseResult]:
    """Decide every case of a CSV file (UTF-8, comma; columns `given` and `act` at least), in its order.

    Raises:
        ConfigurationError: unreadable, a column missing, a key unknown; names line, column and character.
    """
    cases = read_cases(path, matrix=matrix)
    return (_decided(case) for case in cases)


def read_cases(path: Path, *, matrix: Matrix | None = None) -> list[Case]:
    """Read the whole file.

    Raises:
        ConfigurationError: as `decide_cases`.
    """
    rows = csv.DictReader(io.StringIO(read_utf8(path), newline=""), strict=True)
    try:
        _check_header(path.name, rows.fieldnames or ())
        cases = [_read_case(f"{path.name}: line {rows.line_num}", rows.line_num, row, matrix) for row in rows]
    except csv.Error:
        place = f"{path.name}: line {rows.reader.line_num}"
        raise ConfigurationError(f"{place}: not well-formed CSV, or a cell of more than 131072 characters") from None
    if not cases:
        raise ConfigurationError(f"{path.name}: line 2: there is no case")
    return cases


def _check_header(name: str, columns: Sequence[str]) -> None:
    for column in _REQUIRED:
        if column not in columns:
            hint = " (commas separate the columns)" if any(";" in each for each in columns) else ""
            raise ConfigurationError(f"{name}: line 1: the column {column} is missing{hint}")
    if len(set(columns)) != len(columns):
        raise ConfigurationError(f"{name}: line 1: a column is named twice")


def _read_case(place: str, line: int, row: Mapping[str | None, str | None], matrix: Matrix | None) -> Case:
    if None in row or None in row.values():
        raise ConfigurationError(f"{place}: not as many cells as columns")
    cells = {str(column): (value or "").strip() for column, value in row.items()}
    act = _ACTS.get(cells["act"])
    try:
        given = parse_given(cells["given"], act, matrix=matrix)
    except ConfigurationError as error:
        raise ConfigurationError(f"{place}, column given, {error}") from None
    problems = [f"{place}, column given, {problem}" for problem in given.problems]
    if act is None:
        problems.append(f"{place}, column act: unknown act")
    obligations = cells.get("obligations")
    return Case(
        line=line,
        case_id=cells.get("case_id", ""),
        act=act,
        given=given,
        problems=tuple(problems),
        expected_decision=cells.get("expected_decision") or None,
        expected_reason=cells.get("reason_code") or None,
        expected_obligations=None if obligations is None else frozenset(filter(None, obligations.split(";"))),
    )


def _decided(case: Case) -> CaseResult:
    given = case.given
    return CaseResult(case=case, decision=decide(given.subject, case.act, given.resource, given.context))
