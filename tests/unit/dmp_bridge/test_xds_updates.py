"""Metadata updates of the record by XDS (ITI-57): masking, visibility, archive, logical delete; nothing else."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from dmp_bridge.record.model import RecordedDocument
from dmp_bridge.tables import document_code, document_entry
from dmp_bridge.xds.metadata import (
    ARCHIVED,
    DELETED,
    DEPRECATED,
    HIDDEN_FROM_PATIENT,
    MASKED_FROM_PROFESSIONALS,
    NORMAL,
    Code,
)
from tests.unit.dmp_bridge.conftest import on_each_engine
from tests.unit.dmp_bridge.xds_house import House
from tests.unit.dmp_bridge.xds_vectors import state_body, visibility_body
from vaguemestre.app.demo.fictional_documents import fictional_cda


@on_each_engine
@pytest.mark.requirement("ITI-57")
async def test_an_author_masks_and_unmasks(house):
    await house.provide(fictional_cda())
    before = house.document()

    masked = await house.update(visibility_body(before, [NORMAL, MASKED_FROM_PROFESSIONALS]))
    hidden = house.document()
    old = await house.update(visibility_body(before, [NORMAL, MASKED_FROM_PROFESSIONALS]))
    unmasked = await house.update(visibility_body(hidden, [NORMAL], version="2"))
    deprecated = await house.find(XDSDocumentEntryStatus=f"('{DEPRECATED}')", returned="ObjectRef")

    assert (masked.outcome, unmasked.outcome, old.codes) == ("Success", "Success", ["XDSMetadataVersionError"])
    assert (hidden.masked, hidden.masked_by, hidden.version) == (True, "auteur", 2)
    assert (house.document().masked, house.document().version) == (False, 3)
    assert set(deprecated.ids("ObjectRef")) == {before.entry.entry_id, hidden.entry.entry_id}


@pytest.mark.requirement("ITI-57")
async def test_an_author_shows_what_waited_for_its_announcement(house):
    await house.provide(fictional_cda())
    found = house.document()
    statement = update(document_entry).where(document_entry.c.id == found.id).values(invisible_patient=True)
    house.practice.write(lambda tx: tx.execute(statement) and None)
    hide_code(house, found)
    hidden = house.document()

    answer = await house.update(visibility_body(hidden, [NORMAL]))
    back = await house.update(visibility_body(house.document(), [NORMAL, HIDDEN_FROM_PATIENT], version="2"))

    assert (answer.outcome, house.document().invisible_patient) == ("Success", False)
    assert back.codes == ["XDSMetadataUpdateError"]
    assert ("make_visible", "OK") in house.acts()


def hide_code(house: House, found: RecordedDocument) -> None:
    code = HIDDEN_FROM_PATIENT
    row = {"document_id": found.id, "kind": "confidentiality", "place": 9}
    values = {**row, "code": code.code, "scheme": code.scheme, "display": code.display}
    house.practice.write(lambda tx: tx.execute(document_code.insert(), values) and None)


@pytest.mark.requirement("ITI-57")
async def test_a_document_is_archived_restored_and_deleted(house):
    await house.provide(fictional_cda())
    found = house.document()

    archived = await house.update(state_body(found, ARCHIVED))
    wrong = await house.update(state_body(found, DELETED))
    restored = await house.update(state_body(found, found.availability.urn, original=ARCHIVED))
    deleted = await house.update(state_body(found, DELETED))
    gone = await house.update(state_body(found, ARCHIVED))

    assert [each.outcome for each in (archived, restored, deleted)] == ["Success"] * 3
    assert (wrong.codes, gone.codes) == (["XDSMetadataUpdateError"], ["UnresolvedReferenceException"])
    assert house.practice.documents() == []
    assert [act for act, _ in house.acts()[1:]] == ["archive_document", "unarchive_document", "delete_document"]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": "Autre"}, "XDSMetadataUpdateError"),
        ({"unique_id": "1.2.3"}, "XDSMetadataUpdateError"),
        ({"logical_id": None}, "XDSMetadataIdentifierError"),
        ({"logical_id": "urn:uuid:0"}, "XDSMetadataVersionError"),
        ({"type_code": None}, "XDSRegistryMetadataError"),
    ],
)
@pytest.mark.requirement("ITI-57")
async def test_nothing_but_visibility_can_be_changed(house, changes: dict[str, object], code: str):
    await house.provide(fictional_cda())
    found = house.document()

    codes: list[Code] = [NORMAL, MASKED_FROM_PROFESSIONALS]
    target = replace(found, entry=replace(found.entry, logical_id=changes.get("logical_id", found.entry.logical_id)))
    others = {name: value for name, value in changes.items() if name != "logical_id"}
    answer = await house.update(visibility_body(target, codes, **others))

    assert (answer.codes, house.document().version) == ([code], 1)


@pytest.mark.requirement("ITI-57")
async def test_a_colleague_may_not_mask_and_is_traced(house):
    await house.provide(fictional_cda())
    statement = update(document_entry).values(filed_by=None)
    house.practice.write(lambda tx: tx.execute(statement) and None)

    answer = await house.update(visibility_body(house.document(), [NORMAL, MASKED_FROM_PROFESSIONALS]))

    assert answer.codes == ["DMPAccessDeniedByRightsService"]
    assert house.acts()[-1] == ("mask_document", "H_AUTEUR_REQUIS")
    assert not house.document().masked
