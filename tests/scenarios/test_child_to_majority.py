"""A child from birth to majority, by the real commands: parents, second parent, secret act, carer, majority."""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from access_core.identifiers import ins_key
from tests.standins.instance import prepare_instance
from vaguemestre.app.demo.fictional_documents import fictional_pdf
from vaguemestre.app.demo.people import DURAND, MARTIN
from vaguemestre.app.demo.program import Program
from vaguemestre.kernel.errors import PermanentFailure

PASSWORD = "Cerisier-bleu-42"
TODAY = datetime.now(UTC).date()


def ins_of(matricule: str) -> str:
    """Return a well-formed INS for 13 characters."""
    return f"{matricule}{ins_key(matricule):02d}"


MOTHER, FATHER = ins_of("2850351215004"), ins_of("1830351215005")
UNCLE, STRANGER = ins_of("1800351215006"), ins_of("1810351215007")
CARERS = [ins_of(f"278035121501{n}") for n in range(4)]
NEWBORN, CHILD, TEENAGER, ADULT = (ins_of(f"220035121502{n}") for n in range(4))


class Family:
    """The people, and the commands that are typed for them."""

    def __init__(self, program: Program) -> None:
        self.run = program.run

    def add(self, ins: str, born: date, *options: str) -> Any:
        """Create a space."""
        return self.run(
            "patient", "add", ins, "--family", "PAT", "--given", "ANNE", "--birth-date", born.isoformat(),
            "--sex", "F", *options,
        )  # fmt: skip

    def add_active_adult(self, ins: str) -> None:
        """Create the space of an adult, who activates it."""
        self.add(ins, date(1983, 3, 12))
        self.run("patient", "activate", ins, "--password-stdin", standard_input=PASSWORD)

    def add_child(self, ins: str, born: date) -> None:
        """Create the space of a child whom her mother represents and activates."""
        self.add(ins, born)
        self.run("patient", "represent", ins, "--by", MOTHER)
        self.run("patient", "activate", ins)

    def refusal(self, *arguments: str) -> str:
        """Run a command that is refused; returns its sentence."""
        with pytest.raises(PermanentFailure) as refused:
            self.run(*arguments)
        return str(refused.value)

    def sharings(self, ins: str) -> list[tuple[str, str, str]]:
        """Return role, person and state of each sharing that concerns a person."""
        return [(each["role"], each["with"], each["state"]) for each in self.run("patient", "sharings", ins)]

    def acts(self, ins: str) -> list[tuple[str, str]]:
        """Return act and reason of each line of the trace about a person, oldest first."""
        lines = self.run("trace", "list", "--patient", ins)
        return [(each["act"], each["reason"]) for each in reversed(lines)]


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    people = Family(prepare_instance(tmp_path_factory.mktemp("family") / "vaguemestre"))
    for ins in (MOTHER, FATHER):
        people.add_active_adult(ins)
    people.add_child(CHILD, years_ago(15))
    return people


def years_ago(years: int, days: int = 0) -> date:
    """Return the birth date of somebody who is that old today, DAYS later."""
    day = TODAY + timedelta(days=days)
    return date(day.year - years, 3, 1) if (day.month, day.day) == (2, 29) else day.replace(year=day.year - years)


def test_a_space_is_announced_at_birth_and_opposed_with_a_proof(family: Family) -> None:
    announced = family.add(NEWBORN, TODAY, "--announce")
    opposed = family.run("patient", "oppose", NEWBORN)

    assert (announced["status"], opposed["status"]) == ("annonce", "oppose")
    assert "s'est opposé(e)" in opposed["statement"]
    assert [each["id"] for each in family.run("patient", "attestations", NEWBORN)] == [opposed["proof"]]
    assert ("profile_opposed", "OK") in family.acts(NEWBORN)


@pytest.mark.requirement("VGM:DELEGATION")
def test_the_mother_shares_with_the_father_and_with_nobody_more(family: Family) -> None:
    invite = ("patient", "delegate", CHILD, "--kind", "second-representative", "--as", MOTHER)

    undeclared = family.refusal(*invite, "--to", FATHER)
    invited = family.run(*invite, "--to", FATHER, "--declare")
    waiting = family.sharings(FATHER)
    by_stranger = family.refusal("patient", "answer", CHILD, "--as", MOTHER)
    accepted = family.run("patient", "answer", CHILD, "--as", FATHER)

    assert "[H_DECLARATION_REQUISE]" in undeclared
    assert (invited["decision"], invited["reason"]) == ("DEFER", "C_ACCEPTATION_EN_ATTENTE")
    assert waiting == [("received", CHILD, "en_attente")]
    assert "aucune invitation" in by_stranger
    assert accepted["decision"] == "PERMIT"
    represented = {(role, person) for role, person, _ in family.sharings(CHILD)}
    assert {("represented", MOTHER), ("represented", FATHER)} <= represented
    family.add_active_adult(UNCLE)
    assert "[H_LIMITE_DELEGATIONS]" in family.refusal(*invite, "--to", UNCLE, "--declare")


