"""Consent: what was recorded against the clock, and the acts that record it."""

import csv
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from access_core import rights
from access_core.care import Care, declare_care
from access_core.case_facts import reading_facts
from access_core.case_inputs import DocumentFacts, ReadingRequest, Session, local_sender
from access_core.consent import (
    AccessLevel,
    Authorisation,
    ConsentState,
    attending_doctor,
    authorisation_of,
    consent_in_force,
)
from access_core.facts import Auth, Confidentiality, Mode, Standing
from access_core.obligations import NOTICE_TASK
from access_core.preferences import Preferences, preferences_of
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.reasons import Reason
from tests.fictional.people import INS_PERE, add_active_patient, add_martin, add_service
from tests.fictional.space import as_doctor, as_person, traced
from vaguemestre.kernel.database import Database
from vaguemestre.kernel.outbox import task

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
YEAR = timedelta(days=365)
TABLE = Path(__file__).parents[2] / "spec" / "consent_rules.csv"
RULES = list(csv.DictReader(TABLE.read_text(encoding="utf-8").splitlines()))
REPORT = DocumentFacts(type_code="11502-2", filed_at=NOW)


def kept(rule: dict[str, str]) -> Authorisation:
    if rule["recorded"] == "-":
        return Authorisation(professional_id="p")
    at = NOW - timedelta(days=int(rule["recorded_days_ago"]))
    until = None if rule["valid_days"] == "-" else at + timedelta(days=int(rule["valid_days"]))
    return Authorisation(
        professional_id="p", consent=ConsentState(rule["recorded"]), consent_at=at, consent_until=until
    )


@pytest.mark.requirement("VGM:ACCESS-GRANT")
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["id"])
def test_consent_in_force_follows_the_table(rule: dict[str, str]) -> None:
    declared = NOW - timedelta(days=int(rule["declared_days_ago"]))
    care = Care(True, None, declared + YEAR) if rule["care"] == "oui" else None

    found = consent_in_force(kept(rule), care, NOW)

    assert (found or "inconnu") == rule["consentement"]


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOW))


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))


def read(database: Database, lea: Profile, martin: Professional, mode: Mode = Mode.NORMAL, **changes: object) -> Reason:
    """Why Dr Martin may, or may not, read a report."""
    request = ReadingRequest(
        reader=local_sender(martin),
        profile=lea,
        document=REPORT,
        session=Session(auth=Auth.PSC_ECPS, mode=mode),
        now=NOW,
    )
    request = type(request)(**{name: changes.get(name, getattr(request, name)) for name in request.__slots__})
    return database.read_now(lambda tx: reading_facts(tx, request)).decide().reason


def care(database: Database, lea: Profile, martin: Professional) -> None:
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))


@pytest.mark.requirement("VGM:ACCESS-GRANT")
def test_a_grant_waits_until_the_professional_who_is_told_accepts_it(
    database: Database, lea: Profile, martin: Professional
) -> None:
    ask, answer = as_person(lea, NOW), as_doctor(lea, NOW, martin)

    granted = database.write_now(lambda tx: rights.grant_access(tx, ask, martin.account_id, AccessLevel.DEPOSER))
    told = database.read_now(
        lambda tx: tx.execute(select(task.c.payload).where(task.c.kind == NOTICE_TASK)).scalars().all()
    )
    waiting = database.read_now(lambda tx: authorisation_of(tx, lea.id, martin.account_id))
    accepted = database.write_now(lambda tx: rights.accept_grant(tx, answer))
    after = database.read_now(lambda tx: authorisation_of(tx, lea.id, martin.account_id))

    assert granted.decision.allowed
    assert accepted.decision.allowed
    assert martin.account_id in "".join(told)
    assert (waiting.consent, waiting.level) == (ConsentState.EN_ATTENTE, AccessLevel.DEPOSER)
    assert (after.consent, after.level) == (ConsentState.EXPLICITE, AccessLevel.DEPOSER)
    assert after.consent_until == NOW + YEAR
    assert [reason for _, _, reason in traced(database, lea)] == ["OK", "OK"]


@pytest.mark.requirement("VGM:ACCESS-GRANT")
def test_what_was_not_granted_cannot_be_accepted_nor_renewed(
    database: Database, lea: Profile, martin: Professional
) -> None:
    now, later = as_doctor(lea, NOW, martin), as_doctor(lea, NOW + timedelta(days=364), martin)

    nothing = database.write_now(lambda tx: rights.accept_grant(tx, now))
    uncollected = database.write_now(lambda tx: rights.record_consent(tx, now, AccessLevel.CONSULTER, collected=False))
    database.write_now(lambda tx: rights.record_consent(tx, now, AccessLevel.CONSULTER, collected=True))
    again = database.write_now(lambda tx: rights.accept_grant(tx, later))

    reasons = [each.decision.reason for each in (nothing, uncollected, again)]
    assert reasons == [Reason.C_CONSENTEMENT_MANQUANT] * 3
    found = database.read_now(lambda tx: authorisation_of(tx, lea.id, martin.account_id))
    assert found.consent_until == NOW + YEAR


