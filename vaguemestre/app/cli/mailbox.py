"""`vaguemestre mailbox`: professional mailboxes."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from vaguemestre.app.cli.shared import (
    AsJson,
    Config,
    PasswordStdin,
    Refused,
    new_password,
    opened,
    print_facts,
    print_json,
    print_rows,
)
from vaguemestre.kernel.errors import InvalidIdentifier, PermanentFailure
from vaguemestre.kernel.text_files import read_utf8

if TYPE_CHECKING:
    from access_core.professionals import NewProfessional, Professional
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Boîtes des professionnels.", no_args_is_help=True)
Type = Literal["PER", "ORG", "APP", "CAB"]
Address = Annotated[str, typer.Argument(metavar="ADDRESS", help="Adresse MSSanté de la boîte.")]
T = TypeVar("T")
PLACE = "place"  # where a row of a file stands, among its cells
COLUMNS = ("address", "type", "name", "state", "members")


@commands.command()
def add(
    address: Annotated[str | None, typer.Argument(metavar="ADDRESS", help="Adresse MSSanté de la boîte.")] = None,
    kind: Annotated[Type, typer.Option("--type", help="Personne, organisation, application, cabinet.")] = "PER",
    name: Annotated[str | None, typer.Option(help="Nom affiché.")] = None,
    rpps: Annotated[str | None, typer.Option(help="Numéro RPPS, 11 chiffres.")] = None,
    profession: Annotated[str | None, typer.Option(help="Code TRE_G15, par exemple 10.")] = None,
    structure: Annotated[str | None, typer.Option(help="Identifiant FINESS ou SIRET.")] = None,
    member: Annotated[list[str], typer.Option(help="Membre d'une boîte partagée ; répétable.")] = [],  # noqa: B006  typer copies it
    from_csv: Annotated[
        Path | None,
        typer.Option(help="Plusieurs boîtes : colonnes address, type, name, rpps, profession, structure."),
    ] = None,
    password_stdin: PasswordStdin = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ouvre une boîte, ou toutes celles d'un fichier CSV avec le même premier mot de passe."""
    if from_csv is None and (address is None or name is None):
        raise Refused("donnez ADDRESS et --name, ou --from-csv FICHIER")
    password = new_password(asked=password_stdin)
    row = {
        "address": address or "",
        "type": kind,
        "name": name or "",
        "rpps": rpps or "",
        "profession": profession or "",
        "structure": structure or "",
        "members": ";".join(member),
    }
    rows = [row] if from_csv is None else _read_csv(from_csv)
    with opened(config) as instance:
        added = _open_all(instance, rows, password)
    if from_csv is None:
        print_facts(_facts(added[0]), as_json=as_json)
    elif as_json:
        print_json({"added": len(added)})
    else:
        print(f"{len(added)} boîtes ouvertes")


@commands.command("list")
def list_all(config: Config = None, as_json: AsJson = False) -> None:
    """Liste les boîtes."""
    from access_core.professionals import professionals

    with opened(config) as instance:
        found = instance.database.read_now(professionals)
    print_rows([_facts(each) for each in found], COLUMNS, as_json=as_json)


@commands.command()
def show(address: Address, config: Config = None, as_json: AsJson = False) -> None:
    """Montre une boîte."""
    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: find(tx, address))
    print_facts(_facts(found), as_json=as_json)


@commands.command()
def suspend(address: Address, config: Config = None, as_json: AsJson = False) -> None:
    """Suspend une boîte : elle reçoit, personne ne s'y connecte."""
    _change(address, "SUSPENDED", config, as_json=as_json)


@commands.command()
def resume(address: Address, config: Config = None, as_json: AsJson = False) -> None:
    """Rouvre une boîte suspendue."""
    _change(address, "ACTIVE", config, as_json=as_json)


@commands.command()
def close(address: Address, config: Config = None, as_json: AsJson = False) -> None:
    """Ferme une boîte ; son adresse ne sera plus donnée."""
    _change(address, "CLOSED", config, as_json=as_json)


@commands.command("second-factor")
def second_factor(address: Address, config: Config = None, as_json: AsJson = False) -> None:
    """Donne un second facteur à un professionnel, pour son espace web ; le secret est montré une fois."""
    from access_core.accounts import AccountState
    from access_core.authentication.totp import keep_totp, new_secret, provisioning_uri, seal_secret
    from vaguemestre.app.administration import note

    with opened(config) as instance:
        secret, now, key = new_secret(), instance.clock.now(), instance.instance_key

        def work(tx: "Transaction") -> "Professional":
            found = find(tx, address)
            if found.state is AccountState.CLOSED:
                raise Refused("cette boîte est fermée")
            keep_totp(tx, found.account_id, seal_secret(key, found.account_id, secret), enrolled_at=now)
            note(tx, "second_factor_enrolled", now, mailbox_id=found.account_id)
            return found

        found = instance.database.write_now(work)
    uri = provisioning_uri(secret, found.address, "Vaguemestre")
    print_facts({"address": found.address, "totp_secret": secret, "totp_uri": uri}, as_json=as_json)


