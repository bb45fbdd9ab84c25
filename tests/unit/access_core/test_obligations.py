"""Obligations of a permit: notices are queued, the others are carried out or the act does not take effect."""

from datetime import UTC, datetime, timedelta

import msgspec
import pytest
from sqlalchemy import select

from access_core.acts import Act
from access_core.consent import set_standing
from access_core.decision import Decision, Obligation, Verdict
from access_core.facts import Standing
from access_core.obligations import NOTICE_TASK, Deed, ObligationFailed, carry_out
from access_core.profiles import Profile
from access_core.reasons import Reason
from access_core.representation import represent
from access_core.tables import first_access
from tests.fictional.people import INS_PERE, add_active_patient, add_child, add_martin
from vaguemestre.kernel.database import Database, Transaction
from vaguemestre.kernel.outbox import task

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.fixture
def lea(database: Database) -> Profile:
    return database.write_now(lambda tx: add_active_patient(tx, NOW, email="lea@example.org"))


def permit(*obligations: Obligation) -> Decision:
    return Decision(Verdict.PERMIT, Reason.OK, obligations, ())


def deed(profile: Profile, act: Act = Act.DELIVER_TO_PATIENT, professional_id: str | None = None) -> Deed:
    return Deed(
        act=act,
        profile=profile,
        resource_kind="message",
        resource_id="m1",
        now=NOW,
        professional_id=professional_id,
    )


def notices(database: Database) -> list[tuple[str, str, timedelta]]:
    """What is queued: notice, recipient, delay."""

    def work(tx: Transaction) -> list[tuple[str, str, timedelta]]:
        waiting = select(task.c.payload, task.c.due_at).where(task.c.kind == NOTICE_TASK)
        rows = tx.execute(waiting.order_by(task.c.due_at, task.c.key)).all()
        payloads = [msgspec.json.decode(row.payload) for row in rows]
        return [
            (payload["notice"], payload["recipient_id"], row.due_at - NOW)
            for payload, row in zip(payloads, rows, strict=True)
        ]

    return database.read_now(work)


@pytest.mark.parametrize(
    ("act", "obligation", "notice", "delay"),
    [
        (Act.DELIVER_TO_PATIENT, Obligation.NOTIF_TITULAIRE, "message", timedelta(0)),
        (Act.DELIVER_TO_PATIENT, Obligation.INVITE_ACTIVATION, "activation", timedelta(0)),
        (Act.FILE_DOCUMENT, Obligation.NOTIF_TITULAIRE, "document", timedelta(0)),
        (Act.BLOCK_PROFESSIONAL, Obligation.NOTIF_TITULAIRE, "account", timedelta(0)),
        (Act.OPEN_BREAK_GLASS, Obligation.NOTIF_URGENCE_TITULAIRE, "emergency_access", timedelta(0)),
        (Act.FILE_DOCUMENT, Obligation.PROGRAMMER_J14, "visit", timedelta(days=14)),
        (Act.FILE_DOCUMENT, Obligation.PROGRAMMER_M1, "document_opened", timedelta(days=31)),
    ],
)
def test_a_notice_is_queued_for_the_holder(
    database: Database, lea: Profile, act: Act, obligation: Obligation, *, notice: str, delay: timedelta
) -> None:
    database.write_now(lambda tx: carry_out(tx, permit(obligation), deed(lea, act)))

    assert notices(database) == [(notice, lea.id, delay)]


def test_a_notice_holds_ids_and_codes_only(database: Database, lea: Profile) -> None:
    database.write_now(lambda tx: carry_out(tx, permit(Obligation.NOTIF_TITULAIRE), deed(lea)))

    [payload] = database.read_now(lambda tx: tx.execute(select(task.c.payload)).scalars().all())
    assert msgspec.json.decode(payload) == {
        "notice": "message",
        "profile_id": lea.id,
        "recipient_id": lea.id,
        "resource_kind": "message",
        "resource_id": "m1",
    }


