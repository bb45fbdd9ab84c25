"""`vaguemestre trace`: checkpoints, their key, the export that proves itself; `patient` as its reader."""

import json
from pathlib import Path

import pytest

from access_core.trace.verify_export import verify
from tests.unit.app.conftest import Run
from tests.unit.app.test_cli import INS, MARTIN, add_martin, add_patient, said


def test_a_history_is_exported_with_its_proofs(run: Run, instance_folder: Path) -> None:
    add_patient(run)
    run("patient", "activate", INS, "--password-stdin")

    exported = json.loads(run("trace", "export", "--patient", INS).stdout)

    key = said(run, "trace", "key")["public_key"]
    assert verify(exported, key) == "2 entrées prouvées, 0 trop récentes pour l'être"
    assert said(run, "trace", "list", "--patient", INS)[0]["act"] == "read_access_history"
    assert len((instance_folder / "trace-checkpoints.jsonl").read_text().splitlines()) == 1


def test_the_same_history_as_fhir(run: Run) -> None:
    add_patient(run)
    run("patient", "activate", INS, "--password-stdin")

    bundle = json.loads(run("trace", "export", "--patient", INS, "--format", "fhir").stdout)

    assert bundle["resourceType"] == "Bundle"
    assert [each["resource"]["subtype"][0]["code"] for each in bundle["entry"]] == [
        "profile_opened",
        "profile_activated",
    ]


def test_a_history_that_may_not_be_read_is_refused_and_traced(run: Run) -> None:
    add_patient(run)  # not activated

    refused = run("trace", "export", "--patient", INS)

    assert "Activez votre profil" in str(refused.exception)
    assert said(run, "trace", "list", "--patient", INS)[0]["verdict"] == "DENY"


def test_checkpoints_are_made_and_verified(run: Run, instance_folder: Path) -> None:
    add_patient(run)

    made = said(run, "trace", "checkpoint")
    again = said(run, "trace", "checkpoint")

    assert (made["written"], again["written"]) == (1, 0)
    assert made["file"] == str(instance_folder / "trace-checkpoints.jsonl")
    verified = said(run, "trace", "verify")
    assert (verified["ok"], verified["checkpoints"], verified["entries"]) == (True, 1, 1)
    (instance_folder / "trace-checkpoints.jsonl").unlink()
    assert "manque" in str(run("trace", "verify").exception)


@pytest.mark.requirement("VGM:TRACE-READERS")
def test_a_professional_reads_the_trace_by_her_own_right(run: Run) -> None:
    add_martin(run)
    add_patient(run)
    run("patient", "activate", INS, "--password-stdin")

    refused = run("trace", "list", "--patient", INS, "--as", MARTIN)
    run("patient", "administrator", INS, MARTIN, "--attending")
    read = said(run, "trace", "list", "--patient", INS, "--as", MARTIN)
    mine = said(run, "trace", "list", "--mine", MARTIN)

    assert "[H_ADMIN_REQUIS]" in str(refused.exception)
    assert {each["act"] for each in read} >= {"profile_opened", "profile_activated", "grant_access"}
    assert [(each["act"], each["verdict"], each["reason"]) for each in mine] == [
        ("read_access_history", "PERMIT", "OK"),
        ("read_access_history", "DENY", "H_ADMIN_REQUIS"),
    ]
    assert {each["subject_label"] for each in mine} == {"Dr Camille MARTIN, par Opérateur (ligne de commande)"}


def test_a_reader_is_asked_for_one_thing(run: Run) -> None:
    for arguments in ((), ("--mine", MARTIN, "--patient", INS), ("--mine", MARTIN, "--as", MARTIN)):
        assert run("trace", "list", *arguments).exit_code == 1
