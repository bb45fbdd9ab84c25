"""Folders by FHIR (PDSm classeurs): published with their documents, found, completed by a new version."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.fictional.fhir_client import bundle_of, codes_of, deleting, entry, folder_of, fresh_oid, masking
from tests.unit.portal.fhir_house import FhirHouse, open_fhir_house
from vaguemestre.app.demo.fictional_documents import fictional_cda


@pytest.fixture
async def fhir(space) -> AsyncIterator[FhirHouse]:
    async with open_fhir_house(space) as house:
        yield house


def with_folder(folder: dict[str, Any] | None = None, *, more: tuple[str, ...] = (), **request: str) -> dict[str, Any]:
    """A bundle whose document is in a folder; MORE: documents of the server."""
    bundle = bundle_of(fictional_cda())
    document = bundle["entry"][1]["fullUrl"]
    folder = folder or folder_of()
    folder["entry"] = [{"item": {"reference": each}} for each in (document, *more)]
    added = entry(request.get("url", "List"), folder, method=request.get("method", "POST"))
    bundle["entry"].append(added)
    return bundle


async def folders(fhir: FhirHouse, **parameters: str) -> list[dict[str, Any]]:
    found = await fhir.doctor.find("List", code="folder", **parameters)
    assert found.status_code == 200, found.text
    return [each["resource"] for each in found.json().get("entry", [])]


@pytest.mark.requirement("ITI-65")
@pytest.mark.requirement("ITI-66")
async def test_a_folder_is_published_with_its_document_and_found(fhir):
    published = await fhir.doctor.post("", with_folder())
    (found,) = await folders(fhir)
    document = f"DocumentReference/{fhir.document().id}"
    answer = published.json()["entry"][-1]["response"]
    read = await fhir.doctor.get(f"/{answer['location']}")

    assert answer["status"] == "201 Created"
    assert read.json() == found
    assert (found["title"], found["note"]) == ("Suivi du diabète", [{"text": "Depuis 2020"}])
    assert found["entry"] == [{"item": {"reference": document}}]
    assert found["extension"][0]["valueCodeableConcept"]["coding"][0]["code"] == "44054006"
    for name, right, wrong in (
        ("title", "suivi", "autre"),
        ("designationType", "http://snomed.info/sct|44054006", "http://snomed.info/sct|1"),
        ("date", "ge2020", "lt2020"),
        ("identifier", f"{found['identifier'][0]['system']}|{found['identifier'][0]['value']}", "urn:ietf:rfc:3986|x"),
    ):
        assert (len(await folders(fhir, **{name: right})), await folders(fhir, **{name: wrong})) == (1, []), name
    assert await folders(fhir, **{"source.family": "Martin"}) == []
    assert (await fhir.doctor.find("List", code="submissionset")).json()["total"] == 1


async def test_a_new_version_completes_a_folder(fhir):
    unique_id = fresh_oid()
    await fhir.doctor.post("", with_folder(folder_of(unique_id=unique_id)))
    (before,) = await folders(fhir)
    (first,) = [each["item"]["reference"] for each in before["entry"]]

    put = with_folder(
        folder_of(unique_id=unique_id, title="Suivi complet"), more=(first,), method="PUT", url=f"List/{before['id']}"
    )
    answer = await fhir.doctor.post("", put)
    posted = await fhir.doctor.post("", with_folder(folder_of(unique_id=unique_id, title="Suivi entier")))
    again = await fhir.doctor.post("", put)
    (after,) = await folders(fhir)

    assert (answer.status_code, posted.status_code, again.status_code) == (200, 200, 200)
    assert answer.json()["entry"][-1]["response"] == {"status": "200 OK", "location": f"List/{before['id']}"}
    assert (after["id"], after["title"], len(after["entry"])) == (before["id"], "Suivi entier", 3)


@pytest.mark.parametrize(
    ("folder", "request_", "status", "code"),
    [
        (folder_of(), {"method": "PUT", "url": "List/3f2504e0-4f89-41d3-9a0c-0305e82c3301"}, 422, "X_FHIR_REFERENCE"),
        (folder_of(unique_id="urn"), {}, 200, ""),
        ({**folder_of(), "title": ""}, {}, 200, ""),
        ({**folder_of(), "code": {}}, {}, 422, "X_FHIR_NON_PRIS_EN_CHARGE"),
        ({**folder_of(), "date": None}, {}, 422, "X_FHIR_INCOMPLET"),
    ],
)
async def test_a_folder_that_does_not_hold_together_takes_all_with_it(fhir, folder, request_, status, code):
    answer = await fhir.doctor.post("", with_folder({**folder}, **request_))

    assert answer.status_code == status
    if code:
        assert codes_of(answer) == [code]
        assert fhir.documents() == []


async def test_what_is_put_into_a_folder_must_be_there_for_the_caller(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))
    hidden = f"DocumentReference/{fhir.document().id}"
    await fhir.doctor.patch(f"/{hidden}", masking())
    colleague = fhir.add_colleague(in_team=True)

    refused = await colleague.post("", with_folder(more=(hidden,)))
    nothing = await fhir.doctor.post("", with_folder(more=(f"DocumentReference/{'a' * 32}",)))

    assert (refused.status_code, nothing.status_code) == (422, 422)
    assert len(fhir.documents()) == 1


async def test_a_folder_is_seen_with_the_first_document_that_is_seen(fhir):
    await fhir.doctor.post("", with_folder())
    (kept,) = await folders(fhir)
    name = fhir.document().id
    colleague = fhir.add_colleague(in_team=True)

    seen = (await colleague.find("List", code="folder")).json()["total"]
    await fhir.doctor.patch(f"/DocumentReference/{name}", masking())
    unseen = (await colleague.find("List", code="folder")).json()["total"]
    absent = await colleague.get(f"/List/{kept['id']}")
    mine = await folders(fhir)
    await fhir.doctor.patch(f"/DocumentReference/{name}", deleting())

    assert (seen, unseen, absent.status_code) == (1, 0, 404)
    assert mine[0]["entry"] == [{"item": {"reference": f"DocumentReference/{name}"}}]
    assert await folders(fhir) == []
