"""Who reads which lines of the trace: the engine decides, the reading is traced."""

from dataclasses import dataclass, replace
from datetime import date

import pytest

from access_core.activation import Activation, activate
from access_core.case_acts import BY_CARD, SIGNED_IN, Asking
from access_core.case_inputs import Sender, local_sender
from access_core.consent import block, set_standing
from access_core.facts import Auth, Scope, Standing
from access_core.identifiers import INS
from access_core.professionals import MailboxType, NewProfessional, add_professional
from access_core.profiles import NewProfile, Profile, add_profile
from access_core.reasons import Reason
from access_core.representation import represent
from access_core.trace.entries import TraceEntry
from access_core.trace.history import History, read_history, without_secrets
from access_core.trace.reader import history_of_patient
from tests.conftest import NOON
from tests.unit.access_core.test_trace import write
from vaguemestre.kernel.database import Database, Transaction


@dataclass(frozen=True)
class House:
    """A mother, her daughter of fifteen, a doctor of both."""

    mother: Profile
    child: Profile
    doctor: Sender


@pytest.fixture
def house(database: Database) -> House:
    def work(tx: Transaction) -> House:
        mother = _patient(tx, "279035121518989", "Léa", date(1979, 3, 12))
        child = _patient(tx, "285042A00411892", "Zoé", date(2011, 4, 2))
        represent(tx, child.id, mother.id, now=NOON)
        doctor = add_professional(
            tx,
            NewProfessional(
                address="martin@demo.mssante.fr",
                type=MailboxType.PER,
                name="Dr Camille Martin",
                created_at=NOON,
                rpps="10001234567",
                profession="10",
            ),
        )
        return House(mother, child, local_sender(doctor))

    return database.write_now(work)


def _patient(tx: Transaction, ins: str, given: str, birth_date: date) -> Profile:
    new = NewProfile(ins=INS.parse(ins), family="DURAND", given=given, birth_date=birth_date, sex="F", created_at=NOON)
    return activate(tx, add_profile(tx, new).id, Activation(activated_at=NOON, encoded_password="x", sealed_totp=b"x"))


def entry(profile: Profile, **facts: object) -> TraceEntry:
    plain = TraceEntry(
        at=NOON,
        act="file_document",
        verdict="PERMIT",
        reason="OK",
        subject_kind="pro",
        subject_id="autre",
        subject_label="Dr Autre",
        profile_id=profile.id,
        resource_kind="document",
        resource_id="d1",
    )
    return replace(plain, **facts)  # type: ignore[arg-type]


def reads(
    database: Database, profile: Profile, actor: Profile | Sender, **how: object
) -> tuple[Reason, list[str | None]]:
    session = SIGNED_IN if isinstance(actor, Profile) else BY_CARD
    asking = Asking(profile=profile, actor=actor, session=session, now=NOON)

    def work(tx: Transaction) -> History:
        return read_history(tx, asking, **how)  # type: ignore[arg-type]

    found = database.write_now(work)
    return found.decision.reason, [each.entry.resource_id for each in found.lines]


@pytest.mark.requirement("VGM:TRACE-READERS")
def test_the_holder_reads_everything_newest_first_and_leaves_a_line(database: Database, house: House) -> None:
    write(database, *(entry(house.mother, resource_id=f"d{number}") for number in range(1, 4)))

    reason, lines = reads(database, house.mother, house.mother)

    assert (reason, lines) == (Reason.OK, ["d3", "d2", "d1"])
    newest = database.read_now(lambda tx: history_of_patient(tx, house.mother.id))[0].entry
    assert (newest.act, newest.verdict, newest.subject_id) == ("read_access_history", "PERMIT", house.mother.id)


def test_a_representative_does_not_read_what_the_minor_keeps_secret(database: Database, house: House) -> None:
    write(
        database,
        entry(house.child, resource_id="vaccin"),
        entry(house.child, resource_id="secret", mode="secret"),
        entry(house.child, resource_id="secret", act="read_document"),
        entry(house.child, resource_id="cache", obligations=("FORCER_INVISIBLE_RL", "NE_PAS_NOTIFIER_RL")),
        entry(house.child, act="deliver_to_patient", mode="secret", resource_id=None, message_id_header="<s@x>"),
        entry(house.child, act="message_read", resource_kind="message", resource_id="m", message_id_header="<s@x>"),
        entry(house.child, act="profile_activated", mode="secret", resource_kind="profile", resource_id=house.child.id),
        entry(house.child, act="sign_in", resource_kind="profile", resource_id=house.child.id),
    )

    _, mother_reads = reads(database, house.child, house.mother)
    _, child_reads = reads(database, house.child, house.child)

    assert mother_reads == [house.child.id, "vaccin"]
    assert child_reads[-2:] == ["secret", "vaccin"]
    assert len(child_reads) == 9  # the mother's reading is a line too
    lines = database.read_now(lambda tx: without_secrets(tx, house.child, history_of_patient(tx, house.child.id)))
    assert {each.entry.resource_id for each in lines} == {house.child.id, "vaccin"}


def test_a_hidden_document_is_in_no_line(database: Database, house: House) -> None:
    write(database, entry(house.mother, resource_id="d1"), entry(house.mother, resource_id="d2"))

    assert reads(database, house.mother, house.mother, hidden=frozenset({"d2"}))[1] == ["d1"]


def test_a_stranger_reads_nothing_and_the_refusal_is_traced(database: Database, house: House) -> None:
    write(database, entry(house.mother))

    assert reads(database, house.mother, house.child) == (Reason.H_REPRESENTANT_NON_RECONNU, [])

    newest = database.read_now(lambda tx: history_of_patient(tx, house.mother.id))[0].entry
    assert (newest.verdict, newest.reason) == ("DENY", "H_REPRESENTANT_NON_RECONNU")


def test_a_professional_reads_his_own_acts_only(database: Database, house: House) -> None:
    write(
        database,
        entry(house.mother, subject_id=house.doctor.id, resource_id="mien"),
        entry(house.mother, resource_id="autre"),
    )

    assert reads(database, house.mother, house.doctor) == (Reason.H_ADMIN_REQUIS, [])
    reason, lines = reads(database, house.mother, house.doctor, scope=Scope.PROPRES)
    assert reason is Reason.OK
    assert "mien" in lines
    assert "autre" not in lines


def test_the_attending_doctor_reads_every_line_and_nothing_when_blocked(database: Database, house: House) -> None:
    write(database, entry(house.mother, resource_id="d1"))
    assert house.doctor.id is not None
    doctor = house.doctor.id
    database.write_now(lambda tx: set_standing(tx, house.mother.id, doctor, Standing.MEDECIN_TRAITANT))

    reason, lines = reads(database, house.mother, house.doctor)

    assert (reason, lines) == (Reason.OK, ["d1"])
    database.write_now(lambda tx: block(tx, house.mother.id, doctor, now=NOON))
    assert reads(database, house.mother, house.doctor) == (Reason.C_PRO_BLOQUE, [])


def test_without_a_second_factor_nobody_reads(database: Database, house: House) -> None:
    write(database, entry(house.mother))
    asking = Asking(
        profile=house.mother, actor=house.mother, session=replace(SIGNED_IN, auth=Auth.LOGIN_SEUL), now=NOON
    )

    found = database.write_now(lambda tx: read_history(tx, asking))

    assert (found.decision.reason, found.lines) == (Reason.A_MOYEN_INSUFFISANT, ())
