"""`vaguemestre doctor`: is everything as it should be?"""

import typer

from vaguemestre.app.cli.shared import AsJson, Config, opened, print_rows


def doctor(config: Config = None, as_json: AsJson = False) -> None:
    """Examine réglages, clés, certificats, ports, catalogue, registre, contenu scellé ; 1 s'il y a un défaut."""
    from vaguemestre.app.examination import Health, examine

    with opened(config) as instance:
        findings = examine(instance)
    rows = [{"sujet": each.subject, "état": each.health, "constat": each.sentence} for each in findings]
    print_rows(rows, ("sujet", "état", "constat"), as_json=as_json)
    if any(each.health is Health.BAD for each in findings):
        raise typer.Exit(1)
