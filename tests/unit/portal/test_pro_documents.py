"""A patient's documents in the professional space: who may read them, what is shown, what the trace keeps."""

import pytest

from access_core.care import declare_care, end_care
from access_core.case_acts import SIGNED_IN, Asking
from access_core.professionals import MailboxType, NewProfessional, add_professional
from access_core.trace.reader import acts_of, history_of_patient
from dmp_bridge.record.acts import Change, mask_document
from dmp_bridge.record.documents import document
from tests.fictional.documents import structured
from tests.fictional.people import INS_PERE
from tests.unit.portal.test_documents import hide_from_patient
from tests.unit.portal.test_pro import doctor, sign_in  # noqa: F401 - a fixture
from vaguemestre.app.demo.fictional_documents import fictional_cda, fictional_pdf

pytestmark = pytest.mark.usefixtures("doctor")
FORM = "/pro/patients/documents"


async def open_record(browser, space, ins: str = ""):
    """Ask for the documents of the patient."""
    page = await browser.get(FORM)
    return await browser.submit(page, FORM, {"ins": ins or space.patient.ins.value})


def traced(space) -> list[tuple[str, str]]:
    """Acts and reasons of the patient's trace, oldest first."""
    found = space.database.read_now(lambda tx: history_of_patient(tx, space.patient.id))
    return [(each.entry.act, each.entry.reason) for each in reversed(found)]


def mask(space, document_id: str) -> None:
    """Have the patient mask a document."""
    now, patient = space.clock.now(), space.patient

    def work(tx):
        asking = Asking(profile=patient, actor=patient, session=SIGNED_IN, now=now)
        mask_document(tx, Change(asking=asking, found=document(tx, document_id)))

    space.database.write_now(work)


def file_for_other(space, cda: bytes) -> str:
    """File a document of Dr Durand, who takes care of the patient too."""
    now = space.clock.now()

    def settle(tx):
        new = NewProfessional(
            address="paul.durand@demo.mssante.fr",
            type=MailboxType.PER,
            name="Dr Paul Durand",
            created_at=now,
            rpps="10009999999",
            profession="10",
        )
        added = add_professional(tx, new)
        declare_care(tx, space.patient.id, added.account_id, until=None, now=now)
        return added

    return space.file(cda, professional=space.database.write_now(settle))


async def test_she_reads_a_document_as_the_patient_sees_it(space, browser):
    document_id = space.file(structured(narrative="<paragraph>Suivi</paragraph>"))
    await sign_in(browser, space)

    listed = await open_record(browser, space)
    (link,) = listed.tree.xpath("//ul[@class='lines']//a/@href")
    page = await browser.get(link)

    assert listed.path == f"/pro/patients/{space.patient.id}/documents"
    assert space.patient.name in listed.text
    assert link == f"{listed.path}/{document_id}"
    assert page.status == 200
    assert page.tree.xpath("//article[contains(@class, 'clinical')]")
    assert page.tree.xpath("//section[@aria-labelledby='t-visibilite']") == []
    assert traced(space)[-2:] == [("documents_searched", "OK"), ("read_document", "OK")]
    assert space.patient.ins.value not in link


async def test_what_a_page_is_made_of_is_fetched_under_the_same_record(space, browser):
    document_id = space.file(fictional_cda(pdf=fictional_pdf("Bonjour")))
    await sign_in(browser, space)
    listed = await open_record(browser, space)
    page = await browser.get(f"{listed.path}/{document_id}")
    before = len(traced(space))

    made_of = [*page.tree.xpath("//main//img/@src"), *page.tree.xpath("//iframe/@src")]
    answers = [await browser.client.get(each) for each in made_of]
    small = [await browser.client.get(each) for each in listed.tree.xpath("//main//img/@src")]
    after = len(traced(space))
    original = await browser.client.get(f"{page.path}/original")
    elsewhere = await browser.client.get(made_of[0].replace(space.patient.id, "0" * 32))

    assert made_of
    assert small
    assert all(each.startswith(page.path) for each in made_of)
    assert {each.status_code for each in (*answers, *small, original)} == {200}
    assert (after, len(traced(space))) == (before, before + 1)
    assert elsewhere.status_code == 404


async def test_who_does_not_take_care_is_told_why_and_traced(space, browser):
    space.file(fictional_cda(title="Compte rendu discret"))
    now = space.clock.now()
    space.database.write_now(lambda tx: end_care(tx, space.patient.id, space.doctor.account_id, now=now))
    await sign_in(browser, space)

    refused = await open_record(browser, space)

    assert (refused.status, "Compte rendu discret" in refused.text) == (403, False)
    assert space.patient.name not in refused.text
    (act, reason) = traced(space)[-1]
    assert act == "documents_searched"
    assert reason != "OK"


async def test_a_masked_document_of_another_is_in_no_list(space, browser):
    shown, hidden = space.file(fictional_cda(title="Visible")), file_for_other(space, fictional_cda(title="Secret"))
    mask(space, hidden)
    await sign_in(browser, space)

    listed = await open_record(browser, space)
    direct = await browser.get(f"{listed.path}/{hidden}")

    assert [each.rpartition("/")[2] for each in listed.tree.xpath("//ul[@class='lines']//a/@href")] == [shown]
    assert (direct.status, "Secret" in direct.text) == (404, False)
    assert traced(space)[-1] == ("read_document", "V_DOC_MASQUE_PRO")


async def test_she_is_told_that_the_patient_does_not_see_it_yet(space, browser):
    document_id = space.file(fictional_cda(title="À annoncer"))
    hide_from_patient(space, document_id)
    await sign_in(browser, space)

    listed = await open_record(browser, space)
    page = await browser.get(f"{listed.path}/{document_id}")

    assert "Le patient ne voit pas encore ce document" in page.text


async def test_a_number_that_is_none_or_of_nobody_is_said_so(space, browser):
    await sign_in(browser, space)

    malformed = await open_record(browser, space, "123")
    unknown = await open_record(browser, space, INS_PERE.value)
    none = await browser.get(f"/pro/patients/{'a' * 32}/documents")

    assert [each.status for each in (malformed, unknown, none)] == [422, 422, 404]
    assert malformed.errors == ["Ce matricule INS n'est pas valide : 15 caractères, dont 2 de clé."]
    assert unknown.errors == ["Aucun espace n'existe ici pour ce matricule INS."]
    own = space.database.read_now(lambda tx: acts_of(tx, space.doctor.account_id))
    assert (own[0].entry.act, own[0].entry.reason) == ("documents_searched", "D_PROFIL_INEXISTANT")


async def test_an_empty_record_is_open_and_empty(space, browser):
    await sign_in(browser, space)

    listed = await open_record(browser, space)

    assert (listed.status, "Aucun document de ce patient ne vous est ouvert" in listed.text) == (200, True)


async def test_a_document_of_another_patient_is_not_under_this_one(space, browser):
    document_id = space.file(fictional_cda())
    await sign_in(browser, space)

    other = await browser.get(f"/pro/patients/{'b' * 32}/documents/{document_id}")

    assert other.status == 404