def test_the_same_notice_is_queued_once(database: Database, lea: Profile) -> None:
    for _ in range(2):
        database.write_now(lambda tx: carry_out(tx, permit(Obligation.NOTIF_TITULAIRE), deed(lea)))

    assert len(notices(database)) == 1


@pytest.mark.requirement("VGM:ACCESS-OBLIGATIONS")
def test_nobody_is_told_of_a_refusal(database: Database, lea: Profile) -> None:
    for verdict in (Verdict.DENY, Verdict.DEFER):
        refusal = Decision(verdict, Reason.D_SERVICE_INDISPONIBLE, (Obligation.NOTIF_TITULAIRE,), ())
        database.write_now(lambda tx, refusal=refusal: carry_out(tx, refusal, deed(lea)))

    assert notices(database) == []


def test_who_has_no_email_is_told_nothing(database: Database) -> None:
    father = database.write_now(lambda tx: add_active_patient(tx, NOW, INS_PERE))

    database.write_now(lambda tx: carry_out(tx, permit(Obligation.NOTIF_TITULAIRE), deed(father)))

    assert notices(database) == []


def test_parents_are_told_for_a_child_unless_the_minor_keeps_it_secret(database: Database, lea: Profile) -> None:
    child = database.write_now(lambda tx: add_child(tx, NOW))
    database.write_now(lambda tx: represent(tx, child.id, lea.id, now=NOW))

    database.write_now(lambda tx: carry_out(tx, permit(Obligation.NE_PAS_NOTIFIER_RL), deed(child)))
    in_secret = notices(database)
    database.write_now(lambda tx: carry_out(tx, permit(Obligation.NOTIF_TITULAIRE), deed(child)))

    assert (in_secret, notices(database)) == ([], [("message", lea.id, timedelta(0))])


def test_a_first_access_is_remembered_and_told_once(database: Database, lea: Profile) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))
    done = deed(lea, Act.READ_DOCUMENT, martin.account_id)

    for _ in range(2):
        database.write_now(lambda tx: carry_out(tx, permit(Obligation.NOTIF_PREMIER_ACCES), done))

    assert notices(database) == [("first_access", lea.id, timedelta(0))]
    assert database.read_now(lambda tx: tx.execute(select(first_access.c.at)).scalar_one()) == NOW


def test_a_first_access_by_nobody_does_not_take_effect(database: Database, lea: Profile) -> None:
    with pytest.raises(ObligationFailed):
        database.write_now(lambda tx: carry_out(tx, permit(Obligation.NOTIF_PREMIER_ACCES), deed(lea)))


@pytest.mark.requirement("VGM:ACCESS-OBLIGATIONS")
@pytest.mark.parametrize(
    "obligation",
    [Obligation.FORCER_INVISIBLE_RL, Obligation.DEDUP, Obligation.MENTION_REDACTEUR, Obligation.ATTESTATION_PDF],
)
def test_an_act_whose_obligation_nobody_carries_out_does_not_take_effect(
    database: Database, lea: Profile, obligation: Obligation
) -> None:
    decision = permit(Obligation.NOTIF_TITULAIRE, obligation)

    with pytest.raises(ObligationFailed, match=obligation):
        database.write_now(lambda tx: carry_out(tx, decision, deed(lea)))
    after_failure = notices(database)
    database.write_now(lambda tx: carry_out(tx, decision, deed(lea), done={obligation}))

    assert (after_failure, len(notices(database))) == ([], 1)


def test_the_attending_doctor_is_told_of_an_emergency_when_there_is_one(database: Database, lea: Profile) -> None:
    martin = database.write_now(lambda tx: add_martin(tx, NOW))
    decision, done = permit(Obligation.NOTIF_URGENCE_MT), deed(lea, Act.OPEN_BREAK_GLASS)

    database.write_now(lambda tx: carry_out(tx, decision, done))
    without = notices(database)
    database.write_now(lambda tx: set_standing(tx, lea.id, martin.account_id, Standing.MEDECIN_TRAITANT))
    database.write_now(lambda tx: carry_out(tx, decision, done))

    assert (without, notices(database)) == ([], [("emergency_access", martin.account_id, timedelta(0))])
