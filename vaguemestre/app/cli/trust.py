"""`vaguemestre trust`: the MSSanté whitelist of this instance."""

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
    from smtp_gateway.trust.refresh import load_by_hand
    from vaguemestre.kernel.clock import SystemClock

    trust = read_settings(config).trust
    try:
        data = file.read_bytes()
    except OSError as error:
        raise Refused(f"{file} : illisible ({error.strerror})") from None
    whitelist = load_by_hand(data, trust, SystemClock().now())
    facts = {
        "generated_at": whitelist.generated_at,
        "domains": len(whitelist.subjects),
        "signer": whitelist.signer,
    }
    print_facts(facts, as_json=as_json)


@commands.command()
def refresh(config: Config = None, as_json: AsJson = False) -> None:
    """Va chercher la liste publiée ([trust] url) et la met en place si elle passe les contrôles."""
    from smtp_gateway.trust.refresh import Outcome
    from smtp_gateway.trust.refresh import refresh as refresh_list
    from vaguemestre.kernel.clock import SystemClock

    done = refresh_list(read_settings(config).trust, SystemClock().now())
    if done.outcome is Outcome.REJECTED:
        raise Refused(f"liste refusée : {done.reason} ; celle en vigueur reste en place")
    print_facts({"outcome": done.outcome, "generated_at": done.generated_at}, as_json=as_json)


@commands.command()
def show(
    domain: Annotated[str, typer.Argument(metavar="DOMAIN", help="Domaine à chercher.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Montre les certificats qui parlent pour un domaine."""
    from smtp_gateway.trust.admission import load_list

    whitelist = load_list(read_settings(config).trust)
    subjects = whitelist.subjects.get(domain.lower())
    if subjects is None:
        raise Refused("ce domaine n'est pas sur la liste blanche")
    facts = {
        "domain": domain.lower(),
        "subjects": sorted(str(subject) for subject in subjects),
        "generated_at": whitelist.generated_at,
    }
    print_facts(facts, as_json=as_json)
