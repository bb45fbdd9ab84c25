"""What PDSm requires of a document, element by element, from `tests/spec/pdsm_elements.csv`."""

import csv
from copy import deepcopy
from pathlib import Path
from typing import Any

import msgspec
import pytest

from dmp_bridge.fhir.bundles import decoded, read_publication, read_simplified
from dmp_bridge.fhir.problems import FhirProblem
from dmp_bridge.fhir.profile import FORBIDDEN, REQUIRED, Profile, check_document
from dmp_bridge.fhir.resources import Bundle, DocumentReference, read_bundle, read_document_reference
from dmp_bridge.xds.metadata import REPLACES
from tests.fictional.fhir_client import bundle_of, document_of, entry, patient_resource, simplified_of
from vaguemestre.app.demo.fictional_documents import fictional_cda

ROWS = list(csv.DictReader((Path(__file__).parents[2] / "spec" / "pdsm_elements.csv").read_text().splitlines()))
CDA = fictional_cda()
ADDED = {
    "docStatus": "final",
    "modifierExtension": [{"url": "urn:x", "valueBoolean": True}],
    "implicitRules": "urn:x",
    "content.attachment.data": "SGVsbG8=",
    "content.attachment.url": "urn:uuid:1",
}


def document(profile: str) -> dict[str, Any]:
    return simplified_of(CDA) if profile == "simplified" else document_of(CDA, url="urn:uuid:1")


def element(start: dict[str, Any], path: str) -> tuple[dict[str, Any], str]:
    """Return what holds an element, and its name."""
    *way, last = path.split(".")
    for name in way:
        found = start[name]
        start = found[0] if isinstance(found, list) else found
    return start, last


@pytest.mark.parametrize("row", ROWS, ids=lambda row: f"{row['profile']}-{row['element']}")
def test_an_element_must_be_there_may_be_or_must_not(row):
    resource = deepcopy(document(row["profile"]))
    holder, name = element(resource, row["element"])
    if row["presence"] == "forbidden":
        holder[name] = ADDED[row["element"]]
    else:
        holder.pop(name, None)

    findings = check_document(msgspec.convert(resource, DocumentReference), Profile(row["profile"]))

    places = [each.place for each in findings]
    expected = [] if row["presence"] == "optional" else [f"DocumentReference.{row['element']}"]
    assert [each for each in places if each in expected] == expected
    assert bool(places) is bool(expected)


def test_the_table_names_every_element_of_the_code():
    named = {(row["profile"], row["element"]) for row in ROWS if row["presence"] != "optional"}

    for profile in (Profile.COMPREHENSIVE, Profile.SIMPLIFIED):
        missing = {each for each in (*REQUIRED[profile], *FORBIDDEN[profile]) if (profile.value, each) not in named}
        assert missing <= {"content", "docStatus", "implicitRules"}


def published(bundle: dict[str, Any]) -> Bundle:
    return read_bundle(msgspec.json.encode(bundle))


def refused(bundle: dict[str, Any]) -> tuple[str, str]:
    with pytest.raises(FhirProblem) as raised:
        read_publication(published(bundle), {})
    finding = raised.value.findings[0]
    return finding.reason, finding.place


def test_a_patient_beside_the_document_is_the_patient():
    """As the first example of PDSm writes it: the Patient is an entry of the bundle."""
    bundle = bundle_of(CDA, subject={"reference": "urn:uuid:11111111-1111-4111-8111-111111111111"})
    bundle["entry"][0]["resource"]["subject"] = {"reference": "urn:uuid:11111111-1111-4111-8111-111111111111"}
    bundle["entry"].append(entry("Patient", patient_resource(), "urn:uuid:11111111-1111-4111-8111-111111111111"))

    submission = read_publication(published(bundle), {}).submission

    assert submission.submission_set.patient_id.value == "279035121518989"
    assert submission.entries[0].patient_id == submission.submission_set.patient_id


