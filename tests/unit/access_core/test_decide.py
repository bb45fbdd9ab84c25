"""The rule tables: `access_cases.csv` is the reference, `access_rules.csv` what the text says beyond it."""

import csv
from pathlib import Path

import pytest

from access_core.acts import Act
from access_core.cases import CaseResult, decide_cases
from access_core.decide import decide
from access_core.decision import Verdict
from access_core.facts import Auth, Context, Resource, Subject
from access_core.given import parse_given
from access_core.matrix import MatrixMode, default_matrix
from access_core.rules.table import RULES

SPEC = Path(__file__).resolve().parents[2] / "spec"
REFERENCE = SPEC / "access_cases.csv"
RULE_TABLE = SPEC / "access_rules.csv"
RESULTS = [*decide_cases(REFERENCE), *decide_cases(RULE_TABLE)]


@pytest.mark.requirement("VGM:ACCESS-DECIDE")
@pytest.mark.parametrize("result", RESULTS, ids=lambda result: result.case.case_id)
def test_each_case_decides_as_its_row_says(result: CaseResult):
    case, decision = result.case, result.decision

    assert (decision.verdict, decision.reason) == (case.expected_decision, case.expected_reason)
    assert {*decision.obligations} == case.expected_obligations


def test_no_case_is_missing():
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))

    assert len(rows) == 131
    assert [row["case_id"] for row in rows] == [result.case.case_id for result in RESULTS[:131]]


def test_obligations_come_in_the_order_of_the_reference():
    with REFERENCE.open(encoding="utf-8", newline="") as file:
        expected = [row["obligations"] for row in csv.DictReader(file)]

    assert [";".join(result.decision.obligations) for result in RESULTS[:131]] == expected


def test_every_reason_has_a_case():
    reasons = {result.decision.reason for result in RESULTS}
    verdicts = {result.decision.verdict for result in RESULTS}

    assert len(reasons) == 58
    assert verdicts == {*Verdict}


def test_every_act_has_a_rule():
    assert {*RULES} == {*Act}


@pytest.mark.requirement("VGM:ACCESS-MATRIX")
def test_the_reference_decides_alike_on_the_sourced_cells_alone():
    strict = default_matrix(MatrixMode.STRICT)

    different = [result.case.case_id for result in decide_cases(REFERENCE, matrix=strict) if result.differs]

    assert different == []


def test_a_negative_count_is_not_a_fact():
    subject = Subject(auth=Auth.MSSANTE)

    decision = decide(subject, Act.DELIVER_TO_PATIENT, Resource(jours=-1), Context())

    assert decision.verdict is Verdict.DENY


def test_the_age_of_majority_is_a_setting():
    given = parse_given("sujet=rl;age=19", Act.READ_DOCUMENT)

    decision = decide(given.subject, Act.READ_DOCUMENT, given.resource, Context(majorite=21))

    assert decision.allowed
