"""A clock that goes backwards, a fact that is missing, a database that fails: whatever was loaded, never a permit."""

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import timedelta

import pytest
import sqlalchemy

from access_core import rights, sharing
from access_core.activation import Activation, activate
from access_core.acts import Act
from access_core.care import declare_care, end_care, in_care
from access_core.case_acts import BY_CARD, SIGNED_IN, Asking
from access_core.case_facts import delivery_facts, filing_facts, reading_facts, reply_facts
from access_core.case_inputs import (
    CaseFacts,
    DocumentFacts,
    ExchangeFacts,
    FilingRequest,
    ReadingRequest,
    ReplyRequest,
    Session,
    local_sender,
)
from access_core.consent import AccessLevel
from access_core.decision import Verdict
from access_core.facts import Auth, Context, Delegation, Exchange, Resource, Subject
from access_core.performing import settle
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.representation import end_representation, represent
from access_core.sharing import Invitation
from tests.conftest import NOON
from tests.fictional.people import INS_PERE, add_active_patient, add_child, add_martin
from tests.fictional.space import as_doctor, as_person
from vaguemestre.kernel.clock import ManualClock
from vaguemestre.kernel.database import DATABASE_ERRORS, Database, Transaction
from vaguemestre.kernel.errors import TemporaryFailure

DAY = timedelta(days=1)
TYPE = "11502-2"
Loader = Callable[[Transaction], CaseFacts]


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOON))


@pytest.fixture
def lea(database: Database, martin: Professional) -> Profile:
    added = database.write_now(lambda tx: add_active_patient(tx, NOON, email="lea@example.org"))
    database.write_now(lambda tx: declare_care(tx, added.id, martin.account_id, until=None, now=NOON))
    return added


@pytest.fixture
def paul(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOON, INS_PERE, given="Paul"))


@pytest.fixture
def cases(lea: Profile, martin: Professional) -> dict[str, Loader]:
    """The loaders of the acts on messages and documents; each case is permitted at noon."""
    document, doctor = DocumentFacts(type_code=TYPE, filed_at=NOON), local_sender(martin)
    filing = FilingRequest(sender=doctor, ins=lea.ins, document=document, now=NOON)
    by_doctor = ReadingRequest(reader=doctor, profile=lea, document=document, session=BY_CARD, now=NOON)
    by_holder = replace(by_doctor, reader=lea, session=SIGNED_IN)
    exchange = ExchangeFacts(conversation=Exchange.OUVERTE)
    reply = ReplyRequest(profile=lea, actor=lea, exchange=exchange, session=SIGNED_IN, now=NOON)
    return {
        "deliver": lambda tx: delivery_facts(tx, doctor, lea.ins, now=NOON),
        "file": lambda tx: filing_facts(tx, filing),
        "read": lambda tx: reading_facts(tx, by_doctor),
        "own": lambda tx: reading_facts(tx, by_holder),
        "reply": lambda tx: reply_facts(tx, reply),
    }


def read(database: Database, lea: Profile, martin: Professional, clock: ManualClock) -> Reason:
    """Why the doctor may, or may not, read a document of the day before yesterday."""
    document = DocumentFacts(type_code=TYPE, filed_at=NOON - 9 * DAY)
    request = ReadingRequest(
        reader=local_sender(martin), profile=lea, document=document, session=BY_CARD, now=clock.now()
    )
    return database.read_now(lambda tx: reading_facts(tx, request)).decide().reason


