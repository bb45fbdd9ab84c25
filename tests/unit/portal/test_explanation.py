"""What happened to a message, told to the patient whose it is; her history, with its proofs."""

import json
from dataclasses import replace
from urllib.parse import quote

import pytest

from access_core.decision import Decision, Verdict
from access_core.reasons import Reason
from access_core.trace.checkpointer import Checkpointer
from access_core.trace.checkpoints import Signer
from access_core.trace.entries import TraceEntry, record
from access_core.trace.reader import history_of_patient
from access_core.trace.verify_export import verify
from dmp_bridge.refusals import Refusal
from portal.api.trace import refusal
from tests.conftest import NOON
from vaguemestre.kernel.ids import new_id

HEADER = "<m1@demo.mssante.fr>"


def trace(space, **facts):
    entry = TraceEntry(
        at=NOON,
        act="file_document",
        verdict="DENY",
        reason="H_HORS_PRISE_EN_CHARGE",
        subject_kind="pro",
        subject_label="Dr Camille Martin",
        profile_id=space.patient.id,
        resource_kind="document",
        resource_id="d1",
        message_id_header=HEADER,
    )
    space.database.write_now(lambda tx: record(tx, replace(entry, **facts)))


@pytest.mark.requirement("VGM:EXPLAIN")
async def test_a_message_is_explained_with_codes_sentences_and_sources(space, patient):
    trace(space, act="deliver_to_patient", verdict="PERMIT", reason="OK", matrix_version="v1 strict 00")
    trace(space)
    trace(space, reason=Refusal.ARCHIVE_ENCRYPTED)
    trace(space, act="message_read", verdict="PERMIT", reason="OK")

    answer = await patient.client.get(f"/api/v1/explain/{quote(HEADER)}")
    bare = await patient.client.get("/api/v1/explain/m1@demo.mssante.fr")

    lines = answer.json()
    assert answer.status_code == 200
    assert [line["code"] for line in lines] == ["OK", "H_HORS_PRISE_EN_CHARGE", "X_ARCHIVE_CHIFFREE", "OK"]
    assert lines[1]["sentence"] == "Vous ne prenez pas ce patient en charge."
    assert all(line["sources"] for line in lines[:3])
    assert lines[0]["matrix_version"] == "v1 strict 00"
    assert bare.json() == lines


async def test_what_concerns_somebody_else_is_not_there(space, patient):
    trace(space, profile_id=new_id())

    answer = await patient.client.get("/api/v1/explain/m1@demo.mssante.fr")

    assert (answer.status_code, answer.json()["code"]) == (404, "INTROUVABLE")


async def test_a_code_that_must_not_tell_is_shown_as_the_one_it_borrows(space, patient):
    trace(space, reason="V_DOC_INVISIBLE_PATIENT")

    [line] = (await patient.client.get("/api/v1/explain/m1@demo.mssante.fr")).json()

    assert (line["code"], line["sentence"]) == ("V_DOC_INTROUVABLE", "Document introuvable.")


async def test_the_reading_is_a_line_too(space, patient):
    trace(space)

    await patient.client.get("/api/v1/explain/m1@demo.mssante.fr")

    newest = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))[0].entry
    assert (newest.act, newest.verdict) == ("read_access_history", "PERMIT")


async def test_the_downloaded_history_proves_itself(space, patient, tmp_path):
    trace(space)
    signer = Signer(space.key)
    Checkpointer(space.database, signer, tmp_path / "points.jsonl", space.clock).run()

    answer = await patient.client.get("/api/v1/history/export")

    assert answer.headers["content-disposition"] == 'attachment; filename="historique.json"'
    assert verify(answer.json(), signer.public_key.hex()).endswith("1 trop récentes pour l'être")
    assert answer.json()["entries"][-1]["entry"]["act"] == "read_access_history"  # this very reading
    assert any(item["entry"]["message_id_header"] == HEADER for item in answer.json()["entries"])


@pytest.mark.parametrize(("reason", "status"), [("H_REPRESENTANT_NON_RECONNU", 403), ("D_SERVICE_INDISPONIBLE", 503)])
def test_a_refusal_is_a_problem_document(reason, status):
    verdict = Verdict.DEFER if status == 503 else Verdict.DENY

    answer = refusal(Decision(verdict, Reason(reason), (), ()))

    assert (answer.status_code, json.loads(answer.body)["code"]) == (status, reason)


async def test_the_page_of_the_history_offers_it(patient):
    page = await patient.get("/historique")

    assert page.links("/api/v1/history/export") == ["/api/v1/history/export"]
