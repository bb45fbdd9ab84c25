"""FHIR for practice software, whole: token in, decisions, trace, resources out."""

import base64
import hashlib
from collections.abc import AsyncIterator

import pytest

from access_core.care import declare_care
from access_core.professionals import professional_by_address
from dmp_bridge.cda.body import read_body
from tests.fictional.fhir_client import (
    INS,
    bundle_of,
    codes_of,
    simplified_of,
    unique_id_of,
)
from tests.unit.portal.fhir_house import FhirHouse, open_fhir_house
from vaguemestre.app.demo.fictional_documents import fictional_cda, fictional_pdf


@pytest.fixture
async def fhir(space) -> AsyncIterator[FhirHouse]:
    async with open_fhir_house(space) as house:
        yield house


@pytest.mark.requirement("ITI-65")
@pytest.mark.requirement("ITI-67")
@pytest.mark.requirement("ITI-68")
async def test_a_document_is_published_found_and_read(fhir):
    cda = fictional_cda()

    published = await fhir.doctor.post("", bundle_of(cda))
    found = await fhir.doctor.find(type="http://loinc.org|11488-4", status="current")
    (entry,) = found.json()["entry"]
    read = await fhir.client.get(
        entry["resource"]["content"][0]["attachment"]["url"],
        headers={"authorization": f"Bearer {fhir.doctor.token}"},
    )

    assert published.status_code == 200
    assert [each["response"]["status"] for each in published.json()["entry"]] == ["201 Created"] * 3
    assert (found.status_code, found.json()["total"]) == (200, 1)
    assert entry["resource"]["masterIdentifier"]["value"] == f"urn:oid:{unique_id_of(cda)}"
    assert (read.content, read.headers["content-type"]) == (cda, "text/xml; charset=utf-8")
    assert fhir.acts()[-3:] == [("file_document", "OK"), ("documents_searched", "OK"), ("read_document", "OK")]
    assert fhir.document().filing.filed_by == fhir.space.doctor.account_id


async def test_what_the_transaction_created_can_be_read_at_its_address(fhir):
    published = (await fhir.doctor.post("/", bundle_of(fictional_cda()))).json()

    kinds = {}
    for entry in published["entry"]:
        location = entry["response"]["location"]
        answer = await fhir.doctor.get(f"/{location}")
        kinds[location.partition("/")[0]] = answer.status_code

    assert kinds == {"List": 200, "DocumentReference": 200, "Binary": 200}


@pytest.mark.requirement("ITI-66")
async def test_the_submission_set_is_found_with_its_document(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))

    found = await fhir.doctor.find("List", code="submissionset", _include="List:item", sourceId="urn:oid:2.25.1871234")

    listed, document = found.json()["entry"]
    assert [each["search"]["mode"] for each in (listed, document)] == ["match", "include"]
    assert listed["resource"]["entry"] == [{"item": {"reference": f"DocumentReference/{document['resource']['id']}"}}]


@pytest.mark.requirement("ITI-105")
async def test_a_simplified_publication_is_filed(fhir):
    cda = fictional_cda()

    created = await fhir.doctor.post("/DocumentReference", simplified_of(cda))
    again = await fhir.doctor.post("/DocumentReference", simplified_of(cda))

    assert (created.status_code, again.status_code) == (201, 200)
    assert created.headers["location"].endswith(f"/fhir/DocumentReference/{fhir.document().id}/_history/1")
    assert created.json()["content"][0]["attachment"]["size"] == len(cda)
    assert len(fhir.documents()) == 1


async def test_the_same_document_published_again_is_linked_not_doubled(fhir):
    cda = fictional_cda()

    first = await fhir.doctor.post("", bundle_of(cda))
    second = await fhir.doctor.post("", bundle_of(cda))

    locations = [[each["response"].get("location") for each in answer.json()["entry"]] for answer in (first, second)]
    assert locations[0][1:] == locations[1][1:]
    assert {each["response"]["status"] for each in second.json()["entry"]} == {"200 OK"}
    assert len(fhir.documents()) == 1


