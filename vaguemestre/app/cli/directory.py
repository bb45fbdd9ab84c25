"""`vaguemestre directory`: the national directory of professionals, and the registry of known identities."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts

if TYPE_CHECKING:
    from access_core.directories.directory import DirectoryEntry
    from access_core.identifiers import RPPS
    from vaguemestre.app.bootstrap import Instance

commands = typer.Typer(help="Annuaire des professionnels, identités connues.", no_args_is_help=True)


@commands.command()
def load(
    file: Annotated[
        Path,
        typer.Argument(metavar="FILE", help="PS_LibreAcces_Personne_activite, Extraction_Correspondance_MSSante, CSV."),
    ],
    identities: Annotated[
        bool, typer.Option("--identities", help="FILE est le registre des identités (CSV), à la place d'INSi.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Charge un fichier en entier, ou rien ; ce qu'il remplace reste en vigueur jusque-là."""
    from access_core.directories.extracts import load_extract
    from access_core.directories.identities import load_identities
    from vaguemestre.app.directories import refresh_standings

    with opened(config) as instance:
        if identities:
            strict = instance.settings.smtp.ins_key == "strict"
            count = instance.database.write_now(lambda tx: load_identities(tx, file, strict=strict))
            print_facts({"layout": "identities", "lines": count}, as_json=as_json)
            return
        extract = load_extract(instance.database, instance.clock, file)
        if extract.rpps_keys_wrong:
            typer.echo(f"{extract.rpps_keys_wrong} numéros RPPS dont la clé est fausse, gardés", err=True)
        standings = refresh_standings(instance)
    loaded = {"layout": extract.layout, "lines": extract.lines, "skipped": extract.skipped}
    print_facts({**loaded, "professionals": dict(standings)}, as_json=as_json)


@commands.command()
def show(
    number: Annotated[str, typer.Argument(metavar="RPPS", help="Numéro RPPS, 11 chiffres.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Montre ce que l'annuaire dit d'un professionnel."""
    from access_core.identifiers import RPPS

    rpps = RPPS.parse(number)
    if not rpps.luhn_matches:
        typer.echo("la clé de ce numéro RPPS est fausse ; il est cherché tel quel", err=True)
    with opened(config) as instance:
        found = _find(instance, rpps)
    if found is None:
        raise Refused("inconnu de l'annuaire")
    facts = {
        "rpps": rpps.number,
        "state": found.state,
        "family": found.family,
        "given": found.given,
        "professions": sorted({each.profession for each in found.activities if each.profession}),
        "mailboxes": found.mailboxes,
    }
    print_facts({**facts, "activities": found.activities} if as_json else facts, as_json=as_json)


@commands.command()
def refresh(config: Config = None, as_json: AsJson = False) -> None:
    """Cherche de nouveau chaque professionnel de l'instance ; « annuaire » en dépend dans les décisions."""
    from vaguemestre.app.directories import refresh_standings

    with opened(config) as instance:
        standings = refresh_standings(instance)
    print_facts({"professionals": dict(standings)}, as_json=as_json)


def _find(instance: "Instance", rpps: "RPPS") -> "DirectoryEntry | None":
    from access_core.directories.extracts import ExtractDirectory, is_loaded
    from access_core.directories.layouts import Layout
    from vaguemestre.app.directories import national_directory

    if instance.settings.access.directory.source == "fhir":
        return national_directory(instance).find(rpps)
    if not instance.database.read_now(lambda tx: is_loaded(tx, Layout.ACTIVITIES)):
        raise Refused("aucun annuaire chargé ; « vaguemestre directory load FICHIER »")
    return instance.database.read_now(lambda tx: ExtractDirectory(tx).find(rpps))
