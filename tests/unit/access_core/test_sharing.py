"""Sharing a profile: second representative, carers, their limits, answers, ends and attestations."""

from datetime import UTC, date, datetime, timedelta

import pytest

from access_core import delegation, rights, sharing
from access_core.activation import Activation, activate
from access_core.attestations import AttestationKind, attestations_of
from access_core.case_facts import reply_facts
from access_core.case_inputs import ExchangeFacts, ReplyRequest, Session
from access_core.decision import Verdict
from access_core.delegation import Delegation, DelegationConflict, DelegationState
from access_core.facts import Auth, Exchange
from access_core.facts import Delegation as Kind
from access_core.performing import Outcome
from access_core.profiles import Profile, suspend
from access_core.reasons import Reason
from access_core.representation import represent, representatives_of
from access_core.sharing import Invitation
from tests.fictional.people import INS_PERE, INS_TANTE, add_active_patient, add_child, ins_of
from tests.fictional.space import as_person, traced
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))


@pytest.fixture
def paul(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE, given="Paul"))


@pytest.fixture
def child(database: Database, lea: Profile) -> Profile:
    added = database.write_now(lambda tx: add_child(tx, NOW))
    database.write_now(lambda tx: represent(tx, added.id, lea.id, now=NOW))
    return database.write_now(lambda tx: activate(tx, added.id, Activation(activated_at=NOW)))


def others(database: Database, count: int) -> list[Profile]:
    return [
        database.write_now(lambda tx, n=n: add_active_patient(tx, NOW, ins_of(f"28003512150{n:02d}"), given=f"P{n}"))
        for n in range(count)
    ]


def ask(
    database: Database, profile: Profile, asker: Profile, invitation: Invitation, now: datetime = NOW
) -> Outcome[Delegation]:
    asking = as_person(profile, now, asker)
    return database.write_now(lambda tx: sharing.invite(tx, asking, invitation))


def respond(
    database: Database, invited: Outcome[Delegation], person: Profile, now: datetime = NOW, *, accept: bool = True
) -> Outcome[Delegation]:
    assert invited.value is not None
    shared = invited.value

    def work(tx):
        profile = sharing.profile_by_id(tx, shared.profile_id)
        return sharing.respond(tx, as_person(profile, now, person), shared.id, accept=accept)

    return database.write_now(work)


def carer(person: Profile, until: datetime | None = None, *, declared: bool = True) -> Invitation:
    return Invitation(target=person, kind=Kind.AIDANT, declared=declared, until=until)


def writes(database: Database, profile: Profile, actor: Profile, now: datetime = NOW) -> Reason:
    """Why ACTOR may, or may not, write from the space of PROFILE."""
    request = ReplyRequest(
        profile=profile,
        actor=actor,
        exchange=ExchangeFacts(conversation=Exchange.OUVERTE),
        session=Session(auth=Auth.LOGIN_OTP),
        now=now,
    )
    return database.read_now(lambda tx: reply_facts(tx, request)).decide().reason


@pytest.mark.requirement("VGM:DELEGATION")
def test_a_carer_acts_from_her_acceptance_to_the_end_and_both_are_attested(
    database: Database, lea: Profile, paul: Profile
) -> None:
    invited = ask(database, lea, lea, carer(paul, NOW + 10 * DAY))
    before = writes(database, lea, paul)
    accepted = respond(database, invited, paul)
    after = [writes(database, lea, paul, NOW + days * DAY) for days in (0, 9, 10)]

    assert (invited.decision.verdict, invited.decision.reason) == (Verdict.DEFER, Reason.C_ACCEPTATION_EN_ATTENTE)
    assert (before, accepted.decision.verdict) == (Reason.H_REPRESENTANT_NON_RECONNU, Verdict.PERMIT)
    assert after == [Reason.OK, Reason.OK, Reason.H_REPRESENTANT_NON_RECONNU]
    [proof] = database.read_now(lambda tx: attestations_of(tx, lea.id))
    assert (proof.kind, "Paul" in proof.statement) == (AttestationKind.CARER_STARTS, True)