async def test_a_new_version_supersedes_the_one_before(fhir):
    old, new = fictional_cda(title="Ancien"), fictional_cda(title="Nouveau")
    await fhir.doctor.post("", bundle_of(old))
    target = {"reference": f"DocumentReference/{fhir.document().id}"}
    bundle = bundle_of(new, relatesTo=[{"code": "replaces", "target": target}])
    bundle["entry"].append(
        {
            "fullUrl": "urn:uuid:77777777-7777-4777-8777-777777777777",
            "resource": {
                "resourceType": "Parameters",
                "parameter": [
                    {
                        "name": "operation",
                        "part": [
                            {"name": "path", "valueString": "DocumentReference.status"},
                            {"name": "type", "valueCode": "replace"},
                            {"name": "value", "valueCode": "superseded"},
                        ],
                    }
                ],
            },
            "request": {"method": "PATCH", "url": target["reference"]},
        }
    )

    published = await fhir.doctor.post("", bundle)
    superseded = (await fhir.doctor.find(status="superseded")).json()
    current = (await fhir.doctor.find(status="current")).json()

    assert published.status_code == 200
    assert superseded["entry"][0]["resource"]["content"][0]["attachment"]["title"] == "Ancien"
    assert current["entry"][0]["resource"]["relatesTo"] == [{"code": "replaces", "target": target}]


async def test_pages_follow_each_other_without_the_patient_s_number_in_their_address(fhir):
    for number in range(5):
        await fhir.doctor.post("", bundle_of(fictional_cda(title=f"Document {number}")))

    page = (await fhir.doctor.find(_count="2")).json()
    titles = []
    while True:
        titles += [each["resource"]["content"][0]["attachment"]["title"] for each in page["entry"]]
        links = {each["relation"]: each["url"] for each in page["link"]}
        assert page["total"] == 5
        assert all("279035121518989" not in each for each in links.values())
        if "next" not in links:
            break
        answer = await fhir.client.get(links["next"], headers={"authorization": f"Bearer {fhir.doctor.token}"})
        page = answer.json()

    assert sorted(titles) == [f"Document {number}" for number in range(5)]


async def test_a_structure_files_and_reads_nothing(fhir):
    cda = fictional_cda()
    now = fhir.space.clock.now()
    service = fhir.write(lambda tx: professional_by_address(tx, "cardiologie@ch-demo.mssante.fr"))
    fhir.write(lambda tx: declare_care(tx, fhir.space.patient.id, service.account_id, until=None, now=now))

    published = await fhir.service.post("", bundle_of(cda))
    read = await fhir.service.get(f"/Binary/{fhir.document().id}")
    found = await fhir.service.find()

    assert published.status_code == 200
    assert (read.status_code, codes_of(read)) == (403, ["A_MOYEN_INSUFFISANT"])
    assert found.json()["total"] == 0


async def test_without_a_good_token_nothing_is_said_of_the_record(fhir):
    none = await fhir.client.get("/fhir/DocumentReference", params={"patient.identifier": INS})
    false = await fhir.client.get(
        "/fhir/DocumentReference", params={"patient.identifier": INS}, headers={"authorization": "Bearer a.b.c"}
    )

    assert (none.status_code, codes_of(none)) == (401, ["A_ABSENTE"])
    assert (false.status_code, codes_of(false)) == (401, ["A_MOYEN_INSUFFISANT"])
    assert 'error="invalid_token"' in false.headers["www-authenticate"]


async def test_the_statement_says_what_is_served(fhir):
    answer = await fhir.client.get("/fhir/metadata")

    statement = answer.json()
    resources = {each["type"]: each for each in statement["rest"][0]["resource"]}
    assert (answer.status_code, statement["fhirVersion"]) == (200, "4.0.1")
    assert answer.headers["content-type"].startswith("application/fhir+json")
    assert set(resources) == {"DocumentReference", "List", "Binary"}
    assert {"patient.identifier", "type", "creation", "period"} <= {
        each["name"] for each in resources["DocumentReference"]["searchParam"]
    }


