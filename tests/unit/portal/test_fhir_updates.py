"""Changing metadata by FHIR (PDSm flux 03), whole: token, decision, trace, the record after."""

from collections.abc import AsyncIterator

import pytest

from access_core.care import declare_care
from access_core.professionals import professional_by_address
from dmp_bridge.record.model import Availability
from dmp_bridge.record.revision import Visibility, revise, update_set
from dmp_bridge.xds.metadata import INVISIBLE_PATIENT
from tests.fictional.fhir_client import (
    INS_SYSTEM,
    bundle_of,
    codes_of,
    deleting,
    masking,
    patch_of,
    replacing,
    saying,
    unique_id_of,
    unmasking,
)
from tests.fictional.people import INS_PERE
from tests.unit.portal.fhir_house import FhirHouse, open_fhir_house
from vaguemestre.app.demo.fictional_documents import fictional_cda


@pytest.fixture
async def fhir(space) -> AsyncIterator[FhirHouse]:
    async with open_fhir_house(space) as house:
        yield house


@pytest.fixture
async def filed(fhir) -> str:
    await fhir.doctor.post("", bundle_of(fictional_cda()))
    return f"/DocumentReference/{fhir.document().id}"


@pytest.mark.requirement("ITI-57")
async def test_an_author_masks_and_unmasks(fhir, filed):
    masked = await fhir.doctor.patch(filed, masking(), if_match='W/"1"')
    hidden = fhir.document()
    again = await fhir.doctor.patch(filed, masking(), if_match='W/"1"')
    shown = await fhir.doctor.patch(filed, unmasking())

    assert (masked.status_code, masked.headers["etag"], shown.headers["etag"]) == (200, 'W/"2"', 'W/"3"')
    assert [each["coding"][0]["code"] for each in masked.json()["securityLabel"]] == ["N", "MASQUE_PS"]
    assert (hidden.masked, hidden.masked_by, fhir.document().masked) == (True, "auteur", False)
    assert (again.status_code, codes_of(again)) == (412, ["X_FHIR_VERSION"])
    assert fhir.acts()[-2:] == [("mask_document", "OK"), ("unmask_document", "OK")]


async def test_each_version_can_be_read_under_the_same_name(fhir, filed):
    await fhir.doctor.patch(filed, masking())

    first, second, none = [await fhir.doctor.get(f"{filed}/_history/{number}") for number in (1, 2, 3)]

    assert [each.status_code for each in (first, second, none)] == [200, 200, 404]
    assert {each.json()["id"] for each in (first, second)} == {filed.rpartition("/")[2]}
    assert (first.headers["etag"], second.headers["etag"]) == ('W/"1"', 'W/"2"')
    assert len(first.json()["securityLabel"]) == 1


async def test_a_document_is_put_aside_and_back(fhir, filed):
    archived = await fhir.doctor.patch(filed, patch_of(saying("is-archived")))
    state = fhir.document().availability
    extension = "https://interop.esante.gouv.fr/ig/fhir/pdsm/StructureDefinition/pdsm-ext-is-archived"
    back = await fhir.doctor.patch(
        filed, patch_of(replacing(f"extension.where(url='{extension}').value", {"valueBoolean": False}))
    )

    assert (archived.status_code, back.status_code) == (200, 200)
    assert archived.json()["extension"] == [{"url": extension, "valueBoolean": True}]
    assert (state, fhir.document().availability) == (Availability.ARCHIVED, Availability.APPROVED)
    assert fhir.acts()[-2:] == [("archive_document", "OK"), ("unarchive_document", "OK")]


