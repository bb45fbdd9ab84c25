"""`vaguemestre queue`: what has not left yet for other operators."""

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts, print_rows

if TYPE_CHECKING:
    from vaguemestre.app.bootstrap import Instance

commands = typer.Typer(help="File d'attente vers les autres opérateurs.", no_args_is_help=True)
COLUMNS = ("id", "recipient", "size_bytes", "accepted_at", "attempts", "due_at", "trouble", "status")
DROP_LEASE = timedelta(minutes=5)
Identifier = Annotated[str, typer.Argument(metavar="ID", help="Identifiant donné par « queue list ».")]


@commands.command("list")
def list_waiting(config: Config = None, as_json: AsJson = False) -> None:
    """Liste les destinataires qui attendent, les plus anciens d'abord."""
    from smtp_gateway.queue.entries import listed

    with opened(config) as instance:
        found = instance.database.read_now(listed)
    print_rows(found, COLUMNS, as_json=as_json)


@commands.command()
def show(identifier: Identifier, config: Config = None, as_json: AsJson = False) -> None:
    """Montre un destinataire : état, essais, dernier refus."""
    from smtp_gateway.queue.entries import listed

    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: listed(tx, entry_id=identifier))
    if not found:
        raise Refused("aucun destinataire de cet identifiant ; voyez « queue list »")
    print_facts({key: value for key, value in found[0].items() if key != "lease"}, as_json=as_json)


@commands.command()
def retry(
    identifier: Annotated[str | None, typer.Argument(metavar="ID", help="Identifiant du destinataire.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Tous les destinataires qui attendent.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Fait essayer tout de suite un destinataire, ou tous."""
    from smtp_gateway.queue.entries import hasten

    if (identifier is None) != everything:
        raise typer.BadParameter("donnez un identifiant ou --all")
    with opened(config) as instance:
        now = instance.clock.now()
        count = instance.database.write_now(lambda tx: hasten(tx, now, identifier))
    if not count and identifier is not None:
        raise Refused("ce destinataire n'attend pas, ou un essai est en cours")
    print_facts({"hastened": count}, as_json=as_json)


@commands.command()
def drop(identifier: Identifier, config: Config = None, as_json: AsJson = False) -> None:
    """Retire un destinataire de la file ; son expéditeur reçoit « Message non distribué »."""
    with opened(config) as instance:
        if not asyncio.run(_drop(instance, identifier)):
            raise Refused("ce destinataire n'attend pas, ou un essai est en cours")
    print_facts({"dropped": identifier}, as_json=as_json)


async def _drop(instance: "Instance", identifier: str) -> bool:
    from smtp_gateway.queue.entries import Lease, lease_one
    from smtp_gateway.queue.model import Answer, Trouble
    from smtp_gateway.queue.settling import Settler
    from vaguemestre.kernel.ids import new_id

    settings, now = instance.settings, instance.clock.now()
    lease = Lease(new_id(), now, now + DROP_LEASE)
    jobs = await instance.database.write(lambda tx: lease_one(tx, identifier, lease))
    settler = Settler(
        instance.database, instance.postman, instance.clock, settings=settings.relay, hostname=settings.smtp.hostname
    )
    for job in jobs:
        await settler.settle(job, [Answer(status="5.7.0", trouble=Trouble.DROPPED)] * len(job.waiting))
    return bool(jobs)
