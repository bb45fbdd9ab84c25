"""An act takes effect whole or not at all, and whatever goes wrong is never a permit."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy

from access_core import life, rights, sharing
from access_core.acts import Act
from access_core.case_acts import Asking, act_facts
from access_core.case_inputs import Session
from access_core.consent import AccessLevel, authorisation_of
from access_core.decision import Obligation, Verdict
from access_core.facts import Auth
from access_core.obligations import ObligationFailed
from access_core.performing import Doing, Outcome, perform, settle, settle_soon
from access_core.preferences import Preferences
from access_core.professionals import Professional
from access_core.profiles import Profile, ProfileStatus, profile_by_id
from access_core.reasons import Reason
from access_core.tables import authorisation, preference
from access_core.trace.decisions import About
from tests.fictional.people import add_active_patient, add_martin
from tests.fictional.space import as_doctor, as_person, traced
from vaguemestre.kernel.database import Database, Transaction

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
Work = Callable[[Transaction, Asking], Outcome[object]]


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOW))


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))


def granting(martin: Professional, *, told: str | None) -> Callable[[Transaction, Asking], Outcome[None]]:
    """A grant whose notice names TOLD, or nobody: the obligation then fails."""

    def work(tx: Transaction, asking: Asking) -> Outcome[None]:
        case = act_facts(tx, asking, Act.GRANT_ACCESS)
        level = AccessLevel.CONSULTER
        doing = Doing(
            about=About(resource_kind="consent"),
            effect=lambda tx: rights.grant_access(tx, asking, martin.account_id, level).value,
            professional_id=told,
        )
        return perform(tx, asking, case, doing)

    return work


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_a_permit_whose_obligation_fails_does_not_take_effect_and_is_traced(
    database: Database, lea: Profile, martin: Professional
) -> None:
    asking, work = as_person(lea, NOW), granting(martin, told=None)

    with pytest.raises(ObligationFailed):
        database.write_now(lambda tx: work(tx, asking))
    outcome = settle(database, asking, Act.GRANT_ACCESS, lambda tx: work(tx, asking))

    assert (outcome.decision.verdict, outcome.decision.reason) == (Verdict.DEFER, Reason.D_SERVICE_INDISPONIBLE)
    assert database.read_now(lambda tx: authorisation_of(tx, lea.id, martin.account_id)).consent is None
    assert traced(database, lea) == [("grant_access", "DEFER", "D_SERVICE_INDISPONIBLE")]


async def test_the_same_holds_in_an_event_loop(database: Database, lea: Profile, martin: Professional) -> None:
    asking, work = as_person(lea, NOW), granting(martin, told=None)

    failed = await settle_soon(database, asking, Act.GRANT_ACCESS, lambda tx: work(tx, asking))
    done = await settle_soon(
        database, asking, Act.GRANT_ACCESS, lambda tx: granting(martin, told=martin.account_id)(tx, asking)
    )

    assert [failed.decision.verdict, done.decision.verdict] == [Verdict.DEFER, Verdict.PERMIT]


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
@pytest.mark.parametrize("broken", [authorisation, preference], ids=lambda table: table.name)
def test_a_database_that_fails_while_facts_are_loaded_is_never_a_permit(
    database: Database, lea: Profile, martin: Professional, broken: sqlalchemy.Table
) -> None:
    asking = as_doctor(lea, NOW, martin)
    database.write_now(lambda tx: tx.execute(sqlalchemy.text(f"ALTER TABLE {broken.name} RENAME TO gone")))

    outcome = settle(
        database, asking, Act.BLOCK_PROFESSIONAL, lambda tx: rights.block_professional(tx, asking, martin.account_id)
    )

    assert (outcome.decision.verdict, outcome.decision.reason) == (Verdict.DEFER, Reason.D_SERVICE_INDISPONIBLE)
    assert outcome.value is None


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_a_clock_that_went_backwards_permits_nothing_that_rests_on_time(
    database: Database, lea: Profile, martin: Professional
) -> None:
    before_birth = datetime(1979, 3, 11, tzinfo=UTC)
    granted = as_person(lea, NOW)
    database.write_now(lambda tx: rights.grant_access(tx, granted, martin.account_id, AccessLevel.CONSULTER))

    unborn = database.write_now(
        lambda tx: rights.set_emergency(tx, as_person(lea, before_birth), Preferences(samu=False))
    )
    earlier = as_doctor(lea, NOW - timedelta(seconds=1), martin)
    case = database.read_now(lambda tx: act_facts(tx, earlier, Act.GRANT_ACCESS))
    rewound = replace(granted, session=Session(auth=Auth.LOGIN_OTP, since_min=-1))
    session = database.write_now(lambda tx: rights.set_default_masking(tx, rewound, masked=True))

    assert (unborn.decision.verdict, unborn.decision.reason) == (Verdict.DENY, Reason.D_SERVICE_INDISPONIBLE)
    assert case.resource.consentement is None
    assert not case.decide().allowed
    assert session.decision.reason is Reason.A_SESSION_EXPIREE


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
@pytest.mark.parametrize(
    "missing", ["age", "pro_bloque", "consentement", "urgence_samu", "masque_defaut", "profil", "protege"]
)
def test_a_fact_that_is_missing_permits_nothing(database: Database, lea: Profile, missing: str) -> None:
    case = database.read_now(lambda tx: act_facts(tx, as_person(lea, NOW), Act.GRANT_ACCESS))

    decision = replace(case, resource=replace(case.resource, **{missing: None})).decide()

    assert (decision.verdict, decision.reason) == (Verdict.DENY, Reason.D_SERVICE_INDISPONIBLE)


def test_a_fact_is_what_the_catalogue_says_now_not_what_the_caller_read_before(
    database: Database, lea: Profile
) -> None:
    recording = life.Recording(by="op", now=NOW, rules=as_person(lea, NOW).rules)
    database.write_now(lambda tx: life.suspend(tx, lea, recording))

    outcome = database.write_now(lambda tx: rights.set_default_masking(tx, as_person(lea, NOW), masked=True))

    assert lea.status is ProfileStatus.ACTIF
    assert outcome.decision.reason is Reason.D_PROFIL_SUSPENDU


@pytest.mark.parametrize("auth", [Auth.AUCUNE, Auth.LOGIN_SEUL])
def test_every_act_needs_two_factors_and_a_refusal_is_traced(
    database: Database, lea: Profile, martin: Professional, auth: Auth
) -> None:
    asking = replace(as_person(lea, NOW), session=Session(auth=auth))
    acts: list[Work] = [
        lambda tx, asking: rights.block_professional(tx, asking, martin.account_id),
        lambda tx, asking: rights.unblock_professional(tx, asking, martin.account_id),
        lambda tx, asking: rights.withdraw_access(tx, asking, martin.account_id),
        lambda tx, asking: rights.set_default_masking(tx, asking, masked=True),
        lambda tx, asking: life.close(tx, asking, life.Closing(confirmed=True, delete=False)),
        lambda tx, asking: sharing.revoke_representative(tx, asking, lea.id),
    ]

    outcomes = [database.write_now(lambda tx, act=act: act(tx, asking)) for act in acts]

    expected = Reason.A_ABSENTE if auth is Auth.AUCUNE else Reason.A_MOYEN_INSUFFISANT
    assert {each.decision.reason for each in outcomes} == {expected}
    assert len(traced(database, lea)) == len(acts)
    kept = database.read_now(lambda tx: profile_by_id(tx, lea.id))
    assert kept == lea


def test_an_obligation_that_the_caller_carries_out_is_its_own(
    database: Database, lea: Profile, martin: Professional
) -> None:
    steps: list[str] = []
    asking = as_person(lea, NOW)

    def work(tx: Transaction) -> Outcome[None]:
        doing = Doing(
            about=About(resource_kind="consent"),
            effect=lambda tx: steps.append("effect"),
            duties={Obligation.NOTIF_PRO: lambda tx: steps.append("told")},
        )
        return perform(tx, asking, act_facts(tx, asking, Act.GRANT_ACCESS), doing)

    outcome = database.write_now(work)

    assert (outcome.decision.allowed, steps) == (True, ["effect", "told"])
