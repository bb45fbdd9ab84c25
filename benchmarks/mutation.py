"""Do the tests of the decision files notice a change? Each mutant of `decide.py`, `checks/` and `rules/` is tried.

Run `python -m benchmarks.mutation`; it takes a few minutes and is no part of `make test`. A mutant changes one place of
the syntax tree: a comparison, a connective, one of its terms, a negation, a bound, a reason, a member of a set, a
branch. It is first put to the tables of cases (each in a fresh process, under a second), then, if it survives, to the
unit tests and the properties. The figure is the share that is killed; at least 90 % is asked for, and survivors are
named.
"""

import argparse
import ast
import copy
import importlib.abc
import importlib.machinery
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Final

ROOT: Final = Path(__file__).resolve().parents[1]
TARGETS: Final = ("access_core/decide.py", "access_core/checks", "access_core/rules")
TABLES: Final = ("tests/spec/access_cases.csv", "tests/spec/access_rules.csv")
TESTS: Final = (
    "tests/unit/access_core/test_decide.py",
    "tests/unit/access_core/test_cases.py",
    "tests/properties/test_decide_properties.py",
)
ASKED_PERCENT: Final = 90.0
SLOWEST_S: Final = 120
KILLED, SURVIVED = 1, 0
_COMPARISONS: Final = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: in which module, where, what, and the module's source with it."""

    module: str
    line: int
    what: str
    source: str


def mutants_of(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of one file."""
    module = _module_of(path)
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for place, node in enumerate(ast.walk(tree)):
        for number, what in enumerate(_changes(node)):
            changed = copy.deepcopy(tree)
            twin = next(each for at, each in enumerate(ast.walk(changed)) if at == place)
            replacement = list(_replacements(twin))[number]
            mutated = _Replace(twin, replacement).visit(changed)
            source = ast.unparse(ast.fix_missing_locations(mutated))
            yield Mutant(module, getattr(node, "lineno", 0), what, source)


def _module_of(path: Path) -> str:
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


def _changes(node: ast.AST) -> list[str]:
    before = ast.unparse(node) if isinstance(node, ast.expr) else ""
    return [f"{before}  ->  {ast.unparse(each)}" for each in _replacements(copy.deepcopy(node))]


def _replacements(node: ast.AST) -> Iterator[ast.expr]:
    """Yield what an expression may be changed into."""
    match node:
        case ast.Compare(left=left, ops=[operator], comparators=comparators):
            yield ast.Compare(left, [_COMPARISONS[type(operator)]()], comparators)
        case ast.BoolOp(op=operator, values=values):
            yield ast.BoolOp(ast.And() if isinstance(operator, ast.Or) else ast.Or(), values)
            for index in range(len(values)):
                rest = values[:index] + values[index + 1 :]
                yield rest[0] if len(rest) == 1 else ast.BoolOp(operator, rest)
        case ast.UnaryOp(op=ast.Not(), operand=operand):
            yield operand
        case ast.IfExp(test=test, body=body, orelse=orelse):
            yield ast.IfExp(test, orelse, body)
        case ast.Constant(value=bool() | int() as value):
            yield ast.Constant(not value if isinstance(value, bool) else value + 1)
        case ast.Attribute(value=ast.Name(id="Reason"), attr=name):
            other = "A_CONFIRMATION_REQUISE" if name != "A_CONFIRMATION_REQUISE" else "A_ABSENTE"
            yield ast.Attribute(ast.Name("Reason", ast.Load()), other, ast.Load())
        case ast.Set(elts=elements) | ast.Tuple(elts=elements, ctx=ast.Load()) if _of_codes(elements):
            for index in range(len(elements)):
                rest = elements[:index] + elements[index + 1 :]
                yield type(node)(rest) if isinstance(node, ast.Set) else ast.Tuple(rest, ast.Load())


def _of_codes(elements: Sequence[ast.expr]) -> bool:
    """Whether a set or tuple lists codes: leaving one out is a change of rule, and leaves something."""
    return bool(elements) and all(isinstance(each, ast.Attribute) for each in elements)


class _Replace(ast.NodeTransformer):
    """Puts one node in the place of another; annotations and docstrings are no rules."""

    def __init__(self, old: ast.AST, new: ast.AST) -> None:
        self._old, self._new = old, new

    def visit(self, node: ast.AST) -> ast.AST:
        """Return the replacement for the one node."""
        return self._new if node is self._old else self.generic_visit(node)


class Loader(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Serves a mutant in place of its module."""

    def __init__(self, module: str, source: str) -> None:
        self._module, self._source = module, source

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        """Take the one module that is mutated."""
        if fullname != self._module:
            return None
        package = (ROOT / Path(*fullname.split("."))).is_dir()
        spec = importlib.machinery.ModuleSpec(fullname, self, is_package=package)
        if package:
            spec.submodule_search_locations = [str(ROOT / Path(*fullname.split(".")))]
        return spec

    def exec_module(self, module: ModuleType) -> None:
        """Run the mutated source."""
        exec(compile(self._source, self._module, "exec"), module.__dict__)  # noqa: S102 - our own source, changed


def tables_notice(mutant: Mutant) -> bool:
    """Put the mutant to the tables of cases, in a child process."""
    child = os.fork()
    if child == 0:
        os._exit(_outcome_of_tables(mutant))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) != SURVIVED


