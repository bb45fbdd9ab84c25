"""Habits of the house that a tool can check."""

import ast
import re
from pathlib import Path

import pytest

from tests.architecture.source import PACKAGES, ROOT, kept_files, python_files

PACKAGE_DOORS = (*PACKAGES[:-1], "vaguemestre/kernel", "vaguemestre/app")
README_LINES = 60
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|home|root|Users|mnt)/\w")
TEXT = {".py", ".md", ".toml", ".sh", ".html", ".css", ".js", ".csv", ".txt", ".service", ".conf", ".cfg", ".ini"}


def read(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@pytest.mark.parametrize("package", PACKAGE_DOORS)
def test_each_package_introduces_itself_on_one_screen(package: str) -> None:
    readme = ROOT / package / "README.md"

    lines = read(readme).splitlines()

    assert 5 <= len(lines) <= README_LINES
    assert lines[0].startswith("# ")


def test_each_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT))
        for path in python_files(*PACKAGES)
        if (text := read(path)).strip() and not ast.get_docstring(ast.parse(text))
    ]

    assert silent == []


def test_no_file_names_a_place_of_somebody_s_machine() -> None:
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in kept_files()
        if path.suffix in TEXT or path.name == "Makefile"
        for number, line in enumerate(read(path).splitlines(), start=1)
        if MACHINE_PATH.search(line)
    ]

    assert found == []


def test_links_between_pages_lead_somewhere() -> None:
    broken = [
        f"{path.relative_to(ROOT)}: {target}"
        for path in kept_files()
        if path.suffix == ".md"
        for target in re.findall(r"\]\(([^)#\s]+)", read(path))
        if "://" not in target and not target.startswith("mailto:") and not (path.parent / target).exists()
    ]

    assert broken == []
