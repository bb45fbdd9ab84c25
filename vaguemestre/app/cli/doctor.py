"""`vaguemestre doctor`: is everything as it should be?"""

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, opened, print_rows, read_settings
from vaguemestre.kernel.errors import ConfigurationError

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.app.examination import Finding


def doctor(
    all_messages: Annotated[
        bool, typer.Option("--all-messages", help="Ouvre tous les messages, et non les plus récents seulement.")
    ] = False,
    dns: Annotated[bool, typer.Option("--dns", help="Rien que les enregistrements DNS à publier.")] = False,
    check_dns: Annotated[
        bool, typer.Option("--check-dns", help="Les compare à ce que répond le DNS ; 1 s'il en manque.")
    ] = False,
    dns_server: Annotated[
        str | None, typer.Option(help="Serveur DNS à interroger, ADRESSE ou ADRESSE:PORT ; sinon ceux du système.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Examine l'instance, et liste les enregistrements DNS à publier.

    Réglages, clés, certificats, ports, catalogue, registre, contenu scellé ; sort avec 1 s'il y a un défaut.
    """
    if dns or check_dns:
        _show_dns(config, server=dns_server, check=check_dns, as_json=as_json)
        return
    from vaguemestre.app.examination import Health, examine
    from vaguemestre.app.stored_content import SAMPLE, missing_segments, unreadable_messages

    with opened(config, whatever_catalogue=True) as instance:
        findings = examine(instance)
        if not any(each.health is Health.BAD for each in findings):
            limit = None if all_messages else SAMPLE
            findings += _segment_findings(missing_segments(instance))
            findings += _content_findings(list(_with_progress(unreadable_messages(instance, limit=limit))))
        lines = _zone(instance)
    rows = [{"sujet": each.subject, "état": each.health, "constat": each.sentence} for each in findings]
    print_rows(rows, ("sujet", "état", "constat"), as_json=as_json)
    if not as_json:
        print("\nEnregistrements DNS à publier :")
        print("\n".join(lines))
    if any(each.health is Health.BAD for each in findings):
        raise typer.Exit(1)


def _show_dns(config: Path | None, *, server: str | None, check: bool, as_json: bool) -> None:
    """Print the records, as lines of a zone file or as data; compared with what DNS says when CHECK."""
    from vaguemestre.app.dns_check import compare
    from vaguemestre.app.mail_programs import dns_records

    wanted = dns_records(read_settings(config))
    seen = compare(wanted, server) if check else []
    if not check and not as_json:
        print("\n".join(each.zone_line() for each in wanted))
        return
    rows: list[dict[str, object]] = [{"name": each.name, "type": each.type, "value": each.value} for each in wanted]
    for row, found in zip(rows, seen, strict=False):
        row |= {"state": found.state, "found": found.values}
    print_rows(rows, ("state", "name", "type", "value"), as_json=as_json)
    if any(not each.published for each in seen):
        raise typer.Exit(1)


def _zone(instance: "Instance") -> list[str]:
    """Return the lines to publish; none while the keys that they need cannot be read, which is a finding already."""
    from vaguemestre.app.mail_programs import dns_records

    try:
        return [each.zone_line() for each in dns_records(instance.settings)]
    except ConfigurationError:
        return []


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
