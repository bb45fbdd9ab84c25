"""The life of a space against the clock: announced, opposed, suspended, closed, erased, opened again."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from access_core import life
from access_core.accounts import AccountState, account_by_id
from access_core.attestations import attestations_of
from access_core.care import declare_care, in_care
from access_core.case_acts import Asking
from access_core.case_facts import delivery_facts
from access_core.case_inputs import remote_sender
from access_core.closing import Holding, erase, holding_of, restore
from access_core.config import LifeSettings
from access_core.life import Closing, Recording
from access_core.obligations import NOTICE_TASK
from access_core.profiles import NewProfile, Profile, ProfileConflict, ProfileStatus, close, profile_by_id
from access_core.reasons import Reason
from tests.conftest import NOON
from tests.fictional.people import INS_MERE, add_active_patient, add_martin, add_patient
from tests.fictional.space import as_person, traced
from tests.unit.access_core.conftest import Advance, Erasures
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.outbox import task

DAY = timedelta(days=1)
RULES = LifeSettings()
KEEP, DELETE = Closing(confirmed=True, delete=False), Closing(confirmed=True, delete=True)


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOON, email="lea@example.org"))


def status(database: Database, profile: Profile) -> ProfileStatus:
    found = database.read_now(lambda tx: profile_by_id(tx, profile.id))
    assert found is not None
    return found.status


def recording(clock: ManualClock) -> Recording:
    return Recording(by="op", now=clock.now(), rules=RULES)


def announce(database: Database, clock: ManualClock, email: str | None = "lea@example.org") -> Profile:
    new = NewProfile(
        ins=INS_MERE,
        family="Dupond",
        given="Léa",
        birth_date=NOON.date(),
        sex="F",
        created_at=clock.now(),
        email=email,
        opens_at=clock.now() + timedelta(days=RULES.opening_days),
    )
    return database.write_now(lambda tx: life.announce(tx, new))


def ask(profile: Profile, clock: ManualClock) -> Asking:
    return as_person(profile, clock.now())


@pytest.mark.requirement("VGM:PROFILE-LIFE")
def test_an_announced_space_opens_after_six_weeks_and_is_not_there_before(
    database: Database, clock: ManualClock, wait: Advance
) -> None:
    added = announce(database, clock)
    sender = remote_sender("a@b.mssante.fr")

    wait(42 * DAY - timedelta(seconds=1))
    before = database.read_now(lambda tx: delivery_facts(tx, sender, INS_MERE, now=clock.now())).decide()
    wait(timedelta(seconds=1))
    after = database.read_now(lambda tx: delivery_facts(tx, sender, INS_MERE, now=clock.now())).decide()

    assert (before.reason, after.reason) == (Reason.D_PROFIL_INEXISTANT, Reason.OK)
    assert status(database, added) is ProfileStatus.NON_ACTIVE
    account = database.read_now(lambda tx: account_by_id(tx, added.account_id))
    assert account is not None
    assert account.state is AccountState.ACTIVE
    told = database.read_now(
        lambda tx: tx.execute(select(task.c.key).where(task.c.kind == NOTICE_TASK)).scalars().all()
    )
    assert [key.split(":")[0] for key in told] == ["announcement"]


def test_who_has_no_email_is_told_by_post(database: Database, clock: ManualClock) -> None:
    added = announce(database, clock, email=None)

    assert [act for act, _, _ in traced(database, added)] == ["announcement_by_post"]


@pytest.mark.requirement("VGM:PROFILE-LIFE")
def test_an_opposed_space_never_opens_and_its_holder_has_the_proof(
    database: Database, clock: ManualClock, wait: Advance
) -> None:
    added = announce(database, clock)

    proof = database.write_now(lambda tx: life.oppose(tx, added, recording(clock)))
    wait(50 * DAY)

    assert status(database, added) is ProfileStatus.OPPOSE
    assert database.read_now(lambda tx: attestations_of(tx, added.id)) == [proof]
    assert "23/11/2026" in proof.statement


@pytest.mark.requirement("VGM:PROFILE-LIFE")
def test_a_suspended_space_closes_after_six_weeks_without_objection(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance
) -> None:
    database.write_now(lambda tx: life.suspend(tx, lea, recording(clock)))

    wait(41 * DAY)
    before = status(database, lea)
    wait(DAY)

    assert (before, status(database, lea)) == (ProfileStatus.SUSPENDU, ProfileStatus.CLOS)
    assert database.read_now(lambda tx: holding_of(tx, lea.id)).erase_at == clock.now().replace(year=2037)


def test_an_objection_starts_the_six_weeks_afresh(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance
) -> None:
    database.write_now(lambda tx: life.suspend(tx, lea, recording(clock)))
    wait(30 * DAY)
    database.write_now(lambda tx: life.reopen(tx, ask(lea, clock), _no_mailbox))
    open_again = status(database, lea)
    database.write_now(lambda tx: life.suspend(tx, lea, recording(clock)))

    wait(12 * DAY)

    assert (open_again, status(database, lea)) == (ProfileStatus.ACTIF, ProfileStatus.SUSPENDU)


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
@pytest.mark.parametrize("kept", [(KEEP, 3653), (DELETE, RULES.deletion_days)], ids=["archive", "deletion"])
def test_what_a_closed_space_held_is_erased_once_its_time_has_come(
    database: Database,
    clock: ManualClock,
    wait: Advance,
    erasures: Erasures,
    *,
    lea: Profile,
    kept: tuple[Closing, int],
) -> None:
    how, days = kept
    martin = database.write_now(lambda tx: add_martin(tx, NOON))
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOON))
    closed = database.write_now(lambda tx: life.close(tx, ask(lea, clock), how))

    wait((days - 1) * DAY)
    before = list(erasures.accounts)
    wait(DAY)
    wait(DAY)

    assert closed.decision.allowed
    assert (before, erasures.accounts) == ([], [lea.account_id])
    assert not database.read_now(lambda tx: in_care(tx, lea.id, martin.account_id, now=NOON))
    assert traced(database, lea)[-1] == ("profile_erased", "PERMIT", "OK")


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
def test_a_space_closed_needs_the_password_again(database: Database, clock: ManualClock, lea: Profile) -> None:
    unconfirmed = Closing(confirmed=False, delete=True)

    refused = database.write_now(lambda tx: life.close(tx, ask(lea, clock), unconfirmed))

    assert refused.decision.reason is Reason.A_CONFIRMATION_REQUISE
    assert status(database, lea) is ProfileStatus.ACTIF
    assert database.read_now(lambda tx: holding_of(tx, lea.id)) == Holding(None, None, None)


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
def test_opening_again_before_the_erasure_gives_the_archive_back(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance, erasures: Erasures
) -> None:
    database.write_now(lambda tx: life.close(tx, ask(lea, clock), DELETE))
    wait(10 * DAY)

    database.write_now(lambda tx: life.reopen(tx, ask(lea, clock), _no_mailbox))
    wait(100 * DAY)

    assert (status(database, lea), erasures.accounts) == (ProfileStatus.ACTIF, [])


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
def test_opening_again_after_the_erasure_gives_an_empty_space_to_activate(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance
) -> None:
    mailboxes: list[str] = []
    database.write_now(lambda tx: life.close(tx, ask(lea, clock), DELETE))
    wait(RULES.deletion_days * DAY)

    reopened = database.write_now(
        lambda tx: life.reopen(tx, ask(lea, clock), lambda _tx, mailbox_id: mailboxes.append(mailbox_id))
    )

    found = database.read_now(lambda tx: profile_by_id(tx, lea.id))
    assert found is not None
    assert reopened.decision.allowed
    assert (found.status, mailboxes) == (ProfileStatus.NON_ACTIVE, [found.account_id])
    assert found.account_id != lea.account_id
    old, new = (database.read_now(lambda tx, a=a: account_by_id(tx, a)) for a in (lea.account_id, found.account_id))
    assert old is not None
    assert new is not None
    assert (old.state, new.state, new.login) == (AccountState.CLOSED, AccountState.ACTIVE, lea.ins.value)


@pytest.mark.requirement("VGM:SCHEDULE")
def test_an_erasure_that_fails_is_done_later_and_marks_nothing_before(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance, erasures: Erasures
) -> None:
    database.write_now(lambda tx: life.close(tx, ask(lea, clock), DELETE))
    erasures.away = True
    wait(RULES.deletion_days * DAY)
    during = database.read_now(lambda tx: holding_of(tx, lea.id))
    erasures.away = False

    wait(DAY)

    assert (during.erased_at, erasures.accounts) == (None, [lea.account_id])
    assert database.read_now(lambda tx: holding_of(tx, lea.id)).erased_at == clock.now()


@pytest.mark.parametrize("closed_before", [True, False])
def test_the_dead_have_their_archive_for_ten_years_or_what_they_asked(
    database: Database, clock: ManualClock, wait: Advance, erasures: Erasures, *, lea: Profile, closed_before: bool
) -> None:
    if closed_before:
        database.write_now(lambda tx: life.close(tx, ask(lea, clock), DELETE))
    database.write_now(lambda tx: life.record_death(tx, lea, recording(clock)))

    wait(RULES.deletion_days * DAY)
    early = list(erasures.accounts)
    wait(3653 * DAY)
    shut = database.write_now(lambda tx: life.reopen(tx, ask(lea, clock), _no_mailbox))

    assert early == ([lea.account_id] if closed_before else [])
    assert erasures.accounts == [lea.account_id]
    assert shut.decision.reason is Reason.D_TITULAIRE_DECEDE


@pytest.mark.parametrize("delete", [True, False])
def test_a_space_that_was_never_activated_closes_on_a_written_request(
    database: Database, clock: ManualClock, *, delete: bool
) -> None:
    added = database.write_now(lambda tx: add_patient(tx, NOON))

    refused = database.write_now(lambda tx: life.close(tx, ask(added, clock), KEEP))
    database.write_now(lambda tx: life.close_unopened(tx, added, recording(clock), delete=delete))

    assert refused.decision.reason is Reason.D_PROFIL_NON_ACTIVE
    held = database.read_now(lambda tx: holding_of(tx, added.id))
    assert held.erase_at == (NOON + RULES.deletion_days * DAY if delete else NOON.replace(year=2036))


def test_an_archive_that_was_erased_is_not_restored(database: Database, clock: ManualClock, lea: Profile) -> None:
    database.write_now(lambda tx: close(tx, lea.id, now=NOON))
    database.write_now(lambda tx: erase(tx, lea, Erasures(), now=NOON))

    with pytest.raises(ProfileConflict):
        database.write_now(lambda tx: restore(tx, lea.id))


@pytest.mark.requirement("VGM:SCHEDULE")
def test_a_plan_is_done_once_by_a_clock_that_jumps(database: Database, clock: ManualClock, wait: Advance) -> None:
    announced = announce(database, clock)

    found = []
    for days in (-1, RULES.opening_days + 1, -3, 3):
        wait(days * DAY)
        found.append(status(database, announced))

    assert found == [ProfileStatus.ANNONCE, *[ProfileStatus.NON_ACTIVE] * 3]
    assert [act for act, _, _ in traced(database, announced)].count("profile_opened") == 1


def _no_mailbox(_tx: Transaction, _mailbox_id: str) -> None:
    raise AssertionError("an archive is restored: no mailbox is made")
