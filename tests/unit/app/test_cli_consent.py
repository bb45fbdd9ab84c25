"""`vaguemestre consent` and the acts of `vaguemestre patient`: what is printed, what is refused, what is kept."""

import json
from typing import Any

import pytest

from tests.fictional.people import INS_ENFANT, ins_of
from tests.unit.app.conftest import Run

INS = "279035121518989"
MARTIN = "camille.martin@demo.mssante.fr"
CARDIO = "cardiologie@demo.mssante.fr"


@pytest.fixture
def people(run: Run) -> Run:
    """Run commands on an instance with a doctor, a service and an active patient."""
    person = ("--type", "PER", "--name", "Dr Camille Martin", "--rpps", "10002422979", "--profession", "10")
    traits = ("--family", "Pat-Trois", "--given", "Dominique", "--birth-date", "1979-03-28", "--sex", "F")
    for command in (
        ("mailbox", "add", MARTIN, *person, "--password-stdin"),
        ("mailbox", "add", CARDIO, "--type", "ORG", "--name", "Cardiologie", "--password-stdin"),
        ("patient", "add", INS, *traits),
        ("patient", "activate", INS, "--password-stdin"),
    ):
        assert run(*command).exit_code == 0
    return run


def said(run: Run, *arguments: str) -> Any:
    done = run(*arguments, "--json")
    assert done.exit_code == 0, done.exception
    return json.loads(done.stdout)


def refusal(run: Run, *arguments: str) -> str:
    done = run(*arguments)
    assert done.exit_code == 1
    return str(done.exception)


def consent(run: Run) -> tuple[str, str]:
    (line,) = said(run, "consent", "show", INS, "--by", MARTIN)
    return line["consent"], line["level"]


@pytest.mark.requirement("VGM:ACCESS-GRANT")
def test_consent_is_recorded_refused_and_withdrawn(people: Run) -> None:
    uncollected = refusal(people, "consent", "record", INS, "--by", MARTIN)

    states = [consent(people)]
    for command in (("record", "--collected", "--deposit"), ("refuse",), ("withdraw",)):
        said(people, "consent", command[0], INS, "--by", MARTIN, *command[1:])
        states.append(consent(people))

    assert "[C_CONSENTEMENT_MANQUANT]" in uncollected
    assert states == [("aucun", "consulter"), ("explicite", "deposer"), ("refuse", "deposer"), ("expire", "deposer")]


@pytest.mark.requirement("VGM:ACCESS-GRANT")
def test_a_grant_waits_for_the_professional_s_answer(people: Run) -> None:
    early = refusal(people, "consent", "accept", INS, "--by", MARTIN)
    said(people, "patient", "grant", INS, MARTIN)
    waiting = consent(people)
    said(people, "consent", "accept", INS, "--by", MARTIN)
    accepted = consent(people)
    said(people, "patient", "withdraw", INS, MARTIN)

    assert "[C_CONSENTEMENT_MANQUANT]" in early
    assert (waiting[0], accepted[0], consent(people)[0]) == ("en_attente", "explicite", "expire")


def test_consent_show_lists_those_who_care_and_those_about_whom_something_was_decided(people: Run) -> None:
    nobody = said(people, "consent", "show", INS)
    said(people, "care", "declare", INS, "--by", MARTIN)
    said(people, "patient", "administrator", INS, CARDIO)

    lines = {line["address"]: (line["consent"], line["standing"]) for line in said(people, "consent", "show", INS)}

    assert nobody == []
    assert lines == {MARTIN: ("presume", "aucun"), CARDIO: ("aucun", "administrateur")}


@pytest.mark.requirement("VGM:ACCESS-BLOCK")
def test_an_attending_doctor_blocks_for_the_patient(people: Run) -> None:
    block = ("patient", "block", INS, CARDIO, "--by", MARTIN)

    before = refusal(people, *block)
    named = said(people, "patient", "administrator", INS, MARTIN, "--attending")
    blocked = said(people, *block)
    said(people, "patient", "unblock", INS, CARDIO)
    removed = said(people, "patient", "administrator", INS, MARTIN, "--remove")

    assert "[H_ADMIN_REQUIS]" in before
    assert (named["standing"], removed["standing"]) == ("medecin_traitant", "aucun")
    assert blocked["obligations"] == ["NOTIF_TITULAIRE"]


@pytest.mark.requirement("VGM:ACCESS-EMERGENCY")
def test_emergency_switches_and_masking_keep_what_is_not_named(people: Run) -> None:
    first = said(people, "patient", "emergency", INS, "--no-samu", "--masked")
    second = said(people, "patient", "emergency", INS, "--no-break-glass")
    impossible = refusal(people, "patient", "emergency", INS, "--masked")
    masked = said(people, "patient", "mask", INS)["preferences"]
    shown = said(people, "patient", "mask", INS, "--off")["preferences"]

    assert first["preferences"] == {
        "samu": False,
        "break_glass": True,
        "masked_documents": True,
        "masked_by_default": False,
    }
    assert second["preferences"]["masked_documents"] is False
    assert "documents masqués" in impossible
    assert (masked["masked_by_default"], shown["masked_by_default"]) == (True, False)


