"""The table of requirements, and the marks that tests carry."""

import ast
import csv
from collections import defaultdict
from pathlib import Path

from tests.architecture.source import ROOT, python_files

TABLE = ROOT / "docs" / "reference" / "requirements.csv"
COLUMNS = ["id", "source", "status", "code", "test"]


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def marked_tests() -> dict[str, set[Path]]:
    """Return the test files that carry `@pytest.mark.requirement("ID")`, by ID."""
    found: dict[str, set[Path]] = defaultdict(set)
    for path in python_files("tests"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "requirement":
                for argument in node.args:
                    if isinstance(argument, ast.Constant):
                        found[str(argument.value)].add(path)
    return found
