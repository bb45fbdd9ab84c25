"""What a patch of the metadata asks for, or why it is refused: `tests/spec/fhir_patches.csv`."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from dmp_bridge.cda.reader import read_cda
from dmp_bridge.fhir.documents import Shown, document_reference
from dmp_bridge.fhir.patches import FORMATS, MAX_OPERATIONS, read_patch
from dmp_bridge.fhir.problems import FhirProblem
from dmp_bridge.xds.mapping import document_entry
from portal.fhir.changes import changes_of
from tests.fictional.fhir_client import PDSM, nos
from vaguemestre.app.demo.fictional_documents import fictional_cda

ROWS = list(csv.DictReader((Path(__file__).parents[2] / "spec" / "fhir_patches.csv").read_text().splitlines()))
WORDS = {
    "ARCHIVED": f"{PDSM}/pdsm-ext-is-archived",
    "DELETED": f"{PDSM}/pdsm-ext-is-deleted",
    "VISIBILITY": nos("TRE_A07-StatusVisibiliteDocument"),
    "CONFIDENTIALITY": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality",
}
CDA = fictional_cda()
SHOWN = Shown(id="a" * 32, version=1, indexed="2026-11-23T12:00:00.000Z", url="Binary/a", patient="b" * 32)
ENTRY = document_entry(read_cda(CDA), CDA, entry_id="urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c3301")
FHIRPATH, JSON_PATCH = FORMATS


def patch_of(row: dict[str, str]) -> tuple[bytes, str]:
    """Write the patch of a row in its format."""
    text = row["patch"]
    for word, address in WORDS.items():
        text = text.replace(word, address)
    steps = [each.split(" ", 1) for each in text.split(" & ")]
    if row["format"] == "json":
        return json.dumps([pointed(*step) for step in steps]).encode(), JSON_PATCH
    operations = [{"name": "operation", "part": parts(*step)} for step in steps]
    return json.dumps({"resourceType": "Parameters", "parameter": operations}).encode(), FHIRPATH


def pointed(name: str, rest: str) -> dict[str, Any]:
    path, _, value = rest.partition(" ")
    return {"op": name, "path": path} | ({"value": json.loads(value)} if value else {})


def parts(kind: str, rest: str) -> list[dict[str, Any]]:
    path, _, rest = rest.partition(" ")
    written: list[dict[str, Any]] = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}]
    if kind == "add":
        name, _, rest = rest.partition(" ")
        written.append({"name": "name", "valueString": name})
    if kind == "insert":
        place, _, rest = rest.partition(" ")
        written.append({"name": "index", "valueInteger": int(place)})
    return [*written, valued(json.loads(rest))] if rest else written


def valued(value: Any) -> dict[str, Any]:
    """Write a value as PDSm does: an extension by its parts, the rest by its type."""
    if isinstance(value, dict) and "url" in value:
        inner = [
            {"name": "url", "valueUri": value["url"]},
            {"name": "valueBoolean", "valueBoolean": value["valueBoolean"]},
        ]
        return {"name": "value", "part": inner}
    kinds = {bool: "valueBoolean", str: "valueCode", dict: "valueCodeableConcept"}
    return {"name": "value", kinds[type(value)]: value}


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_patch_asks_for_what_the_table_says(row):
    body, media_type = patch_of(row)
    before = document_reference(ENTRY, SHOWN)
    expected = row["changes"].split()

    if expected and expected[0].isdigit():
        with pytest.raises(FhirProblem) as raised:
            changes_of(before, read_patch(body, media_type))
        assert [str(raised.value.status), *filter(None, [raised.value.findings[0].place])] == expected
    else:
        assert [each.operation for each in changes_of(before, read_patch(body, media_type))] == expected


def test_the_value_of_an_extension_may_be_written_as_its_member():
    inner = [{"name": "url", "valueUri": WORDS["ARCHIVED"]}, {"name": "value", "valueBoolean": True}]
    operation = [*parts("add", "DocumentReference extension"), {"name": "value", "part": inner}]
    body = json.dumps({"resourceType": "Parameters", "parameter": [{"name": "operation", "part": operation}]})

    (change,) = changes_of(document_reference(ENTRY, SHOWN), read_patch(body.encode(), FHIRPATH))

    assert change.operation == "archive"


def test_what_is_given_is_not_changed_by_a_patch():
    resource = {"status": "current", "securityLabel": []}
    body, media_type = patch_of({"format": "fhirpath", "patch": 'replace DocumentReference.status "superseded"'})

    assert read_patch(body, media_type).applied(resource) == {"status": "superseded"}
    assert resource["status"] == "current"


@pytest.mark.parametrize(
    ("body", "media_type", "status"),
    [
        (b"{}", "application/xml", 415),
        (b"<x/>", FHIRPATH, 400),
        (b"[" * 100_000, JSON_PATCH, 400),
        (b'{"resourceType":"Patient"}', FHIRPATH, 400),
        (b'{"resourceType":"Parameters","parameter":[{"name":"other"}]}', FHIRPATH, 400),
        (b'{"resourceType":"Parameters","parameter":[{"name":"operation","part":[{"name":"type"}]}]}', FHIRPATH, 400),
        (b'{"resourceType":"Parameters","parameter":[]}', FHIRPATH, 422),
        (b"{}", JSON_PATCH, 400),
        (b'[{"op":"replace","path":"/status"}]', JSON_PATCH, 400),
        (b"[" + b",".join([b'{"op":"remove","path":"/x"}'] * (MAX_OPERATIONS + 1)) + b"]", JSON_PATCH, 422),
    ],
)
def test_what_is_no_patch_is_refused(body, media_type, status):
    with pytest.raises(FhirProblem) as raised:
        read_patch(body, media_type)

    assert raised.value.status == status
