"""Identifiers, times, codes and ebRIM of the metadata."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from lxml import etree

from dmp_bridge.cda.reader import read_cda
from dmp_bridge.packaging import package_documents
from dmp_bridge.refusals import ExchangeError, Refusal
from dmp_bridge.xdm.limits import TOLERANT
from dmp_bridge.xdm.reader import read_archive
from dmp_bridge.xds import terminology
from dmp_bridge.xds.ebrim_writer import write_submission
from dmp_bridge.xds.identifiers import CX, XCN, XON, is_oid, new_oid
from dmp_bridge.xds.mapping import document_entry
from dmp_bridge.xds.times import cda_from_instant, instant_from_xds, utc_from_cda, xds_from_instant
from vaguemestre.app.demo.fictional_documents import WRITTEN_AT, FictionalPatient, fictional_archive, fictional_cda


@pytest.mark.parametrize(
    ("cda", "xds"),
    [
        ("20260115101500+0100", "20260115091500"),
        ("202601151015+0100", "202601150915"),
        ("20260101003000+0100", "20251231233000"),
        ("20260701101500-0430", "20260701144500"),
        ("20260115", "20260115"),
        ("20260115+0100", "20260115"),
        ("2026", "2026"),
        ("20260115101500", "20260115101500"),
        ("20260115101500.123+0100", "20260115091500"),
        ("00010101000000+0100", None),
        ("20260230", None),
        ("2026-01-15", None),
        ("", None),
        ("٢٠٢٦", None),
    ],
)
def test_cda_times_become_utc_of_the_same_precision(cda, xds):
    assert utc_from_cda(cda) == xds


def test_instants_are_written_for_each_side():
    paris = datetime(2026, 7, 14, 9, 30, tzinfo=timezone(timedelta(hours=2)))

    assert xds_from_instant(paris) == "20260714073000"
    assert cda_from_instant(paris) == "20260714093000+0200"
    assert instant_from_xds("20260714073000") == datetime(2026, 7, 14, 7, 30, tzinfo=UTC)
    assert instant_from_xds("2026071407300") is None
    assert instant_from_xds("99999999") is None


def test_hl7_identifiers_read_what_they_write():
    patient = CX.build("279035121518989", "1.2.250.1.213.1.4.10")
    person = XCN.build("899900063480", "LIBRE", "MAX", oid="1.2.250.1.71.4.2.1", kind="IDNPS")
    structure = XON.build("CABINET ^DR| LIBRE", "499900063480001")

    assert patient.text == "279035121518989^^^&1.2.250.1.213.1.4.10&ISO^NH"
    assert (patient.value, patient.oid) == ("279035121518989", "1.2.250.1.213.1.4.10")
    assert person.text == "899900063480^LIBRE^MAX^^^^^^&1.2.250.1.71.4.2.1&ISO^D^^^IDNPS"
    assert (person.family, person.given, person.oid) == ("LIBRE", "MAX", "1.2.250.1.71.4.2.1")
    assert (structure.name, structure.identifier) == ("CABINET  DR  LIBRE", "499900063480001")
    assert (CX("").value, CX("x").oid, XON("x").identifier) == ("", "", "")
    assert "279" not in repr(patient)
    assert "LIBRE" not in repr(person) + repr(structure)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1.2.250", True), ("2.25.0", True), ("1.02", False), ("3.1", False), ("1", False), ("1." + "9" * 63, False)],
)
def test_oids_are_checked(text, expected):
    assert is_oid(text) is expected


def test_new_oids_are_oids():
    assert is_oid(new_oid())


def test_terminology_knows_classes_formats_and_what_the_dmp_takes():
    assert terminology.class_of_type("11488-4").display == "Compte rendu"
    assert terminology.class_of_type("101881-1") is None
    assert terminology.class_of_type("unknown") is None
    assert terminology.type_code("unknown") is None
    assert (terminology.is_dmp_type("11488-4"), terminology.is_dmp_type("51851-4")) == (True, False)
    assert terminology.format_of_media_type("application/pdf").code == "urn:ihe:iti:xds-sd:pdf:2008"
    assert terminology.format_of_media_type("image/png").code == "urn:asipSante:modelesHorsProfils:2011"
    trod = terminology.format_of_templates(["1.2.250.1.213.1.1.1.1", "1.2.250.1.213.1.1.1.59"])
    assert (trod.code, trod.scheme) == ("urn:ans:ci-sis:trod:2024", "1.2.250.1.213.1.1.4.2.282")


def test_metadata_of_an_archive_are_those_of_its_documents():
    content = fictional_cda()

    (document,) = read_archive(fictional_archive(content)).documents
    mapped = document_entry(read_cda(content), content, entry_id="Document01")

    assert document.entry.uri == "DOC00001.XML"
    assert document.entry.title == "Compte rendu de consultation"
    assert document.entry.creation_time == "20260115091500"
    assert document.entry.source_patient_info == ("PID-5|PAT-TROIS^DOMINIQUE^^^^^L", "PID-7|19790328", "PID-8|F")
    assert (document.entry.hash, document.entry.class_code) == (mapped.hash, mapped.class_code)


def test_mapping_gives_the_metadata_that_the_ans_documents_were_sent_with(corpus):
    for path in sorted((corpus / "xdm" / "built").glob("*.zip")):
        for document in read_archive(path.read_bytes(), TOLERANT).documents:
            sent = document.entry

            mapped = document_entry(read_cda(document.content), document.content, entry_id=sent.entry_id)

            for name in ("unique_id", "patient_id", "source_patient_id", "source_patient_info", "creation_time"):
                assert getattr(mapped, name) == getattr(sent, name)
            for name in ("service_start", "service_stop", "legal_authenticator", "class_code", "type_code", "title"):
                assert getattr(mapped, name) == getattr(sent, name)
            assert mapped.facility_type == sent.facility_type
            assert mapped.practice_setting == sent.practice_setting
            assert mapped.confidentiality == sent.confidentiality


def test_metadata_are_valid_against_ebrs(corpus):
    schema = etree.XMLSchema(etree.parse(corpus / "xsd" / "xds-v3" / "lcm.xsd"))
    archives = [fictional_archive(), *(path.read_bytes() for path in (corpus / "xdm" / "built").glob("*.zip"))]

    for archive in archives:
        for lot in read_archive(archive, TOLERANT).lots:
            schema.assertValid(etree.fromstring(write_submission(lot.submission)))


@pytest.mark.requirement("MSS2:ECO.2.1.1")
def test_documents_of_two_patients_do_not_go_into_one_archive():
    other = FictionalPatient(ins="277076322082910", family="PAT-DEUX")
    documents = [fictional_cda(), fictional_cda(other)]

    with pytest.raises(ExchangeError, match=Refusal.PATIENT_AMBIGUOUS):
        package_documents(documents, sender="x", source_id=new_oid(), sent_at=WRITTEN_AT)
