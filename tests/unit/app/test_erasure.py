"""Erasing a space for ever, in every store, and opening it again, empty."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import func, select

from access_core import life
from access_core.closing import erase
from access_core.life import Closing
from access_core.profiles import profile_by_id
from dmp_bridge import tables as record_tables
from dmp_bridge.record.documents import documents_of
from smtp_gateway.conversation import conversations_of_patient
from tests.fictional.patient_space import PatientSpace
from tests.fictional.space import as_person
from vaguemestre.app.demo.fictional_documents import fictional_cda
from vaguemestre.app.erasure import space_eraser

ENTRY_TABLES = ("submission_set", "document_entry", "record_author", "document_code", "document_association")


@pytest.fixture
def space(tmp_path: Path) -> Iterator[PatientSpace]:
    made = PatientSpace(tmp_path)
    yield made
    made.close()


def rows(space: PatientSpace) -> dict[str, int]:
    """How many rows each table of the record holds."""
    tables = [getattr(record_tables, name) for name in ENTRY_TABLES]
    return {
        table.name: space.database.read_now(
            lambda tx, table=table: tx.execute(select(func.count()).select_from(table)).scalar_one()
        )
        for table in tables
    }


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
async def test_an_erased_space_leaves_nothing_to_read_and_opens_again_empty(space: PatientSpace) -> None:
    await space.write("Votre bilan")
    space.file(fictional_cda())
    before, patient = rows(space), space.patient
    asking = as_person(patient, space.clock.now())
    space.database.write_now(lambda tx: life.close(tx, asking, Closing(confirmed=True, delete=True)))

    now = space.clock.now() + timedelta(days=60)
    eraser = space_eraser(space.store)
    space.database.write_now(lambda tx: erase(tx, patient, eraser, now=now))
    left = space.database.read_now(
        lambda tx: (
            documents_of(tx, patient.id),
            conversations_of_patient(tx, patient.id),
            space.store.folders(tx, patient.account_id),
        )
    )
    again = as_person(patient, now)
    space.database.write_now(lambda tx: life.reopen(tx, again, space.store.create_mailbox))

    assert min(before.values()) > 0
    assert set(rows(space).values()) == {0}
    assert left == ([], [], [])
    fresh = space.database.read_now(lambda tx: profile_by_id(tx, patient.id))
    assert fresh is not None
    folders = space.database.read_now(lambda tx: space.store.folders(tx, fresh.account_id))
    assert [folder.name for folder in folders][:1] == ["INBOX"]


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
async def test_the_professional_keeps_her_own_mail(space: PatientSpace) -> None:
    await space.write("Votre bilan")
    kept = space.database.read_now(lambda tx: space.store.folders(tx, space.doctor.account_id))

    space.database.write_now(lambda tx: erase(tx, space.patient, space_eraser(space.store), now=space.clock.now()))

    assert space.database.read_now(lambda tx: space.store.folders(tx, space.doctor.account_id)) == kept
