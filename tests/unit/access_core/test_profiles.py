"""Profiles and the life of their status."""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from access_core.accounts import AccountState, AlreadyExists, account_by_id
from access_core.activation import Activation, activate
from access_core.authentication.totp import has_totp
from access_core.profiles import (
    STATUS_CHANGES,
    Profile,
    ProfileConflict,
    ProfileStatus,
    close,
    declare_death,
    open_announced,
    oppose,
    profile_by_account,
    profile_by_id,
    profile_by_ins,
    reopen,
    suspend,
)
from access_core.representation import represent, representatives_of, represented_by
from tests.fictional.people import (
    INS_MERE,
    INS_PERE,
    INS_TANTE,
    add_active_patient,
    add_child,
    add_patient,
)
from vaguemestre.kernel.database import Database, Transaction

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
CREDENTIALS = Activation(activated_at=NOW, encoded_password="$argon2id$", sealed_totp=b"sealed")
Change = Callable[[Transaction, str], Profile]
CHANGES: dict[ProfileStatus, Change] = {
    ProfileStatus.NON_ACTIVE: partial(open_announced, now=NOW),
    ProfileStatus.ACTIF: lambda tx, profile_id: activate(tx, profile_id, CREDENTIALS),
    ProfileStatus.OPPOSE: partial(oppose, now=NOW),
    ProfileStatus.CLOS: partial(close, now=NOW),
    ProfileStatus.SUSPENDU: partial(suspend, now=NOW),
    ProfileStatus.DECEDE: partial(declare_death, now=NOW),
}


def in_status(tx: Transaction, status: ProfileStatus) -> Profile:
    if status is ProfileStatus.ANNONCE:
        return add_patient(tx, NOW, opens_at=NOW + timedelta(days=42))
    added = add_patient(tx, NOW)
    return added if status is ProfileStatus.NON_ACTIVE else CHANGES[status](tx, added.id)


def test_a_patient_added_waits_for_activation_and_is_found_each_way(database: Database) -> None:
    added = database.write_now(lambda tx: add_patient(tx, NOW, email="lea@example.org"))

    found = database.read_now(
        lambda tx: (profile_by_ins(tx, INS_MERE), profile_by_id(tx, added.id), profile_by_account(tx, added.account_id))
    )

    assert found == (added, added, added)
    assert added.status is ProfileStatus.NON_ACTIVE
    assert (added.name, added.birth_date, added.email) == ("Léa Dupond", date(1979, 3, 12), "lea@example.org")


def test_one_ins_has_one_profile(database: Database) -> None:
    database.write_now(lambda tx: add_patient(tx, NOW))

    with pytest.raises(AlreadyExists):
        database.write_now(lambda tx: add_patient(tx, NOW))


def test_a_profile_does_not_show_whose_it_is_in_a_traceback(database: Database) -> None:
    added = database.write_now(lambda tx: add_patient(tx, NOW))

    text = repr(added)

    assert "Dupond" not in text
    assert "27903" not in text


def test_activation_gives_password_and_second_factor(database: Database) -> None:
    added = database.write_now(lambda tx: add_patient(tx, NOW))

    active = database.write_now(lambda tx: activate(tx, added.id, CREDENTIALS))

    assert active.status is ProfileStatus.ACTIF
    assert database.read_now(lambda tx: has_totp(tx, added.account_id))


def test_an_adult_is_not_activated_without_credentials(database: Database) -> None:
    added = database.write_now(lambda tx: add_patient(tx, NOW))

    with pytest.raises(ProfileConflict, match="password"):
        database.write_now(lambda tx: activate(tx, added.id, Activation(activated_at=NOW)))


@pytest.mark.requirement("VGM:PROFILE-LIFE")
@pytest.mark.parametrize("after", STATUS_CHANGES)
@pytest.mark.parametrize("before", ProfileStatus)
def test_a_status_changes_only_as_the_table_says(
    before: ProfileStatus, after: ProfileStatus, tmp_path_factory: pytest.TempPathFactory
) -> None:
    database = Database(f"sqlite:///{tmp_path_factory.mktemp('status')}/catalogue.db")
    database.create_all()
    profile = database.write_now(lambda tx: in_status(tx, before))

    try:
        changed = database.write_now(lambda tx: CHANGES[after](tx, profile.id)).status
    except ProfileConflict:
        changed = before
    database.close()

    assert changed is (after if before in STATUS_CHANGES[after] else before)


