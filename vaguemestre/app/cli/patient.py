"""`vaguemestre patient`: patient profiles and the life of their status."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vaguemestre.app.cli.shared import AsJson, Config, PasswordStdin, Refused, new_password, opened, print_facts

if TYPE_CHECKING:
    from access_core.identifiers import INS
    from access_core.profiles import Profile
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Profils des patients.", no_args_is_help=True)
InsText = Annotated[str, typer.Argument(metavar="INS", help="Matricule INS et clé, 15 caractères.")]


@commands.command()
def add(
    ins: InsText,
    family: Annotated[str, typer.Option(help="Nom de naissance.")],
    given: Annotated[str, typer.Option(help="Premier prénom.")],
    birth_date: Annotated[str, typer.Option(metavar="YYYY-MM-DD", help="Date de naissance.")],
    sex: Annotated[Literal["M", "F"], typer.Option(help="Sexe.")],
    email: Annotated[str | None, typer.Option(help="Adresse ordinaire, pour les avis sans donnée de santé.")] = None,
    oid: Annotated[str | None, typer.Option(help="OID de l'INS (défaut : selon le matricule).")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Crée un profil ; il est non_active jusqu'à « patient activate »."""
    from access_core.profiles import NewProfile
    from vaguemestre.app.administration import open_profile

    with opened(config) as instance:
        new = NewProfile(
            ins=read_ins(instance, ins, oid),
            family=family,
            given=given,
            birth_date=_birth_date(birth_date),
            sex=sex,
            created_at=instance.clock.now(),
            email=email,
        )
        added = instance.database.write_now(lambda tx: open_profile(tx, instance.mail_store, new))
        print_facts(_facts(instance, added), as_json=as_json)


@commands.command()
def show(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Montre un profil."""
    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: find(tx, instance, ins))
        print_facts(_facts(instance, found), as_json=as_json)


@commands.command()
def activate(
    ins: InsText, password_stdin: PasswordStdin = False, config: Config = None, as_json: AsJson = False
) -> None:
    """Active un profil : mot de passe et code à usage unique, dont le secret est montré une fois."""
    from access_core.authentication.passwords import hash_password
    from access_core.authentication.totp import new_secret, provisioning_uri, seal_secret
    from access_core.profiles import Activation
    from access_core.profiles import activate as activate_profile
    from vaguemestre.app.administration import note

    password = new_password(asked=password_stdin)
    with opened(config) as instance:
        encoded, secret, now = hash_password(password), new_secret(), instance.clock.now()

        def work(tx: "Transaction") -> "Profile":
            found = find(tx, instance, ins)
            sealed = seal_secret(instance.instance_key, found.account_id, secret)
            activation = Activation(activated_at=now, encoded_password=encoded, sealed_totp=sealed)
            active = activate_profile(tx, found.id, activation)
            note(tx, "profile_activated", now, profile_id=found.id)
            return active

        active = instance.database.write_now(work)
        totp = {"totp_secret": secret, "totp_uri": provisioning_uri(secret, active.ins.value, "Vaguemestre")}
        print_facts({**_facts(instance, active), **totp}, as_json=as_json)


@commands.command()
def oppose(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Enregistre l'opposition de la personne à son espace."""
    from access_core.profiles import oppose as change

    _apply(ins, config, _Change("profile_opposed", change), as_json=as_json)


@commands.command()
def close(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Ferme un profil ; ce qu'il contient reste."""
    from access_core.profiles import close as change

    _apply(ins, config, _Change("profile_closed", change), as_json=as_json)


@commands.command()
def reopen(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Rouvre un profil fermé, opposé ou suspendu."""
    from access_core.profiles import reopen as change

    _apply(ins, config, _Change("profile_reopened", change), as_json=as_json)


@commands.command()
def represent(
    child: Annotated[str, typer.Argument(metavar="CHILD_INS", help="INS de l'enfant.")],
    by: Annotated[str, typer.Option(metavar="INS", help="INS du représentant légal.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Déclare un représentant légal d'un mineur."""
    from access_core.profiles import represent as declare
    from vaguemestre.app.administration import note

    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> "Profile":
            minor, representative = find(tx, instance, child), find(tx, instance, by)
            declare(tx, minor.id, representative.id, now=now)
            note(tx, "representative_declared", now, profile_id=minor.id)
            return minor

        print_facts(_facts(instance, instance.database.write_now(work)), as_json=as_json)


def read_ins(instance: "Instance", text: str, oid: str | None = None) -> "INS":
    """Read an INS, or a patient's address, as the instance's rule on keys allows."""
    from access_core.identifiers import INS

    strict = instance.settings.smtp.ins_key == "strict"
    return INS.parse(text.partition("@")[0], oid=oid, strict=strict)


def find(tx: "Transaction", instance: "Instance", text: str) -> "Profile":
    """Return the profile of an INS.

    Raises:
        Refused: there is none.
    """
    from access_core.profiles import profile_by_ins

    found = profile_by_ins(tx, read_ins(instance, text))
    if found is None:
        raise Refused("aucun profil pour cet INS")
    return found


@dataclass(frozen=True, slots=True)
class _Change:
    """A change of status: what the trace calls it, and what does it."""

    event: str
    apply: "Callable[..., Profile]"


def _apply(text: str, config: Path | None, change: _Change, *, as_json: bool) -> None:
    """Make the change and print the profile as it then is."""
    from vaguemestre.app.administration import note

    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> "Profile":
            changed = change.apply(tx, find(tx, instance, text).id, now=now)
            note(tx, change.event, now, profile_id=changed.id)
            return changed

        print_facts(_facts(instance, instance.database.write_now(work)), as_json=as_json)


def _birth_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("--birth-date : écrivez AAAA-MM-JJ") from None


def _facts(instance: "Instance", found: "Profile") -> dict[str, object]:
    return {
        "ins": found.ins.value,
        "address": f"{found.ins.value}@{instance.settings.instance.patient_domains[0]}",
        "family": found.family,
        "given": found.given,
        "birth_date": found.birth_date,
        "sex": found.sex,
        "status": found.status,
        "id": found.id,
    }
