"""Metadata go from CDA to XDS to FHIR, through JSON, and back to XDS: every attribute is kept."""

import csv
from dataclasses import fields, replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from dmp_bridge.cda.body import Body
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.cda.writer import write_cda
from dmp_bridge.fhir.documents import Shown, document_entry, document_reference
from dmp_bridge.fhir.lists import folder, folder_list, submission_list, submission_set
from dmp_bridge.fhir.parties import Surroundings
from dmp_bridge.fhir.resources import DocumentList, DocumentReference, write
from dmp_bridge.xds.ebrim_reader import read_submission
from dmp_bridge.xds.ebrim_writer import write_submission
from dmp_bridge.xds.identifiers import CX, XCN, XON, new_oid
from dmp_bridge.xds.mapping import document_entry as document_entry_of_cda
from dmp_bridge.xds.metadata import (
    APPROVED,
    ARCHIVED,
    DELETED,
    DEPRECATED,
    HIDDEN_FROM_PATIENT,
    MASKED_FROM_PROFESSIONALS,
    NORMAL,
    Author,
    Code,
    DocumentEntry,
    Folder,
    Submission,
    SubmissionSet,
)
from tests.properties.test_cda_properties import HEADERS

SHOWN = Shown(id="a" * 32, version=3, indexed="2026-11-23T12:00:00.000Z", url="Binary/a", patient="b" * 32)
UUID = "urn:uuid:3f2504e0-4f89-41d3-9a0c-0305e82c330{}"

texts = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=20)
words = texts.filter(bool)
oids = st.lists(st.integers(0, 999), min_size=1, max_size=6).map(lambda arcs: ".".join(map(str, [1, *arcs])))
schemes = st.one_of(
    oids,
    words,
    st.sampled_from(
        [
            "2.16.840.1.113883.6.1",
            "1.2.250.1.213.1.1.4.13",
            "2.16.840.1.113883.5.25",
            "URN",
            "ASTM",
            "http://loinc.org",
            "urn:oid:1.2.3",
            "urn:vaguemestre:scheme:x%20y",
            "",
        ]
    ),
)
coded = st.builds(Code, st.one_of(words, st.sampled_from(["N", "R", "V", "MASQUE_PS"])), schemes, texts)
raw = st.text(st.sampled_from("0189AZÉé^&~| .ISO"), min_size=1, max_size=40)
patients = st.one_of(
    st.builds(CX.build, words, oids, st.sampled_from(["NH", "PI", ""])),
    st.just(CX("279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH")),
    st.just(CX("279035121518989^^^&1.2.250.1.213.1.4.8&ISO^NH^^20250101")),
    raw.map(CX),
)
people = st.one_of(
    st.builds(XCN.build, texts, texts, texts, oid=oids, kind=st.sampled_from(["IDNPS", "NH", "RI"])),
    st.just(XCN("^Dopplemeyer^Sherry^^^")),
    st.just(XCN("279035121518989^PAT-TROIS^DOMINIQUE^^^^^^&1.2.250.1.213.1.4.10&ISO^D^^^NH")),
    raw.map(XCN),
)
structures = st.one_of(st.builds(XON.build, texts, texts, oid=oids), raw.map(XON))
authors = st.builds(
    Author,
    person=st.none() | people,
    institutions=st.lists(structures, max_size=3).map(tuple),
    roles=st.lists(words, max_size=2).map(tuple),
    specialties=st.lists(st.one_of(words, st.builds("{}^{}^{}".format, words, texts, oids)), max_size=2).map(tuple),
)
moments = st.datetimes().map(lambda moment: moment.strftime("%Y%m%d%H%M%S").rjust(14, "0"))
times = st.builds(lambda text, size: text[:size], moments, st.sampled_from([4, 6, 8, 10, 12, 14]))
lines = st.one_of(
    st.just(("PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-7|19790328", "PID-8|F")),
    st.lists(words.filter(lambda text: "\n" not in text), max_size=3).map(tuple),
)
digests = st.binary(min_size=20, max_size=20).map(bytes.hex)
several = st.lists(coded, max_size=3).map(tuple)
ATTRIBUTES = dict(  # noqa: C408 - read as the call that it becomes
    entry_id=st.just(UUID.format(1)),
    logical_id=st.none() | st.just(UUID.format(2)),
    unique_id=st.one_of(st.builds(new_oid), oids, st.builds("{}^{}".format, oids, words), words),
    mime_type=words,
    patient_id=st.none() | patients,
    source_patient_id=st.none() | patients,
    source_patient_info=lines,
    hash=st.none() | digests,
    size_bytes=st.none() | st.integers(0, 10**9),
    title=texts,
    comments=texts,
    language=st.none() | words,
    creation_time=st.none() | times,
    service_start=st.none() | times,
    service_stop=st.none() | times,
    authors=st.lists(authors, max_size=3).map(tuple),
    legal_authenticator=st.none() | people,
    class_code=st.none() | coded,
    type_code=st.none() | coded,
    format_code=st.none() | coded,
    facility_type=st.none() | coded,
    practice_setting=st.none() | coded,
    confidentiality=several,
    event_codes=several,
    reference_ids=st.lists(
        st.one_of(raw, st.builds("{}^^^&{}&ISO^urn:ihe:iti:xds:2013:order".format, words, oids)), max_size=2
    ).map(tuple),
    repository_id=st.none() | oids,
    status=st.sampled_from([APPROVED, DEPRECATED, ARCHIVED, DELETED]),
)
entries = st.builds(DocumentEntry, **ATTRIBUTES)
SET_ATTRIBUTES = dict(  # noqa: C408
    entry_id=st.just(UUID.format(3)),
    unique_id=st.builds(new_oid),
    source_id=st.one_of(oids, texts),
    patient_id=st.none() | patients,
    submission_time=st.none() | times,
    title=texts,
    comments=texts,
    authors=st.lists(authors, max_size=3).map(tuple),
    content_type=st.none() | coded,
)
sets = st.builds(SubmissionSet, **SET_ATTRIBUTES)
FOLDER_ATTRIBUTES = dict(  # noqa: C408
    entry_id=st.just(UUID.format(4)),
    unique_id=st.builds(new_oid),
    patient_id=patients,
    updated_at=st.none() | times,
    title=texts,
    comments=texts,
    codes=several,
)
folders = st.builds(Folder, **FOLDER_ATTRIBUTES)