@pytest.mark.parametrize("shut", [oppose, close, suspend])
@pytest.mark.parametrize("activated", [True, False])
def test_reopening_gives_back_the_status_before(
    database: Database, shut: Callable[..., Profile], *, activated: bool
) -> None:
    add = add_active_patient if activated else add_patient
    profile = database.write_now(lambda tx: add(tx, NOW))

    database.write_now(lambda tx: shut(tx, profile.id, now=NOW))
    suspended = database.read_now(lambda tx: account_by_id(tx, profile.account_id))
    reopened = database.write_now(lambda tx: reopen(tx, profile.id, now=NOW))

    assert reopened.status is profile.status
    assert suspended is not None
    assert suspended.state is AccountState.SUSPENDED
    account = database.read_now(lambda tx: account_by_id(tx, profile.account_id))
    assert account is not None
    assert account.state is AccountState.ACTIVE


@pytest.mark.parametrize("status", [ProfileStatus.NON_ACTIVE, ProfileStatus.ACTIF, ProfileStatus.DECEDE])
def test_only_a_shut_profile_reopens(database: Database, status: ProfileStatus) -> None:
    profile = database.write_now(lambda tx: in_status(tx, status))

    with pytest.raises(ProfileConflict):
        database.write_now(lambda tx: reopen(tx, profile.id, now=NOW))


def test_an_unknown_profile_is_a_conflict(database: Database) -> None:
    with pytest.raises(ProfileConflict, match="not found"):
        database.write_now(lambda tx: close(tx, "0" * 32, now=NOW))


def test_a_child_is_represented_and_may_be_activated_without_credentials(database: Database) -> None:
    mother = database.write_now(lambda tx: add_active_patient(tx, NOW))
    child = database.write_now(lambda tx: add_child(tx, NOW))

    database.write_now(lambda tx: represent(tx, child.id, mother.id, now=NOW))
    database.write_now(lambda tx: represent(tx, child.id, mother.id, now=NOW))
    active = database.write_now(lambda tx: activate(tx, child.id, Activation(activated_at=NOW)))

    assert database.read_now(lambda tx: represented_by(tx, mother.id, now=NOW)) == [active]
    assert database.read_now(lambda tx: representatives_of(tx, child.id, now=NOW)) == [mother]


def test_a_representation_ends_at_its_date_and_at_majority(database: Database) -> None:
    mother = database.write_now(lambda tx: add_active_patient(tx, NOW))
    father = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE, given="Paul"))
    child = database.write_now(lambda tx: add_child(tx, NOW))
    database.write_now(lambda tx: represent(tx, child.id, mother.id, now=NOW, until=NOW + timedelta(days=1)))
    database.write_now(lambda tx: represent(tx, child.id, father.id, now=NOW))

    tomorrow, majority = NOW + timedelta(days=1), datetime(2034, 3, 12, tzinfo=UTC)
    by_mother = database.read_now(lambda tx: represented_by(tx, mother.id, now=tomorrow))
    by_father = database.read_now(lambda tx: represented_by(tx, father.id, now=majority - timedelta(seconds=1)))
    at_majority = database.read_now(lambda tx: represented_by(tx, father.id, now=majority))

    assert (by_mother, [each.id for each in by_father], at_majority) == ([], [child.id], [])


def test_two_representatives_at_most(database: Database) -> None:
    adults = [
        database.write_now(lambda tx, ins=ins: add_active_patient(tx, NOW, ins))
        for ins in (INS_MERE, INS_PERE, INS_TANTE)
    ]
    child = database.write_now(lambda tx: add_child(tx, NOW))
    for adult in adults[:2]:
        database.write_now(lambda tx, adult=adult: represent(tx, child.id, adult.id, now=NOW))

    with pytest.raises(ProfileConflict, match="two"):
        database.write_now(lambda tx: represent(tx, child.id, adults[2].id, now=NOW))


def test_neither_an_adult_nor_oneself_is_represented_nor_by_someone_inactive(database: Database) -> None:
    mother = database.write_now(lambda tx: add_active_patient(tx, NOW))
    father = database.write_now(lambda tx: add_patient(tx, NOW, INS_PERE))
    child = database.write_now(lambda tx: add_child(tx, NOW))

    for represented, by in ((father, mother), (mother, mother), (child, child), (child, father)):
        with pytest.raises(ProfileConflict):
            database.write_now(lambda tx, a=represented, b=by: represent(tx, a.id, b.id, now=NOW))


@pytest.mark.parametrize(
    ("on", "age"),
    [("2026-03-11T23:59:59+00:00", 46), ("2026-03-12T00:00:00+00:00", 47), ("1979-03-12T00:00:00+00:00", 0)],
)
def test_age_counts_birthdays(database: Database, on: str, age: int) -> None:
    profile = database.write_now(lambda tx: add_patient(tx, NOW))

    assert profile.age(datetime.fromisoformat(on)) == age
