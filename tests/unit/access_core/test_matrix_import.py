"""Replacing the matrix: what is read, what is refused and where, and that nothing is half done."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from access_core.acts import Act
from access_core.decide import decide
from access_core.facts import Auth, Context, Resource, Subject
from access_core.matrix import COLUMNS, MATRIX_FILE, MatrixMode, default_matrix, load_matrix, read_matrix
from access_core.matrix_import import changes, put_in_place, read_foreign
from access_core.matrix_in_force import IN_FORCE
from access_core.reasons import Reason
from vaguemestre.kernel.errors import ConfigurationError

HEAD = "# version: essai-1\n" + ",".join(COLUMNS) + "\n"
NURSE = Subject(auth=Auth.PSC_ECPS, profession="60")


@pytest.fixture
def in_force() -> Iterator[None]:
    yield
    IN_FORCE.choose(None, MatrixMode.RECONSTRUCTED)


def write(folder: Path, text: str) -> Path:
    path = folder / "annexe.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_file_of_ours_is_taken_byte_for_byte():
    assert read_foreign(MATRIX_FILE) == MATRIX_FILE.read_bytes()


def test_the_wide_layout_of_an_annex_becomes_ours(tmp_path):
    annex = write(tmp_path, "document_type_code;document_label_fr;10;60\n11502-2;CR bio;O;N\n34112-3;CRH;oui;X\n")

    matrix = read_matrix("annexe", read_foreign(annex, version="arrete-2023"), MatrixMode.STRICT)

    assert matrix.version == "arrete-2023"
    assert matrix.reads == {"10": frozenset({"11502-2", "34112-3"}), "60": frozenset({"34112-3"})}


@pytest.mark.parametrize("right", ["right", "read"])
def test_the_long_layout_may_have_other_columns_in_any_order(tmp_path, right):
    annex = write(tmp_path, f"{right},document_type_code,note,profession_code\nRW,11502-2,vu,10\n-,11502-2,,60\n")

    matrix = read_matrix("annexe", read_foreign(annex), MatrixMode.STRICT)

    assert matrix.version == "annexe"
    assert (matrix.may_read("10", "11502-2"), matrix.may_read("60", "11502-2")) == (True, False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1"),
        ("a,b\n1,2\n", "line 1: neither"),
        ("document_type_code,10,10\n", "line 1: a column is named twice"),
        ("document_type_code,10,77\n", "line 1, column 77: unknown profession"),
        ("document_type_code,10\n11502-2,peut-être\n", "line 2, column 10: unknown right"),
        ("document_type_code,10\n11502-2,O\n99999-9,O\n", "line 3, column document_type_code: unknown code"),
        ("document_type_code,10\n11502-2,O\n11502-2,N\n", "line 3, column document_type_code: this pair"),
        ("document_type_code,10\n11502-2\n", "line 2: 1 columns instead of 2"),
        ("document_type_code,profession_code,right\n11502-2,999,R\n", "line 2, column profession_code: unknown code"),
        (
            "document_type_code,profession_code,right,provenance\n11502-2,10,R,rumeur\n",
            "line 2, column provenance: unknown code",
        ),
        ('document_type_code,10\n"11502-2,O\n', "not well-formed CSV"),
        (HEAD + "11502-2,10,R,sourced,press\n11502-2,10,X,sourced,press\n", "line 4, column right"),
        ("# version: " + "v" * 41 + "\n" + ",".join(COLUMNS) + "\n", "line 1: the version is longer than 40"),
    ],
)
def test_a_fault_is_named_by_line_and_column(tmp_path, text, message):
    with pytest.raises(ConfigurationError, match=message):
        read_foreign(write(tmp_path, text))


@pytest.mark.parametrize("version", ["", "v" * 41, "a\nb"])
def test_a_version_that_the_trace_cannot_keep_is_refused(tmp_path, version):
    annex = write(tmp_path, "document_type_code,10\n11502-2,O\n")

    with pytest.raises(ConfigurationError, match="version"):
        read_foreign(annex, version=version or " ")


def test_what_is_not_text_is_refused(tmp_path):
    path = tmp_path / "annexe.xlsx"
    path.write_bytes(b"PK\x03\x04\xff\xfe")

    with pytest.raises(ConfigurationError, match="UTF-8"):
        read_foreign(path)


def test_changes_name_each_cell_once(tmp_path):
    before = read_matrix("a", (HEAD + "11502-2,10,R,sourced,x\n11502-2,60,R,sourced,x\n").encode(), MatrixMode.STRICT)
    after = read_matrix("b", (HEAD + "11502-2,10,-,sourced,x\n34112-3,21,R,sourced,x\n").encode(), MatrixMode.STRICT)

    found = [(each.document_type, each.profession, each.before, each.after) for each in changes(before, after)]

    assert found == [
        ("11502-2", "10", True, False),
        ("11502-2", "60", True, False),
        ("34112-3", "21", False, True),
    ]
    assert changes(after, after) == []


@pytest.mark.requirement("VGM:ACCESS-MATRIX")
def test_every_decision_reads_the_matrix_in_force_and_keeps_its_stamp(tmp_path, in_force):
    target = tmp_path / "matrix.csv"
    IN_FORCE.choose(target, MatrixMode.RECONSTRUCTED)
    with_ours = decide(NURSE, Act.READ_DOCUMENT, Resource(), Context())

    put_in_place(target, (HEAD + "11502-2,60,-,sourced,x\n").encode())
    IN_FORCE.reload()

    assert with_ours.reason is Reason.OK
    assert decide(NURSE, Act.READ_DOCUMENT, Resource(), Context()).reason is Reason.H_TYPE_DOCUMENT_INTERDIT
    assert Context().matrix.stamp.startswith("essai-1 reconstructed ")
    assert [each.name for each in tmp_path.iterdir()] == ["matrix.csv"]


def test_the_mode_of_the_settings_is_applied(tmp_path, in_force):
    doubtful = replace(NURSE, profession="80")
    assert decide(doubtful, Act.READ_DOCUMENT, Resource(), Context()).reason is Reason.OK

    IN_FORCE.choose(tmp_path / "absent.csv", MatrixMode.STRICT)

    assert decide(doubtful, Act.READ_DOCUMENT, Resource(), Context()).reason is Reason.H_TYPE_DOCUMENT_INTERDIT
    assert IN_FORCE.current() is default_matrix(MatrixMode.STRICT)


def test_a_file_that_went_bad_leaves_the_matrix_in_force(tmp_path, in_force):
    target = tmp_path / "matrix.csv"
    put_in_place(target, (HEAD + "11502-2,60,R,sourced,x\n").encode())
    IN_FORCE.choose(target, MatrixMode.STRICT)
    before = IN_FORCE.current()
    target.write_text("gâté")

    with pytest.raises(ConfigurationError, match="line 1"):
        IN_FORCE.reload()

    assert IN_FORCE.current() is before
    with pytest.raises(ConfigurationError):
        load_matrix(target, MatrixMode.STRICT)


def test_a_matrix_that_lets_nobody_read_is_a_mistake(tmp_path: Path) -> None:
    for text in ("document_type_code,profession_code,right\n", "document_type_code,10\n11502-2,-\n"):
        with pytest.raises(ConfigurationError, match="line 2: this matrix lets nobody read"):
            read_foreign(write(tmp_path, text))
