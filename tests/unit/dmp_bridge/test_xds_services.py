"""The XDS.b services of the record, whole: SOAP in, decisions, trace, SOAP out."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree
from sqlalchemy import update

from access_core.care import declare_care
from access_core.consent import block
from access_core.professionals import MailboxType, professionals
from dmp_bridge.record.model import Availability, RecordedDocument
from dmp_bridge.tables import document_entry
from dmp_bridge.xds.metadata import (
    REPLACES,
    Association,
)
from tests.fictional.xds_client import STRUCTURE
from tests.unit.dmp_bridge.conftest import Practice, on_each_engine
from tests.unit.dmp_bridge.xds_house import House
from tests.unit.dmp_bridge.xds_vectors import (
    PROVIDE,
    RETRIEVE,
    STORED_QUERY,
    provide_body,
    query_body,
    retrieve_body,
    state_body,
    submission_of,
)
from vaguemestre.app.demo.fictional_documents import CAMILLE_MARTIN, fictional_cda

OTHER = "277076322082910^^^&1.2.250.1.213.1.4.10&ISO^NH"


@on_each_engine
@pytest.mark.requirement("ITI-41")
async def test_a_document_is_provided_found_and_retrieved(house):
    cda = fictional_cda()

    provided = await house.provide(cda)
    found = await house.find()
    unique_id = house.document().entry.unique_id
    retrieved = await house.retrieve(unique_id)

    assert (provided.status, provided.outcome, provided.codes) == (200, "Success", [])
    assert found.ids("ExtrinsicObject") == [house.document().entry.entry_id]
    assert list(retrieved.attachments.values()) == [cda]
    assert house.acts() == [("file_document", "OK"), ("documents_searched", "OK"), ("read_document", "OK")]
    assert house.document().filing.filed_by == house.practice.doctor.account_id


@pytest.mark.requirement("ITI-41")
async def test_two_documents_are_two_decisions(house):
    await house.provide(fictional_cda(title="Premier"), fictional_cda(title="Second"))

    assert sorted(each.title for each in house.practice.documents()) == ["Premier", "Second"]
    assert house.acts() == [("file_document", "OK")] * 2


@pytest.mark.requirement("ITI-41")
async def test_a_submission_is_kept_whole_or_not_at_all(house):
    answer = await house.provide(fictional_cda(), fictional_cda(type_code="DOCPAT01"))

    assert (answer.outcome, answer.codes) == ("Failure", ["DMPAccessDeniedByRightsService"])
    assert house.practice.documents() == []
    assert house.acts() == [("file_document", "H_TYPE_NON_DEPOSABLE")]


@pytest.mark.requirement("ITI-41")
async def test_the_same_document_again_changes_nothing(house):
    cda = fictional_cda()
    await house.provide(cda)

    again = await house.provide(cda)

    assert again.outcome == "Success"
    assert len(house.practice.documents()) == 1


@pytest.mark.parametrize(
    ("change", "names", "code"),
    [
        (lambda entry: replace(entry, hash="0" * 40), None, "XDSRepositoryMetadataError"),
        (lambda entry: replace(entry, size_bytes=1), None, "XDSRepositoryMetadataError"),
        (lambda entry: replace(entry, mime_type="text/plain"), None, "XDSRepositoryMetadataError"),
        (lambda entry: replace(entry, patient_id=None), None, "XDSRegistryMetadataError"),
        (lambda entry: replace(entry, practice_setting=None), None, "XDSRegistryMetadataError"),
        (lambda entry: entry, ["Document01", "Document02"], "XDSMissingDocumentMetadata"),
        (lambda entry: entry, [], "XDSMissingDocument"),
    ],
)
@pytest.mark.requirement("ITI-41")
async def test_metadata_that_do_not_fit_are_refused(house, change: Callable, names, code: str):
    cda = fictional_cda()
    submission = submission_of(cda)
    changed = replace(submission, entries=tuple(change(each) for each in submission.entries))

    answer = await house.client.call("repository", PROVIDE, provide_body(changed, names), [cda, cda])

    assert (answer.status, answer.outcome, answer.codes) == (200, "Failure", [code])
    assert house.practice.documents() == []


@pytest.mark.requirement("ITI-41")
async def test_a_document_without_hash_and_size_gets_them(house):
    cda = fictional_cda()
    submission = submission_of(cda)
    bare = tuple(replace(each, hash=None, size_bytes=None) for each in submission.entries)

    await house.client.call("repository", PROVIDE, provide_body(replace(submission, entries=bare)), [cda])

    assert house.document().entry.size_bytes == len(cda)


@pytest.mark.requirement("ITI-41")
async def test_a_replacement_deprecates_what_it_names(house):
    old, new = fictional_cda(title="V1"), fictional_cda(title="V2")
    await house.provide(old)
    target = house.document().entry.entry_id
    submission = submission_of(new)
    link = Association(association_id="r1", kind=REPLACES, source="Document01", target=target)
    body = provide_body(replace(submission, associations=(*submission.associations, link)))

    first = await house.client.call("repository", PROVIDE, body, [new])
    again = await house.client.call("repository", PROVIDE, body, [new])

    states = {each.title: each.availability for each in house.practice.documents()}
    assert first.outcome == "Success"
    assert states == {"V1": Availability.DEPRECATED, "V2": Availability.APPROVED}
    assert again.codes == ["XDSRegistryDeprecatedDocumentError"]


@pytest.mark.requirement("ITI-41")
async def test_a_document_of_another_author_is_not_replaced(house):
    foreign = replace(CAMILLE_MARTIN, national_id="899900063480", structure_id="499900063480001")
    await house.provide(fictional_cda(author=foreign))
    new = fictional_cda()
    submission = submission_of(new)
    link = Association(association_id="r", kind=REPLACES, source="Document01", target=house.document().entry.entry_id)
    body = provide_body(replace(submission, associations=(*submission.associations, link)))

    answer = await house.client.call("repository", PROVIDE, body, [new])

    assert answer.codes == ["XDSReplaceFailed"]
    assert house.document().availability is Availability.APPROVED


@pytest.mark.requirement("ITI-41")
async def test_a_structure_files_and_finds_references_to_its_own_only(house):
    automaton = {"mode": "INDIRECTE", "role": "AUTOMATE", "role_system": "1.2.250.1.213.1.1.4.6", "subject": STRUCTURE}
    practice = house.practice
    service = practice.write(lambda tx: declare_service(tx, practice))
    await house.provide(fictional_cda(title="Dr Martin"))

    filed = await house.provide(fictional_cda(title="Service"), **automaton)
    whole = await house.client.call("registry", STORED_QUERY, query_body(), **automaton)
    references = await house.client.call("registry", STORED_QUERY, query_body(returned="ObjectRef"), **automaton)
    read = await house.retrieve(practice.documents()[0].entry.unique_id, **automaton)

    own = next(each for each in practice.documents() if each.title == "Service")
    assert (filed.outcome, own.filing.filed_by) == ("Success", service)
    assert (whole.ids("ExtrinsicObject"), references.ids("ObjectRef")) == ([], [own.entry.entry_id])
    assert read.codes == ["XDSDocumentUniqueIdError"]


def declare_service(tx, practice: Practice) -> str:
    """The department takes care of the patient; returns its account."""
    service = next(each for each in professionals(tx) if each.type is MailboxType.ORG)
    declare_care(tx, practice.patient.id, service.account_id, until=None, now=practice.clock.now())
    return service.account_id


@pytest.mark.requirement("ITI-18")
async def test_what_the_reader_may_not_see_is_absent(house):
    await house.provide(fictional_cda())
    entry = house.document().entry
    mask(house, house.document(), by_other=True)

    found = await house.find()
    by_uuid = await house.client.call(
        "registry", STORED_QUERY, query_body(GET_DOCUMENTS, XDSDocumentEntryEntryUUID=f"('{entry.entry_id}')")
    )
    links = await house.client.call(
        "registry", STORED_QUERY, query_body(GET_ASSOCIATIONS, uuid=f"('{entry.entry_id}')")
    )
    retrieved = await house.retrieve(entry.unique_id)

    assert (found.outcome, found.ids("ExtrinsicObject")) == ("Success", [])
    assert (by_uuid.ids("ExtrinsicObject"), links.ids("Association")) == ([], [])
    assert (retrieved.outcome, retrieved.codes) == ("Failure", ["XDSDocumentUniqueIdError"])
    assert house.acts()[-1] == ("read_document", "V_DOC_MASQUE_PRO")


def mask(house: House, found: RecordedDocument, *, by_other: bool) -> None:
    """Mask a document as if it had been filed by a colleague."""
    values = {"masked": True, "masked_by": "titulaire", **({"filed_by": None} if by_other else {})}
    statement = update(document_entry).where(document_entry.c.id == found.id).values(**values)
    house.practice.write(lambda tx: tx.execute(statement) and None)


GET_DOCUMENTS = "5c4f972b-d56b-40ac-a5fc-c8ca9b40b9d4"
GET_ASSOCIATIONS = "a7ae438b-4bc2-4642-93e9-be891f7bb155"


@pytest.mark.requirement("ITI-18")
async def test_a_blocked_professional_finds_nothing_of_others(house):
    practice = house.practice
    await house.provide(fictional_cda())
    practice.write(lambda tx: block(tx, practice.patient.id, practice.doctor.account_id, now=practice.clock.now()))

    found = await house.find()

    assert found.ids("ExtrinsicObject") == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (query_body("0" * 8 + "-0000-0000-0000-" + "0" * 12), "XDSUnknownStoredQuery"),
        (query_body(returned="RegistryObject"), "XDSRegistryError"),
        (query_body(XDSDocumentEntryStatus=""), "XDSRegistryError"),
        (query_body(XDSDocumentEntryPatientId=f"'{OTHER}'"), "XDSPatientIdDoesNotMatch"),
        (query_body(XDSDocumentEntryClassCode="('10')"), "XDSRegistryError"),
        (query_body(GET_DOCUMENTS), "XDSStoredQueryMissingParam"),
        (
            query_body(GET_DOCUMENTS, XDSDocumentEntryEntryUUID="('a')", XDSDocumentEntryUniqueId="('b')"),
            "XDSStoredQueryParamNumber",
        ),
    ],
)
@pytest.mark.requirement("ITI-18")
async def test_a_faulty_query_has_its_error(house, body: str, code: str):
    await house.provide(fictional_cda())

    answer = await house.client.call("registry", STORED_QUERY, body)

    assert (answer.status, answer.outcome, answer.codes) == (200, "Failure", [code])


@pytest.mark.requirement("ITI-43")
async def test_a_retrieve_answers_what_it_can(house):
    cda = fictional_cda()
    await house.provide(cda)
    known = house.document().entry.unique_id

    answer = await house.retrieve(known, "1.2.3", house.document().entry.entry_id)
    elsewhere = await house.client.call("repository", RETRIEVE, retrieve_body("1.2.3.4", known))

    assert (answer.outcome, answer.codes) == ("PartialSuccess", ["XDSDocumentUniqueIdError"] * 2)
    assert list(answer.attachments.values()) == [cda]
    assert elsewhere.codes == ["XDSUnknownRepositoryId"]


async def test_a_patient_without_record_is_unknown(house):
    other = "2790351215001" + "00"
    answer = await house.client.call(
        "registry", STORED_QUERY, query_body(), patient=f"{other}^^^&1.2.250.1.213.1.4.10&ISO^NH"
    )

    assert answer.codes == ["XDSUnknownPatientId"]


@pytest.mark.parametrize("name", ["iti18", "iti18_refs", "iti41", "iti43", "iti57"])
@pytest.mark.requirement("ITI-18")
async def test_answers_are_valid_by_their_schema(house, corpus, name: str):
    cda = fictional_cda()
    provided = await house.provide(cda)
    answers = {
        "iti18": house.find,
        "iti18_refs": lambda: house.find(returned="ObjectRef"),
        "iti43": lambda: house.retrieve(house.document().entry.unique_id, "1.2.3"),
        "iti57": lambda: house.update(state_body(house.document(), "urn:x")),
    }
    answer = provided if name == "iti41" else await answers[name]()
    files = {"iti18": "query.xsd", "iti18_refs": "query.xsd", "iti43": "XDS.b_DocumentRepository.xsd"}
    for include in answer.body.xpath("//*[local-name()='Include']"):
        include.getparent().text = "AAAA"
        include.getparent().remove(include)

    schema = etree.XMLSchema(etree.parse(corpus / "xsd" / "xds-v3" / files.get(name, "rs.xsd")))

    schema.assertValid(etree.fromstring(etree.tostring(answer.body)))


@pytest.mark.parametrize(("reason", "found"), [("Patient inconscient aux urgences", 1), ("", 0)])
@pytest.mark.requirement("ITI-18")
async def test_an_emergency_access_needs_its_reason(house, reason: str, found: int):
    await house.provide(fictional_cda())
    practice = house.practice
    practice.write(lambda tx: forget_filer(tx) or end_care(tx, practice))
    emergency = {"purpose": "bris_de_glace", "reason": reason}

    ordinary = await house.find()
    urgent = await house.client.call("registry", STORED_QUERY, query_body(), **emergency)
    read = await house.retrieve(house.document().entry.unique_id, **emergency)

    assert ordinary.ids("ExtrinsicObject") == []
    assert (len(urgent.ids("ExtrinsicObject")), len(read.attachments)) == (found, found)
    last = practice.history()[-1]
    assert (last.mode, "NOTIF_URGENCE_TITULAIRE" in last.obligations) == ("bris_de_glace", bool(found))


def forget_filer(tx) -> None:
    """Make every document that of a colleague."""
    tx.execute(update(document_entry).values(filed_by=None))


def end_care(tx, practice: Practice) -> None:
    """End the care relation of Dr Martin."""
    now = practice.clock.now()
    declare_care(tx, practice.patient.id, practice.doctor.account_id, until=now - timedelta(days=1), now=now)