@pytest.mark.requirement("VGM:ACCESS-BLOCK")
def test_parents_decide_about_professionals_and_strangers_do_not(family: Family) -> None:
    family.run("care", "declare", CHILD, "--by", DURAND.address)
    family.add_active_adult(STRANGER)

    refused = family.refusal("patient", "block", CHILD, DURAND.address, "--as", STRANGER)
    family.run("patient", "block", CHILD, DURAND.address, "--as", MOTHER)
    (blocked,) = family.run("consent", "show", CHILD, "--by", DURAND.address)
    family.run("patient", "unblock", CHILD, DURAND.address, "--as", MOTHER)
    (after,) = family.run("consent", "show", CHILD, "--by", DURAND.address)

    assert "[H_REPRESENTANT_NON_RECONNU]" in refused
    assert (blocked["blocked"], after["blocked"]) == (True, False)
    assert after["consent"] == "expire"  # a block that is lifted gives no access back
    assert [each for each in family.acts(CHILD) if each[0].endswith("block_professional")] == [
        ("block_professional", "H_REPRESENTANT_NON_RECONNU"),
        ("block_professional", "OK"),
        ("unblock_professional", "OK"),
    ]


@pytest.mark.requirement("VGM:MINOR-SECRET")
def test_what_a_minor_keeps_secret_is_hidden_from_her_parents(family: Family, tmp_path: Path) -> None:
    report = tmp_path / "cr.pdf"
    report.write_bytes(fictional_pdf("Compte rendu"))
    file = ("dmp", "file", str(report), "--patient", CHILD, "--as", MARTIN.address)

    outside_care = family.refusal("patient", "secret", CHILD, "--by", MARTIN.address)
    family.run("care", "declare", CHILD, "--by", MARTIN.address)
    family.run("patient", "secret", CHILD, "--by", MARTIN.address)
    (hidden,) = family.run(*file)
    family.run("patient", "secret", CHILD, "--by", MARTIN.address, "--no-mention")
    unmentioned = family.refusal(*file)

    assert "[H_HORS_PRISE_EN_CHARGE]" in outside_care
    assert {"FORCER_INVISIBLE_RL", "NE_PAS_NOTIFIER_RL"} <= set(hidden["obligations"])
    assert "[C_SECRET_MINEUR]" in unmentioned


@pytest.mark.requirement("VGM:DELEGATION")
def test_three_carers_at_most_help_a_child_and_each_gets_her_attestation(family: Family, tmp_path: Path) -> None:
    for ins in CARERS:
        family.add_active_adult(ins)
    for ins in CARERS[:3]:
        invite(family, CHILD, ins)
        family.run("patient", "answer", CHILD, "--as", ins)

    fourth = family.refusal(*invitation(CHILD, CARERS[3]))
    further = family.refusal("patient", "delegate", CHILD, "--to", CARERS[3], *CARER, "--as", CARERS[0])
    closing = family.refusal("patient", "close", CHILD, "--as", CARERS[0])
    family.run("patient", "revoke", CHILD, "--from", CARERS[0], "--as", CARERS[0])
    invite(family, CHILD, CARERS[3])
    declined = family.run("patient", "answer", CHILD, "--as", CARERS[3], "--decline")

    assert "[H_LIMITE_DELEGATIONS]" in fourth
    assert "[H_TITULAIRE_REQUIS]" in further
    assert "[H_TITULAIRE_REQUIS]" in closing
    assert declined["reason"] == "C_ACCEPTATION_REFUSEE"
    proofs = family.run("patient", "attestations", CHILD)
    kinds = [each["kind"] for each in proofs]
    written = tmp_path / "attestation.pdf"
    family.run("patient", "attestation", CHILD, proofs[0]["id"], str(written))
    assert written.read_bytes().startswith(b"%PDF-")
    assert (kinds.count("aidant_debut"), kinds.count("aidant_fin")) == (3, 1)


@pytest.mark.requirement("VGM:MAJORITY")
def test_up_to_majority_the_mother_acts_and_from_that_day_nobody_can_be_declared(family: Family) -> None:
    family.add_child(TEENAGER, years_ago(18, days=2))
    family.add(ADULT, years_ago(18))

    acted = family.run("patient", "emergency", TEENAGER, "--no-samu", "--as", MOTHER)
    declared = family.refusal("patient", "represent", ADULT, "--by", MOTHER)

    assert (acted["decision"], acted["preferences"]["samu"]) == ("PERMIT", False)
    assert "only a minor is represented" in declared


def test_the_trace_of_a_childhood_is_whole(family: Family) -> None:
    verified = family.run("trace", "verify")

    assert verified["ok"] is True
    assert ("close_profile", "H_TITULAIRE_REQUIS") in family.acts(CHILD)


CARER: Sequence[str] = ("--kind", "carer", "--declare")


def invitation(child: str, carer: str) -> tuple[str, ...]:
    """Return the command by which the mother invites a carer."""
    return ("patient", "delegate", child, "--to", carer, *CARER, "--as", MOTHER)


def invite(family: Family, child: str, carer: str) -> None:
    assert family.run(*invitation(child, carer))["decision"] == "DEFER"
