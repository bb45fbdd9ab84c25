"""What comes due by time: majority, the end of sharings, tasks whose clock went backwards."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from access_core.activation import Activation, activate
from access_core.attestations import attestations_of
from access_core.config import LifeSettings
from access_core.delegation import delegations_of
from access_core.facts import Delegation
from access_core.majority import MAJORITY
from access_core.obligations import NOTICE_TASK
from access_core.planning import Due
from access_core.profiles import Profile
from access_core.representation import represent, representatives_of, represented_by
from access_core.schedule import Schedule
from access_core.sharing import Invitation, invite, respond
from tests.conftest import NOON
from tests.fictional.people import INS_PERE, add_active_patient, add_child
from tests.fictional.space import as_person, traced
from tests.unit.access_core.conftest import Advance, Erasures
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.errors import TemporaryFailure
from vaguemestre.kernel.outbox import Task, task

DAY = timedelta(days=1)
RULES = LifeSettings()


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOON, email="lea@example.org"))


@pytest.mark.requirement("VGM:MAJORITY")
def test_at_majority_the_worker_ends_what_hung_on_minority_once(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance
) -> None:
    child = database.write_now(lambda tx: add_child(tx, NOON))
    carer = database.write_now(lambda tx: add_active_patient(tx, NOON, INS_PERE, given="Paul", email="p@example.org"))
    database.write_now(lambda tx: represent(tx, child.id, lea.id, now=NOON))
    database.write_now(lambda tx: activate(tx, child.id, Activation(activated_at=NOON)))
    invitation = Invitation(target=carer, kind=Delegation.AIDANT, declared=True)
    invited = database.write_now(lambda tx: invite(tx, as_person(child, NOON, lea), invitation)).value
    assert invited is not None
    database.write_now(lambda tx: respond(tx, as_person(child, NOON, carer), invited.id, accept=True))

    wait(child.majority() - NOON - timedelta(seconds=1))
    before = len(database.read_now(lambda tx: representatives_of(tx, child.id, now=clock.now())))
    for _ in range(2):
        wait(timedelta(seconds=1))

    assert before == 1
    assert database.read_now(lambda tx: representatives_of(tx, child.id, now=clock.now())) == []
    assert database.read_now(lambda tx: delegations_of(tx, child.id, now=clock.now())) == []
    assert [act for act, _, _ in traced(database, child)].count("representation_ended") == 1
    keys = select(task.c.key).where(task.c.kind == NOTICE_TASK, task.c.key.startswith("majority"))
    told = database.read_now(lambda tx: tx.execute(keys).scalars().all())
    assert {key.split(":")[1] for key in told} == {lea.id, carer.id}


@pytest.mark.requirement("VGM:SCHEDULE")
@pytest.mark.parametrize("accepted", [True, False])
def test_a_sharing_or_an_invitation_ends_at_its_date_and_leaves_its_line(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance, *, accepted: bool
) -> None:
    carer = database.write_now(lambda tx: add_active_patient(tx, NOON, INS_PERE, given="Paul"))
    until = NOON + 90 * DAY
    invitation = Invitation(target=carer, kind=Delegation.AIDANT, declared=True, until=until)
    invited = database.write_now(lambda tx: invite(tx, as_person(lea, NOON), invitation)).value
    assert invited is not None
    if accepted:
        database.write_now(lambda tx: respond(tx, as_person(lea, NOON, carer), invited.id, accept=True))

    wait(30 * DAY)
    at_lapse = [act for act, _, _ in traced(database, lea)].count("delegation_ended")
    wait(60 * DAY)

    assert at_lapse == (0 if accepted else 1)
    assert [act for act, _, _ in traced(database, lea)].count("delegation_ended") == 1
    kinds = [each.kind for each in database.read_now(lambda tx: attestations_of(tx, lea.id))]
    assert kinds == (["aidant_debut", "aidant_fin"] if accepted else [])


@pytest.mark.requirement("VGM:SCHEDULE")
async def test_a_task_whose_clock_went_backwards_waits(clock: ManualClock, erasures: Erasures) -> None:
    due = clock.now() + timedelta(microseconds=1)
    handlers = Schedule(clock, RULES, erasures).handlers()

    for kind in Due:
        early = Task(id="t", kind=kind, key="k", payload={"id": "i", "at": due.isoformat()}, attempts=1)
        with pytest.raises(TemporaryFailure):
            await handlers[kind](early)

    assert set(handlers) == set(Due)


@pytest.mark.requirement("VGM:MAJORITY")
def test_the_age_of_majority_is_a_setting_that_a_planned_majority_follows(
    database: Database, clock: ManualClock, lea: Profile, wait: Advance
) -> None:
    child = database.write_now(lambda tx: add_child(tx, NOON))
    database.write_now(lambda tx: represent(tx, child.id, lea.id, now=NOON))
    at_18 = child.majority()

    MAJORITY.choose(21)
    try:
        wait(at_18 - NOON)
        at_eighteen = database.read_now(lambda tx: representatives_of(tx, child.id, now=clock.now()))
        represented = database.read_now(lambda tx: represented_by(tx, lea.id, now=clock.now()))
        wait(child.majority() - at_18)
        at_twenty_one = database.read_now(lambda tx: representatives_of(tx, child.id, now=clock.now()))
    finally:
        MAJORITY.choose(18)

    assert ([each.id for each in at_eighteen], [each.id for each in represented]) == ([lea.id], [child.id])
    assert at_twenty_one == []
    assert [act for act, _, _ in traced(database, child)].count("representation_ended") == 1
