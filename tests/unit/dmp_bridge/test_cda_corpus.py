"""Headers of the ANS examples, against an XPath oracle and against the manifest of the corpus."""

import csv
from datetime import datetime
from pathlib import Path

import pytest
from lxml import etree

from access_core.facts import IdentityStatus
from access_core.identifiers import INS
from access_core.profiles import Profile, ProfileStatus
from dmp_bridge.cda.body import read_body
from dmp_bridge.cda.header import CDADocument
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.cda.writer import write_cda
from dmp_bridge.identity import document_identity
from dmp_bridge.preparation import prepare_document
from dmp_bridge.xds.identifiers import INS_OIDS
from dmp_bridge.xds.mapping import document_entry

NAMES = {"h": "urn:hl7-org:v3"}
ORACLE = {
    "id.root": "h:id/@root",
    "id.extension": "h:id/@extension",
    "set_id.root": "h:setId/@root",
    "set_id.extension": "h:setId/@extension",
    "version": "h:versionNumber/@value",
    "code.code": "h:code/@code",
    "code.scheme": "h:code/@codeSystem",
    "title": "normalize-space(h:title)",
    "effective_time": "h:effectiveTime/@value",
    "confidentiality.code": "h:confidentialityCode/@code",
    "language": "h:languageCode/@code",
    "patient.ins.extension": "h:recordTarget/h:patientRole/h:id[starts-with(@root, '1.2.250.1.213.1.4.')]/@extension",
    "patient.birth_date": "h:recordTarget/h:patientRole/h:patient/h:birthTime/@value",
    "patient.sex": "h:recordTarget/h:patientRole/h:patient/h:administrativeGenderCode/@code",
    "patient.first_given": "normalize-space(h:recordTarget//h:given[@qualifier='BR'])",
    "patient.birth_place": "normalize-space(h:recordTarget//h:birthplace/h:place/h:addr/h:county)",
    "custodian.name": "normalize-space(h:custodian//h:name)",
    "custodian.identifier.extension": "h:custodian//h:id/@extension",
    "legal_authenticator.identifier.extension": "h:legalAuthenticator/h:assignedEntity/h:id/@extension",
    "legal_authenticator.family": "normalize-space(h:legalAuthenticator/h:assignedEntity/h:assignedPerson//h:family)",
    "encounter.facility.code": "h:componentOf//h:healthCareFacility/h:code/@code",
    "practice_setting.code": "(h:documentationOf//h:standardIndustryClassCode)[1]/@code",
    "main_event.start": "(h:documentationOf/h:serviceEvent/h:effectiveTime/h:low)[1]/@value",
    "body_media_type": "h:component/h:nonXMLBody/h:text/@mediaType",
}


WRONG_KEYS = ("CSE-MDE_2023.01.xml", "OBP-SNE_2024.01.xml")


def rows_of(manifest: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(manifest.read_text("utf-8").splitlines(), delimiter="\t"))


def followed(value: object, path: str) -> str:
    for name in path.split("."):
        value = None if value is None else getattr(value, name)
    return "" if value is None else str(value)


def oracle(document: etree._Element, expression: str) -> str:
    found = document.xpath(expression, namespaces=NAMES)
    return str(found if isinstance(found, str) else found[0] if found else "")


@pytest.fixture
def manifest(corpus) -> dict[str, dict[str, str]]:
    return {row["file"]: row for row in rows_of(corpus / "cda" / "MANIFEST.tsv")}


@pytest.fixture
def documents(corpus) -> list[bytes]:
    return [path.read_bytes() for path in sorted((corpus / "cda").glob("*/*.[xX][mM][lL]"))]


def test_every_header_agrees_with_xpath(documents):
    assert len(documents) == 58
    for data in documents:
        parsed = etree.fromstring(data)
        root = parsed if parsed.tag.endswith("ClinicalDocument") else parsed.find(".//{urn:hl7-org:v3}ClinicalDocument")

        header = read_cda(data)

        assert {path: followed(header, path) for path in ORACLE} == {
            path: oracle(root, expression) for path, expression in ORACLE.items()
        }
        assert [each.family for each in header.recipients] == [
            oracle(each, "normalize-space(h:intendedRecipient/h:informationRecipient/h:name/h:family)")
            for each in root.findall("h:informationRecipient", NAMES)
        ]
        assert len(header.authors) == len(root.findall("h:author", NAMES))
        assert len(header.service_events) == len(root.findall("h:documentationOf", NAMES))
        assert header.self_presenting is (root is not parsed)


def test_every_document_agrees_with_the_manifest(corpus, manifest):
    for name, row in manifest.items():
        data = (corpus / "cda" / name).read_bytes()

        header = read_cda(data)
        entry = document_entry(header, data, entry_id="Document01")

        found = {
            "bytes": str(entry.size_bytes),
            "sha1": entry.hash,
            "typeCode": header.code.code,
            "patientId": entry.patient_id.text if entry.patient_id else "",
            "id_root": header.id.root,
            "id_ext": header.id.extension,
            "version": str(header.version),
            "conf": header.confidentiality.code if header.confidentiality else "",
            "relatedDocument": "".join(link.kind for link in header.related),
            "parentId": "".join(parent.xds for parent in header.replaced),
            "level": f"N1 {header.body_media_type}" if header.is_level_1 else "N3",
        }
        assert found == {key: row[key] for key in found}
        assert row["classCode"] in ("", entry.class_code.code if entry.class_code else "")


def own_patient(header: CDADocument) -> Profile:
    """The patient that a document is about, as her profile would be."""
    patient = header.patient
    assert patient.ins is not None
    assert patient.birth_date is not None
    return Profile(
        id="1" * 32,
        ins=INS(patient.ins.extension[:13], patient.ins.extension[13:], patient.ins.root),
        family=patient.birth_family or "",
        given=patient.first_given or patient.given or "",
        birth_date=datetime.strptime(patient.birth_date[:8], "%Y%m%d").date(),  # noqa: DTZ007 - a day has no zone
        sex=patient.sex or "U",
        email=None,
        status=ProfileStatus.ACTIF,
        account_id="2" * 32,
    )


def test_every_document_that_ans_accepts_is_accepted_for_its_own_patient(corpus, manifest):
    """But those whose INS has a wrong key under a production OID: no such patient can exist."""
    accepted = {name: row for name, row in manifest.items() if row["strucMin_errors"] == "0"}
    assert len(accepted) == 49

    refused = {}
    for name in accepted:
        data = (corpus / "cda" / name).read_bytes()
        prepared = prepare_document(data, source_id="2.25.1", submission_time="20260115091500")
        assert prepared.header is not None
        status = document_identity(prepared.header.patient, own_patient(prepared.header), INS_OIDS)
        if status is not IdentityStatus.QUALIFIEE:
            refused[name.rpartition("/")[2]] = status

    assert refused == dict.fromkeys(WRONG_KEYS, IdentityStatus.MALFORMEE)


def test_level_1_documents_are_written_back_valid_and_equal(documents, corpus):
    schema = etree.XMLSchema(etree.parse(corpus / "xsd" / "cda" / "CDA_extended.xsd"))
    rewritten = 0
    for data in documents:
        body = read_body(data)
        if body is None:
            continue
        header = read_cda(data)

        again = write_cda(header, body)

        schema.assertValid(etree.fromstring(again))
        assert (read_cda(again), read_body(again)) == (header, body)
        rewritten += 1
    assert rewritten == 9
