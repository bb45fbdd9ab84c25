"""Care relations: declared, direct or through a service, and over at their end."""

from datetime import UTC, datetime, timedelta

import pytest

from access_core.care import PRESUMED, Care, care_of, declare_care, end_care, in_care, set_informed
from access_core.professionals import Professional
from access_core.profiles import Profile
from tests.fictional.people import INS_PERE, add_martin, add_patient, add_service
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
TOMORROW = NOW + timedelta(days=1)
MARTIN = "camille.martin@demo.mssante.fr"


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOW))


@pytest.fixture
def patient(database: Database) -> Profile:
    return database.write_now(lambda tx: add_patient(tx, NOW))


def cares(database: Database, patient: Profile, professional: Professional, at: datetime = NOW) -> bool:
    return database.read_now(lambda tx: in_care(tx, patient.id, professional.account_id, now=at))


def declare(database: Database, patient: Profile, professional: Professional, until: datetime | None = None) -> None:
    database.write_now(lambda tx: declare_care(tx, patient.id, professional.account_id, until=until, now=NOW))


def test_care_is_what_was_declared_for_this_patient(database: Database, martin: Professional, patient: Profile) -> None:
    other = database.write_now(lambda tx: add_patient(tx, NOW, INS_PERE))
    before = cares(database, patient, martin)

    declare(database, patient, martin)

    assert (before, cares(database, patient, martin), cares(database, other, martin)) == (False, True, False)


def test_care_ends_at_its_date_which_a_new_declaration_replaces(
    database: Database, martin: Professional, patient: Profile
) -> None:
    declare(database, patient, martin, TOMORROW)
    just_before = cares(database, patient, martin, TOMORROW - timedelta(microseconds=1))
    at_the_end = cares(database, patient, martin, TOMORROW)

    declare(database, patient, martin)

    assert (just_before, at_the_end, cares(database, patient, martin, TOMORROW)) == (True, False, True)


def test_care_is_ended_once(database: Database, martin: Professional, patient: Profile) -> None:
    declare(database, patient, martin, TOMORROW)

    ended = [
        database.write_now(lambda tx: end_care(tx, patient.id, martin.account_id, now=NOW + timedelta(hours=1)))
        for _ in range(2)
    ]

    assert ended == [True, False]
    assert not cares(database, patient, martin, NOW + timedelta(hours=1))


def test_members_take_part_in_the_care_of_their_service(
    database: Database, martin: Professional, patient: Profile
) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW, MARTIN))

    declare(database, patient, service)

    assert cares(database, patient, martin)
    assert cares(database, patient, service)


def test_the_service_does_not_take_part_in_what_a_member_does_alone(
    database: Database, martin: Professional, patient: Profile
) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW, MARTIN))

    declare(database, patient, martin)

    assert not cares(database, patient, service)


def test_whether_the_patient_is_informed_is_kept(database: Database, martin: Professional, patient: Profile) -> None:
    declare(database, patient, martin)

    database.write_now(lambda tx: set_informed(tx, patient.id, martin.account_id, informed=False))

    found = database.read_now(lambda tx: care_of(tx, patient.id, martin.account_id, now=NOW))
    assert found == Care(informed=False, until=None, presumed_until=NOW + PRESUMED)
