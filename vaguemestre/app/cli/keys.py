"""`vaguemestre keys`: rotating the keys of the instance."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.app.dkim_rotation import Rotation

commands = typer.Typer(help="Clés de l'instance.", no_args_is_help=True)


@commands.callback()
def family() -> None:
    """Clés de l'instance."""


@commands.command()
def rotate(
    dkim: Annotated[bool, typer.Option("--dkim", help="Les clés qui signent les messages sortants.")] = False,
    activate: Annotated[
        bool, typer.Option("--activate", help="Signe avec les nouvelles clés, si elles sont publiées.")
    ] = False,
    unchecked: Annotated[
        bool, typer.Option("--unchecked", help="Avec --activate : ne cherche pas les enregistrements dans le DNS.")
    ] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Change de clés en deux temps : d'abord montre ce qu'il faut publier, puis, avec --activate, signe avec elles."""
    if not dkim:
        raise Refused("dites quelles clés : --dkim")
    if unchecked and not activate:
        raise typer.BadParameter("--unchecked va avec --activate")
    with opened(config) as instance:
        done = _rotate(instance, activate=activate, unchecked=unchecked)
    if done.missing:
        raise Refused(f"pas encore publié, ou autrement : {', '.join(done.missing)} ; publiez puis recommencez")
    facts = {
        "step": done.step,
        "signing": done.signing,
        "records": done.records,
        "withdraw": done.withdraw,
        "withdraw_after": done.withdraw_after,
    }
    print_facts(facts if as_json else _for_people(done), as_json=as_json)


def _rotate(instance: "Instance", *, activate: bool, unchecked: bool) -> "Rotation":
    from smtp_gateway.dkim_dns import DnsRecords
    from vaguemestre.app import dkim_rotation

    settings, now = instance.settings, instance.clock.now()
    domains = (*settings.instance.domains, *settings.instance.patient_domains)
    if not activate:
        return dkim_rotation.prepare(settings.dkim, domains, now)
    lookup = None if unchecked else DnsRecords(settings.dkim.dns_timeout_s).record
    return dkim_rotation.activate(settings.dkim, domains, now, lookup=lookup)


def _for_people(done: "Rotation") -> dict[str, object]:
    facts: dict[str, object] = {"signe avec": ", ".join(done.signing)}
    if done.step == "prepared":
        facts |= {f"à publier : {name}": value for name, value in done.records.items()}
        return {**facts, "ensuite": "vaguemestre keys rotate --dkim --activate"}
    return {**facts, "à retirer du DNS": ", ".join(done.withdraw), "pas avant le": done.withdraw_after}