async def test_a_deletion_takes_the_versions_before_and_is_told_in_the_answer(fhir, filed):
    new = bundle_of(
        fictional_cda(title="Nouveau"), relatesTo=[{"code": "replaces", "target": {"reference": filed[1:]}}]
    )
    published = await fhir.doctor.post("", new)
    (latest,) = [
        each["response"]["location"]
        for each in published.json()["entry"]
        if each["response"]["location"].startswith("DocumentReference/")
    ]

    too_late = await fhir.doctor.patch(filed, deleting())
    deleted = await fhir.doctor.patch(f"/{latest}", deleting())
    gone = [await fhir.doctor.get(path) for path in (filed, f"/{latest}", f"/{latest}/_history/1")]
    again = await fhir.doctor.patch(f"/{latest}", deleting())

    assert (too_late.status_code, codes_of(too_late)) == (422, ["X_FHIR_MODIFICATION"])
    assert (deleted.status_code, deleted.json()["status"]) == (200, "superseded")
    assert deleted.json()["extension"][0]["url"].endswith("pdsm-ext-is-deleted")
    assert [each.status_code for each in (*gone, again)] == [404] * 4
    assert (await fhir.doctor.find()).json()["total"] == 0
    assert (await fhir.doctor.find("List")).json()["total"] == 0
    assert fhir.documents() == []


async def test_a_document_is_named_by_what_the_trade_calls_it(fhir):
    cda, other = fictional_cda(), fictional_cda()
    await fhir.doctor.post("", bundle_of(cda))
    await fhir.doctor.post("", bundle_of(other))
    named = f"/DocumentReference?identifier=urn:ietf:rfc:3986|urn:oid:{unique_id_of(cda)}"

    one = await fhir.doctor.patch(named, masking())
    several = await fhir.doctor.patch(f"{named},urn:ietf:rfc:3986|urn:oid:{unique_id_of(other)}", masking())
    none = await fhir.doctor.patch("/DocumentReference?identifier=urn:ietf:rfc:3986|urn:oid:1.2.3", masking())
    unnamed = await fhir.doctor.patch("/DocumentReference", masking())
    odd = await fhir.doctor.patch(f"{named}&nom=Martin", masking())

    nobody = await fhir.doctor.patch(
        f"/DocumentReference?patient.identifier={INS_SYSTEM}|{INS_PERE.value}&status=current", masking()
    )

    assert [each.status_code for each in (one, several, none, unnamed, odd)] == [200, 412, 404, 400, 400]
    assert (nobody.status_code, codes_of(nobody)) == (404, ["D_PROFIL_INEXISTANT"])
    assert fhir.acts_of(fhir.space.doctor.account_id)[-1] == ("documents_searched", "D_PROFIL_INEXISTANT")
    assert codes_of(several) == ["X_FHIR_PLUSIEURS"]
    assert [each.masked for each in fhir.documents()].count(True) == 1


async def test_a_refusal_of_the_engine_is_said_and_traced(fhir, filed):
    colleague = fhir.add_colleague(in_team=True)

    refused = await colleague.patch(filed, deleting())

    assert (refused.status_code, codes_of(refused)) == (403, ["H_AUTEUR_REQUIS"])
    assert fhir.acts()[-1] == ("delete_document", "H_AUTEUR_REQUIS")
    assert len(fhir.documents()) == 1


async def test_two_changes_are_done_together(fhir, filed):
    both = patch_of(masking()["parameter"][0]["part"], saying("is-archived"))

    done = await fhir.doctor.patch(filed, both)

    assert (done.status_code, done.headers["etag"]) == (200, 'W/"2"')
    assert (fhir.document().masked, fhir.document().availability) == (True, Availability.ARCHIVED)
    assert fhir.acts()[-2:] == [("archive_document", "OK"), ("mask_document", "OK")]


async def test_a_second_change_that_is_refused_undoes_the_first(fhir, filed):
    """What waits for its announcement is not masked, but may be put aside."""
    hide_from_patient(fhir)
    both = patch_of(masking()["parameter"][0]["part"], saying("is-archived"))
    before = len(fhir.acts_of(fhir.space.doctor.account_id))

    undone = await fhir.doctor.patch(filed, both)

    assert (undone.status_code, codes_of(undone)) == (403, ["H_CONFIDENTIALITE_INCOHERENTE"])
    assert fhir.acts_of(fhir.space.doctor.account_id)[before:] == [("mask_document", "H_CONFIDENTIALITE_INCOHERENTE")]
    assert (fhir.document().masked, fhir.document().availability) == (False, Availability.APPROVED)