def _outcome_of_tables(mutant: Mutant) -> int:
    sys.meta_path.insert(0, Loader(mutant.module, mutant.source))
    try:
        from access_core.cases import decide_cases

        results = [each for table in TABLES for each in decide_cases(ROOT / table)]
        noticed = any(each.differs or each.obligations_differ for each in results)
    except BaseException:  # noqa: BLE001 - whatever goes wrong is noticed
        return KILLED
    return KILLED if noticed else SURVIVED


def tests_notice(mutant: Mutant) -> bool:
    """Put the mutant to the unit tests and the properties."""
    command = [sys.executable, "-m", "benchmarks.mutation", "--try", mutant.module]
    try:
        done = subprocess.run(
            command, input=mutant.source, text=True, cwd=ROOT, capture_output=True, timeout=SLOWEST_S, check=False
        )
    except subprocess.TimeoutExpired:
        return True
    return done.returncode != 0


def try_tests(module: str) -> int:
    """Run the tests with the mutant that standard input holds."""
    import pytest

    sys.meta_path.insert(0, Loader(module, sys.stdin.read()))
    return int(pytest.main(["-q", "-x", "-p", "no:cacheprovider", *TESTS]))


def _files() -> list[Path]:
    found = [ROOT / target for target in TARGETS]
    return [file for each in found for file in (sorted(each.rglob("*.py")) if each.is_dir() else [each])]


def main() -> None:
    """Try every mutant, print the figure, and fail when it is under 90 % or the time is over."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.mutation")
    parser.add_argument("--try", dest="module", help=argparse.SUPPRESS)
    parser.add_argument("--limit-s", type=int, default=1_800, help="longest time in all, in seconds")
    options = parser.parse_args()
    if options.module:
        raise SystemExit(try_tests(options.module))
    deadline = time.monotonic() + options.limit_s
    mutants = [mutant for file in _files() for mutant in mutants_of(file)]
    unchanged = [Mutant(_module_of(file), 0, "nothing", file.read_text(encoding="utf-8")) for file in _files()]
    if any(tables_notice(each) for each in unchanged):
        raise SystemExit("the tables of cases fail without any change: nothing can be measured")
    left = [mutant for mutant in mutants if not tables_notice(mutant)]
    print(f"{len(mutants)} mutants, {len(mutants) - len(left)} killed by the tables of cases")
    survivors = [mutant for mutant in left if time.monotonic() > deadline or not tests_notice(mutant)]
    for mutant in survivors:
        print(f"survived: {mutant.module}:{mutant.line}: {mutant.what}")
    percent = 100 * (len(mutants) - len(survivors)) / len(mutants)
    print(f"mutation: {percent:.1f} % killed of {len(mutants)} (asked for: {ASKED_PERCENT:.0f} %)")
    raise SystemExit(percent < ASKED_PERCENT)


if __name__ == "__main__":
    main()
