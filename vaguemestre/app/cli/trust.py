"""`vaguemestre trust`: the MSSanté whitelist of this instance."""

import os
from pathlib import Path
from typing import Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, print_facts, read_settings

commands = typer.Typer(help="Espace de confiance.", no_args_is_help=True)


@commands.command()
def load(
    file: Annotated[Path, typer.Argument(metavar="FILE.xml", help="Liste blanche au format national.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Met une liste en place si elle se lit en entier ; « serve » la prend au prochain SIGHUP."""
    from smtp_gateway.trust.whitelist import parse_whitelist

    trust = read_settings(config).trust
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} : illisible ({error.strerror})") from None
    whitelist = parse_whitelist(data, max_bytes=trust.max_bytes)
    _replace(trust.whitelist, data)
    facts = {"generated_at": whitelist.generated_at, "domains": len(whitelist.subjects)}
    print_facts(facts, as_json=as_json)


@commands.command()
def show(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domaine à chercher.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Montre les certificats qui parlent pour un domaine."""
    from smtp_gateway.trust.whitelist import load_whitelist

    trust = read_settings(config).trust
    whitelist = load_whitelist(trust.whitelist, max_bytes=trust.max_bytes)
    subjects = whitelist.subjects.get(domain.lower())
    if subjects is None:
        raise Refused("ce domaine n'est pas sur la liste blanche")
    facts = {
        "domain": domain.lower(),
        "subjects": sorted(str(subject) for subject in subjects),
        "generated_at": whitelist.generated_at,
    }
    print_facts(facts, as_json=as_json)


def _replace(path: Path, data: bytes) -> None:
    """Put DATA in place of PATH, whole or not at all."""
    fresh = path.with_suffix(".new")
    with fresh.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    fresh.replace(path)
