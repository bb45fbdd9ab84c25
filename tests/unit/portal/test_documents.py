"""Documents and history: the engine decides on each reading, and every line of the trace is said in plain words."""

import dataclasses

from sqlalchemy import update

from access_core.acts import Act
from access_core.trace.entries import TraceEntry, record
from access_core.trace.reader import Recorded, history_of_patient
from dmp_bridge.tables import document_entry
from portal.patient.history import _DONE, history_line
from portal.patient.tracing import Event
from portal.patient.viewer import Viewer
from portal.sessions import Stage, fresh_session
from tests.fictional.people import INS_PERE, add_active_patient
from vaguemestre.app.demo.fictional_documents import fictional_cda, fictional_pdf


def acts(space) -> list[tuple[str, str]]:
    found = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
    return [(line.entry.act, line.entry.reason) for line in found]


def hide_from_patient(space, document_id: str) -> None:
    statement = update(document_entry).where(document_entry.c.id == document_id).values(invisible_patient=True)
    space.database.write_now(lambda tx: tx.execute(statement) and None)


async def test_documents_are_listed_and_described(space, patient):
    document_id = space.file(fictional_cda(title="Compte rendu de consultation"))

    listed = await patient.get("/documents")
    page = await patient.get(f"/documents/{document_id}")

    assert "Compte rendu de consultation" in listed.text
    facts = {term.text: term.getnext().text_content() for term in page.tree.xpath("//dl[@class='facts']/dt")}
    assert facts["Auteur"] == "Camille MARTIN, Médecin - Qualifié en Médecine Générale (SM), CABINET DU DR MARTIN"
    assert facts["Date du document"].replace("\u00a0", " ") == "jeudi 15 janvier 2026 à 10 h 15"
    assert facts["Patient"].replace("\u00a0", " ") == "DOMINIQUE PAT-TROIS, née le 28 mars 1979"
    assert facts["Ajouté par"] == "Dr Camille Martin"
    assert acts(space)[0] == ("read_document", "OK")


async def test_the_pdf_and_the_original_can_be_fetched(space, patient):
    pdf, cda = fictional_pdf("Bonjour"), None
    cda = fictional_cda(pdf=pdf)
    document_id = space.file(cda)

    opened = await patient.client.get(f"/documents/{document_id}/contenu")
    kept = await patient.client.get(f"/documents/{document_id}/contenu?telecharger=1")
    original = await patient.client.get(f"/documents/{document_id}/original")

    assert opened.content == kept.content == pdf
    assert opened.headers["content-disposition"].startswith("inline")
    assert kept.headers["content-disposition"].startswith("attachment")
    assert original.content == cda
    assert original.headers["content-disposition"].startswith("attachment")
    assert acts(space).count(("read_document", "OK")) == 3


async def test_a_document_that_waits_for_its_announcement_shows_nowhere(space, patient):
    document_id = space.file(fictional_cda(title="Annonce"))
    hide_from_patient(space, document_id)

    page = await patient.get(f"/documents/{document_id}")
    listed = await patient.client.get("/api/v1/documents")

    assert (page.status, "Document introuvable." in page.text) == (404, True)
    assert listed.json() == []
    assert "Annonce" not in (await patient.get("/documents")).text
    assert "Annonce" not in (await patient.get("/")).text
    assert acts(space)[0] == ("read_document", "V_DOC_INVISIBLE_PATIENT")
    assert "ajouté un document" not in (await patient.get("/historique")).text


async def test_another_patients_document_is_absent(space, patient):
    other = space.database.write_now(lambda tx: add_active_patient(tx, space.clock.now(), INS_PERE))
    space.database.write_now(lambda tx: space.store.create_mailbox(tx, other.account_id))
    theirs = space.file(b"Note confidentielle", profile=other, presume_care=True)

    for path in ("", "/contenu", "/original"):
        assert (await patient.get(f"/documents/{theirs}{path}")).status == 404


async def test_history_says_every_act_and_refusal(space, patient):
    await space.write("Bonjour")
    await patient.open_conversation()
    page = await patient.get("/parametres")
    await patient.client.post("/api/v1/messages", json={"recipient": "paul.durand@demo.mssante.fr", "text": "Bonjour"})

    page = await patient.get("/historique")

    lines = [" ".join(line.text_content().split()) for line in page.tree.xpath("//ul[@class='lines']/li")]
    assert lines[0].startswith("Refusé Vous avez voulu envoyer un message. Vous pouvez uniquement écrire")
    assert lines[1].startswith("Vous avez lu un message.")
    assert lines[2].startswith("Dr Camille Martin a envoyé un message.")
    assert page.tree.xpath("//h2")[0].text == "novembre 2026"


async def test_history_comes_in_pages_without_a_hole(space, patient):
    entry = TraceEntry(
        at=space.clock.now(), act="read_document", verdict="PERMIT", reason="OK", subject_kind="pro",
        subject_label="Dr Camille Martin", profile_id=space.patient.id,
    )  # fmt: skip

    def work(tx):
        for number in range(230):
            record(tx, dataclasses.replace(entry, resource_id=str(number)))

    space.database.write_now(work)

    seen, before = [], None
    while True:
        query = f"?before={before}" if before else ""
        page = (await patient.client.get(f"/api/v1/history{query}")).json()
        seen += [line["seq"] for line in page["lines"]]
        before = page["older"]
        if before is None:
            break

    total = space.database.read_now(lambda tx: len(history_of_patient(tx, space.patient.id, 1000)))
    assert len(seen) == total
    assert seen == sorted(set(seen), reverse=True)
    html = await patient.get("/historique")
    older = await patient.get(html.links("/historique?avant")[0])
    assert older.status == 200
    assert (await patient.get("/historique?avant=x")).status == 200


def test_every_act_and_event_has_its_sentence(space):
    session = fresh_session(space.patient.account_id, Stage.OPEN, "", space.clock.now())
    viewer = Viewer(session, space.patient)

    for act in [*Act, *Event]:
        assert act.value in _DONE
        entry = TraceEntry(
            at=space.clock.now(), act=act.value, verdict="PERMIT", reason="OK", subject_kind="titulaire",
            subject_id=space.patient.id,
        )  # fmt: skip
        line = history_line(Recorded(1, entry), viewer)
        assert line.sentence.startswith("Vous avez ")
        assert line.sentence.endswith(".")


def test_a_code_that_nobody_knows_is_still_shown(space):
    viewer = Viewer(fresh_session("a" * 32, Stage.OPEN, "", space.clock.now()), space.patient)
    entry = TraceEntry(
        at=space.clock.now(), act="new_act", verdict="DENY", reason="X_NEW", subject_kind="systeme",
        profile_id=space.patient.id,
    )  # fmt: skip

    line = history_line(Recorded(1, entry), viewer)

    assert line.sentence == "Le service a voulu faire une action sur votre espace."
    assert (line.refused, line.why) == (True, "")


async def test_professionals_are_those_who_wrote_or_care(space, patient):
    before = await patient.get("/professionnels")
    await space.write("Bonjour")
    after = await patient.get("/professionnels")

    assert "Vous prend en charge" in before.text
    assert "1 échange avec vous. Vous pouvez lui répondre" in after.text.replace("\u00a0", " ")
    assert len(after.links("/messages/")) == 1
