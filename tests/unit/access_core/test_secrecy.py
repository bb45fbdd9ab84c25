"""The secret of minors: what a minor and a professional agreed to keep, in each act that could expose it."""

from datetime import UTC, datetime

import pytest

from access_core import rights
from access_core.activation import Activation, activate
from access_core.acts import Act
from access_core.care import declare_care
from access_core.case_documents import document_act_facts
from access_core.case_facts import delivery_facts, filing_facts, reading_facts
from access_core.case_inputs import DocumentFacts, FilingRequest, ReadingRequest, Sender, Session, local_sender
from access_core.decision import Decision, Obligation
from access_core.facts import Auth, Confidentiality, Mode
from access_core.professionals import Professional
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.representation import represent
from access_core.secrecy import SecretKind, agree, lift, secret_of
from access_core.trace.reader import history_of_patient
from tests.fictional.people import add_active_patient, add_child, add_martin, add_service
from tests.fictional.space import as_doctor
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REPORT = DocumentFacts(type_code="11502-2", filed_at=NOW)


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOW))


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))


@pytest.fixture
def child(database: Database, lea: Profile, martin: Professional) -> Profile:
    added = database.write_now(lambda tx: add_child(tx, NOW))
    database.write_now(lambda tx: represent(tx, added.id, lea.id, now=NOW))
    database.write_now(lambda tx: declare_care(tx, added.id, martin.account_id, until=None, now=NOW))
    return database.write_now(lambda tx: activate(tx, added.id, Activation(activated_at=NOW)))


def keep(database: Database, child: Profile, martin: Professional, kind: SecretKind = SecretKind.CACHER) -> Decision:
    asking = as_doctor(child, NOW, martin)
    return database.write_now(lambda tx: rights.agree_on_secret(tx, asking, kind)).decision


def file(database: Database, child: Profile, sender: Sender) -> Decision:
    request = FilingRequest(sender=sender, ins=child.ins, document=REPORT, now=NOW)
    return database.read_now(lambda tx: filing_facts(tx, request)).decide()


@pytest.mark.requirement("VGM:MINOR-SECRET")
def test_what_is_filed_in_secret_is_hidden_and_told_to_no_parent(
    database: Database, child: Profile, martin: Professional
) -> None:
    before = file(database, child, local_sender(martin))

    agreed = keep(database, child, martin)
    after = file(database, child, local_sender(martin))

    assert Obligation.NOTIF_TITULAIRE in before.obligations
    assert agreed.allowed
    assert set(after.obligations) == {Obligation.FORCER_INVISIBLE_RL, Obligation.NE_PAS_NOTIFIER_RL}


@pytest.mark.requirement("VGM:MINOR-SECRET")
def test_no_mention_at_all_is_filed_when_the_minor_wants_none(
    database: Database, child: Profile, martin: Professional
) -> None:
    keep(database, child, martin)
    keep(database, child, martin, SecretKind.TAIRE)

    assert file(database, child, local_sender(martin)).reason is Reason.C_SECRET_MINEUR


@pytest.mark.requirement("VGM:MINOR-SECRET")
def test_nothing_is_written_to_a_mailbox_that_parents_read(
    database: Database, child: Profile, martin: Professional
) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW))
    keep(database, child, martin)

    decisions = [
        database.read_now(lambda tx, by=by: delivery_facts(tx, local_sender(by), child.ins, now=NOW)).decide()
        for by in (martin, service)
    ]

    assert [each.reason for each in decisions] == [Reason.C_SECRET_MINEUR, Reason.OK]


def test_a_secret_reading_announces_no_first_access(database: Database, child: Profile, martin: Professional) -> None:
    keep(database, child, martin)
    request = ReadingRequest(
        reader=local_sender(martin), profile=child, document=REPORT, session=Session(auth=Auth.PSC_ECPS), now=NOW
    )

    case = database.read_now(lambda tx: reading_facts(tx, request))

    assert (case.context.mode, case.decide().allowed) == (Mode.SECRET, True)
    assert Obligation.NOTIF_PREMIER_ACCES not in case.decide().obligations


def test_only_a_minor_in_care_agrees_on_secrecy(
    database: Database, child: Profile, lea: Profile, martin: Professional
) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW))
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))

    outside, adult = keep(database, child, service), keep(database, lea, martin)

    assert (outside.reason, adult.reason) == (Reason.H_HORS_PRISE_EN_CHARGE, Reason.H_MODE_NON_JUSTIFIE)
    assert database.read_now(lambda tx: secret_of(tx, lea.id, martin.account_id)) is None


@pytest.mark.requirement("VGM:MINOR-SECRET")
def test_the_minor_ends_the_secret_and_majority_makes_it_pointless(
    database: Database, child: Profile, martin: Professional
) -> None:
    keep(database, child, martin)
    sender, of_age = local_sender(martin), datetime(2034, 3, 12, tzinfo=UTC)

    adult = database.read_now(lambda tx: delivery_facts(tx, sender, child.ins, now=of_age)).decide()
    lifted = database.write_now(lambda tx: rights.lift_secret(tx, as_doctor(child, NOW, martin)))
    again = database.write_now(lambda tx: lift(tx, child.id, martin.account_id, now=NOW))
    minor = database.read_now(lambda tx: delivery_facts(tx, sender, child.ins, now=NOW)).decide()

    assert (adult.reason, lifted.decision.reason, minor.reason) == (Reason.OK, Reason.OK, Reason.OK)
    assert (lifted.value, again) == (True, False)


def test_a_secret_that_was_ended_can_be_agreed_again(database: Database, child: Profile, martin: Professional) -> None:
    for _ in range(2):
        keep(database, child, martin)
        database.write_now(lambda tx: lift(tx, child.id, martin.account_id, now=NOW))
    database.write_now(lambda tx: agree(tx, child.id, martin.account_id, SecretKind.CACHER, now=NOW))

    found = database.read_now(lambda tx: secret_of(tx, child.id, martin.account_id))
    assert found is not None
    assert found.stands


@pytest.mark.requirement("VGM:MINOR-SECRET")
def test_what_was_hidden_is_shown_to_the_parents_with_the_minor_s_agreement_only(
    database: Database, child: Profile, martin: Professional
) -> None:
    keep(database, child, martin)
    hidden = DocumentFacts(
        type_code="11502-2",
        confidentiality=frozenset({Confidentiality.N, Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX}),
        by_reader=True,
        filed_at=NOW,
    )
    asking = as_doctor(child, NOW, martin)

    before = database.read_now(lambda tx: document_act_facts(tx, asking, Act.MAKE_VISIBLE, hidden)).decide()
    database.write_now(lambda tx: rights.lift_secret(tx, asking))
    after = database.read_now(lambda tx: document_act_facts(tx, asking, Act.MAKE_VISIBLE, hidden)).decide()

    assert (before.reason, after.reason) == (Reason.C_SECRET_MINEUR, Reason.OK)


def test_the_trace_of_a_secret_says_so_for_whoever_filters_it(
    database: Database, child: Profile, martin: Professional
) -> None:
    keep(database, child, martin)
    database.write_now(lambda tx: rights.lift_secret(tx, as_doctor(child, NOW, martin)))

    lines = database.read_now(lambda tx: history_of_patient(tx, child.id))

    assert [each.entry.mode for each in lines] == ["secret", "secret"]