def hide_from_patient(fhir: FhirHouse) -> None:
    """Give the document of the record the flag that its source may give it."""
    found, now = fhir.document(), fhir.space.clock.now()
    sent = update_set(found, None, "essai", now)
    fhir.write(lambda tx: revise(tx, found, Visibility(codes={INVISIBLE_PATIENT}), sent))


async def test_what_is_hidden_is_absent_and_the_attempt_is_traced(fhir, filed):
    stranger = fhir.add_colleague()

    answer = await stranger.patch(filed, masking())

    assert (answer.status_code, codes_of(answer)) == (404, ["X_FHIR_INTROUVABLE"])
    assert fhir.acts()[-1] == ("read_document", "C_CONSENTEMENT_MANQUANT")


async def test_a_structure_deletes_what_it_filed_and_changes_nothing_else(fhir):
    now = fhir.space.clock.now()
    service = fhir.write(lambda tx: professional_by_address(tx, "cardiologie@ch-demo.mssante.fr"))
    fhir.write(lambda tx: declare_care(tx, fhir.space.patient.id, service.account_id, until=None, now=now))
    await fhir.service.post("", bundle_of(fictional_cda()))
    filed = f"/DocumentReference/{fhir.document().id}"

    masked = await fhir.service.patch(filed, masking())
    deleted = await fhir.service.patch(filed, deleting())

    assert (masked.status_code, deleted.status_code) == (403, 200)
    assert fhir.documents() == []


async def test_other_elements_and_other_methods_are_not_for_changing(fhir, filed):
    title = await fhir.doctor.patch(filed, patch_of(replacing("content.attachment.title", {"valueString": "Autre"})))
    xml = await fhir.doctor.patch(filed, {}, "application/xml-patch+xml")
    put = await fhir.client.put(f"/fhir{filed}", headers={"authorization": f"Bearer {fhir.doctor.token}"})
    nothing = await fhir.doctor.patch(
        filed, [{"op": "test", "path": "/status", "value": "current"}], "application/json-patch+json"
    )

    assert [each.status_code for each in (title, xml, put, nothing)] == [405, 415, 405, 200]
    assert (codes_of(title), title.headers["allow"]) == (["X_FHIR_NON_MODIFIABLE"], "GET, PATCH")
    assert nothing.headers["etag"] == 'W/"1"'


@pytest.mark.requirement("ITI-68")
async def test_a_binary_is_read_in_parts_and_not_twice(fhir, filed):
    path = f"/Binary/{fhir.document().id}"
    whole = await fhir.doctor.get(path)
    size, etag = len(whole.content), whole.headers["etag"]

    async def part(text: str, **headers: str) -> tuple[int, bytes, str | None]:
        fhir.doctor.headers = {"range": text, **headers}
        answer = await fhir.doctor.get(path)
        return answer.status_code, answer.content, answer.headers.get("content-range")

    assert await part("bytes=0-9") == (206, whole.content[:10], f"bytes 0-9/{size}")
    assert await part("bytes=10-") == (206, whole.content[10:], f"bytes 10-{size - 1}/{size}")
    assert await part("bytes=-5") == (206, whole.content[-5:], f"bytes {size - 5}-{size - 1}/{size}")
    assert await part(f"bytes=5-{size + 9}") == (206, whole.content[5:], f"bytes 5-{size - 1}/{size}")
    assert await part(f"bytes={size}-") == (416, b"", f"bytes */{size}")
    for odd in ("bytes=9-2", "bytes=0-1,4-5", "lines=1-2", "bytes=-"):
        assert await part(odd) == (200, whole.content, None)
    assert await part("bytes=0-9", **{"if-range": '"autre"'}) == (200, whole.content, None)
    fhir.doctor.headers = {"if-none-match": f'"x", {etag}'}
    known = await fhir.doctor.get(path)
    assert (known.status_code, known.content, known.headers["etag"]) == (304, b"", etag)