async def test_a_binary_is_given_as_fhir_to_who_asks_for_it(fhir):
    cda = fictional_cda()
    await fhir.doctor.post("", bundle_of(cda))
    fhir.doctor.headers["accept"] = "application/fhir+json"

    answer = await fhir.doctor.get(f"/Binary/{fhir.document().id}")

    assert answer.json()["resourceType"] == "Binary"
    assert base64.b64decode(answer.json()["data"]) == cda


async def test_a_plain_file_of_a_simplified_publication_becomes_a_document(fhir):
    pdf = fictional_pdf("Courrier")
    reference = simplified_of(fictional_cda())
    reference["content"][0]["attachment"] = {
        "contentType": "application/pdf",
        "title": "Courrier au patient",
        "data": base64.b64encode(pdf).decode(),
    }

    created = await fhir.doctor.post("/DocumentReference", reference)
    again = await fhir.doctor.post("/DocumentReference", reference)
    read = await fhir.doctor.get(f"/Binary/{fhir.document().id}")

    body = read_body(read.content)
    assert (created.status_code, created.json()["content"][0]["attachment"]["contentType"]) == (201, "text/xml")
    assert created.json()["masterIdentifier"]["value"] == reference["masterIdentifier"]["value"]
    assert (again.status_code, again.json()["id"]) == (200, created.json()["id"])
    assert body is not None
    assert (body.media_type, body.content) == ("application/pdf", pdf)
    assert fhir.document().title == "Courrier au patient"


async def test_a_file_that_no_document_holds_is_refused(fhir):
    reference = simplified_of(fictional_cda())
    reference["content"][0]["attachment"]["data"] = base64.b64encode(b"MZ\x90\x00\x03\x00\x00\x00").decode()

    answer = await fhir.doctor.post("/DocumentReference", reference)

    assert (answer.status_code, codes_of(answer)) == (422, ["X_DOCUMENT_NON_CDA"])
    assert fhir.acts()[-1] == ("file_document", "X_DOCUMENT_NON_CDA")
    assert fhir.documents() == []


def plain(pdf: bytes, **attachment: object) -> dict[str, object]:
    """A bundle in the shape of PDSm's own example: its document is a PDF."""
    bundle = bundle_of(fictional_cda())
    reference, binary = (bundle["entry"][place]["resource"] for place in (1, 2))
    binary |= {"contentType": "application/pdf", "data": base64.b64encode(pdf).decode()}
    reference["content"][0]["attachment"] |= {
        "contentType": "application/pdf",
        "size": len(pdf),
        "hash": base64.b64encode(hashlib.sha1(pdf, usedforsecurity=False).digest()).decode(),
        **attachment,
    }
    reference["context"]["facilityType"]["coding"][0] |= {"code": "SA01", "display": "Etablissement public de santé"}
    return bundle


@pytest.mark.requirement("ITI-65")
async def test_plain_files_of_a_bundle_become_documents_too(fhir):
    pdf = fictional_pdf("Courrier")
    bundle = plain(pdf)

    first = await fhir.doctor.post("", bundle)
    again = await fhir.doctor.post("", bundle)
    read = await fhir.doctor.get(f"/Binary/{fhir.document().id}")

    body = read_body(read.content)
    entry = fhir.document().entry
    assert (first.status_code, again.status_code) == (200, 200)
    assert body is not None
    assert (body.media_type, body.content) == ("application/pdf", pdf)
    assert entry.facility_type is not None
    assert (entry.facility_type.code, entry.mime_type, entry.size_bytes) == ("SA01", "text/xml", len(read.content))
    assert f"urn:oid:{entry.unique_id}" == bundle["entry"][1]["resource"]["masterIdentifier"]["value"]


@pytest.mark.parametrize(
    ("attachment", "code"),
    [({"size": 12}, "X_DOCUMENT_TAILLE"), ({"hash": "2jmj7l5rSw0yVb/vlWAYkK/YBwk="}, "X_DOCUMENT_EMPREINTE")],
)
async def test_a_plain_file_that_is_not_what_its_metadata_say_is_refused(fhir, attachment, code):
    answer = await fhir.doctor.post("", plain(fictional_pdf("Courrier"), **attachment))

    assert (answer.status_code, codes_of(answer)) == (422, [code])
    assert fhir.acts()[-1] == ("file_document", code)
    assert fhir.documents() == []