def test_a_carer_s_access_that_began_later_gives_nothing_before(
    database: Database, lea: Profile, paul: Profile
) -> None:
    respond(database, ask(database, lea, lea, carer(paul)), paul)

    assert writes(database, lea, paul, NOW - DAY) is Reason.H_REPRESENTANT_NON_RECONNU


@pytest.mark.requirement("VGM:DELEGATION")
def test_three_carers_for_a_profile_invited_ones_included(database: Database, lea: Profile) -> None:
    people = others(database, 5)
    first, *_ = [ask(database, lea, lea, carer(each)) for each in people[:3]]

    fourth = ask(database, lea, lea, carer(people[3]))
    respond(database, first, people[0], accept=False)
    instead = ask(database, lea, lea, carer(people[3]))
    lapsed = ask(database, lea, lea, carer(people[4]), NOW + 31 * DAY)

    assert (fourth.decision.reason, fourth.value) == (Reason.H_LIMITE_DELEGATIONS, None)
    assert [instead.decision.verdict, lapsed.decision.verdict] == [Verdict.DEFER, Verdict.DEFER]


@pytest.mark.requirement("VGM:DELEGATION")
def test_five_profiles_for_a_carer(database: Database, paul: Profile) -> None:
    people = others(database, 6)

    outcomes = [respond(database, ask(database, each, each, carer(paul)), paul) for each in people[:5]]
    sixth = ask(database, people[5], people[5], carer(paul))

    assert {each.decision.verdict for each in outcomes} == {Verdict.PERMIT}
    assert sixth.decision.reason is Reason.H_LIMITE_DELEGATIONS


@pytest.mark.requirement("VGM:DELEGATION")
def test_what_a_sharing_needs(database: Database, lea: Profile, paul: Profile) -> None:
    database.write_now(lambda tx: suspend(tx, paul.id, now=NOW))
    active = others(database, 1)[0]

    undeclared = ask(database, lea, lea, carer(active, declared=False))
    inactive = ask(database, lea, lea, carer(paul))
    adult = ask(database, lea, lea, Invitation(target=active, kind=Kind.SECOND_RL, declared=True))

    reasons = [each.decision.reason for each in (undeclared, inactive, adult)]
    assert reasons == [Reason.H_DECLARATION_REQUISE, Reason.D_CIBLE_NON_ACTIVE, Reason.H_REPRESENTANT_NON_RECONNU]
    assert [reason for _, _, reason in traced(database, lea)] == reasons
    assert database.read_now(lambda tx: delegation.delegations_of(tx, lea.id, now=NOW)) == []


def test_the_same_person_is_invited_once_and_not_oneself(database: Database, lea: Profile, paul: Profile) -> None:
    ask(database, lea, lea, carer(paul))

    for again in (paul, lea):
        with pytest.raises(DelegationConflict):
            ask(database, lea, lea, carer(again))


@pytest.mark.requirement("VGM:DELEGATION")
def test_a_second_parent_represents_the_child_and_there_is_no_third(
    database: Database, lea: Profile, paul: Profile, child: Profile
) -> None:
    second = Invitation(target=paul, kind=Kind.SECOND_RL, declared=True)
    aunt = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_TANTE, given="Anne"))

    invited = ask(database, child, lea, second)
    third_invited = ask(database, child, lea, Invitation(target=aunt, kind=Kind.SECOND_RL, declared=True))
    respond(database, invited, paul)
    third = ask(database, child, paul, Invitation(target=aunt, kind=Kind.SECOND_RL, declared=True))

    represented = database.read_now(lambda tx: representatives_of(tx, child.id, now=NOW))
    assert {each.id for each in represented} == {lea.id, paul.id}
    assert writes(database, child, paul) is Reason.OK
    assert {third_invited.decision.reason, third.decision.reason} == {Reason.H_LIMITE_DELEGATIONS}


