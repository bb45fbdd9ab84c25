"""`vaguemestre matrix`: show, diff and import, on an instance."""

import json
from pathlib import Path
from typing import Any

from tests.unit.app.conftest import Run

ANNEX = "document_type_code,10,60\n11502-2,O,N\n34112-3,O,O\n"


def said(run: Run, *arguments: str) -> Any:
    return json.loads(run(*arguments, "--json").stdout)


def test_the_annex_is_compared_then_put_in_force_and_traced(run: Run, tmp_path: Path, instance_folder: Path) -> None:
    annex = tmp_path / "annexe.csv"
    annex.write_text(ANNEX, encoding="utf-8")
    first = said(run, "matrix", "show")

    compared = said(run, "matrix", "diff", str(annex))
    imported = said(run, "matrix", "import", str(annex), "--version", "arrete-2023")

    shown = said(run, "matrix", "show", "--profession", "60")
    assert (first["imported"], shown["imported"]) == (False, True)
    assert shown["version"] == imported["version"] == "arrete-2023"
    assert shown["reads"] == ["34112-3"]
    assert len(compared["changes"]) == imported["changed_cells"] > 0
    assert imported["reloaded"] is False
    assert said(run, "matrix", "diff", str(annex))["changes"] == []
    assert (instance_folder / "habilitation_matrix.csv").exists()


def test_a_bad_annex_leaves_everything_as_it_was(run: Run, tmp_path: Path, instance_folder: Path) -> None:
    annex = tmp_path / "annexe.csv"
    annex.write_text(ANNEX + "34112-3,peut-être,O\n", encoding="utf-8")

    refused = run("matrix", "import", str(annex))

    assert "line 4, column" in str(refused.exception)
    assert said(run, "matrix", "show")["imported"] is False
    assert not (instance_folder / "habilitation_matrix.csv").exists()


def test_words_for_people(run: Run, tmp_path: Path) -> None:
    annex = tmp_path / "annexe.csv"
    annex.write_text(ANNEX, encoding="utf-8")

    assert "11502-2" in run("matrix", "diff", str(annex)).stdout
    assert "pas de ligne" in str(run("matrix", "show", "--profession", "999").exception)
    run("matrix", "import", str(annex))
    assert run("matrix", "diff", str(annex)).stdout == "aucune case ne change\n"


def test_what_if_cases_are_decided_with_the_matrix_in_force(run: Run, tmp_path: Path) -> None:
    annex = tmp_path / "annexe.csv"
    annex.write_text(ANNEX, encoding="utf-8")
    before = said(run, "decide", "read_document", "profession=60", "doc=11502-2")

    run("matrix", "import", str(annex))

    after = said(run, "decide", "read_document", "profession=60", "doc=11502-2")
    assert (before["decision"], after["reason_code"]) == ("PERMIT", "H_TYPE_DOCUMENT_INTERDIT")
