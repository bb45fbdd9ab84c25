import csv
from collections import Counter
from pathlib import Path

import pytest

from access_core.matrix import COLUMNS, MATRIX_FILE, MatrixMode, default_matrix, load_matrix
from access_core.nomenclature import (
    ROLE_PROFESSIONS,
    TRE_G15,
    document_types,
    is_patient_type,
    is_professional_type,
)
from vaguemestre.kernel.errors import ConfigurationError

HEAD = "# version: essai-1\n" + ",".join(COLUMNS) + "\n"
GOOD_ROW = "11502-2,10,R,sourced,press\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "matrix.csv"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.requirement("VGM:ACCESS-MATRIX")
def test_the_matrix_of_the_program_is_whole():
    with MATRIX_FILE.open(encoding="utf-8", newline="") as file:
        file.readline()
        rows = list(csv.DictReader(file))

    assert len(rows) == len(document_types()) * (len(TRE_G15) + len(ROLE_PROFESSIONS)) == 3808
    assert (
        Counter(row["provenance"] for row in rows if "R" in row["right"] or row["provenance"] == "sourced")["sourced"]
        == 169
    )
    assert Counter(row["provenance"] for row in rows)["complement"] == 222


def test_doctors_read_everything_but_the_residence_certificate():
    matrix = default_matrix()

    refused = [code for code in document_types() if not matrix.may_read("10", code)]

    assert refused == ["ATTEST-RESID"]


def test_strict_grants_only_what_a_public_source_supports():
    strict, whole = default_matrix(MatrixMode.STRICT), default_matrix()

    assert {*strict.reads} == {*whole.reads}
    assert all(strict.reads[code] <= whole.reads[code] for code in whole.reads)
    assert sum(map(len, strict.reads.values())) < sum(map(len, whole.reads.values()))


def test_codes_that_are_not_there_read_nothing():
    matrix = default_matrix()

    assert not matrix.has_profession("999")
    assert not matrix.has_profession(None)
    assert not matrix.may_read("999", "11502-2")
    assert not matrix.may_read(None, "11502-2")
    assert not matrix.may_read("10", None)


def test_the_stamp_names_version_mode_and_content(tmp_path):
    first = load_matrix(write(tmp_path, HEAD + GOOD_ROW), MatrixMode.STRICT)
    second = load_matrix(write(tmp_path, HEAD + GOOD_ROW.replace(",R,", ",-,")), MatrixMode.STRICT)

    assert first.stamp.startswith("essai-1 strict ")
    assert first.stamp != second.stamp


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: expected"),
        ("document_type_code\n", "line 1: expected"),
        ("# version: \n", "line 1: expected"),
        ("# version: essai-1\n", "line 2: the columns must be"),
        ("# version: essai-1\na,b\n", "line 2: the columns must be"),
        (HEAD + "99999-9,10,R,sourced,press\n", "line 3, column document_type_code: unknown code"),
        (HEAD + GOOD_ROW + "11502-2,99,R,sourced,press\n", "line 4, column profession_code: unknown code"),
        (HEAD + "11502-2,10,X,sourced,press\n", "line 3, column right: unknown code"),
        (HEAD + "11502-2,10,R,guess,press\n", "line 3, column provenance: unknown code"),
        (HEAD + "11502-2,10,R\n", "line 3: 3 columns instead of 5"),
        (HEAD + GOOD_ROW + GOOD_ROW, "line 4, column document_type_code: this pair has a row already"),
        (HEAD + '"11502-2"x,10,R,sourced,press\n', "line 3: not well-formed CSV"),
    ],
)
def test_a_wrong_cell_is_named_by_line_and_column(tmp_path, text, message):
    path = write(tmp_path, text)

    with pytest.raises(ConfigurationError, match=f"matrix.csv: {message}"):
        load_matrix(path, MatrixMode.RECONSTRUCTED)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    latin = tmp_path / "latin.csv"
    latin.write_bytes("# version: été\n".encode("latin-1"))

    for path, message in (
        (latin, "latin.csv: line 1, character 12: not UTF-8"),
        (tmp_path / "absent.csv", "absent.csv: cannot be read"),
    ):
        with pytest.raises(ConfigurationError, match=message):
            load_matrix(path, MatrixMode.STRICT)


@pytest.mark.parametrize(
    ("code", "patient", "professional"),
    [
        ("DOCPAT03", True, False),
        ("EXPPAT_3", True, False),
        ("74465-6", True, False),
        ("REMB", False, False),
        ("ATTEST-DROITS-AM", False, False),
        ("ATTEST-ASS-COMPL", False, False),
        ("11502-2", False, True),
    ],
)
def test_each_type_has_its_side(code, patient, professional):
    assert (is_patient_type(code), is_professional_type(code)) == (patient, professional)