def write(database: Database, profile: Profile, actor: Profile, clock: ManualClock) -> Reason:
    """Why ACTOR may, or may not, answer for PROFILE."""
    exchange = ExchangeFacts(conversation=Exchange.OUVERTE)
    request = ReplyRequest(profile=profile, actor=actor, exchange=exchange, session=SIGNED_IN, now=clock.now())
    return database.read_now(lambda tx: reply_facts(tx, request)).decide().reason


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_care_is_not_there_before_it_was_declared_nor_again_after_it_was_ended(
    database: Database, lea: Profile, martin: Professional, clock: ManualClock
) -> None:
    at_noon = read(database, lea, martin, clock)
    clock.advance(-DAY)
    before = read(database, lea, martin, clock)
    clock.advance(3 * DAY)
    database.write_now(lambda tx: end_care(tx, lea.id, martin.account_id, now=clock.now()))
    clock.advance(-DAY)
    ended = read(database, lea, martin, clock)

    assert at_noon is Reason.OK
    assert Reason.OK not in {before, ended}
    assert not database.read_now(lambda tx: in_care(tx, lea.id, martin.account_id, now=clock.now()))


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_consent_that_was_withdrawn_expired_or_recorded_later_does_not_come_back(
    database: Database, lea: Profile, martin: Professional, clock: ManualClock
) -> None:
    clock.advance(DAY)
    collected = as_doctor(lea, clock.now(), martin)
    database.write_now(lambda tx: rights.record_consent(tx, collected, AccessLevel.CONSULTER, collected=True))
    given = read(database, lea, martin, clock)
    clock.advance(-timedelta(seconds=1))
    not_yet = read(database, lea, martin, clock)
    clock.advance(2 * DAY)
    asking = as_person(lea, clock.now())
    database.write_now(lambda tx: rights.withdraw_access(tx, asking, martin.account_id))
    clock.advance(-DAY)
    withdrawn = read(database, lea, martin, clock)
    database.write_now(lambda tx: rights.block_professional(tx, asking, martin.account_id))
    clock.advance(-DAY)
    blocked = read(database, lea, martin, clock)

    assert (given, withdrawn, blocked) == (Reason.OK, Reason.C_CONSENTEMENT_EXPIRE, Reason.C_PRO_BLOQUE)
    assert not_yet is not Reason.OK


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_a_carer_and_a_representative_have_nothing_before_nor_again_after(
    database: Database, lea: Profile, paul: Profile, clock: ManualClock
) -> None:
    newborn = database.write_now(lambda tx: add_child(tx, NOON))
    database.write_now(lambda tx: represent(tx, newborn.id, paul.id, now=clock.now()))
    child = database.write_now(lambda tx: activate(tx, newborn.id, Activation(activated_at=NOON)))
    wanted = Invitation(target=paul, kind=Delegation.AIDANT, declared=True)
    shared = database.write_now(lambda tx: sharing.invite(tx, as_person(lea, clock.now()), wanted)).value
    assert shared is not None
    answering = as_person(lea, clock.now(), paul)
    database.write_now(lambda tx: sharing.respond(tx, answering, shared.id, accept=True))

    def reasons() -> list[Reason]:
        return [write(database, profile, paul, clock) for profile in (lea, child)]

    during = reasons()
    clock.advance(-DAY)
    before = reasons()
    clock.advance(3 * DAY)
    database.write_now(lambda tx: sharing.revoke(tx, as_person(lea, clock.now()), shared.id))
    database.write_now(lambda tx: end_representation(tx, child.id, paul.id, now=clock.now()))
    clock.advance(-DAY)
    after = reasons()

    assert during == [Reason.OK, Reason.OK]
    assert before == after == [Reason.H_REPRESENTANT_NON_RECONNU] * 2


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
@pytest.mark.parametrize("minutes", [{"since_min": -1}, {"idle_min": -1}], ids=["signed in later", "used later"])
def test_a_session_of_negative_minutes_is_no_session(
    database: Database, lea: Profile, martin: Professional, minutes: dict[str, int]
) -> None:
    document = DocumentFacts(type_code=TYPE, filed_at=NOON)
    professional, patient = Session(auth=Auth.PSC_ECPS, **minutes), Session(auth=Auth.LOGIN_OTP, **minutes)
    requests = [
        ReadingRequest(reader=local_sender(martin), profile=lea, document=document, session=professional, now=NOON),
        ReadingRequest(reader=lea, profile=lea, document=document, session=patient, now=NOON),
    ]

    decisions = [database.read_now(lambda tx, each=each: reading_facts(tx, each)).decide() for each in requests]

    assert {(each.verdict, each.reason) for each in decisions} == {(Verdict.DENY, Reason.A_SESSION_EXPIREE)}


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_a_document_filed_later_than_now_is_read_by_nobody(
    database: Database, lea: Profile, martin: Professional
) -> None:
    document = DocumentFacts(type_code=TYPE, filed_at=NOON + DAY)
    own = ReadingRequest(reader=lea, profile=lea, document=document, session=SIGNED_IN, now=NOON)
    his = replace(own, reader=local_sender(martin), session=BY_CARD)

    decisions = [database.read_now(lambda tx, each=each: reading_facts(tx, each)).decide() for each in (own, his)]

    assert {(each.verdict, each.reason) for each in decisions} == {(Verdict.DENY, Reason.D_SERVICE_INDISPONIBLE)}


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
@pytest.mark.parametrize("name", ["deliver", "file", "read", "own", "reply"])
def test_whichever_fact_is_missing_there_is_no_permit(database: Database, cases: dict[str, Loader], name: str) -> None:
    case = database.read_now(cases[name])
    missing = [
        *(replace(case, subject=replace(case.subject, **{each.name: None})) for each in fields(Subject)),
        *(replace(case, resource=replace(case.resource, **{each.name: None})) for each in fields(Resource)),
        *(
            replace(case, context=replace(case.context, **{each.name: None}))
            for each in fields(Context)
            if each.name not in {"matrix", "majorite"}  # settings of the product, not facts
        ),
    ]

    assert case.decide().allowed
    assert {each.decide().verdict for each in missing} == {Verdict.DENY}


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
@pytest.mark.parametrize(
    ("name", "table"),
    [
        ("deliver", "profile"),
        ("deliver", "minor_secret"),
        ("file", "profile"),
        ("file", "care_relation"),
        ("file", "filing_objection"),
        ("file", "preference"),
        ("file", "identity_check"),
        ("read", "authorisation"),
        ("read", "care_relation"),
        ("read", "preference"),
        ("read", "first_access"),
    ],
)
def test_facts_that_cannot_be_loaded_make_no_case(
    database: Database, cases: dict[str, Loader], name: str, table: str
) -> None:
    if table == "minor_secret":  # asked of minors only
        database.write_now(lambda tx: tx.execute(sqlalchemy.text("UPDATE profile SET birth_date = '2016-03-12'")))
    assert database.read_now(cases[name]).decide().allowed
    database.write_now(lambda tx: tx.execute(sqlalchemy.text(f"ALTER TABLE {table} RENAME TO gone")))

    with pytest.raises((TemporaryFailure, *DATABASE_ERRORS)):  # what `settle` puts off
        database.read_now(cases[name])


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
@pytest.mark.parametrize("broken", ["representation", "delegation", "preference", "profile"])
def test_an_act_whose_facts_cannot_be_loaded_is_put_off(
    database: Database, lea: Profile, paul: Profile, broken: str
) -> None:
    asking: Asking = as_person(lea, NOON, paul)
    database.write_now(lambda tx: tx.execute(sqlalchemy.text(f"ALTER TABLE {broken} RENAME TO gone")))

    outcome = settle(
        database, asking, Act.MASK_DOCUMENT, lambda tx: rights.set_default_masking(tx, asking, masked=True)
    )

    assert (outcome.decision.verdict, outcome.decision.reason) == (Verdict.DEFER, Reason.D_SERVICE_INDISPONIBLE)
    assert outcome.value is None
