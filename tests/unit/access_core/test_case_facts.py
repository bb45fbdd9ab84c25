"""From the catalogue to a decision: each loader, with the engine behind it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from access_core.accounts import AccountState
from access_core.activation import Activation, activate
from access_core.acts import Act
from access_core.care import declare_care, set_informed
from access_core.case_acts import Asking
from access_core.case_documents import document_act_facts
from access_core.case_facts import delivery_facts, filing_facts, reading_facts, reply_facts
from access_core.case_inputs import (
    CaseFacts,
    DocumentFacts,
    ExchangeFacts,
    FilingRequest,
    ReadingRequest,
    ReplyRequest,
    Sender,
    Session,
    local_sender,
    remote_sender,
)
from access_core.decision import Obligation
from access_core.facts import (
    Auth,
    Confidentiality,
    DocumentState,
    Exchange,
    FilingOpposition,
    IdentityStatus,
    Origin,
    ReplyOption,
    SubjectKind,
)
from access_core.professionals import Professional
from access_core.profiles import Profile, close, declare_death, oppose, suspend
from access_core.reasons import Reason
from access_core.representation import represent
from access_core.trace.decisions import About, decision_entry
from tests.fictional.people import (
    INS_MERE,
    INS_PERE,
    add_active_patient,
    add_child,
    add_martin,
    add_patient,
    add_service,
)
from vaguemestre.kernel.database import Database

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
REPORT = DocumentFacts(type_code="11502-2", filed_at=NOW - timedelta(days=1))
SIGNED_IN = Session(auth=Auth.LOGIN_OTP)
BY_CARD = Session(auth=Auth.PSC_ECPS)
OPEN = ExchangeFacts(conversation=Exchange.OUVERTE)


@pytest.fixture
def martin(database: Database) -> Professional:
    return database.write_now(lambda tx: add_martin(tx, NOW))


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))


@pytest.fixture
def child(database: Database, lea: Profile) -> Profile:
    added = database.write_now(lambda tx: add_child(tx, NOW))
    database.write_now(lambda tx: represent(tx, added.id, lea.id, now=NOW))
    return database.write_now(lambda tx: activate(tx, added.id, Activation(activated_at=NOW)))


def outcome(case: CaseFacts) -> tuple[Reason, tuple[Obligation, ...]]:
    decision = case.decide()
    return decision.reason, decision.obligations


def deliver(database: Database, sender: Sender, auth: Auth = Auth.MSSANTE) -> CaseFacts:
    return database.read_now(lambda tx: delivery_facts(tx, sender, INS_MERE, now=NOW, auth=auth))


def test_a_professional_writes_to_a_patient(database: Database, martin: Professional, lea: Profile) -> None:
    case = deliver(database, local_sender(martin))

    assert outcome(case) == (Reason.OK, (Obligation.NOTIF_TITULAIRE,))
    assert (case.profile, case.actor_id, case.actor_label) == (lea, martin.account_id, "Dr Camille Martin")


def test_so_does_one_of_another_operator_and_a_service(database: Database, lea: Profile) -> None:
    service = database.write_now(lambda tx: add_service(tx, NOW))

    remote = deliver(database, remote_sender("a.b@chu.mssante.fr"))
    local = deliver(database, local_sender(service))

    assert remote.decide().allowed
    assert local.decide().allowed
    assert (remote.actor_id, local.subject.sujet) == (None, SubjectKind.STRUCTURE)


def test_a_patient_not_activated_is_invited(database: Database, martin: Professional) -> None:
    database.write_now(lambda tx: add_patient(tx, NOW))

    reason, obligations = outcome(deliver(database, local_sender(martin)))

    assert (reason, set(obligations)) == (Reason.OK, {Obligation.NOTIF_TITULAIRE, Obligation.INVITE_ACTIVATION})


@pytest.mark.parametrize(
    ("shut", "reason"),
    [
        (oppose, Reason.D_PROFIL_OPPOSE),
        (close, Reason.D_PROFIL_CLOS),
        (suspend, Reason.D_PROFIL_SUSPENDU),
        (declare_death, Reason.D_TITULAIRE_DECEDE),
    ],
)
def test_a_space_that_is_shut_takes_no_message(
    database: Database, martin: Professional, lea: Profile, shut: Callable[..., Profile], reason: Reason
) -> None:
    database.write_now(lambda tx: shut(tx, lea.id, now=NOW))

    assert deliver(database, local_sender(martin)).decide().reason is reason


def test_nobody_and_no_address_are_told_apart_in_the_trace_only(database: Database, martin: Professional) -> None:
    sender = local_sender(martin)

    nobody = deliver(database, sender)
    no_ins = database.read_now(lambda tx: delivery_facts(tx, sender, None, now=NOW))

    assert nobody.decide().reason is Reason.D_PROFIL_INEXISTANT
    assert no_ins.decide().reason is Reason.I_INS_MALFORMEE


@pytest.mark.parametrize(
    ("auth", "reason"), [(Auth.AUCUNE, Reason.A_ABSENTE), (Auth.LOGIN_OTP, Reason.A_EXPEDITEUR_NON_MSSANTE)]
)
def test_a_sender_outside_the_trust_space_is_refused(
    database: Database, lea: Profile, auth: Auth, reason: Reason
) -> None:
    assert deliver(database, remote_sender("a@b.fr"), auth).decide().reason is reason


def test_a_suspended_professional_is_not_in_the_directory(martin: Professional) -> None:
    sender = local_sender(replace(martin, state=AccountState.SUSPENDED))

    assert sender.directory == "inactif"


def reply(database: Database, profile: Profile, actor: Profile, exchange: ExchangeFacts = OPEN) -> CaseFacts:
    request = ReplyRequest(profile=profile, actor=actor, exchange=exchange, session=SIGNED_IN, now=NOW)
    return database.read_now(lambda tx: reply_facts(tx, request))


@pytest.mark.requirement("VGM:ACCESS-FACTS")
@pytest.mark.parametrize(
    ("exchange", "reason"),
    [
        (OPEN, Reason.OK),
        (ExchangeFacts(conversation=Exchange.INEXISTANTE), Reason.C_ECHANGE_NON_INITIE),
        (ExchangeFacts(conversation=Exchange.CLOSE_FIN), Reason.C_ECHANGE_CLOS),
        (replace(OPEN, reply=ReplyOption.BLOQUEE), Reason.C_REPONSE_NON_AUTORISEE),
    ],
)
def test_a_patient_replies_while_the_exchange_is_open(
    database: Database, lea: Profile, exchange: ExchangeFacts, reason: Reason
) -> None:
    assert reply(database, lea, lea, exchange).decide().reason is reason


def test_a_parent_replies_for_the_child_and_is_named(database: Database, lea: Profile, child: Profile) -> None:
    case = reply(database, child, lea)

    assert outcome(case) == (Reason.OK, (Obligation.MENTION_REDACTEUR,))
    assert (case.subject.sujet, case.actor_id) == (SubjectKind.RL, lea.id)


def test_a_parent_no_longer_replies_at_majority(database: Database, lea: Profile, child: Profile) -> None:
    majority = datetime(2034, 3, 12, tzinfo=UTC)
    request = ReplyRequest(profile=child, actor=lea, exchange=OPEN, session=SIGNED_IN, now=majority)

    case = database.read_now(lambda tx: reply_facts(tx, request))

    assert case.decide().reason is Reason.H_REPRESENTANT_NON_RECONNU


def test_nobody_replies_for_somebody_else(database: Database, lea: Profile, child: Profile) -> None:
    father = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE))

    reasons = {reply(database, other, father).decide().reason for other in (lea, child)}

    assert reasons == {Reason.H_REPRESENTANT_NON_RECONNU}


def file(database: Database, sender: Sender, **changes: object) -> CaseFacts:
    request = FilingRequest(sender=sender, ins=INS_MERE, document=REPORT, now=NOW)
    return database.read_now(lambda tx: filing_facts(tx, replace(request, **changes)))  # type: ignore[arg-type]


def test_who_takes_part_in_the_care_files(database: Database, martin: Professional, lea: Profile) -> None:
    before = file(database, local_sender(martin))
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))

    after = file(database, local_sender(martin))

    assert before.decide().reason is Reason.H_HORS_PRISE_EN_CHARGE
    assert outcome(after) == (Reason.OK, (Obligation.NOTIF_TITULAIRE,))


def test_care_may_be_presumed_by_setting(database: Database, lea: Profile) -> None:
    remote = remote_sender("a.b@chu.mssante.fr")

    declared = file(database, remote)
    presumed = file(database, remote, presume_care=True, informed=True)

    assert declared.decide().reason is Reason.H_HORS_PRISE_EN_CHARGE
    assert outcome(presumed) == (Reason.OK, (Obligation.NOTIF_TITULAIRE,))


def test_a_patient_not_informed_is_to_be_informed(database: Database, martin: Professional, lea: Profile) -> None:
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))
    database.write_now(lambda tx: set_informed(tx, lea.id, martin.account_id, informed=False))

    not_informed = file(database, local_sender(martin))
    by_message = file(database, local_sender(martin), informed=True)

    assert Obligation.INFORMER_PATIENT in not_informed.decide().obligations
    assert Obligation.INFORMER_PATIENT not in by_message.decide().obligations


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"identity": IdentityStatus.DISCORDANTE}, Reason.I_INS_DISCORDANTE),
        ({"identity": IdentityStatus.RECUPEREE}, Reason.I_INS_NON_QUALIFIEE),
        ({"ins": None}, Reason.I_INS_ABSENTE),
        ({"ins": INS_PERE}, Reason.D_PROFIL_INEXISTANT),
        ({"document": replace(REPORT, type_code="DOCPAT08")}, Reason.H_TYPE_NON_DEPOSABLE),
    ],
)
def test_a_filing_is_refused_for_its_own_reason(
    database: Database, martin: Professional, lea: Profile, changes: dict[str, object], reason: Reason
) -> None:
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))

    assert file(database, local_sender(martin), **changes).decide().reason is reason


def test_a_document_already_there_is_not_doubled(database: Database, martin: Professional, lea: Profile) -> None:
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))

    case = file(database, local_sender(martin), document=replace(REPORT, duplicate=True))

    assert outcome(case) == (Reason.OK, (Obligation.DEDUP,))


def read(database: Database, reader: Sender | Profile, profile: Profile, document: DocumentFacts = REPORT) -> CaseFacts:
    session = SIGNED_IN if isinstance(reader, Profile) else BY_CARD
    request = ReadingRequest(reader=reader, profile=profile, document=document, session=session, now=NOW)
    return database.read_now(lambda tx: reading_facts(tx, request))


def test_a_patient_reads_her_documents_masked_or_not(database: Database, lea: Profile) -> None:
    masked = replace(REPORT, confidentiality=frozenset({Confidentiality.MASQUE_PS}))

    reasons = {read(database, lea, lea, document).decide().reason for document in (REPORT, masked)}

    assert reasons == {Reason.OK}


@pytest.mark.parametrize(
    ("days", "announced", "reason"),
    [
        (0, False, Reason.V_DOC_INVISIBLE_PATIENT),
        (30, False, Reason.V_DOC_INVISIBLE_PATIENT),
        (31, False, Reason.OK),
        (0, True, Reason.OK),
    ],
)
def test_a_withheld_document_opens_by_announcement_or_after_a_month(
    database: Database, lea: Profile, days: int, announced: bool, reason: Reason
) -> None:
    document = replace(
        REPORT,
        confidentiality=frozenset({Confidentiality.INVISIBLE_PATIENT}),
        filed_at=NOW - timedelta(days=days),
        announced=announced,
    )

    assert read(database, lea, lea, document).decide().reason is reason


def test_a_parent_reads_but_not_what_the_minor_hides(database: Database, lea: Profile, child: Profile) -> None:
    hidden = replace(REPORT, confidentiality=frozenset({Confidentiality.INVISIBLE_REPRESENTANTS_LEGAUX}))

    reasons = [read(database, lea, child, document).decide().reason for document in (REPORT, hidden)]

    assert reasons == [Reason.OK, Reason.V_DOC_INVISIBLE_RL]


def test_a_document_that_is_gone_is_gone(database: Database, lea: Profile) -> None:
    document = replace(REPORT, state=DocumentState.SUPPRIME)

    assert read(database, lea, lea, document).decide().reason is Reason.V_DOC_SUPPRIME


def test_a_professional_reads_within_care_and_the_first_time_shows(
    database: Database, martin: Professional, lea: Profile
) -> None:
    outside = read(database, local_sender(martin), lea)
    database.write_now(lambda tx: declare_care(tx, lea.id, martin.account_id, until=None, now=NOW))

    within = read(database, local_sender(martin), lea)

    assert outside.decide().reason is Reason.C_CONSENTEMENT_MANQUANT
    assert outcome(within) == (Reason.OK, (Obligation.NOTIF_PREMIER_ACCES,))


def test_a_document_filed_in_the_future_is_refused(database: Database, lea: Profile) -> None:
    document = replace(REPORT, filed_at=NOW + timedelta(days=2))

    assert not read(database, lea, lea, document).decide().allowed


def test_a_decided_case_becomes_a_line_of_the_trace(database: Database, martin: Professional, lea: Profile) -> None:
    case = deliver(database, local_sender(martin))
    decision = case.decide()

    entry = decision_entry(case, decision, About(resource_kind="message", message_id_header="<m@x>"), at=NOW)

    assert (entry.act, entry.verdict, entry.reason) == ("deliver_to_patient", "PERMIT", "OK")
    assert (entry.subject_kind, entry.subject_id, entry.profile_id) == ("pro", martin.account_id, lea.id)
    assert (entry.mailbox_id, entry.obligations, entry.mode) == (lea.account_id, ("NOTIF_TITULAIRE",), "normal")
    assert entry.matrix_version == case.context.matrix.stamp
    assert len(entry.matrix_version) <= 80


def test_a_patient_files_what_comes_from_her(database, lea):
    asking = Asking(profile=lea, actor=lea, session=SIGNED_IN, now=NOW)
    letter = DocumentFacts(type_code="EXPPAT_2", origin=Origin.PATIENT)

    case = database.read_now(lambda tx: document_act_facts(tx, asking, Act.FILE_DOCUMENT, letter))

    assert case.resource.opposition_depot is FilingOpposition.NON
    assert case.decide().reason is Reason.OK


def test_a_reader_who_is_not_ours_has_no_relation_to_the_patient(database, lea):
    stranger = remote_sender("dr.inconnu@ailleurs.mssante.fr")
    request = ReadingRequest(reader=stranger, profile=lea, document=REPORT, session=BY_CARD, now=NOW)

    decision = database.read_now(lambda tx: reading_facts(tx, request)).decide()

    assert not decision.allowed
