"""Published schema and schematron: what ANS's own checks say of ANS's documents, and what they say of ours."""

import csv
from dataclasses import replace
from datetime import date
from pathlib import Path

import pytest
from lxml import etree

from access_core.professionals import MailboxType, Professional
from access_core.profiles import Profile, ProfileStatus
from dmp_bridge.cda.body import Body
from dmp_bridge.cda.header import InstanceId, Organization, Person
from dmp_bridge.cda.level_1 import Level1Request, compose_level_1
from dmp_bridge.cda.reader import read_cda
from dmp_bridge.cda.writer import write_cda
from dmp_bridge.deposit import PatientDeposit, wrapped
from dmp_bridge.people import author_of, patient_identity
from dmp_bridge.preparation import Tolerance, judged, prepare_archive
from dmp_bridge.refusals import Refusal
from dmp_bridge.validation.checking import Severity, check_documents
from dmp_bridge.validation.rules import PublishedRules
from dmp_bridge.validation.schematron import compile_schematron
from dmp_bridge.xdm.limits import TOLERANT
from tests.fictional.people import INS_MERE
from vaguemestre.app.demo.fictional_documents import (
    CAMILLE_MARTIN,
    DOMINIQUE,
    SOURCE_ID,
    WRITTEN_AT,
    fictional_archive,
    fictional_cda,
    fictional_pdf,
)
from vaguemestre.kernel.errors import TemporaryFailure

