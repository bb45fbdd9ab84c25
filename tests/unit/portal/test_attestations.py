"""The patient's attestations: listed on a page, downloaded as a PDF that a reader opens."""

from io import BytesIO

import pypdfium2
import pytest

from access_core.attestations import AttestationKind, issue
from access_core.trace.reader import history_of_patient
from tests.fictional.people import add_patient, ins_of


@pytest.mark.requirement("VGM:DELEGATION")
async def test_an_attestation_is_a_pdf_that_its_owner_downloads(space, patient):
    now = space.clock.now()
    statement = "Paul Durand, proche aidant, accède à l'espace de santé de Dominique PAT-TROIS."
    kind = AttestationKind.CARER_STARTS
    issued = space.database.write_now(lambda tx: issue(tx, space.patient.id, kind, statement, now=now))

    page = await patient.get("/attestations")
    answer = await patient.client.get(f"/attestations/{issued.id}")

    assert "Attestation d'accès d'un proche aidant" in page.text
    assert page.links("/attestations/") == [f"/attestations/{issued.id}"]
    assert answer.headers["content-type"] == "application/pdf"
    assert answer.headers["content-disposition"].startswith("attachment")
    text = pypdfium2.PdfDocument(BytesIO(answer.content))[0].get_textpage().get_text_bounded()
    assert statement in " ".join(text.split())
    assert issued.id in text
    newest = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))[0].entry
    assert (newest.act, newest.resource_id) == ("attestation_read", issued.id)


async def test_the_attestation_of_another_is_absent(space, patient):
    now = space.clock.now()

    def other(tx):
        person = add_patient(tx, now, ins_of("2810351215003"))
        return issue(tx, person.id, AttestationKind.OPPOSITION, "…", now=now)

    issued = space.database.write_now(other)

    answer = await patient.get(f"/attestations/{issued.id}")

    assert answer.status == 404
    assert "Aucune attestation" in (await patient.get("/attestations")).text
