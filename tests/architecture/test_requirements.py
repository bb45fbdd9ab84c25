"""`docs/reference/requirements.csv` joins each requirement with the code that meets it and the test that proves it."""

from tests.architecture.requirements import COLUMNS, marked_tests, rows
from tests.architecture.source import ROOT

STATUSES = {"met", "later"}


def test_the_table_has_its_columns_and_each_requirement_once() -> None:
    table = rows()

    assert list(table[0]) == COLUMNS
    assert len({row["id"] for row in table}) == len(table)
    assert {row["status"] for row in table} <= STATUSES


def test_a_met_requirement_names_its_code_and_tests_that_are_marked_with_it() -> None:
    marked = marked_tests()
    wrong = []
    for row in rows():
        if row["status"] == "met":
            code = all((ROOT / name).exists() for name in row["code"].split(";")) and bool(row["code"])
            proof = bool(row["test"]) and {ROOT / name for name in row["test"].split(";")} <= marked[row["id"]]
            if not (code and proof):
                wrong.append((row["id"], code, proof))

    assert wrong == []


def test_every_requirement_that_a_test_proves_is_in_the_table() -> None:
    known = {row["id"] for row in rows()}

    assert sorted(set(marked_tests()) - known) == []