@pytest.mark.parametrize(
    ("model", "generated", "left_out"),
    [
        (DocumentEntry, ATTRIBUTES, {"uri"}),  # the name of a file in a folder of XDM, which FHIR has not
        (SubmissionSet, SET_ATTRIBUTES, set()),
        (Folder, FOLDER_ATTRIBUTES, set()),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_every_attribute_of_the_model_is_tried(model, generated, left_out):
    assert {each.name for each in fields(model)} == set(generated) | left_out


def through_fhir(entry: DocumentEntry) -> DocumentEntry:
    """Write an entry as JSON and read it back."""
    known = {} if entry.patient_id is None else {f"Patient/{SHOWN.patient}": entry.patient_id}
    document = msgspec.json.decode(write(document_reference(entry, SHOWN)), type=DocumentReference)
    return document_entry(document, Surroundings(patients=known))


@given(entries)
def test_an_entry_comes_back_from_fhir_as_it_was(entry):
    entry = replace(entry, patient_id=entry.patient_id or CX.build("1", "1.2.3"))

    assert through_fhir(entry) == entry


@given(sets)
def test_a_submission_set_comes_back_from_fhir_as_it_was(found):
    found = replace(found, patient_id=found.patient_id or CX.build("1", "1.2.3"))

    written = write(submission_list(found, ["c" * 32], "b" * 32))

    again = submission_set(msgspec.json.decode(written, type=DocumentList), Surroundings())
    assert again == found


@given(folders)
def test_a_folder_comes_back_from_fhir_as_it_was(found):
    written = write(folder_list(found, ["c" * 32], "b" * 32))

    assert folder(msgspec.json.decode(written, type=DocumentList), Surroundings()) == found


def through_ebrim(entry: DocumentEntry) -> DocumentEntry:
    """Write an entry as ebRIM 3.0 and read it back."""
    submitted = SubmissionSet(entry_id="SubmissionSet01", unique_id="1.2.3")
    written = write_submission(Submission(submission_set=submitted, entries=(entry,)))
    (again,) = read_submission(etree.fromstring(written)).entries
    return again


@given(HEADERS, st.sets(st.sampled_from([MASKED_FROM_PROFESSIONALS, HIDDEN_FROM_PATIENT])))
def test_what_a_cda_says_goes_by_xds_to_fhir_and_back(header, visibility):
    """CDA, XDS as ebRIM, FHIR as JSON, XDS again: what is lost nowhere, list by list, empty ones too."""
    data = write_cda(header, Body("application/pdf", b"%PDF-1.4"))
    mapped = document_entry_of_cda(read_cda(data), data, entry_id=UUID.format(1))
    described = replace(mapped, status=APPROVED, repository_id="1.2.3", logical_id=UUID.format(2))
    entry = replace(described, confidentiality=(*mapped.confidentiality, *visibility))
    named = replace(entry, patient_id=entry.patient_id or CX.build("1", "1.2.3"))

    by_ebrim = through_ebrim(named)
    by_fhir = through_fhir(by_ebrim)

    assert by_ebrim == named
    assert by_fhir == named
    assert through_ebrim(by_fhir) == named


def test_every_document_of_ans_keeps_its_metadata_through_fhir(corpus):
    rows = csv.DictReader((corpus / "cda" / "MANIFEST.tsv").read_text("utf-8").splitlines(), delimiter="\t")
    visible = (NORMAL, MASKED_FROM_PROFESSIONALS, HIDDEN_FROM_PATIENT)
    seen = 0
    for row in rows:
        data = (corpus / "cda" / row["file"]).read_bytes()
        mapped = document_entry_of_cda(read_cda(data), data, entry_id=UUID.format(1))
        entry = replace(mapped, confidentiality=visible, status=APPROVED)
        if entry.patient_id is None:
            continue

        assert through_fhir(entry) == entry
        seen += 1

    assert seen > 40
