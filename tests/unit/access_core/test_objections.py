"""Objecting to what professionals file: whom and what it stops, who may record and lift it."""

from datetime import UTC, datetime, timedelta

import pytest

from access_core import rights
from access_core.care import declare_care
from access_core.case_acts import BY_CARD, Asking
from access_core.case_facts import filing_facts, reading_facts
from access_core.case_inputs import DocumentFacts, FilingRequest, ReadingRequest, Sender, local_sender, remote_sender
from access_core.facts import Standing
from access_core.objections import FilingObjection, FilingScope, ObjectionInvalid, objections_of
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.reasons import Reason
from tests.fictional.people import INS_PERE, add_active_patient, add_martin, add_service
from tests.fictional.space import as_doctor, as_person, traced
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REPORT, LABORATORY = "11502-2", "11490-0"
EVERYTHING = FilingScope()


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOW))


@pytest.fixture
def cardiology(database: Database) -> Professional:
    return database.write_now(lambda tx: add_service(tx, NOW))


@pytest.fixture
def lea(database: Database, martin: Professional, cardiology: Professional) -> Profile:
    added = database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))
    for each in (martin, cardiology):
        database.write_now(lambda tx, who=each: declare_care(tx, added.id, who.account_id, until=None, now=NOW))
    return added


@pytest.fixture
def senders(martin: Professional, cardiology: Professional) -> dict[str, Sender]:
    remote = remote_sender("dr@autre.mssante.fr")
    return {"martin": local_sender(martin), "service": local_sender(cardiology), "remote": remote}


def objection(scope: FilingScope, motive: str = "erreur de dossier") -> FilingObjection:
    return FilingObjection(scope=scope, motive=motive, objected_at=NOW)


def object_to(database: Database, lea: Profile, scope: FilingScope, motive: str = "erreur de dossier") -> Reason:
    asking = as_person(lea, NOW)
    return database.write_now(lambda tx: rights.oppose_filing(tx, asking, objection(scope, motive))).decision.reason


def allow(database: Database, lea: Profile, scope: FilingScope) -> bool | None:
    return database.write_now(lambda tx: rights.allow_filing(tx, as_person(lea, NOW), scope)).value


def file(database: Database, lea: Profile, sender: Sender, code: str = REPORT, now: datetime = NOW) -> Reason:
    document = DocumentFacts(type_code=code)
    request = FilingRequest(sender=sender, ins=lea.ins, document=document, now=now, presume_care=True)
    return database.read_now(lambda tx: filing_facts(tx, request)).decide().reason


def stopped(database: Database, lea: Profile, senders: dict[str, Sender]) -> set[tuple[str, str]]:
    """Who cannot file what."""
    cases = {(name, code): sender for name, sender in senders.items() for code in (REPORT, LABORATORY)}
    reasons = {case: file(database, lea, sender, case[1]) for case, sender in cases.items()}
    assert set(reasons.values()) <= {Reason.OK, Reason.C_OPPOSITION_ALIMENTATION}
    return {case for case, reason in reasons.items() if reason is not Reason.OK}


@pytest.mark.requirement("VGM:ACCESS-FILE")
@pytest.mark.parametrize(
    ("about", "expected"),
    [
        ((None, None), {(who, code) for who in ("martin", "service", "remote") for code in (REPORT, LABORATORY)}),
        (("martin", None), {("martin", REPORT), ("martin", LABORATORY)}),
        ((None, REPORT), {("martin", REPORT), ("service", REPORT), ("remote", REPORT)}),
        (("martin", REPORT), {("martin", REPORT)}),
    ],
)
def test_an_objection_stops_what_it_is_about_and_nothing_else_until_lifted(
    database: Database,
    lea: Profile,
    senders: dict[str, Sender],
    about: tuple[str | None, str | None],
    expected: set[tuple[str, str]],
) -> None:
    who, what = about
    scope = FilingScope(professional_id=None if who is None else senders[who].id, type_code=what)

    before = stopped(database, lea, senders)
    recorded = object_to(database, lea, scope)
    during = stopped(database, lea, senders)
    lifted = allow(database, lea, scope)

    assert (before, recorded, during, lifted) == (set(), Reason.OK, expected, True)
    assert stopped(database, lea, senders) == set()
    assert traced(database, lea) == [("withdraw_access", "PERMIT", "OK"), ("unblock_professional", "PERMIT", "OK")]


