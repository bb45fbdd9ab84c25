"""What the FHIR service does not do, and how it says so: codes, statuses, the trace; nothing kept, nothing fetched."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

import dmp_bridge.fhir
import portal.fhir
from access_core.case_acts import SIGNED_IN, Asking
from dmp_bridge.record.acts import Change, mask_document
from tests.fictional.fhir_client import INS_SYSTEM, bundle_of, codes_of
from tests.fictional.people import INS_PERE, add_active_patient
from tests.unit.portal.fhir_house import FhirHouse, open_fhir_house
from vaguemestre.app.demo.fictional_documents import FictionalPatient, fictional_cda

LIMIT_BYTES = 400_000


@pytest.fixture
async def fhir(space) -> AsyncIterator[FhirHouse]:
    async with open_fhir_house(space, max_request_bytes=LIMIT_BYTES, fhir_page_most=3) as house:
        yield house


Alter = Callable[[dict[str, Any]], object]


def reference(bundle: dict[str, Any]) -> dict[str, Any]:
    return bundle["entry"][1]["resource"]


def attachment(bundle: dict[str, Any]) -> dict[str, Any]:
    return reference(bundle)["content"][0]["attachment"]


def named(value: str) -> dict[str, str]:
    return {"reference": f"Patient?identifier={INS_SYSTEM}|{value}"}


REFUSED: dict[str, tuple[Alter, int, str]] = {
    "wrong-hash": (lambda b: attachment(b).update(hash="2jmj7l5rSw0yVb/vlWAYkK/YBwk="), 422, "X_DOCUMENT_EMPREINTE"),
    "hash-in-hexadecimal": (lambda b: attachment(b).update(hash="da39a3ee" * 5), 422, "X_DOCUMENT_EMPREINTE"),
    "wrong-size": (lambda b: attachment(b).update(size=12), 422, "X_DOCUMENT_TAILLE"),
    "negative-size": (lambda b: attachment(b).update(size=-1), 422, "X_DOCUMENT_TAILLE"),
    "other-unique-id": (
        lambda b: reference(b)["masterIdentifier"].update(value="urn:oid:1.2.3"),
        *(422, "X_CDA_DISCORDANT"),
    ),
    "not-a-cda": (lambda b: attachment(b).update(contentType="application/pdf"), 422, "X_DOCUMENT_NON_CDA"),
    "other-patient-in-the-document-only": (
        lambda b: reference(b).update(subject=named("177035121500226")),
        *(422, "XDSPatientIdDoesNotMatch"),
    ),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_a_publication_that_does_not_hold_together_is_refused_whole_and_traced(fhir, name):
    alter, status, code = REFUSED[name]
    bundle = bundle_of(fictional_cda(title="Premier"), fictional_cda(title="Second"))
    alter(bundle)

    answer = await fhir.doctor.post("", bundle)

    assert (answer.status_code, codes_of(answer)) == (status, [code])
    assert fhir.documents() == []
    if code.startswith("X_"):
        assert fhir.acts()[-1] == ("file_document", code)


async def test_a_document_about_somebody_else_is_refused_and_traced(fhir):
    cda = fictional_cda(FictionalPatient(ins=INS_PERE.value, family="AUTRE"))

    answer = await fhir.doctor.post("", bundle_of(cda))

    assert (answer.status_code, codes_of(answer)) == (403, ["I_INS_DISCORDANTE"])
    assert fhir.acts()[-1] == ("file_document", "I_INS_DISCORDANTE")


async def test_a_patient_without_a_record_is_said_absent_and_the_attempt_is_traced(fhir):
    bundle = bundle_of(fictional_cda())
    for entry in bundle["entry"][:2]:
        entry["resource"]["subject"] = named(INS_PERE.value)

    published = await fhir.doctor.post("", bundle)
    found = await fhir.doctor.find(**{"patient.identifier": f"{INS_SYSTEM}|{INS_PERE.value}"})
    malformed = await fhir.doctor.find(**{"patient.identifier": f"{INS_SYSTEM}|123"})

    for answer in (published, found, malformed):
        assert (answer.status_code, codes_of(answer)) == (404, ["D_PROFIL_INEXISTANT"])
    acts = fhir.acts_of(fhir.space.doctor.account_id)
    assert [each for each in acts if each[1] == "D_PROFIL_INEXISTANT"] == [
        ("file_document", "D_PROFIL_INEXISTANT"),
        ("documents_searched", "D_PROFIL_INEXISTANT"),
        ("documents_searched", "D_PROFIL_INEXISTANT"),
    ]


async def test_a_blocked_professional_sees_and_reads_nothing(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))
    other = fhir.add_colleague()
    found_before = await other.find()

    read = await other.get(f"/Binary/{fhir.document().id}")
    metadata = await other.get(f"/DocumentReference/{fhir.document().id}")

    assert found_before.json()["total"] == 0
    assert (read.status_code, metadata.status_code) == (403, 404)
    assert codes_of(read) == ["C_CONSENTEMENT_MANQUANT"]
    assert codes_of(metadata) == ["X_FHIR_INTROUVABLE"]


async def test_a_masked_document_is_absent_for_others_and_there_for_its_author(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))
    patient, found = fhir.space.patient, fhir.document()
    asking = Asking(profile=patient, actor=patient, session=SIGNED_IN, now=fhir.space.clock.now())
    fhir.write(lambda tx: mask_document(tx, Change(asking=asking, found=found)))
    other = fhir.add_colleague(in_team=True)

    hidden = await other.get(f"/Binary/{found.id}")
    mine = await fhir.doctor.find()

    assert (hidden.status_code, codes_of(hidden)) == (404, ["V_DOC_INTROUVABLE"])
    assert (await other.find()).json()["total"] == 0
    (entry,) = mine.json()["entry"]
    labels = [each["coding"][0]["code"] for each in entry["resource"]["securityLabel"]]
    assert labels == ["N", "MASQUE_PS"]
    assert entry["resource"]["meta"]["versionId"] == "2"


@pytest.mark.parametrize("path", ["/DocumentReference/x", f"/Binary/{'0' * 32}", "/List/x", "/Patient/x", "/nothing"])
async def test_what_is_not_there_is_an_outcome(fhir, path: str):
    answer = await fhir.doctor.get(path)

    assert answer.status_code == 404
    assert codes_of(answer)


PARAMETERS = {
    "no-patient": ({"patient": "", "type": "11488-4"}, "X_FHIR_PARAMETRE"),
    "two-patients": ({"patient": "a" * 32, "patient.identifier": f"{INS_SYSTEM}|1"}, "X_FHIR_PARAMETRE"),
    "system-that-is-none": ({"patient.identifier": "|279035121518989"}, "X_FHIR_PARAMETRE"),
    "foreign-reference": ({"patient": "http://127.0.0.1:9/Patient/1"}, "X_FHIR_PARAMETRE"),
    "modifier": ({"type:not": "11488-4"}, "X_FHIR_PARAMETRE"),
    "not-a-date": ({"creation": "ge' OR 1=1 --"}, "X_FHIR_PARAMETRE"),
    "not-a-status": ({"status": "draft"}, "X_FHIR_PARAMETRE"),
    "count-negative": ({"_count": "-1"}, "X_FHIR_PARAMETRE"),
    "count-no-number": ({"_count": "١٢"}, "X_FHIR_PARAMETRE"),
    "count-huge": ({"_count": "9" * 5000}, "X_FHIR_PARAMETRE"),
    "page-of-nothing": ({"_page": "x"}, "X_FHIR_PARAMETRE"),
    "too-many": ({"type": ",".join(["1"] * 200)}, "X_FHIR_PARAMETRE"),
}


@pytest.mark.parametrize("name", PARAMETERS)
async def test_a_search_that_is_not_understood_is_refused(fhir, name):
    parameters, code = PARAMETERS[name]

    answer = await fhir.doctor.find(**parameters)

    assert (answer.status_code, codes_of(answer)) == (400, [code])


@pytest.mark.parametrize(
    "value", ["' OR '1'='1", "%", "_", "*", "\\", "|", "a|b|c", "\x00", "🦊", "http://loinc.org|%"]
)
async def test_a_code_that_is_an_attack_finds_nothing(fhir, value: str):
    await fhir.doctor.post("", bundle_of(fictional_cda()))

    answers = [await fhir.doctor.find(**{name: value}) for name in ("type", "identifier", "author.family", "related")]

    assert [each.status_code for each in answers] == [200] * 4
    assert all(each.json()["total"] == 0 for each in answers) or value == "|"


async def test_an_unknown_parameter_is_left_out_unless_the_client_is_strict(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))

    lenient = await fhir.doctor.find(couleur="bleu")
    fhir.doctor.headers["prefer"] = "handling=strict"
    strict = await fhir.doctor.find(couleur="bleu")

    assert lenient.json()["total"] == 1
    assert all("couleur" not in each["url"] for each in lenient.json()["link"])
    assert (strict.status_code, codes_of(strict)) == (400, ["X_FHIR_PARAMETRE"])


async def test_a_page_has_no_more_than_the_most(fhir):
    for number in range(4):
        await fhir.doctor.post("", bundle_of(fictional_cda(title=f"Document {number}")))

    large = (await fhir.doctor.find(_count="1000")).json()
    none = (await fhir.doctor.find(_count="0")).json()

    assert (len(large["entry"]), large["total"]) == (3, 4)
    assert ("entry" in none, none["total"]) == (False, 4)


async def test_a_bundle_too_long_is_refused_before_it_is_read(fhir):
    bundle = bundle_of(fictional_cda(pdf=b"%PDF-1.4\n" + b"x" * LIMIT_BYTES))

    answer = await fhir.doctor.post("", bundle)

    assert (answer.status_code, codes_of(answer)) == (413, ["X_DOCUMENT_TAILLE"])
    assert fhir.documents() == []


async def test_another_media_type_or_format_is_refused(fhir):
    headers = {"authorization": f"Bearer {fhir.doctor.token}"}

    xml = await fhir.client.post(
        "/fhir", content=b"<Bundle/>", headers={**headers, "content-type": "application/fhir+xml"}
    )
    wanted = await fhir.doctor.find(_format="xml")
    method = await fhir.client.delete("/fhir/DocumentReference/x", headers=headers)

    assert (xml.status_code, wanted.status_code, method.status_code) == (415, 406, 405)
    assert codes_of(xml) == codes_of(wanted) == codes_of(method) == ["X_FHIR_NON_PRIS_EN_CHARGE"]


async def test_a_patient_s_token_opens_nothing_here(fhir):
    token = fhir.token_of(fhir.space.patient.ins.value)

    answer = await fhir.client.get(f"/fhir/Binary/{'0' * 32}", headers={"authorization": f"Bearer {token}"})

    assert answer.status_code in (401, 404)


async def test_the_record_of_one_is_not_reached_by_the_number_of_another(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))
    now = fhir.space.clock.now()
    fhir.write(lambda tx: add_active_patient(tx, now, INS_PERE, family="DUPOND", sex="M"))

    answer = await fhir.doctor.find(
        **{
            "patient.identifier": f"{INS_SYSTEM}|{INS_PERE.value}",
            "identifier": f"urn:ietf:rfc:3986|urn:oid:{fhir.document().entry.unique_id}",
        }
    )

    assert (answer.status_code, answer.json()["total"]) == (200, 0)


async def test_a_document_of_another_patient_is_not_replaced(fhir):
    await fhir.doctor.post("", bundle_of(fictional_cda()))
    target = {"reference": f"DocumentReference/{'b' * 32}"}

    answer = await fhir.doctor.post("", bundle_of(fictional_cda(), relatesTo=[{"code": "replaces", "target": target}]))

    assert (answer.status_code, codes_of(answer)) == (422, ["UnresolvedReferenceException"])


async def test_the_same_number_for_other_bytes_is_a_conflict(fhir):
    first = fictional_cda(title="Premier")
    second = first.replace(b"Premier", b"Dernier")
    await fhir.doctor.post("", bundle_of(first))

    answer = await fhir.doctor.post("", bundle_of(second))

    assert (answer.status_code, codes_of(answer)) == (409, ["X_IDENTIFIANT_DEJA_UTILISE"])


async def test_a_submission_set_does_not_grow(fhir):
    bundle, other = bundle_of(fictional_cda()), bundle_of(fictional_cda(title="Autre"))
    other["entry"][0]["resource"]["identifier"] = bundle["entry"][0]["resource"]["identifier"]
    await fhir.doctor.post("", bundle)

    answer = await fhir.doctor.post("", other)

    assert (answer.status_code, codes_of(answer)) == (409, ["XDSDuplicateUniqueIdInRegistry"])
    assert len(fhir.documents()) == 1


def test_nothing_of_the_service_fetches_anything():
    for package in (dmp_bridge.fhir, portal.fhir):
        for file in Path(package.__path__[0]).glob("*.py"):
            text = file.read_text("utf-8")
            assert "httpx" not in text
            assert "urlopen" not in text
            assert "http.client" not in text
