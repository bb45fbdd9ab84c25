"""Folders by XDS: made by ITI-41 with their documents, completed later, found by the stored queries."""

from dataclasses import replace
from datetime import timedelta

import pytest

from dmp_bridge.record.erasure import erase_record
from dmp_bridge.record.folders import folders_of
from dmp_bridge.xds.identifiers import CX
from dmp_bridge.xds.metadata import (
    APPROVED,
    DELETED,
    HAS_MEMBER,
    MASKED_FROM_PROFESSIONALS,
    NORMAL,
    Association,
    Code,
    Folder,
    Submission,
)
from tests.fictional.xds_client import PATIENT, Answered
from tests.unit.dmp_bridge.conftest import on_each_engine
from tests.unit.dmp_bridge.xds_house import House
from tests.unit.dmp_bridge.xds_vectors import (
    PROVIDE,
    STORED_QUERY,
    provide_body,
    query_body,
    state_body,
    submission_of,
    visibility_body,
)
from vaguemestre.app.demo.fictional_documents import fictional_cda

FIND, GET = "958f3006-baad-4929-a4de-ff1114824431", "5737b14c-8a1a-4539-b659-e03a34a5e1e4"
CONTENTS, OF_DOCUMENT = "b909a503-523d-4517-8acf-8e5834dfc4c7", "10cae35a-c7f9-4cf5-b61e-fc3278ffb578"
ALL = "10b545ea-725c-446d-9b95-8aeb444eddf3"
DIABETES = Code("44054006", "2.16.840.1.113883.6.96", "Diabète de type 2")
FOLDER = Folder(
    entry_id="Folder01",
    unique_id="2.25.4242",
    patient_id=CX(PATIENT),
    title="Suivi du diabète",
    comments="Depuis 2020",
    codes=(DIABETES,),
)
OTHER = CX("188102B17295264^^^&1.2.250.1.213.1.4.10&ISO^NH")


def member(folder: str, document: str) -> Association:
    slots = {"SubmissionSetStatus": ("Original",)}
    return Association(association_id="in01", kind=HAS_MEMBER, source=folder, target=document, slots=slots)


def with_folder(submission: Submission, *folders: Folder, links: tuple[Association, ...] = ()) -> Submission:
    return replace(submission, folders=folders, associations=(*submission.associations, *links))


async def provide(house: House, submission: Submission, cda: bytes) -> Answered:
    return await house.client.call("repository", PROVIDE, provide_body(submission), [cda])


async def file_in_folder(house: House) -> Submission:
    """File a document in a folder that is made for it."""
    cda = fictional_cda()
    submission = submission_of(cda)
    (entry,) = submission.entries
    made = with_folder(submission, FOLDER, links=(member("Folder01", entry.entry_id),))
    assert (await provide(house, made, cda)).outcome == "Success"
    return made


async def ask(house: House, query: str, returned: str = "LeafClass", **slots: str) -> Answered:
    return await house.client.call("registry", STORED_QUERY, query_body(query, returned, **slots))


async def find(house: House, **slots: str) -> list[str]:
    named = {"XDSFolderPatientId": f"'{PATIENT}'", "XDSFolderStatus": f"('{APPROVED}')", **slots}
    return (await ask(house, FIND, **named)).ids("RegistryPackage")


@on_each_engine
@pytest.mark.requirement("ITI-41")
@pytest.mark.requirement("ITI-18")
async def test_a_folder_is_made_with_its_document_and_found_by_every_query(house):
    await file_in_folder(house)
    (kept,) = house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id))
    entry = house.document().entry.entry_id
    named = {"XDSFolderEntryUUID": f"('{kept.entry_id}')"}

    found = await find(house)
    got = await ask(house, GET, XDSFolderUniqueId="('2.25.4242')")
    contents = await ask(house, CONTENTS, XDSFolderEntryUUID=f"'{kept.entry_id}'")
    holding = await ask(house, OF_DOCUMENT, XDSDocumentEntryEntryUUID=f"'{entry}'")
    whole = await ask(
        house,
        ALL,
        patientId=f"'{PATIENT}'",
        **{f"XDS{kind}Status": f"('{APPROVED}')" for kind in ("DocumentEntry", "SubmissionSet", "Folder")},
    )
    both = await ask(house, GET, **named, XDSFolderUniqueId="('2.25.4242')")

    assert replace(kept, entry_id="Folder01", updated_at=None) == FOLDER
    assert found == got.ids("RegistryPackage") == holding.ids("RegistryPackage") == [kept.entry_id]
    assert contents.ids("ExtrinsicObject") == [entry]
    assert len(contents.ids("Association")) == 1
    assert kept.entry_id in whole.ids("RegistryPackage")
    assert len(whole.ids("Association")) == 3
    assert both.codes == ["XDSStoredQueryParamNumber"]


