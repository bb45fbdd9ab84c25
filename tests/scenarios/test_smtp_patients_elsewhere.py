"""Patients whose space another operator keeps: the conversations with our professionals are kept here all the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_gateway.conversation import conversations_with
from smtp_gateway.fin import State
from tests.scenarios.test_smtp_submission import refusal
from tests.unit.smtp_gateway.trust_space import PATIENT_DOMAIN
from tests.unit.smtp_gateway.world import DURAND, MARTIN, PATIENT, Options, World, letter, running

ELSEWHERE = "patients.autre.fr"
REMOTE_PATIENT = f"146026322000196@{ELSEWHERE}"


@pytest.fixture
def hospital(tmp_path: Path) -> Iterator[World]:
    """An operator that writes to the patients of another one."""
    options = Options(smtp={"patient_domains_elsewhere": (ELSEWHERE,)}, relay={"routes": {ELSEWHERE: "127.0.0.1:9"}})
    with running(tmp_path, options) as world:
        path = tmp_path / "whitelist.xml"
        path.write_text(path.read_text("utf-8").replace(f">{PATIENT_DOMAIN}<", f">{ELSEWHERE}<"), "utf-8")
        world.services[0].reload()
        yield world


def answer(world: World, **fields: str) -> str:
    client = world.at_mx("patients")
    said = refusal(client, REMOTE_PATIENT, MARTIN, letter(REMOTE_PATIENT, MARTIN, **fields))
    client.quit()
    return said


def write(world: World, subject: str, **fields: str) -> None:
    client = world.at_submission()
    client.sendmail(MARTIN, [REMOTE_PATIENT], letter(MARTIN, REMOTE_PATIENT, subject, **fields))
    client.quit()


@pytest.mark.requirement("MSS2:ECO.2.2.8")
def test_what_professionals_write_to_patients_elsewhere_opens_closes_and_reopens(hospital: World) -> None:
    stranger = answer(hospital)
    write(hospital, "Rendez-vous", Message_ID="<1@demo>")
    first = answer(hospital, In_Reply_To="<1@demo>")
    unrelated = answer(hospital, In_Reply_To="<other@demo>")
    write(hospital, "Re: Rendez-vous [FIN]", Message_ID="<2@demo>", References="<1@demo>")
    after_end = answer(hospital, In_Reply_To="<2@demo>")
    write(hospital, "Encore un mot", Message_ID="<3@demo>", References="<1@demo> <2@demo>")
    again = answer(hospital, In_Reply_To="<3@demo>")
    write(hospital, "Bilan", Message_ID="<4@demo>", X_MSS_MES="FIN")
    no_answer = answer(hospital, In_Reply_To="<4@demo>")

    assert first == again == "250"
    assert stranger.endswith("[C_ECHANGE_NON_INITIE]")
    assert unrelated.endswith("[C_ECHANGE_NON_INITIE]")
    assert after_end.endswith("[C_ECHANGE_CLOS]")
    assert no_answer.endswith("[C_ECHANGE_CLOS]")
    assert len(hospital.messages(MARTIN)) == 2
    known = hospital.database.read_now(lambda tx: conversations_with(tx, REMOTE_PATIENT, MARTIN))
    assert sorted(each.state for each in known) == [State.CLOSED, State.OPEN]


def test_answer_goes_to_whom_the_professional_named_and_never_to_a_patient(hospital: World) -> None:
    write(hospital, "Rendez-vous", Message_ID="<1@demo>", Reply_To=DURAND)
    write(hospital, "Autre", Message_ID="<2@demo>", Reply_To=f"279035121518989@{ELSEWHERE}")
    client = hospital.at_mx("patients")

    said = [
        refusal(client, REMOTE_PATIENT, to, letter(REMOTE_PATIENT, to, In_Reply_To=about))[:3]
        for about, to in (("<1@demo>", DURAND), ("<1@demo>", MARTIN), ("<2@demo>", MARTIN))
    ]

    assert said == ["250", "550", "250"]
    client.quit()


def test_one_patient_at_a_time_wherever_she_is(hospital: World) -> None:
    client, second = hospital.at_submission(), f"279035121518989@{ELSEWHERE}"

    refused = client.sendmail(MARTIN, [REMOTE_PATIENT, second, PATIENT], letter(MARTIN, REMOTE_PATIENT))
    named = refusal(client, MARTIN, DURAND, letter(MARTIN, DURAND, Cc=f"{REMOTE_PATIENT}, X <{second}>"))
    twice = refusal(client, MARTIN, DURAND, letter(MARTIN, REMOTE_PATIENT, Cc=f"<{REMOTE_PATIENT}>, {DURAND}"))

    assert {each: reply[1][-19:] for each, reply in refused.items()} == {
        second: b"[S_UN_SEUL_PATIENT]",
        PATIENT: b"[S_UN_SEUL_PATIENT]",
    }
    assert named.endswith("[S_UN_SEUL_PATIENT]")
    assert twice == "250"
    client.quit()
