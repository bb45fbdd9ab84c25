"""`vaguemestre care`: who takes part in whose care."""

from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli import mailbox, patient
from vaguemestre.app.cli.shared import AsJson, Config, midnight, opened, print_facts

if TYPE_CHECKING:
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Prise en charge.", no_args_is_help=True)


@commands.callback()
def care() -> None:
    """Prise en charge, comme le logiciel d'un établissement la déclarerait."""


@commands.command()
def declare(
    ins: patient.InsText,
    by: Annotated[str, typer.Option(metavar="ADDRESS", help="Adresse du professionnel.")],
    until: Annotated[str | None, typer.Option(metavar="DATE", help="Fin connue, AAAA-MM-JJ (exclue).")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Déclare qu'un professionnel prend part aux soins d'un patient."""
    from access_core.care import limit_presumption
    from vaguemestre.app.administration import declare_care_relation

    with opened(config) as instance:
        now = instance.clock.now()
        end = None if until is None else midnight(until, instance.settings.portal.time_zone)

        def work(tx: "Transaction") -> None:
            profile, professional = patient.find(tx, instance, ins), mailbox.find(tx, by)
            declare_care_relation(tx, profile, professional, until=end, now=now)
            presumed = now + timedelta(days=instance.settings.access.life.consent_days)
            limit_presumption(tx, profile.id, professional.account_id, until=presumed)

        instance.database.write_now(work)
    print_facts({"declared": True, "until": end}, as_json=as_json)