def test_lifting_is_about_exactly_the_same(database: Database, lea: Profile, martin: Professional) -> None:
    his = FilingScope(professional_id=martin.account_id)
    object_to(database, lea, EVERYTHING)
    object_to(database, lea, his)

    lifted = [allow(database, lea, scope) for scope in (FilingScope(type_code=REPORT), EVERYTHING, EVERYTHING)]

    assert lifted == [False, True, False]
    assert [each.scope for each in database.read_now(lambda tx: objections_of(tx, lea.id))] == [his]
    assert file(database, lea, local_sender(martin)) is Reason.C_OPPOSITION_ALIMENTATION


def test_objecting_again_replaces_the_motive(database: Database, lea: Profile) -> None:
    object_to(database, lea, EVERYTHING, "premier")
    object_to(database, lea, EVERYTHING, " second ")

    assert [each.motive for each in database.read_now(lambda tx: objections_of(tx, lea.id))] == ["second"]


@pytest.mark.parametrize(
    "wrong",
    [
        objection(EVERYTHING, "  "),
        objection(EVERYTHING, "x" * 501),
        objection(FilingScope(type_code="inconnu")),
        objection(FilingScope(type_code="REMB")),
    ],
    ids=["no motive", "long motive", "unknown type", "type of the insurance"],
)
def test_an_objection_needs_a_motive_and_a_type_that_professionals_file(
    database: Database, lea: Profile, wrong: FilingObjection
) -> None:
    with pytest.raises(ObjectionInvalid) as refused:
        database.write_now(lambda tx: rights.oppose_filing(tx, as_person(lea, NOW), wrong))

    assert "xxx" not in str(refused.value)
    assert "erreur" not in repr(wrong)
    assert database.read_now(lambda tx: objections_of(tx, lea.id)) == []
    assert traced(database, lea) == []


def test_only_the_patients_side_objects_and_lifts(database: Database, lea: Profile, martin: Professional) -> None:
    stranger = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE, given="Paul"))
    database.write_now(
        lambda tx: rights.name_standing(tx, as_person(lea, NOW), martin.account_id, Standing.MEDECIN_TRAITANT)
    )
    object_to(database, lea, EVERYTHING)

    def refused(asking: Asking) -> tuple[Reason, Reason]:
        objected = database.write_now(lambda tx: rights.oppose_filing(tx, asking, objection(EVERYTHING)))
        allowed = database.write_now(lambda tx: rights.allow_filing(tx, asking, EVERYTHING))
        return objected.decision.reason, allowed.decision.reason

    refusals = [refused(asking) for asking in (as_doctor(lea, NOW, martin), as_person(lea, NOW, stranger))]

    assert refusals == [
        (Reason.H_TITULAIRE_REQUIS, Reason.H_TITULAIRE_REQUIS),
        (Reason.H_REPRESENTANT_NON_RECONNU, Reason.H_REPRESENTANT_NON_RECONNU),
    ]
    assert file(database, lea, local_sender(martin)) is Reason.C_OPPOSITION_ALIMENTATION


def test_an_objection_says_nothing_of_consultation(database: Database, lea: Profile, martin: Professional) -> None:
    object_to(database, lea, EVERYTHING)
    request = ReadingRequest(
        reader=local_sender(martin),
        profile=lea,
        document=DocumentFacts(type_code=REPORT, filed_at=NOW),
        session=BY_CARD,
        now=NOW,
    )

    assert database.read_now(lambda tx: reading_facts(tx, request)).decide().allowed


@pytest.mark.requirement("VGM:ACCESS-PERFORM")
def test_an_objection_stands_whatever_the_clock_says(database: Database, lea: Profile, martin: Professional) -> None:
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW - timedelta(days=9)))
    object_to(database, lea, EVERYTHING)

    earlier = file(database, lea, local_sender(martin), now=NOW - timedelta(days=1))

    assert earlier is Reason.C_OPPOSITION_ALIMENTATION