def test_a_structure_records_no_consent(database: Database, lea: Profile) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW))
    asking = as_doctor(lea, NOW, service)

    refused = database.write_now(lambda tx: rights.record_consent(tx, asking, AccessLevel.CONSULTER, collected=True))

    assert refused.decision.reason is Reason.H_TITULAIRE_REQUIS


@pytest.mark.requirement("VGM:ACCESS-GRANT")
def test_refusal_and_withdrawal_outweigh_care(database: Database, lea: Profile, martin: Professional) -> None:
    care(database, lea, martin)
    asking = as_doctor(lea, NOW, martin)

    before = read(database, lea, martin)
    database.write_now(lambda tx: rights.withdraw_access(tx, as_person(lea, NOW), martin.account_id))
    withdrawn = read(database, lea, martin)
    database.write_now(lambda tx: rights.refuse_consultation(tx, asking, martin.account_id))
    refused = read(database, lea, martin)

    assert (before, withdrawn, refused) == (Reason.OK, Reason.C_CONSENTEMENT_EXPIRE, Reason.C_OPPOSITION)


def test_presumed_consent_runs_out_after_a_year_and_care_renews_it(
    database: Database, lea: Profile, martin: Professional
) -> None:
    care(database, lea, martin)

    inside = read(database, lea, martin, now=NOW + YEAR - timedelta(seconds=1))
    outside = read(database, lea, martin, now=NOW + YEAR)
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW + YEAR))
    renewed = read(database, lea, martin, now=NOW + YEAR)

    assert (inside, outside, renewed) == (Reason.OK, Reason.C_CONSENTEMENT_EXPIRE, Reason.OK)


@pytest.mark.requirement("VGM:ACCESS-BLOCK")
def test_a_blocked_professional_reads_nothing_until_he_collects_consent_again(
    database: Database, lea: Profile, martin: Professional
) -> None:
    care(database, lea, martin)
    ask, doctor = as_person(lea, NOW), as_doctor(lea, NOW, martin)

    database.write_now(lambda tx: rights.block_professional(tx, ask, martin.account_id))
    blocked = read(database, lea, martin)
    collected = database.write_now(lambda tx: rights.record_consent(tx, doctor, AccessLevel.CONSULTER, collected=True))
    database.write_now(lambda tx: rights.unblock_professional(tx, ask, martin.account_id))
    unblocked = read(database, lea, martin)
    database.write_now(lambda tx: rights.record_consent(tx, doctor, AccessLevel.CONSULTER, collected=True))

    assert (blocked, collected.decision.reason) == (Reason.C_PRO_BLOQUE, Reason.C_PRO_BLOQUE)
    assert (unblocked, read(database, lea, martin)) == (Reason.C_CONSENTEMENT_EXPIRE, Reason.OK)


def test_a_refusal_outlives_a_block(database: Database, lea: Profile, martin: Professional) -> None:
    care(database, lea, martin)
    ask = as_person(lea, NOW)
    for act in (rights.refuse_consultation, rights.block_professional, rights.unblock_professional):
        database.write_now(lambda tx, act=act: act(tx, ask, martin.account_id))

    assert read(database, lea, martin) is Reason.C_OPPOSITION


@pytest.mark.requirement("VGM:ACCESS-BLOCK")
def test_only_an_administrator_blocks_for_the_patient_who_is_told(
    database: Database, lea: Profile, martin: Professional
) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW))
    doctor, ask = as_doctor(lea, NOW, martin), as_person(lea, NOW)

    before = database.write_now(lambda tx: rights.block_professional(tx, doctor, service.account_id))
    database.write_now(lambda tx: rights.name_standing(tx, ask, martin.account_id, Standing.MEDECIN_TRAITANT))
    after = database.write_now(lambda tx: rights.block_professional(tx, doctor, service.account_id))
    lifted = database.write_now(lambda tx: rights.unblock_professional(tx, doctor, service.account_id))

    reasons = [each.decision.reason for each in (before, after, lifted)]
    assert reasons == [Reason.H_ADMIN_REQUIS, Reason.OK, Reason.H_TITULAIRE_REQUIS]
    assert database.read_now(lambda tx: authorisation_of(tx, lea.id, service.account_id)).blocked
    payloads = select(task.c.payload).where(task.c.kind == NOTICE_TASK)
    told = database.read_now(lambda tx: tx.execute(payloads).scalars().all())
    assert sum('"notice":"account"' in each for each in told) == 1


