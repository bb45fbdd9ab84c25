"""A practice's software and the FHIR service of a running instance: TLS, a token of a real issuer, every transaction.

The bundles are written from the profiles (PDSm 3.1, MHD 4.2.3), in the shapes of PDSm's own examples.
"""

import base64
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from ssl import create_default_context
from typing import Any

import httpx2
import pytest

from tests.fictional.fhir_client import (
    FhirClient,
    Json,
    attachment_of,
    bundle_of,
    codes_of,
    deleting,
    entry,
    format_coding,
    masking,
    patch_of,
    replacing,
    saying,
    simplified_of,
    unique_id_of,
    unmasking,
)
from tests.standins.instance import prepare_instance
from tests.standins.issuer import TokenIssuer
from vaguemestre.app.demo.fictional_documents import DOMINIQUE, fictional_cda, fictional_pdf
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.kernel.clock import SystemClock

PDF_TYPE = {"contentType": "application/pdf"}
IDENTITY = ("--family", DOMINIQUE.family, "--given", "Dominique", "--birth-date", "1979-03-28", "--sex", "F")


@dataclass
class Served:
    """A running instance with one patient, and an issuer of tokens that it believes."""

    program: Program
    base: str
    issuer: TokenIssuer
    authority: Path

    def token(self, rpps: str, **claims: Any) -> str:
        soon = int((SystemClock().now() + timedelta(minutes=4)).timestamp())
        return self.issuer.sign({"SubjectNameID": f"8{rpps}", "exp": soon, "scope": "openid", **claims})

    def trace(self) -> list[tuple[str, str]]:
        """Acts and reasons of the patient's trace, latest first."""
        return [(each["act"], each["reason"]) for each in self.program.run("trace", "list", "--patient", DOMINIQUE.ins)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("fhir") / "instance"
    program = prepare_instance(folder)
    program.run("patient", "add", DOMINIQUE.ins, *IDENTITY)
    program.run("care", "declare", DOMINIQUE.ins, "--by", MARTIN.address)
    with TokenIssuer() as issuer, (folder / "vaguemestre.toml").open("a", encoding="utf-8") as config:
        config.write(
            f'\n[oauth.issuers.psc]\nissuer = "{issuer.url}"\naudience = ["mail"]\nclaim = "SubjectNameID"\n'
            'names = "rpps"\n'
        )
        config.flush()
        port = program.serve("portal")["portal"]
        yield Served(program, f"https://localhost:{port}", issuer, folder / "pki" / "ca.pem")
        assert program.stop() == 0


@pytest.fixture
async def software(served: Served) -> AsyncIterator[FhirClient]:
    """Dr Martin's software."""
    context = create_default_context(cafile=str(served.authority))
    async with httpx2.AsyncClient(verify=context, base_url=served.base) as client:
        yield FhirClient(client, served.token(MARTIN.rpps))


def resources(page: httpx2.Response) -> list[Json]:
    assert page.status_code == 200, page.text
    return [each["resource"] for each in page.json().get("entry", [])]


async def published(software: FhirClient, cda: bytes, **changes: object) -> str:
    """Publish a document; returns the id of its DocumentReference."""
    answer = await software.post("", bundle_of(cda, **changes))
    assert answer.status_code == 200, answer.text
    locations = [each["response"]["location"] for each in answer.json()["entry"]]
    return str(next(each for each in locations if each.startswith("DocumentReference/")).rpartition("/")[2])


async def test_the_statement_is_read_without_a_token_and_nothing_else(served: Served, software: FhirClient) -> None:
    statement = (await software.client.get("/fhir/metadata")).json()
    nobody = await software.client.get("/fhir/DocumentReference")
    strange = FhirClient(software.client, served.token("99999999999"))
    expired = FhirClient(software.client, served.token(MARTIN.rpps, exp=1))

    listed = {each["type"]: {code["code"] for code in each["interaction"]} for each in statement["rest"][0]["resource"]}
    assert (statement["resourceType"], statement["fhirVersion"]) == ("CapabilityStatement", "4.0.1")
    assert listed["DocumentReference"] == {"read", "vread", "search-type", "create", "patch"}
    assert statement["implementation"]["url"] == f"{served.base}/fhir"
    assert (nobody.status_code, codes_of(nobody)) == (401, ["A_ABSENTE"])
    for other in (strange, expired):
        answer = await other.find()
        assert (answer.status_code, codes_of(answer)) == (401, ["A_MOYEN_INSUFFISANT"])
        assert answer.headers["www-authenticate"].startswith("Bearer error=")


@pytest.mark.requirement("ITI-65")
@pytest.mark.requirement("ITI-66")
@pytest.mark.requirement("ITI-67")
@pytest.mark.requirement("ITI-68")
async def test_a_document_is_published_found_read_in_parts_and_traced(served: Served, software: FhirClient) -> None:
    cda = fictional_cda(title="Compte rendu de suivi")
    name = await published(software, cda)

    (found,) = resources(await software.find(identifier=f"urn:ietf:rfc:3986|urn:oid:{unique_id_of(cda)}"))
    (listed, member) = resources(await software.find("List", _include="List:item", _sort="-date", _count="1"))
    address = found["content"][0]["attachment"]["url"]
    bearer = {"authorization": f"Bearer {software.token}"}
    whole = await software.client.get(address, headers=bearer)
    part = await software.client.get(address, headers={**bearer, "range": "bytes=0-99"})
    known = await software.client.get(address, headers={**bearer, "if-none-match": whole.headers["etag"]})

    assert address == f"{served.base}/fhir/Binary/{name}"
    assert (found["id"], member["id"]) == (name, name)
    assert listed["entry"] == [{"item": {"reference": f"DocumentReference/{name}"}}]
    assert (whole.content, part.status_code, part.content, known.status_code) == (cda, 206, cda[:100], 304)
    acts = served.trace()
    assert acts.count(("read_document", "OK")) == 3
    assert {("file_document", "OK"), ("documents_searched", "OK")} <= set(acts)


@pytest.mark.requirement("ITI-67")
async def test_every_parameter_of_the_profile_finds_and_leaves_out(software: FhirClient) -> None:
    name = await published(software, fictional_cda(title="Pour la recherche"))
    (found,) = resources(await software.find(_id=name))
    context, attachment = found["context"], found["content"][0]["attachment"]
    date = attachment["creation"]
    coded = {
        "type": found["type"],
        "category": found["category"][0],
        "setting": context["practiceSetting"],
        "facility": context["facilityType"],
        "event": context["event"][0] if "event" in context else None,
        "security-label": found["securityLabel"][0],
        "format": {"coding": [found["content"][0]["format"]]},
    }
    matching = {
        "status": ("current", "superseded"),
        "isArchived": ("false", "true"),
        "date": (f"ge{found['date'][:10]}", "lt2000"),
        "_lastUpdated": (f"ge{found['date'][:10]}", "lt2000"),
        "creation": (date[:10], "lt2000"),
        "period": (f"ge{context['period']['start'][:10]}", "eb2000"),
        "period-start": (context["period"]["start"][:10], "lt2000"),
        "author.family": ("mart", "durand"),
        "author:Practitioner.given": ("Cam", "Paul"),
        "author:PractitionerRole.name": ("Martin", "Durand"),
        "author.identifier": ("urn:oid:1.2.250.1.71.4.2.1|810101234567", "https://rpps.esante.gouv.fr|1"),
        "identifier": (found["identifier"][0]["value"], "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301"),
    } | {
        key: (f"{value['coding'][0]['system']}|{value['coding'][0]['code']}", "urn:oid:1.2.3|x")
        for key, value in coded.items()
        if value is not None
    }

    for key, (right, wrong) in matching.items():
        hit = resources(await software.find(_id=name, **{key: right}))
        miss = resources(await software.find(_id=name, **{key: wrong}))
        assert ([each["id"] for each in hit], miss) == ([name], []), key


@pytest.mark.requirement("ITI-66")
async def test_sets_are_found_by_what_the_profile_names(software: FhirClient) -> None:
    name = await published(software, fictional_cda())
    sets = resources(
        await software.find("List", code="https://profiles.ihe.net/ITI/MHD/CodeSystem/MHDlistTypes|submissionset")
    )
    (listed,) = [each for each in sets if each["entry"][0]["item"]["reference"].endswith(name)]
    unique_id = next(each["value"] for each in listed["identifier"] if each["use"] == "usual")
    matching = {
        "date": ("ge2026-01-15", "lt2000"),
        "designationType": ("07", "08"),
        "identifier": (f"urn:ietf:rfc:3986|{unique_id}", "urn:ietf:rfc:3986|urn:oid:1.2.3"),
        "status": ("current", "retired"),
        "sourceId": ("urn:oid:2.25.1871234", "urn:oid:1.2.3"),
        "source.identifier": ("https://rpps.esante.gouv.fr|10101234567", "https://rpps.esante.gouv.fr|1"),
        "isArchived": ("false", "true"),
        "code": ("submissionset", "autre"),
    }

    for key, (right, wrong) in matching.items():
        hit = resources(await software.find("List", _id=listed["id"], **{key: right}))
        miss = resources(await software.find("List", _id=listed["id"], **{key: wrong}))
        assert ([each["id"] for each in hit], miss) == ([listed["id"]], []), key


async def test_pages_are_followed_by_their_links(software: FhirClient) -> None:
    titles = [f"Page {number}" for number in range(3)]
    for title in titles:
        await published(software, fictional_cda(title=title))
    page = await software.find(_count="2", _sort="-_lastUpdated")
    seen: list[str] = []
    while True:
        seen += [each["content"][0]["attachment"]["title"] for each in resources(page)]
        following = [each["url"] for each in page.json()["link"] if each["relation"] == "next"]
        if not following:
            break
        assert DOMINIQUE.ins not in following[0]
        page = await software.client.get(following[0], headers={"authorization": f"Bearer {software.token}"})

    assert len(seen) == page.json()["total"]
    assert set(titles) <= set(seen)


@pytest.mark.requirement("ITI-57")
async def test_metadata_are_changed_as_pdsm_says(served: Served, software: FhirClient) -> None:
    cda = fictional_cda(title="À masquer")
    name = await published(software, cda)
    named = f"/DocumentReference?identifier=urn:ietf:rfc:3986|urn:oid:{unique_id_of(cda)}"
    path = f"/DocumentReference/{name}"

    masked = await software.patch(named, masking(), if_match='W/"1"')
    stale = await software.patch(named, unmasking(), if_match='W/"1"')
    unmasked = await software.patch(path, unmasking(), if_match='W/"2"')
    archived = await software.patch(path, patch_of(saying("is-archived")))
    fixed = await software.patch(path, patch_of(replacing("content.attachment.title", {"valueString": "autre"})))
    deleted = await software.patch(path, deleting())
    gone = [await software.get(each) for each in (path, f"/Binary/{name}")]

    assert [each.status_code for each in (masked, stale, unmasked, archived, fixed)] == [200, 412, 200, 200, 405]
    assert (deleted.status_code, deleted.json()["status"]) == (200, "superseded")
    assert [each.status_code for each in gone] == [404, 404]
    acts = ("delete_document", "archive_document", "unmask_document", "mask_document")
    assert [each for each, reason in served.trace() if each in acts and reason == "OK"][:4] == list(acts)


async def test_the_engine_refuses_who_does_not_take_care(served: Served, software: FhirClient) -> None:
    name = await published(software, fictional_cda())
    durand = FhirClient(software.client, served.token(DURAND.rpps))

    filed = await durand.post("", bundle_of(fictional_cda(title="Par un inconnu")))
    found = await durand.find()
    read = await durand.get(f"/Binary/{name}")
    changed = await durand.patch(f"/DocumentReference/{name}", deleting())

    assert (found.json()["total"], read.status_code, changed.status_code) == (0, 403, 404)
    assert codes_of(read) == ["C_CONSENTEMENT_MANQUANT"]
    assert (filed.status_code, codes_of(filed)) == (403, ["H_HORS_PRISE_EN_CHARGE"])
    assert ("read_document", "C_CONSENTEMENT_MANQUANT") in served.trace()


@pytest.mark.requirement("ITI-105")
async def test_one_document_is_published_the_simple_way(software: FhirClient) -> None:
    cda = fictional_cda(title="Simple")

    first = await software.post("/DocumentReference", simplified_of(cda))
    again = await software.post("/DocumentReference", simplified_of(cda))
    version = await software.client.get(
        first.headers["location"], headers={"authorization": f"Bearer {software.token}"}
    )

    assert (first.status_code, again.status_code, version.status_code) == (201, 200, 200)


def described_as_pdsm_does(patient: Json, old: str, pdf: bytes) -> Json:
    """Return what PDSm's example says of the new document: an author by RPPS, a structure that signs."""
    rpps = [{"system": "https://rpps.esante.gouv.fr", "value": "10101234567"}]
    structure = [{"system": "urn:oid:1.2.250.1.71.4.2.2", "value": "10B0127189"}]
    return {
        "contained": [
            {"resourceType": "PractitionerRole", "id": "auteur", "identifier": rpps},
            {"resourceType": "Organization", "id": "authentificateur", "identifier": structure, "name": "CABINET"},
        ],
        "subject": patient,
        "authenticator": {"reference": "#authentificateur"},
        "relatesTo": [{"code": "replaces", "target": {"reference": f"DocumentReference/{old}"}}],
        "content": [{"attachment": attachment_of(pdf, "") | PDF_TYPE, "format": format_coding()}],
    }


def replacement(patient: Json, old: str) -> Json:
    """Return a bundle in the shape of PDSm's example: the server's patient, a PDF, a PATCH, a set without number."""
    pdf = fictional_pdf("Version remplaçante")
    bundle = bundle_of(fictional_cda(), **described_as_pdsm_does(patient, old, pdf))
    submission, document, binary = (each["resource"] for each in bundle["entry"])
    document["content"][0]["attachment"] |= {"url": bundle["entry"][2]["fullUrl"], "title": "Version remplaçante"}
    document["context"]["sourcePatientInfo"] = patient
    binary |= {**PDF_TYPE, "data": base64.b64encode(pdf).decode()}
    del submission["identifier"]
    submission["subject"] = patient
    submission["extension"][1]["valueIdentifier"] = {"system": "urn:oid:1.2.250.1.213.1.1.1", "value": "SRC-01"}
    superseding = patch_of(replacing("status", {"valueCode": "superseded"}))
    bundle["entry"].append(entry(f"DocumentReference/{old}", superseding, method="PATCH"))
    return bundle


async def test_the_replacement_that_pdsm_gives_as_its_example_is_taken(software: FhirClient) -> None:
    letter = simplified_of(fictional_cda())
    data = base64.b64encode(fictional_pdf("Ancienne version")).decode()
    letter["content"][0]["attachment"] = {**PDF_TYPE, "title": "Ancienne version", "data": data}
    old = (await software.post("/DocumentReference", letter)).json()["id"]
    (before,) = resources(await software.find(_id=old))

    answer = await software.post("", replacement({"reference": before["subject"]["reference"]}, old))
    (superseded,) = resources(await software.find(_id=old, status="superseded"))
    (current,) = resources(await software.find(relatesTo=f"DocumentReference/{old}"))

    assert answer.status_code == 200, answer.text
    assert superseded["content"][0]["attachment"]["title"] == "Ancienne version"
    assert current["content"][0]["attachment"]["title"] == "Version remplaçante"