def test_a_professional_named_by_number_only_is_the_author():
    """As the examples of PDSm and PDSM4DMP write them: a role with an RPPS, a Practitioner with an IDNPS."""
    role = {"resourceType": "PractitionerRole", "id": "auteur"}
    role["identifier"] = [{"system": "https://rpps.esante.gouv.fr", "value": "10101234567"}]
    bundle = bundle_of(CDA, contained=[role, patient_resource("patient")], authenticator={"reference": "#auteur"})

    (found,) = read_publication(published(bundle), {}).submission.entries

    assert found.authors[0].person.text == "810101234567^^^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
    assert found.legal_authenticator == found.authors[0].person


def test_a_set_without_a_unique_id_is_given_one():
    bundle = bundle_of(CDA)
    del bundle["entry"][0]["resource"]["identifier"]

    assert read_publication(published(bundle), {}).submission.submission_set.unique_id.startswith("2.25.")


def test_a_uuid_as_unique_id_is_an_oid():
    bundle = bundle_of(CDA)
    bundle["entry"][1]["resource"]["masterIdentifier"]["value"] = "urn:uuid:55555555-5555-4555-8555-555555555555"

    (found,) = read_publication(published(bundle), {}).submission.entries

    assert found.unique_id == f"2.25.{0x55555555555545558555555555555555}"


def test_a_relation_leads_to_the_document_that_it_names():
    related = [{"code": "replaces", "target": {"reference": "DocumentReference/x"}}]
    by_number = [
        {"code": "appends", "target": {"identifier": {"system": "urn:ietf:rfc:3986", "value": "urn:oid:1.2.3"}}}
    ]

    first = read_publication(published(bundle_of(CDA, relatesTo=related)), {}).submission
    second = read_publication(published(bundle_of(CDA, relatesTo=by_number)), {}).submission

    assert [(each.kind, each.target) for each in first.associations[1:]] == [(REPLACES, "DocumentReference/x")]
    assert second.associations[1].target == "uniqueId:1.2.3"


