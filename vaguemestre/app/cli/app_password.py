"""`vaguemestre mailbox app-password`: one password for each mail program, revoked alone."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vaguemestre.app.cli.mailbox import Address, find
from vaguemestre.app.cli.shared import AsJson, Config, Refused, midnight, opened, print_facts, print_rows

if TYPE_CHECKING:
    from access_core.authentication.application_passwords import ApplicationPassword
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Mots de passe d'application d'une boîte.", no_args_is_help=True)
Identifier = Annotated[str, typer.Argument(metavar="ID", help="Identifiant donné par la liste.")]
COLUMNS = ("id", "label", "scope", "state", "created_at", "expires_at", "last_used_at")


@commands.command()
def add(
    address: Address,
    label: Annotated[str, typer.Option(help="Ce qui s'en servira, par exemple « Thunderbird du cabinet ».")],
    scope: Annotated[Literal["imap", "smtp", "all"], typer.Option(help="Ce qu'il ouvre.")] = "all",
    until: Annotated[str | None, typer.Option(help="Dernier jour exclu, AAAA-MM-JJ ; sinon sans terme.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Crée un mot de passe d'application et l'affiche, cette fois seulement."""
    from access_core.authentication.application_passwords import NewApplicationPassword
    from access_core.authentication.channel import Scope
    from vaguemestre.app.administration import add_application_password

    with opened(config) as instance:
        zone = instance.settings.portal.time_zone
        new = NewApplicationPassword(
            label=label.strip(),
            scope=Scope(scope),
            created_at=instance.clock.now(),
            until=None if until is None else midnight(until, zone),
        )

        def work(tx: "Transaction") -> tuple[str, str]:
            return add_application_password(tx, instance.instance_key, find(tx, address), new)

        identifier, password = instance.database.write_now(work)
    print_facts({"id": identifier, "scope": scope, "password": password}, as_json=as_json)


@commands.command("list")
def list_all(address: Address, config: Config = None, as_json: AsJson = False) -> None:
    """Liste les mots de passe d'application d'une boîte, avec leur dernière utilisation."""
    from access_core.authentication.application_passwords import application_passwords_of

    with opened(config) as instance:
        now = instance.clock.now()
        found = instance.database.read_now(lambda tx: application_passwords_of(tx, find(tx, address).account_id))
    print_rows([_facts(each, now) for each in found], COLUMNS, as_json=as_json)


@commands.command()
def revoke(address: Address, identifier: Identifier, config: Config = None, as_json: AsJson = False) -> None:
    """Révoque un mot de passe d'application ; les sessions déjà ouvertes finissent d'elles-mêmes."""
    from vaguemestre.app.administration import revoke_application_password

    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> None:
            if not revoke_application_password(tx, find(tx, address), identifier, now):
                raise Refused("cette boîte n'a pas de mot de passe d'application en vigueur à cet identifiant")

        instance.database.write_now(work)
    print_facts({"id": identifier, "state": "revoked"}, as_json=as_json)


def _facts(found: "ApplicationPassword", now: datetime) -> dict[str, object]:
    state = "active"
    if found.revoked_at is not None:
        state = "revoked"
    elif found.expires_at is not None and found.expires_at <= now:
        state = "expired"
    return {
        "id": found.id,
        "label": found.label,
        "scope": found.scope,
        "state": state,
        "created_at": found.created_at,
        "expires_at": found.expires_at,
        "last_used_at": found.last_used_at,
        "revoked_at": found.revoked_at,
    }
