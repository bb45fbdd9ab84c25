"""Adults under protection: who acts for them, since when, until when."""

from datetime import UTC, date, datetime, timedelta
from functools import partial

import pytest

from access_core import life, rights, sharing
from access_core.acts import Act
from access_core.case_acts import SIGNED_IN, act_facts
from access_core.case_facts import reading_facts, reply_facts
from access_core.case_inputs import DocumentFacts, ExchangeFacts, ReadingRequest, ReplyRequest
from access_core.config import LifeSettings
from access_core.delegation import DelegationConflict
from access_core.facts import Exchange
from access_core.life import Recording
from access_core.profiles import Profile, ProfileConflict
from access_core.protection import is_protected
from access_core.reasons import Reason
from access_core.representation import represent, representatives_of, represented_by
from access_core.sharing import end_for_majority
from tests.fictional.people import INS_ENFANT, INS_PERE, INS_TANTE, add_active_patient, add_child, ins_of
from tests.fictional.space import as_person, traced
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW))


@pytest.fixture
def paul(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE, given="Paul"))


@pytest.fixture
def jeanne(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, INS_TANTE, given="Jeanne"))


def recording(now: datetime = NOW) -> Recording:
    return Recording(by="op", now=now, rules=LifeSettings())


def protect(database: Database, adult: Profile, by: Profile, now: datetime = NOW) -> None:
    database.write_now(lambda tx: life.protect(tx, adult, by, recording(now)))


def unprotect(database: Database, adult: Profile, by: Profile, now: datetime = NOW) -> None:
    database.write_now(lambda tx: life.unprotect(tx, adult, by, recording(now)))


def acts(database: Database, adult: Profile, actor: Profile, now: datetime = NOW) -> set[Reason]:
    """What the engine says when ACTOR reads, writes and acts on the space of ADULT."""
    document = DocumentFacts(type_code="11502-2", filed_at=now)
    reading = ReadingRequest(reader=actor, profile=adult, document=document, session=SIGNED_IN, now=now)
    reply = ReplyRequest(
        profile=adult,
        actor=actor,
        exchange=ExchangeFacts(conversation=Exchange.OUVERTE),
        session=SIGNED_IN,
        now=now,
    )
    asking = as_person(adult, now, actor)
    cases = database.read_now(
        lambda tx: [reading_facts(tx, reading), reply_facts(tx, reply), act_facts(tx, asking, Act.UNBLOCK_PROFESSIONAL)]
    )
    return {each.decide().reason for each in cases}


@pytest.mark.requirement("VGM:DELEGATION")
def test_a_protector_acts_as_legal_representative_while_the_protection_lasts(
    database: Database, lea: Profile, paul: Profile
) -> None:
    before = acts(database, lea, paul)
    protect(database, lea, paul)
    during, her_own = acts(database, lea, paul), acts(database, lea, lea)
    spaces = database.read_now(lambda tx: represented_by(tx, paul.id, now=NOW))
    unprotect(database, lea, paul)

    assert (before, during, her_own) == ({Reason.H_REPRESENTANT_NON_RECONNU}, {Reason.OK}, {Reason.OK})
    assert spaces == [lea]
    assert acts(database, lea, paul) == {Reason.H_REPRESENTANT_NON_RECONNU}
    assert database.read_now(lambda tx: represented_by(tx, paul.id, now=NOW)) == []
    assert [act for act, _, _ in traced(database, lea)] == ["protection_declared", "protection_ended"]


def test_the_protection_lasts_as_long_as_somebody_protects(
    database: Database, lea: Profile, paul: Profile, jeanne: Profile
) -> None:
    protect(database, lea, paul)
    protect(database, lea, jeanne)

    unprotect(database, lea, paul)
    one_left = acts(database, lea, jeanne)
    unprotect(database, lea, jeanne)
    protect(database, lea, paul, NOW + DAY)

    assert one_left == {Reason.OK}
    assert acts(database, lea, jeanne, NOW + DAY) == {Reason.H_REPRESENTANT_NON_RECONNU}
    assert acts(database, lea, paul, NOW + DAY) == {Reason.OK}


def test_who_cannot_protect(database: Database, lea: Profile, paul: Profile, jeanne: Profile) -> None:
    child = database.write_now(lambda tx: add_child(tx, NOW))
    third = database.write_now(lambda tx: add_active_patient(tx, NOW, ins_of("1710351215009"), given="Luc"))
    for each in (paul, jeanne):
        protect(database, lea, each)

    for adult, by in ((lea, third), (child, paul), (paul, paul), (paul, child)):
        with pytest.raises(ProfileConflict):
            protect(database, adult, by)
    with pytest.raises(ProfileConflict):
        unprotect(database, paul, lea)

    assert not database.read_now(lambda tx: is_protected(tx, paul.id, now=NOW))
    assert {each.id for each in database.read_now(lambda tx: representatives_of(tx, lea.id, now=NOW))} == {
        paul.id,
        jeanne.id,
    }


def test_neither_side_ends_a_protection_by_an_act_of_its_own(database: Database, lea: Profile, paul: Profile) -> None:
    protect(database, lea, paul)

    for asking in (as_person(lea, NOW), as_person(lea, NOW, paul)):
        with pytest.raises(DelegationConflict):
            database.write_now(partial(sharing.revoke_representative, asking=asking, representative_id=paul.id))

    assert acts(database, lea, paul) == {Reason.OK}


@pytest.mark.parametrize("late", [False, True], ids=["majority first", "majority told late"])
def test_parents_do_not_stay_and_protectors_do(
    database: Database, paul: Profile, jeanne: Profile, *, late: bool
) -> None:
    born = date(2008, 11, 24)
    girl = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_ENFANT, given="Zoé", birth_date=born))
    database.write_now(lambda tx: represent(tx, girl.id, paul.id, now=NOW))
    come_of_age = NOW + DAY

    if not late:
        database.write_now(lambda tx: end_for_majority(tx, girl, now=come_of_age))
    protect(database, girl, jeanne, come_of_age)
    if late:
        database.write_now(lambda tx: end_for_majority(tx, girl, now=come_of_age))

    assert acts(database, girl, paul, come_of_age) == {Reason.H_REPRESENTANT_NON_RECONNU}
    assert acts(database, girl, jeanne, come_of_age) == {Reason.OK}


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_a_clock_that_goes_backwards_gives_a_protector_nothing(
    database: Database, lea: Profile, paul: Profile, jeanne: Profile
) -> None:
    protect(database, lea, paul)
    protect(database, lea, jeanne, NOW + DAY)
    not_yet = acts(database, lea, paul, NOW - DAY)
    unprotect(database, lea, paul, NOW + 2 * DAY)
    ended = acts(database, lea, paul, NOW + DAY)
    asking = as_person(lea, NOW - DAY, paul)
    refused = database.write_now(lambda tx: rights.set_default_masking(tx, asking, masked=True))

    assert Reason.OK not in not_yet | ended | {refused.decision.reason}
    assert database.read_now(lambda tx: is_protected(tx, lea.id, now=NOW - DAY)) is None