@pytest.mark.requirement("ITI-18")
async def test_folders_are_found_by_code_and_time(house):
    await file_in_folder(house)

    assert len(await find(house, XDSFolderCodeList="('44054006^^2.16.840.1.113883.6.96')")) == 1
    assert await find(house, XDSFolderCodeList="('1^^2.16.840.1.113883.6.96')") == []
    assert len(await find(house, XDSFolderLastUpdateTimeFrom="2020")) == 1
    assert await find(house, XDSFolderLastUpdateTimeTo="2020") == []
    assert await find(house, XDSFolderStatus="('urn:oasis:names:tc:ebxml-regrep:StatusType:Deprecated')") == []


@pytest.mark.requirement("ITI-41")
async def test_documents_old_and_new_are_put_into_a_folder_that_is_there(house):
    await house.provide(fictional_cda(title="Ancien"))
    old = house.document().entry.entry_id
    await file_in_folder(house)
    (kept,) = house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id))
    cda = fictional_cda(title="Nouveau")
    submission = submission_of(cda)
    links = (
        member(kept.entry_id, submission.entries[0].entry_id),
        replace(member(kept.entry_id, old), association_id="in02"),
    )

    answer = await provide(house, with_folder(submission, links=links), cda)
    contents = await ask(house, CONTENTS, XDSFolderEntryUUID=f"'{kept.entry_id}'")

    assert answer.outcome == "Success"
    assert len(contents.ids("ExtrinsicObject")) == 3


@pytest.mark.requirement("ITI-41")
@pytest.mark.parametrize(
    ("folder", "target", "code"),
    [
        (replace(FOLDER, unique_id=""), "", "XDSRegistryMetadataError"),
        (replace(FOLDER, patient_id=OTHER), "", "XDSPatientIdDoesNotMatch"),
        (FOLDER, f"urn:uuid:{'0' * 8}-0000-4000-8000-{'0' * 12}", "UnresolvedReferenceException"),
    ],
)
async def test_a_folder_that_cannot_be_kept_takes_all_with_it(house, folder, target, code):
    cda = fictional_cda()
    submission = submission_of(cda)
    links = (member("Folder01", target or submission.entries[0].entry_id),)

    answer = await provide(house, with_folder(submission, folder, links=links), cda)

    assert answer.codes == [code]
    assert house.practice.documents() == []
    assert house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id)) == []


@pytest.mark.requirement("ITI-41")
async def test_a_folder_is_made_once(house):
    await file_in_folder(house)
    cda = fictional_cda()

    again = await provide(house, with_folder(submission_of(cda), FOLDER), cda)

    assert again.codes == ["XDSDuplicateUniqueIdInRegistry"]
    assert len(house.practice.documents()) == 1


async def test_a_folder_of_somebody_who_may_see_nothing_of_it_is_absent(house):
    await file_in_folder(house)
    (kept,) = house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id))
    cda = fictional_cda()
    unknown = replace(kept, entry_id=f"urn:uuid:{'1' * 8}-1111-4111-8111-{'1' * 12}")
    links = (member(unknown.entry_id, submission_of(cda).entries[0].entry_id),)

    answer = await provide(house, with_folder(submission_of(cda), links=links), cda)

    assert answer.codes == ["UnresolvedReferenceException"]


async def test_a_masked_document_stays_in_its_folder_and_a_deleted_one_leaves_it(house):
    await file_in_folder(house)
    before = house.document()

    await house.update(visibility_body(before, [NORMAL, MASKED_FROM_PROFESSIONALS]))
    latest = house.document()
    masked = await ask(house, CONTENTS, XDSFolderUniqueId="'2.25.4242'")
    await house.update(state_body(latest, DELETED))

    assert latest.entry.entry_id in masked.ids("ExtrinsicObject")
    assert await find(house) == []


async def test_a_folder_goes_on_without_the_document_that_was_deleted(house, clock):
    first = await file_in_folder(house)
    (kept,) = house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id))
    gone = house.document()
    cda = fictional_cda(title="Reste")
    submission = submission_of(cda)
    links = (member(kept.entry_id, submission.entries[0].entry_id),)
    await provide(house, with_folder(submission, links=links), cda)
    clock.advance(timedelta(minutes=4))

    await house.update(state_body(gone, DELETED))
    contents = await ask(house, CONTENTS, XDSFolderEntryUUID=f"'{kept.entry_id}'")
    (after,) = house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id))

    assert len(first.entries) == 1
    assert contents.ids("ExtrinsicObject") == [house.document().entry.entry_id]
    assert after.updated_at > kept.updated_at


async def test_a_record_that_is_erased_keeps_no_folder(house):
    await file_in_folder(house)

    house.practice.write(lambda tx: erase_record(tx, house.practice.patient.id))

    assert house.practice.write(lambda tx: folders_of(tx, house.practice.patient.id)) == []