SCHEMATRON = "schematron/structurationMinimale/ASIP-STRUCT-MIN-StrucMin.sch"
PDF = Body("application/pdf", fictional_pdf())
BODIES = [
    PDF,
    Body("image/jpeg", bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffd9")),
    Body("image/tiff", b"II*\0"),
    Body("text/rtf", rb"{\rtf1 Bonjour}"),
    Body("text/plain", "Bonjour à tous".encode()),
]
PATIENT = Profile(
    "1" * 32, INS_MERE, "PAT-TROIS", "Dominique Anne", date(1979, 3, 28), "F", None, ProfileStatus.ACTIF, "2" * 32
)
PERSON = Professional(account_id="3" * 32, address="x@y.fr", type=MailboxType.PER, name="Dr Camille Martin")
NUMBERED = replace(PERSON, rpps="10101234567", profession="10")
SERVICE = replace(PERSON, type=MailboxType.ORG, name="Cardiologie, CH Démo")
SENDERS = [
    PERSON,
    NUMBERED,
    replace(NUMBERED, structure="123456789", profession="60"),
    replace(NUMBERED, structure="12345678901234", profession="21"),
    replace(NUMBERED, profession="99"),
    SERVICE,
    replace(SERVICE, structure="123456789"),
    replace(SERVICE, type=MailboxType.APP, name="Logiciel"),
]


@pytest.fixture
def rules(corpus: Path) -> PublishedRules:
    return PublishedRules(
        schema=corpus / "xsd" / "cda" / "CDA_extended.xsd", schematron=corpus / SCHEMATRON, seconds=300
    )


def test_the_examples_of_ans_get_the_answer_of_ans_own_checks(rules, corpus):
    rows = list(csv.DictReader((corpus / "cda" / "MANIFEST.tsv").read_text("utf-8").splitlines(), delimiter="\t"))

    verdicts = check_documents([(corpus / "cda" / row["file"]).read_bytes() for row in rows], rules)

    assert verdicts is not None
    found = {
        row["file"]: str(sum(each.severity is Severity.ERROR for each in faults or ()))
        for row, faults in zip(rows, verdicts, strict=True)
    }
    assert found == {row["file"]: row["strucMin_errors"] for row in rows}
    assert all(fault.check == "schematron" for faults in verdicts for fault in faults or ())


def ours() -> list[bytes]:
    """Every kind of document that the program writes."""
    request = Level1Request(
        patient=DOMINIQUE.identity, author=CAMILLE_MARTIN.person, body=PDF, written_at=WRITTEN_AT, title="Titre"
    )
    first = read_cda(fictional_cda())
    assert first.set_id is not None
    mine = replace(request, patient=patient_identity(PATIENT))
    return [
        *(compose_level_1(replace(request, body=body)) for body in BODIES),
        compose_level_1(replace(request, replaces=(first.id, first.set_id, 1))),
        *(compose_level_1(replace(mine, author=author_of(each, SOURCE_ID))) for each in SENDERS),
        *(_deposited(body) for body in BODIES),
        write_cda(replace(first, recipients=(_RECIPIENT, Person(organization=Organization(name="CH Démo")))), PDF),
    ]


_RECIPIENT = Person(identifier=InstanceId("1.2.250.1.71.4.2.1", "810101234567"), family="DURAND", given="Paul")


def _deposited(body: Body) -> bytes:
    deposit = PatientDeposit(
        asking=None,  # type: ignore[arg-type] # who asks is not in the document
        place="message/1", title="Ordonnance", body=body, dated_at=WRITTEN_AT, source_id=SOURCE_ID,
    )  # fmt: skip
    return wrapped(deposit, PATIENT)


@pytest.mark.requirement("CI-SIS:StructurationMinimale")
def test_every_document_that_we_write_is_valid_and_breaks_no_rule(rules):
    documents = ours()

    verdicts = check_documents(documents, rules)

    assert verdicts == [()] * len(documents)


@pytest.mark.requirement("VGM:CDA-01")
def test_what_breaks_the_schema_is_refused_and_what_breaks_the_schematron_is_noted(rules):
    good, odd, broken = fictional_cda(), fictional_cda(), fictional_cda()
    odd = odd.replace(b"<versionNumber", b"<!-- <versionNumber").replace(b'value="1"/>', b'value="1"/> -->', 1)
    broken = broken.replace(b"<realmCode", b"<realmKode", 1)
    prepared = prepare_archive(fictional_archive(good, odd, broken), TOLERANT)

    first, second, third = judged(prepared, rules)

    assert (first.header_refusal, first.warnings) == (None, (Tolerance.NOT_PDF_A,))
    assert (second.header_refusal, second.warnings) == (None, (Tolerance.NOT_PDF_A, Tolerance.NOT_CONFORMANT))
    assert third.header_refusal is Refusal.CDA_INVALID


def test_the_schema_alone_judges_too(rules):
    alone = replace(rules, schematron=None)

    clean, none = check_documents([fictional_cda(), b"<a/>"], alone) or []

    assert (clean, none) == ((), None)


def test_rules_that_cannot_be_used_say_nothing_and_delay_filing(tmp_path):
    absent = PublishedRules(schema=tmp_path / "absent.xsd", schematron=None, seconds=60)

    assert check_documents([fictional_cda()], absent) is None
    with pytest.raises(TemporaryFailure):
        judged(prepare_archive(fictional_archive(), TOLERANT), absent)


RULES = """<schema xmlns="http://purl.oclc.org/dsdl/schematron" queryBinding="xslt2">
  <ns prefix="h" uri="urn:hl7-org:v3"/>
  <pattern><rule abstract="true" id="base"><let name="all" value="count(*)"/>
    <assert test="$all > 0" role="warning">empty <name/></assert></rule>
    <rule context="h:a"><extends rule="base"/><report test="@bad">bad: <value-of select="@bad"/></report></rule>
    <rule context="h:*"><assert test="false()">every other element</assert></rule></pattern>
  <include href="more.sch"/>
</schema>"""
MORE = """<pattern xmlns="http://purl.oclc.org/dsdl/schematron">
  <rule context="/"><assert test="h:a">no a</assert></rule></pattern>"""


def test_a_schematron_is_compiled_as_the_norm_says(tmp_path):
    (tmp_path / "rules.sch").write_text(RULES)
    (tmp_path / "more.sch").write_text(MORE)
    saxon = pytest.importorskip("saxonche", reason="the extra `validation` brings it").PySaxonProcessor(license=False)
    sheet = compile_schematron(tmp_path / "rules.sch").decode()
    compiled = saxon.new_xslt30_processor().compile_stylesheet(stylesheet_text=sheet)

    node = saxon.parse_xml(xml_text='<a xmlns="urn:hl7-org:v3"><a bad="1"/><b/></a>')
    answer = etree.fromstring(compiled.transform_to_string(xdm_node=node).encode())

    found = [(each.get("role"), each.text) for each in answer]
    assert found == [("warning", "empty a"), ("error", "bad: 1"), ("error", "every other element")]
