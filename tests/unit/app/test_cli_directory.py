"""`vaguemestre directory`: load, show, and what it changes for the professionals of the instance."""

import json
import threading
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from access_core.professionals import professional_by_address
from tests.standins.insi import envelope, fault, start_teleservice
from tests.unit.access_core.test_directories import ACTIVITIES, Service, activity, answer, practitioner
from tests.unit.access_core.test_identities import HEAD, ROWS
from tests.unit.app.conftest import Run
from tests.unit.app.test_cli import INS, MARTIN, add_martin, said
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.settings import load_settings

NUMBER = "10001234567"
TRAITS = ("--family", "DURAND", "--given", "Léa", "--birth-date", "1979-03-12", "--sex", "F")


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


def identities(run: Run, folder: Path) -> None:
    file = folder / "identites.csv"
    file.write_text("\n".join([HEAD, *ROWS]), encoding="utf-8")
    assert run("directory", "load", str(file), "--identities").exit_code == 0


@pytest.mark.parametrize(("paper", "status"), [((), "recuperee"), (("--paper",), "qualifiee")])
def test_a_patient_is_verified_as_she_is_added(run: Run, tmp_path: Path, paper: tuple[str, ...], status: str) -> None:
    identities(run, tmp_path)

    added = said(run, "patient", "add", INS, *TRAITS, "--verify", *paper)

    assert added["identity"] == status
    assert said(run, "patient", "verify", INS, "--paper")["identity"] == "qualifiee"


@pytest.mark.parametrize(
    ("ins", "given", "sentence"),
    [(INS, "Lucie", "(01)"), ("255069999999934", "Léa", "autre INS"), (INS, "Zoé", "(01)")],
)
def test_who_is_not_confirmed_is_not_added(run: Run, tmp_path: Path, ins: str, given: str, sentence: str) -> None:
    identities(run, tmp_path)
    traits = [given if each == "Léa" else each for each in TRAITS]

    refused = run("patient", "add", ins, *traits, "--verify")

    assert sentence in str(refused.exception)
    assert "aucun profil" in str(run("patient", "show", ins).exception)


def test_a_paper_is_nothing_without_a_check(run: Run) -> None:
    assert "--verify" in str(run("patient", "add", INS, *TRAITS, "--paper").exception)


def test_a_wrong_rpps_key_is_told_when_a_mailbox_is_opened(run: Run) -> None:
    done = run("mailbox", "add", MARTIN, "--name", "Dr X", "--rpps", NUMBER, "--password-stdin")

    assert done.exit_code == 0
    assert "clé du numéro RPPS" in done.stderr


def chosen(folder: Path, table: str, **settings: str) -> None:
    """Add a table to the settings of the instance."""
    lines = [f"[{table}]", *(f'{name} = "{value}"' for name, value in settings.items())]
    with (folder / "vaguemestre.toml").open("a", encoding="utf-8") as file:
        file.write("\n" + "\n".join(lines) + "\n")


@pytest.mark.requirement("VGM:IDENTITY-CHECK")
def test_the_teleservice_takes_the_place_of_the_registry_by_a_setting(
    run: Run, instance_folder: Path, tmp_path: Path
) -> None:
    with start_teleservice(tmp_path) as service:
        files = {
            "certificate": tmp_path / "client.pem",
            "key": tmp_path / "client.key",
            "authority": tmp_path / "ca.pem",
        }
        places = {name: str(path) for name, path in files.items()}
        chosen(instance_folder, "access.identity", source="insi", url=service.url, idam="N1", emitter="10B1", **places)

        unknown = run("patient", "add", INS, *TRAITS, "--verify")
        service.answers["LEA"] = ("00", INS)
        added = said(run, "patient", "add", INS, *TRAITS, "--verify")
        service.respond = lambda _given: (500, envelope(fault()))
        away = run("patient", "verify", INS, "--paper")

    assert "(01)" in str(unknown.exception)
    assert added["identity"] == "recuperee"
    assert "réessayez plus tard (INSi: the service refused: siram_40)" in str(away.exception)


def test_the_teleservice_without_its_certificate_is_named(run: Run, instance_folder: Path) -> None:
    chosen(instance_folder, "access.identity", source="insi")

    assert "certificate, key, idam" in str(run("patient", "add", INS, *TRAITS, "--verify").exception)


@pytest.mark.requirement("VGM:DIRECTORY")
def test_the_national_directory_takes_the_place_of_the_extract_by_a_setting(run: Run, instance_folder: Path) -> None:
    add_martin(run)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Service)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    Service.status = 200
    answer(practitioner(active=False, identifier=[{"value": f"8{NUMBER}"}]))
    url = f"http://127.0.0.1:{server.server_port}/fhir/v2"
    chosen(instance_folder, "access.directory", source="fhir", fhir_url=url, api_key="cle")

    refreshed = said(run, "directory", "refresh")
    shown = said(run, "directory", "show", NUMBER)
    server.shutdown()
    thread.join()
    server.server_close()
    away = run("directory", "refresh")

    assert (refreshed["professionals"], shown["state"], shown["family"]) == ({"inactif": 1}, "inactif", "MARTIN")
    assert "directory: no usable answer" in str(away.exception)
    assert standing(instance_folder) == "inactif"
