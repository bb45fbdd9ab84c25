"""`vaguemestre care`: who takes part in whose care."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated
from zoneinfo import ZoneInfo

import typer

from vaguemestre.app.cli import mailbox, patient
from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts

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
    from vaguemestre.app.administration import declare_care_relation

    with opened(config) as instance:
        now = instance.clock.now()
        end = None if until is None else _midnight(until, instance.settings.portal.time_zone)

        def work(tx: "Transaction") -> None:
            profile, professional = patient.find(tx, instance, ins), mailbox.find(tx, by)
            declare_care_relation(tx, profile, professional, until=end, now=now)

        instance.database.write_now(work)
    print_facts({"declared": True, "until": end}, as_json=as_json)


def _midnight(text: str, zone: str) -> datetime:
    try:
        return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone))
    except ValueError:
        raise Refused("--until : écrivez AAAA-MM-JJ") from None