def test_an_answer_after_the_invitation_lapsed_or_by_another_is_none(
    database: Database, lea: Profile, paul: Profile
) -> None:
    invited = ask(database, lea, lea, carer(paul))
    stranger = others(database, 1)[0]

    for person, now in ((stranger, NOW), (paul, NOW + 30 * DAY)):
        with pytest.raises(DelegationConflict):
            respond(database, invited, person, now)
    declined = respond(database, invited, paul, accept=False)
    with pytest.raises(DelegationConflict):
        respond(database, invited, paul)

    assert declined.decision.reason is Reason.C_ACCEPTATION_REFUSEE
    assert declined.value is not None
    assert declined.value.state is DelegationState.REFUSEE
    assert traced(database, lea)[-1] == ("delegate_access", "DENY", "C_ACCEPTATION_REFUSEE")


def test_the_answer_rests_on_the_rights_of_who_asked_by_then(
    database: Database, lea: Profile, paul: Profile, child: Profile
) -> None:
    invited = ask(database, child, lea, carer(paul))
    database.write_now(lambda tx: sharing.revoke_representative(tx, as_person(child, NOW, lea), lea.id))

    late = respond(database, invited, paul)

    assert late.decision.reason is Reason.H_REPRESENTANT_NON_RECONNU
    assert writes(database, child, paul) is Reason.H_REPRESENTANT_NON_RECONNU


@pytest.mark.requirement("VGM:DELEGATION")
def test_a_carer_ends_her_own_access_and_nobody_else_s(database: Database, lea: Profile, paul: Profile) -> None:
    anne = others(database, 1)[0]
    shared = {
        person.id: respond(database, ask(database, lea, lea, carer(person)), person).value for person in (paul, anne)
    }

    def revoke(actor: Profile, whose: Profile) -> Reason:
        found = shared[whose.id]
        assert found is not None
        asking = as_person(lea, NOW, actor)
        return database.write_now(lambda tx: sharing.revoke(tx, asking, found.id)).decision.reason

    other, own, by_holder = revoke(paul, anne), revoke(paul, paul), revoke(lea, anne)

    assert (other, own, by_holder) == (Reason.H_REPRESENTANT_NON_RECONNU, Reason.OK, Reason.OK)
    assert writes(database, lea, paul) is Reason.H_REPRESENTANT_NON_RECONNU
    proofs = database.read_now(lambda tx: [each.kind for each in attestations_of(tx, lea.id)])
    assert proofs.count(AttestationKind.CARER_ENDS) == 2
    with pytest.raises(DelegationConflict):
        revoke(lea, anne)


@pytest.mark.requirement("VGM:MAJORITY")
def test_a_representation_counts_to_the_last_second_of_minority(
    database: Database, lea: Profile, child: Profile
) -> None:
    majority = datetime(2034, 3, 12, tzinfo=UTC)

    def masks(now: datetime) -> Reason:
        asking = as_person(child, now, lea)
        return database.write_now(lambda tx: rights.set_default_masking(tx, asking, masked=True)).decision.reason

    last, first = masks(majority - timedelta(microseconds=1)), masks(majority)

    assert child.majority() == majority
    assert (last, first) == (Reason.OK, Reason.H_REPRESENTANT_NON_RECONNU)


@pytest.mark.parametrize(
    ("born", "majority"),
    [
        (date(2008, 2, 29), datetime(2026, 3, 1, tzinfo=UTC)),
        (date(2006, 2, 28), datetime(2024, 2, 28, tzinfo=UTC)),
        (date(2016, 12, 31), datetime(2034, 12, 31, tzinfo=UTC)),
    ],
)
def test_majority_and_age_agree(database: Database, born: date, majority: datetime) -> None:
    person = database.write_now(lambda tx: add_active_patient(tx, NOW, birth_date=born))

    before, after = person.age(majority - timedelta(microseconds=1)), person.age(majority)

    assert (person.majority(), before, after) == (majority, 17, 18)
