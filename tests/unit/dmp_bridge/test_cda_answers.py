"""Every CDA of the corpus, filed alone by a doctor for its patient: `tests/spec/cda_answers.csv`.

Expected is what the README and the manifest of the corpus state: accepted, with what is noted; a wrong key of an
INS passes under an OID of test and is refused under one of production; an id with an extension is noted. The patient of
most examples is the one of the practice, with her own traits.
"""

import csv
from datetime import date, datetime
from pathlib import Path

import pytest

from access_core.care import declare_care
from access_core.identifiers import INS
from access_core.profiles import Profile, profile_by_ins
from dmp_bridge.cda.header import CDADocument
from dmp_bridge.preparation import prepare_document
from dmp_bridge.record.documents import document
from tests.fictional.people import add_active_patient
from tests.unit.dmp_bridge.conftest import Practice
from vaguemestre.kernel.database import Transaction

ROWS = list(csv.DictReader((Path(__file__).parents[2] / "spec" / "cda_answers.csv").read_text().splitlines()))


def patient_of(practice: Practice, header: CDADocument) -> Profile:
    """The patient that a document is about, in the doctor's care."""
    said, now = header.patient, practice.clock.now()
    assert said.ins is not None
    ins = INS(said.ins.extension[:13], said.ins.extension[13:], said.ins.root)

    def work(tx: Transaction) -> Profile:
        known = profile_by_ins(tx, ins)
        if known is not None:
            return known
        traits = {"family": said.birth_family or "", "given": said.first_given or said.given or ""}
        born = _day(said.birth_date or "")
        found = add_active_patient(tx, now, ins, birth_date=born, sex=said.sex or "U", **traits)
        practice.store.create_mailbox(tx, found.account_id)
        declare_care(tx, found.id, practice.doctor.account_id, until=None, now=now)
        return found

    return practice.write(work)


def _day(text: str) -> date:
    return datetime.strptime(text[:8], "%Y%m%d").date()  # noqa: DTZ007 - a day has no zone


def test_the_table_names_every_document_of_the_corpus(corpus):
    files = {str(each.relative_to(corpus / "cda")) for each in (corpus / "cda").glob("*/*.[xX][mM][lL]")}

    assert {row["file"] for row in ROWS} == files


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["file"])
def test_a_document_gets_the_answer_of_the_table(corpus, practice, row):
    data = (corpus / "cda" / row["file"]).read_bytes()
    prepared = prepare_document(data, source_id="2.25.1", submission_time="20260115091500")
    assert prepared.header is not None
    profile = patient_of(practice, prepared.header)

    outcome = practice.write(lambda tx: practice.filer.file(tx, practice.case(profile=profile), prepared))

    assert (outcome.reason, ";".join(outcome.warnings)) == (row["answer"], row["noted"])
    kept = practice.write(lambda tx: document(tx, outcome.document_id or ""))
    assert (kept is not None) is (row["answer"] == "OK")