@pytest.mark.requirement("VGM:ACCESS-CLOSE")
def test_a_space_is_suspended_reopened_closed_with_deletion_and_reopened(people: Run) -> None:
    suspended = said(people, "patient", "suspend", INS)
    shut = refusal(people, "patient", "mask", INS)
    said(people, "patient", "reopen", INS)
    twice = refusal(people, "patient", "reopen", INS)
    closed = said(people, "patient", "close", INS, "--delete")
    reopened = said(people, "patient", "reopen", INS)

    assert (suspended["status"], suspended["closes_at"] is None) == ("suspendu", False)
    assert "[D_PROFIL_SUSPENDU]" in shut
    assert "[D_PROFIL_DEJA_OUVERT]" in twice
    assert (closed["obligations"], closed["erase_at"] is None) == (["SUPPRIMER_SOUS_3_MOIS"], False)
    assert (reopened["status"], reopened["erase_at"], reopened["obligations"]) == (
        "actif",
        None,
        ["RESTAURER_ARCHIVES"],
    )


def test_nobody_opens_the_space_of_the_dead(people: Run) -> None:
    dead = said(people, "patient", "death", INS)

    assert dead["status"] == "decede"
    assert "[D_TITULAIRE_DECEDE]" in refusal(people, "patient", "reopen", INS)


def test_a_space_never_activated_closes_with_its_archive_or_its_deletion(run: Run) -> None:
    traits = ("--family", "D", "--given", "Tom", "--birth-date", "1979-03-12", "--sex", "M")
    said(run, "patient", "add", INS, *traits)

    closed = said(run, "patient", "close", INS, "--delete")

    assert (closed["status"], closed["erase_at"] is None) == ("clos", False)


def test_only_a_minor_who_is_represented_is_activated_without_a_password(people: Run) -> None:
    child = INS_ENFANT.value
    said(people, "patient", "add", child, "--family", "D", "--given", "Tom", "--birth-date", "2016-03-12", "--sex", "M")

    alone = people("patient", "activate", child)
    said(people, "patient", "represent", child, "--by", INS)
    active = said(people, "patient", "activate", child)

    assert alone.exit_code == 1
    assert "--password-stdin" in str(alone.exception)
    assert active["status"] == "actif"
    assert "totp_secret" not in active


def test_what_the_operator_types_for_somebody_names_both_in_the_trace(people: Run) -> None:
    said(people, "patient", "mask", INS)

    line = said(people, "trace", "list", "--patient", INS)[0]

    assert line["subject_label"] == "Dominique Pat-Trois, par Opérateur (ligne de commande)"
    assert (line["act"], line["resource_kind"]) == ("mask_document", "masking")


def test_a_sharing_that_does_not_exist_is_neither_answered_nor_revoked(people: Run) -> None:
    for command in (("answer", INS, "--as", INS), ("revoke", INS, "--from", INS)):
        assert "aucun" in refusal(people, "patient", *command)


@pytest.mark.requirement("VGM:ACCESS-FILE")
def test_filing_is_opposed_by_scope_listed_and_allowed_again(people: Run) -> None:
    said(people, "consent", "oppose-filing", INS, "--motive", "erreur de dossier")
    said(people, "consent", "oppose-filing", INS, "--by", MARTIN, "--type", "11502-2", "--motive", "doublon")
    without_motive = refusal(people, "consent", "oppose-filing", INS, "--motive", " ")
    unknown_type = refusal(people, "consent", "oppose-filing", INS, "--type", "inconnu", "--motive", "doublon")
    listed = said(people, "consent", "oppositions", INS)
    lifted = [said(people, "consent", "allow-filing", INS)["lifted"] for _ in range(2)]

    assert "motif" in without_motive
    assert "type" in unknown_type
    assert [(each["by"], each["type"], each["motive"]) for each in listed] == [
        (None, None, "erreur de dossier"),
        (MARTIN, "11502-2", "doublon"),
    ]
    assert lifted == [True, False]
    assert [each["by"] for each in said(people, "consent", "oppositions", INS)] == [MARTIN]


@pytest.mark.requirement("VGM:DELEGATION")
def test_an_adult_is_protected_and_her_protector_acts_for_her(people: Run) -> None:
    protector = ins_of("1770351215002").value
    traits = ("--family", "Pat", "--given", "Paul", "--birth-date", "1977-03-28", "--sex", "M")
    assert people("patient", "add", protector, *traits).exit_code == 0
    assert people("patient", "activate", protector, "--password-stdin").exit_code == 0

    before = refusal(people, "patient", "mask", INS, "--as", protector)
    protected = said(people, "patient", "protect", INS, "--by", protector)
    masked = said(people, "patient", "mask", INS, "--as", protector)
    ended = said(people, "patient", "unprotect", INS, "--by", protector)
    after = refusal(people, "patient", "mask", INS, "--off", "--as", protector)

    assert (protected["protected"], protected["by"], masked["decision"]) == (True, [protector], "PERMIT")
    assert (ended["protected"], ended["by"]) == (False, [])
    assert "[H_REPRESENTANT_NON_RECONNU]" in before
    assert "[H_REPRESENTANT_NON_RECONNU]" in after
