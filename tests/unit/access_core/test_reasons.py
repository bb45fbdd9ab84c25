import csv
from pathlib import Path

import pytest

from access_core.acts import ACT_SOURCES, Act
from access_core.reasons import REGISTER, Reason

SPEC = Path(__file__).resolve().parents[2] / "spec" / "reasons.csv"
with SPEC.open(encoding="utf-8", newline="") as file:
    SENTENCES = list(csv.DictReader(file))

NO_MAILBOX = ("D_PROFIL_INEXISTANT", "D_PROFIL_OPPOSE", "D_PROFIL_CLOS", "D_PROFIL_SUSPENDU", "D_TITULAIRE_DECEDE")


@pytest.mark.requirement("VGM:ACCESS-REASONS")
@pytest.mark.parametrize("row", SENTENCES, ids=lambda row: row["code"])
def test_a_reason_shows_its_sentence_or_the_one_that_it_borrows(row):
    entry = REGISTER[Reason(row["code"])]

    assert entry.sentence == row["sentence"]
    assert entry.shown == row["shown_code"]
    assert entry.sentence.encode() == REGISTER[entry.shown].sentence.encode()


def test_the_register_is_closed():
    codes = [row["code"] for row in SENTENCES]

    assert [*Reason] == ["OK", *codes]
    assert {*REGISTER} == {*Reason}


def test_every_refusal_has_sources():
    for reason in Reason:
        assert reason is Reason.OK or REGISTER[reason].sources


def test_every_act_has_sources():
    assert all(ACT_SOURCES[act] for act in Act)


@pytest.mark.requirement("VGM:ACCESS-REASONS")
def test_smtp_tells_mailboxes_that_take_no_mail_apart_from_nothing():
    replies = {(REGISTER[Reason(code)].smtp, REGISTER[Reason(code)].smtp_shown) for code in NO_MAILBOX}

    assert replies == {("550 5.1.1", Reason.D_PROFIL_INEXISTANT)}


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason is not Reason.OK])
def test_smtp_answers_what_waits_with_a_temporary_code(reason):
    waits = reason in (Reason.D_SERVICE_INDISPONIBLE, Reason.C_ACCEPTATION_EN_ATTENTE)

    code, _, enhanced = REGISTER[reason].smtp.partition(" ")

    assert code[0] == enhanced[0] == ("4" if waits else "5")
    assert REGISTER[reason].smtp_shown in REGISTER
