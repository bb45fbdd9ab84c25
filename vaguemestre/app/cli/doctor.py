"""`vaguemestre doctor`: is everything as it should be?"""

import sys
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, opened, print_rows

if TYPE_CHECKING:
    from vaguemestre.app.examination import Finding


def doctor(
    all_messages: Annotated[
        bool, typer.Option("--all-messages", help="Ouvre tous les messages, et non les plus récents seulement.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Examine l'instance.

    Réglages, clés, certificats, ports, catalogue, registre, contenu scellé ; sort avec 1 s'il y a un défaut.
    """
    from vaguemestre.app.examination import Health, examine
    from vaguemestre.app.stored_content import SAMPLE, missing_segments, unreadable_messages

    with opened(config, whatever_catalogue=True) as instance:
        findings = examine(instance)
        if not any(each.health is Health.BAD for each in findings):
            limit = None if all_messages else SAMPLE
            findings += _segment_findings(missing_segments(instance))
            findings += _content_findings(list(_with_progress(unreadable_messages(instance, limit=limit))))
    rows = [{"sujet": each.subject, "état": each.health, "constat": each.sentence} for each in findings]
    print_rows(rows, ("sujet", "état", "constat"), as_json=as_json)
    if any(each.health is Health.BAD for each in findings):
        raise typer.Exit(1)


def _segment_findings(missing: "Mapping[str, int]") -> "list[Finding]":
    from vaguemestre.app.examination import Finding, Health

    return [
        Finding("contenu", Health.BAD, f"segment {file} absent ou tronqué : {count} messages perdent leur corps")
        for file, count in missing.items()
    ]


def _content_findings(opened_messages: "list[str | None]") -> "list[Finding]":
    from vaguemestre.app.examination import Finding, Health

    broken = [identifier for identifier in opened_messages if identifier is not None]
    if not broken:
        return [Finding("contenu", Health.GOOD, f"{len(opened_messages)} messages récents ouverts")]
    return [Finding("contenu", Health.BAD, f"message {identifier} illisible") for identifier in broken]


def _with_progress(messages: "Iterator[str | None]") -> "Iterator[str | None]":
    """Show how many were opened, on a terminal only."""
    terminal = sys.stderr.isatty()
    for number, message in enumerate(messages, start=1):
        if terminal and number % 100 == 0:
            print(f"\r{number} messages ouverts", end="", file=sys.stderr)
        yield message
    if terminal:
        print("\r", end="", file=sys.stderr)
