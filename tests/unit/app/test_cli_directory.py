"""`vaguemestre directory`: load, show, and what it changes for the professionals of the instance."""

import json
from pathlib import Path

from access_core.professionals import professional_by_address
from tests.unit.access_core.test_directories import ACTIVITIES, activity
from tests.unit.access_core.test_identities import HEAD, ROWS
from tests.unit.app.conftest import Run
from tests.unit.app.test_cli import MARTIN, add_martin, said
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.settings import load_settings

NUMBER = "10001234567"


def standing(folder: Path) -> str | None:
    instance = Instance(load_settings(folder / "vaguemestre.toml", {}))
    found = instance.database.read_now(lambda tx: professional_by_address(tx, MARTIN))
    instance.close_now()
    assert found is not None
    return found.directory


def test_an_extraction_tells_who_is_active(run: Run, instance_folder: Path, tmp_path: Path) -> None:
    add_martin(run)
    file = tmp_path / "PS_LibreAcces_Personne_activite_202611230000.txt"
    file.write_text(f"{ACTIVITIES}\n{activity('8' + NUMBER)}\n", encoding="utf-8")
    before = standing(instance_folder)

    loaded = said(run, "directory", "load", str(file))

    shown = said(run, "directory", "show", NUMBER)
    assert before is None
    assert standing(instance_folder) == "actif"
    assert (loaded["lines"], loaded["professionals"]) == (1, {"actif": 1})
    assert (shown["family"], shown["state"], shown["professions"]) == ("MARTIN", "actif", ["10"])
    file.write_text(f"{ACTIVITIES}\n{activity('810002422979')}\n", encoding="utf-8")
    assert said(run, "directory", "load", str(file))["professionals"] == {"inconnu": 1}
    assert said(run, "directory", "refresh")["professionals"] == {"inconnu": 1}
    assert "inconnu de l'annuaire" in str(run("directory", "show", NUMBER).exception)


def test_a_mailbox_opened_later_is_looked_up(run: Run, instance_folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "extraction.txt"
    file.write_text(f"{ACTIVITIES}\n{activity('810002422979')}\n", encoding="utf-8")
    run("directory", "load", str(file))

    add_martin(run)

    assert standing(instance_folder) == "inconnu"


def test_a_wrong_key_is_a_warning_and_a_wrong_number_a_refusal(run: Run) -> None:
    empty = run("directory", "show", NUMBER)

    assert "clé" in empty.stderr
    assert "aucun annuaire" in str(empty.exception)
    assert "RPPS" in str(run("directory", "show", "123").exception)


def test_the_registry_of_identities_is_loaded_whole_or_not(run: Run, tmp_path: Path) -> None:
    file = tmp_path / "identites.csv"
    file.write_text("\n".join([HEAD, *ROWS]), encoding="utf-8")

    done = run("directory", "load", str(file), "--identities", "--json")

    assert json.loads(done.stdout) == {"layout": "identities", "lines": 4}
    file.write_text("\n".join([HEAD, "x,,A,B,2000-01-01,F,"]), encoding="utf-8")
    assert "line 2, column ins" in str(run("directory", "load", str(file), "--identities").exception)
