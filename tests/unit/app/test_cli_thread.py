"""Conversations of patients whose space another operator keeps, as the operator reads them."""

import json
from datetime import UTC, datetime
from pathlib import Path

from smtp_gateway.conversation import Patient, Posted, apply_change
from smtp_gateway.fin import State, ThreadChange
from tests.unit.app.conftest import Run
from vaguemestre.app.bootstrap import Instance
from vaguemestre.app.settings import load_settings
from vaguemestre.kernel.database import Transaction

INS, DOCTOR = "146026322000196", "dr@demo.mssante.fr"


def write_to_patient_elsewhere(folder: Path) -> None:
    instance = Instance(load_settings(folder / "vaguemestre.toml"))

    def work(tx: Transaction) -> None:
        patient = Patient(address=f"{INS}@patient.mssante.fr", profile_id=None)
        change = ThreadChange(
            thread_id=None, professional=DOCTOR, correspondent=DOCTOR, state=State.OPEN, answerable=True
        )
        posted = Posted(message_id="0" * 32, message_id_header="<1@d>", sender=DOCTOR, at=datetime.now(UTC))
        apply_change(tx, patient, change, posted)

    instance.database.write_now(work)
    instance.close_now()


def test_conversation_is_listed_though_the_patient_is_elsewhere(run: Run, instance_folder: Path) -> None:
    write_to_patient_elsewhere(instance_folder)

    (found,) = json.loads(run("thread", "list", "--patient", INS, "--json").stdout)

    assert (found["professional"], found["state"]) == (DOCTOR, "open")


def test_who_is_known_nowhere_has_no_list(run: Run) -> None:
    done = run("thread", "list", "--patient", INS)

    assert done.exit_code == 1
    assert "aucun profil ni conversation" in str(done.exception)