def test_there_is_one_attending_doctor_and_the_title_can_be_taken_back(
    database: Database, lea: Profile, martin: Professional
) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW))
    ask = as_person(lea, NOW)

    def name(professional: Professional, standing: Standing) -> str | None:
        database.write_now(lambda tx: rights.name_standing(tx, ask, professional.account_id, standing))
        return database.read_now(lambda tx: attending_doctor(tx, lea.id))

    first = name(martin, Standing.MEDECIN_TRAITANT)
    second = name(service, Standing.MEDECIN_TRAITANT)
    nobody = name(service, Standing.AUCUN)

    assert (first, second, nobody) == (martin.account_id, service.account_id, None)


@pytest.mark.requirement("VGM:ACCESS-EMERGENCY")
def test_the_emergency_switches_hold_and_masked_documents_need_one_of_the_two(database: Database, lea: Profile) -> None:
    ask = as_person(lea, NOW)

    opened = database.write_now(lambda tx: rights.set_emergency(tx, ask, Preferences(masked_documents=True)))
    shut = database.write_now(
        lambda tx: rights.set_emergency(tx, ask, Preferences(samu=False, break_glass=False, masked_documents=True))
    )

    assert opened.value == Preferences(masked_documents=True)
    assert shut.value == Preferences(samu=False, break_glass=False, masked_documents=False)
    assert database.read_now(lambda tx: preferences_of(tx, lea.id)) == shut.value
    assert [act for act, _, _ in traced(database, lea)] == ["grant_access", "withdraw_access"]


@pytest.mark.requirement("VGM:ACCESS-EMERGENCY")
def test_a_switch_that_is_off_stops_that_emergency(database: Database, lea: Profile, martin: Professional) -> None:
    wanted = Preferences(samu=False, break_glass=False)
    database.write_now(lambda tx: rights.set_emergency(tx, as_person(lea, NOW), wanted))

    samu, btg = (read(database, lea, martin, mode) for mode in (Mode.CENTRE_15, Mode.BRIS_DE_GLACE))

    assert (samu, btg) == (Reason.C_OPPOSITION_REGULATION, Reason.C_OPPOSITION_URGENCE)


@pytest.mark.requirement("VGM:ACCESS-MASK")
def test_masking_by_default_hides_what_was_filed_before_it_too(
    database: Database, lea: Profile, martin: Professional
) -> None:
    care(database, lea, martin)
    ask = as_person(lea, NOW)

    database.write_now(lambda tx: rights.set_default_masking(tx, ask, masked=True))
    hidden = read(database, lea, martin)
    own = read(database, lea, martin, document=DocumentFacts(type_code="11502-2", filed_at=NOW, by_reader=True))
    database.write_now(lambda tx: rights.name_standing(tx, ask, martin.account_id, Standing.ADMINISTRATEUR))
    as_administrator = read(database, lea, martin)
    database.write_now(lambda tx: rights.name_standing(tx, ask, martin.account_id, Standing.AUCUN))
    database.write_now(lambda tx: rights.set_default_masking(tx, ask, masked=False))
    shown = read(database, lea, martin)
    masked = frozenset({Confidentiality.MASQUE_PS})
    alone = read(database, lea, martin, document=DocumentFacts(type_code="11502-2", confidentiality=masked))

    assert (hidden, own, as_administrator) == (Reason.V_DOC_MASQUE_PRO, Reason.OK, Reason.OK)
    assert (shown, alone) == (Reason.OK, Reason.V_DOC_MASQUE_PRO)


def test_nobody_decides_for_a_person_whom_she_does_not_represent(
    database: Database, lea: Profile, martin: Professional
) -> None:
    stranger = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE, given="Paul"))
    asking = as_person(lea, NOW, stranger)

    outcomes = [
        database.write_now(lambda tx: rights.block_professional(tx, asking, martin.account_id)),
        database.write_now(lambda tx: rights.grant_access(tx, asking, martin.account_id, AccessLevel.CONSULTER)),
        database.write_now(lambda tx: rights.set_default_masking(tx, asking, masked=True)),
        database.write_now(lambda tx: rights.set_emergency(tx, asking, Preferences(samu=False))),
    ]

    assert {each.decision.reason for each in outcomes} == {Reason.H_REPRESENTANT_NON_RECONNU}
    assert {each.value for each in outcomes} == {None}
    assert len(traced(database, lea)) == len(outcomes)
    assert database.read_now(lambda tx: authorisation_of(tx, lea.id, martin.account_id)).consent is None
    assert database.read_now(lambda tx: preferences_of(tx, lea.id)) == Preferences()
