"""`vaguemestre decide`: the access engine as data, for one what-if case or a table of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, print_facts, print_rows, read_settings

if TYPE_CHECKING:
    from access_core.cases import CaseResult
    from access_core.decision import Decision

COLUMNS = ("case_id", "act", "decision", "reason_code", "obligations", "as_expected")


def decide(
    act: Annotated[str | None, typer.Argument(metavar="ACT", help="Acte, par exemple read_document.")] = None,
    given: Annotated[list[str] | None, typer.Argument(metavar="key=value…", help="Faits du cas.")] = None,
    cases: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Table de cas.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Décide un cas, ou une table de cas, avec la matrice en vigueur dans l'instance s'il y en a une ici.

    Sort avec 1 si une colonne attendue (expected_decision, reason_code) n'est pas suivie.
    """
    if (act is None) == (cases is None):
        raise Refused("donnez un acte et ses faits, ou --cases FICHIER.csv")
    _choose_rules(config)
    if cases is None:
        print_facts(_decide_one(str(act), given or []), as_json=as_json)
        return
    from access_core.cases import decide_cases

    results = list(decide_cases(cases))
    print_rows([_row(each) for each in results], COLUMNS, as_json=as_json)
    for problem in (problem for each in results for problem in each.case.problems):
        typer.echo(problem, err=True)
    differing = sum(each.differs for each in results)
    if differing:
        raise Refused(f"{differing} cas sur {len(results)} ne donnent pas ce qui est attendu")
    if any(each.doubtful for each in results):
        raise Refused("un acte ou une valeur est inconnu : le cas est refusé ; corrigez les lignes nommées")


def _choose_rules(config: Path | None) -> None:
    """Put the matrix and the majority of the instance in force; without an instance, those of the program decide."""
    from access_core.majority import MAJORITY
    from access_core.matrix_in_force import IN_FORCE
    from vaguemestre.app.settings import find_config

    if config is not None or find_config(None).exists():
        access = read_settings(config).access
        IN_FORCE.choose(access.matrix_file, access.matrix_mode)
        MAJORITY.choose(access.majority_years)


def _decide_one(name: str, given: list[str]) -> dict[str, object]:
    from access_core.acts import Act
    from access_core.decide import decide as decide_act
    from access_core.given import parse_given

    if name not in set(Act):
        raise Refused(f"acte inconnu ; les actes sont {', '.join(Act)}")
    act = Act(name)
    facts = parse_given(";".join(given), act)
    decision = decide_act(facts.subject, act, facts.resource, facts.context)
    return {"act": act, **_facts(decision), "problems": facts.problems}


def _row(result: "CaseResult") -> dict[str, object]:
    return {
        "case_id": result.case.case_id,
        "line": result.case.line,
        "act": result.case.act,
        **_facts(result.decision),
        "as_expected": not result.differs,
        "problems": result.case.problems,
    }


def _facts(decision: "Decision") -> dict[str, object]:
    from access_core.reasons import REGISTER

    return {
        "decision": decision.verdict,
        "reason_code": decision.reason,
        "obligations": decision.obligations,
        "sentence": REGISTER[decision.reason].sentence,
        "sources": decision.sources,
    }
