from pathlib import Path

import pytest

from access_core.cases import decide_cases, read_cases
from access_core.decision import Verdict
from access_core.matrix import MatrixMode, default_matrix
from access_core.reasons import Reason
from vaguemestre.kernel.errors import ConfigurationError

HEAD = "case_id,given,act,expected_decision,reason_code,obligations,note\n"


def write(folder: Path, text: str) -> Path:
    path = folder / "cases.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_given_and_act_are_enough(tmp_path):
    path = write(tmp_path, "\N{BYTE ORDER MARK}act,given\nread_document,profession=10\n\nexport_data,sujet=aidant\n")

    results = list(decide_cases(path))

    assert [result.decision.reason for result in results] == [Reason.OK, Reason.H_TITULAIRE_REQUIS]
    assert [result.case.line for result in results] == [2, 4]
    assert not any(result.differs or result.obligations_differ for result in results)


@pytest.mark.parametrize(
    ("expected", "differs", "obligations_differ"),
    [
        ("PERMIT,OK,NOTIF_TITULAIRE,", False, False),
        (",,NOTIF_TITULAIRE,", False, False),
        ("DENY,OK,NOTIF_TITULAIRE,", True, False),
        ("PERMIT,C_OPPOSITION,NOTIF_TITULAIRE,", True, False),
        ("PERMIT,OK,,", False, True),
    ],
)
def test_a_case_is_compared_with_what_its_row_expects(tmp_path, expected, differs, obligations_differ):
    path = write(tmp_path, f"{HEAD}X1,profession=60,deliver_to_patient,{expected}\n")

    (result,) = decide_cases(path)

    assert (result.differs, result.obligations_differ) == (differs, obligations_differ)


def test_what_is_unknown_is_refused_and_named(tmp_path):
    path = write(tmp_path, f"{HEAD}X1,profession=10,read_document,,,,\nX2,mode=furtif,voler_un_document,,,,\n")

    results = list(decide_cases(path))

    assert [result.decision.verdict for result in results] == [Verdict.PERMIT, Verdict.DENY]
    assert results[1].case.problems == (
        "cases.csv: line 3, column given, character 1: the value of mode is not one of its values",
        "cases.csv: line 3, column act: unknown act",
    )
    assert [result.doubtful for result in results] == [False, True]


def test_a_refusal_of_the_unknown_may_be_what_is_expected(tmp_path):
    path = write(tmp_path, f"{HEAD}X1,mode=furtif,read_document,DENY,H_MODE_NON_JUSTIFIE,,\n")

    (result,) = decide_cases(path)

    assert (result.differs, result.doubtful, len(result.case.problems)) == (False, False, 1)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "line 1: the column given is missing"),
        ("given\n", "line 1: the column act is missing"),
        ("given;act\n", "line 1: the column given is missing .commas"),
        ("given,act,given\n", "line 1: a column is named twice"),
        (HEAD, "line 2: there is no case"),
        (HEAD.replace("\n", "\r\n") + "X1,couleur=rouge,read_document,,,,\r\n", "line 2, column given, character 1"),
        (HEAD + "X1,motif=" + "x" * 200_000 + ",read_document,,,,\n", "line 2: not well-formed CSV, or a cell"),
        (HEAD + "X1,couleur=rouge,read_document,,,,\n", "line 2, column given, character 1: unknown key"),
        (HEAD + "X1,,read_document\n", "line 2: not as many cells as columns"),
        (HEAD + "X1,,read_document,,,,,,\n", "line 2: not as many cells as columns"),
        (HEAD + 'X1,"a"b,read_document,,,,\n', "line 2: not well-formed CSV"),
    ],
)
def test_a_malformed_file_decides_nothing(tmp_path, text, message):
    path = write(tmp_path, text)

    with pytest.raises(ConfigurationError, match=f"cases.csv: {message}"):
        decide_cases(path)


def test_a_file_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=r"absent\.csv: cannot be read"):
        decide_cases(tmp_path / "absent.csv")


def test_cases_are_decided_with_the_matrix_given(tmp_path):
    path = write(tmp_path, f"{HEAD}X1,profession=70;doc=11502-2,read_document,,,,\n")

    (whole,) = decide_cases(path)
    (strict,) = decide_cases(path, matrix=default_matrix(MatrixMode.STRICT))

    assert (whole.decision.reason, strict.decision.reason) == (Reason.OK, Reason.H_TYPE_DOCUMENT_INTERDIT)


def test_a_cell_may_hold_any_sign_of_its_language(tmp_path):
    path = write(tmp_path, HEAD + "X1,motif=a\u2028b\x0cc,read_document,,,,\nX2,couleur=rouge,read_document,,,,\n")

    with pytest.raises(ConfigurationError, match="line 3, column given"):
        read_cases(path)


def test_other_bytes_are_named_by_line_and_character(tmp_path):
    path = tmp_path / "cases.csv"
    path.write_bytes(HEAD.encode() + "X1,mode=normal,read_document,,,,é\n".encode("latin-1"))

    with pytest.raises(ConfigurationError, match="line 2, character 33: not UTF-8"):
        read_cases(path)