ALTERED = {
    "no-transaction": (lambda b: b.update(type="batch"), "X_FHIR_NON_PRIS_EN_CHARGE", "Bundle.type"),
    "two-sets": (
        lambda b: b["entry"].append(entry("List", b["entry"][0]["resource"])),
        *("X_FHIR_NON_PRIS_EN_CHARGE", "List.code"),
    ),
    "no-document": (lambda b: b["entry"].pop(1), "X_FHIR_INCOMPLET", "Bundle.entry"),
    "no-binary": (lambda b: b["entry"].pop(2), "X_FHIR_REFERENCE", "DocumentReference.content.attachment.url"),
    "a-binary-too-many": (
        lambda b: b["entry"].append(entry("Binary", {"resourceType": "Binary", "data": "SGVsbG8="})),
        *("X_FHIR_REFERENCE", "Bundle.entry.resource"),
    ),
    "url-elsewhere": (
        lambda b: b["entry"][1]["resource"]["content"][0]["attachment"].update(url="http://127.0.0.1:9/secret"),
        *("X_FHIR_REFERENCE", "DocumentReference.content.attachment.url"),
    ),
    "patient-elsewhere": (
        lambda b: b["entry"][1]["resource"].update(subject={"reference": "http://127.0.0.1:9/Patient/1"}),
        *("X_FHIR_REFERENCE", "DocumentReference.subject"),
    ),
    "unknown-patient-of-ours": (
        lambda b: b["entry"][0]["resource"].update(subject={"reference": f"Patient/{'a' * 32}"}),
        *("X_FHIR_REFERENCE", "List.subject"),
    ),
    "author-nowhere": (
        lambda b: b["entry"][1]["resource"].update(author=[{"reference": "#personne"}]),
        *("X_FHIR_REFERENCE", "DocumentReference.author"),
    ),
    "member-elsewhere": (
        lambda b: b["entry"][0]["resource"]["entry"].append({"item": {"reference": "DocumentReference/1"}}),
        *("X_FHIR_REFERENCE", "List.entry.item"),
    ),
    "same-url-twice": (
        lambda b: b["entry"][2].update(fullUrl=b["entry"][1]["fullUrl"]),
        "X_FHIR_VALEUR",
        "Bundle.entry.fullUrl",
    ),
    "an-update": (
        lambda b: b["entry"][1]["request"].update(method="PUT"),
        "X_FHIR_NON_PRIS_EN_CHARGE",
        "Bundle.entry.request",
    ),
    "not-base64": (lambda b: b["entry"][2]["resource"].update(data="***"), "X_FHIR_VALEUR", "Binary.data"),
    "no-bytes": (lambda b: b["entry"][2]["resource"].pop("data"), "X_FHIR_INCOMPLET", "Binary.data"),
    "not-a-date": (
        lambda b: b["entry"][1]["resource"]["content"][0]["attachment"].update(creation="hier"),
        *("X_FHIR_VALEUR", "DocumentReference.content.attachment.creation"),
    ),
    "not-an-id": (
        lambda b: b["entry"][1]["resource"]["masterIdentifier"].update(value="urn:oid:1.02"),
        *("X_FHIR_VALEUR", "DocumentReference.masterIdentifier"),
    ),
    "superseded": (
        lambda b: b["entry"][1]["resource"].update(status="superseded"),
        "X_FHIR_VALEUR",
        "DocumentReference.status",
    ),
    "another-relation": (
        lambda b: b["entry"][1]["resource"].update(relatesTo=[{"code": "likes", "target": {"reference": "x"}}]),
        *("X_FHIR_VALEUR", "DocumentReference.relatesTo.code"),
    ),
    "a-patch-of-its-own": (
        lambda b: b["entry"].append(
            entry("DocumentReference/x", {"resourceType": "Parameters"}, "urn:uuid:9", method="PATCH")
        ),
        *("X_FHIR_NON_PRIS_EN_CHARGE", "Parameters"),
    ),
}


@pytest.mark.parametrize("name", ALTERED)
def test_a_bundle_whose_parts_do_not_go_together_is_refused(name):
    alter, reason, place = ALTERED[name]
    bundle = bundle_of(CDA)
    alter(bundle)

    assert refused(bundle) == (reason, place)


@pytest.mark.parametrize(
    ("body", "place"),
    [
        (b"", ""),
        (b"[]", ""),
        (b"\xff\xfe", ""),
        (b"[" * 100_000, ""),
        (b'{"resourceType":"Patient"}', "resourceType"),
        (
            b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"Medication"}}]}',
            "entry[0].resource.resourceType",
        ),
        (
            (
                b'{"resourceType":"Bundle","entry":[{"resource":{"resourceType":"DocumentReference",'
                b'"contained":[{"resourceType":"Binary","data":"SGVsbG8="}]}}]}'
            ),
            "entry[0].resource.contained[0].resourceType",
        ),
        (b'{"resourceType":"Bundle","type":12}', "type"),
    ],
)
def test_what_is_no_bundle_is_refused_without_quoting_it(body: bytes, place: str):
    with pytest.raises(FhirProblem) as raised:
        read_bundle(body)

    assert [(each.reason, each.place) for each in raised.value.findings] == [("X_FHIR_ILLISIBLE", place)]
    assert "Medication" not in str(raised.value)


def test_blanks_in_base64_are_left_out():
    assert decoded("SGVs\r\n bG8=", "Binary.data") == b"Hello"


def test_a_simplified_publication_has_a_set_of_its_own():
    reference = read_document_reference(msgspec.json.encode(simplified_of(CDA)))

    publication = read_simplified(reference, {}, source_id="1.2.3", time="20261123120000")

    assert publication.contents == {"Document01": CDA}
    assert publication.submission.submission_set.patient_id == publication.submission.entries[0].patient_id