def find(tx: "Transaction", address: str) -> "Professional":
    """Return the mailbox with this address.

    Raises:
        Refused: there is none.
    """
    from access_core.professionals import professional_by_address

    found = professional_by_address(tx, address)
    if found is None:
        raise Refused("aucune boîte professionnelle à cette adresse")
    return found


def _change(address: str, state_name: str, config: Path | None, *, as_json: bool) -> None:
    from access_core.accounts import AccountState
    from vaguemestre.app.administration import change_mailbox_state

    state = AccountState[state_name]
    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> "Professional":
            found = find(tx, address)
            if found.state is AccountState.CLOSED:
                raise Refused("cette boîte est fermée")
            change_mailbox_state(tx, found.account_id, state, now)
            return find(tx, address)

        changed = instance.database.write_now(work)
    print_facts(_facts(changed), as_json=as_json)


def _open_all(instance: "Instance", rows: list[dict[str, str]], password: str) -> "list[Professional]":
    from access_core.authentication.passwords import hash_password
    from access_core.authentication.scram_keys import ScramKeeper
    from vaguemestre.app.administration import NewMailbox, open_mailboxes

    # One encoding for all: they are given the same first password anyway.
    encoded, keeper = hash_password(password), ScramKeeper(instance.instance_key)
    asked = [_professional(instance, row) for row in rows]
    mailboxes = [NewMailbox(each, encoded, keeper.prepared(each.address, password)) for each in asked]
    return instance.database.write_now(lambda tx: open_mailboxes(tx, instance.mail_store, mailboxes))


def _professional(instance: "Instance", row: dict[str, str]) -> "NewProfessional":
    from access_core.identifiers import MssAddress
    from access_core.professionals import MailboxType, NewProfessional

    def address(text: str) -> str:
        parsed = MssAddress.parse(text)
        if parsed.domain not in instance.settings.instance.domains:
            raise Refused("l'adresse n'est pas d'un domaine de cette instance ([instance] domains)")
        return str(parsed)

    def kind(text: str) -> MailboxType:
        if text not in MailboxType.__members__:
            raise Refused("le type d'une boîte est PER, ORG, APP ou CAB")
        return MailboxType(text)

    return NewProfessional(
        address=_cell(row, "address", address),
        type=_cell(row, "type", kind),
        name=row["name"],
        created_at=instance.clock.now(),
        rpps=_cell(row, "rpps", _rpps) if row.get("rpps") else None,
        profession=row.get("profession") or None,
        structure=row.get("structure") or None,
        members=tuple(filter(None, (row.get("members") or "").split(";"))),
    )


def _cell(row: dict[str, str], column: str, read: Callable[[str], T]) -> T:
    """Read one cell; what is wrong in a file is told with its line and column."""
    try:
        return read(row[column])
    except (InvalidIdentifier, PermanentFailure) as error:
        if PLACE not in row:
            raise
        raise Refused(f"{row[PLACE]}, colonne {column} : {error}") from None


def _rpps(text: str) -> str:
    """Read an RPPS; a key that does not match is only told, since official records have such."""
    from access_core.identifiers import RPPS

    rpps = RPPS.parse(text)
    if not rpps.luhn_matches:
        typer.echo("la clé du numéro RPPS ne correspond pas ; il est gardé tel quel", err=True)
    return rpps.number


def _read_csv(path: Path) -> list[dict[str, str]]:
    """Read the rows of a file, each with its place.

    Raises:
        Refused, ConfigurationError: not UTF-8, not well-formed, a column or a cell missing; names the line.
    """
    reader = csv.DictReader(io.StringIO(read_utf8(path), newline=""), strict=True)
    rows = []
    try:
        missing = {"address", "type", "name"} - set(reader.fieldnames or ())
        if missing:
            raise Refused(f"{path.name} : ligne 1 : il manque la colonne {', '.join(sorted(missing))}")
        for row in reader:
            place = f"{path.name} : ligne {reader.line_num}"
            if None in row or None in row.values():
                raise Refused(f"{place} : pas autant de cases que de colonnes")
            rows.append({**row, PLACE: place})
    except csv.Error:
        raise Refused(f"{path.name} : ligne {reader.reader.line_num} : CSV mal formé") from None
    return rows


def _facts(found: "Professional") -> dict[str, object]:
    return {
        "address": found.address,
        "type": found.type,
        "name": found.name,
        "state": found.state,
        "members": found.members,
        "rpps": found.rpps,
        "profession": found.profession,
        "structure": found.structure,
        "id": found.account_id,
    }
