"""`vaguemestre patient`: patient profiles and the life of their status."""

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from vaguemestre.app.cli.shared import (
    AsJson,
    Config,
    PasswordStdin,
    Refused,
    new_password,
    opened,
    password_from_stdin,
    print_facts,
)
from vaguemestre.kernel.errors import TemporaryFailure

if TYPE_CHECKING:
    from access_core.activation import Activation
    from access_core.directories.identities import IdentityAnswer
    from access_core.identifiers import INS
    from access_core.profiles import NewProfile, Profile
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
    announce: Annotated[
        bool, typer.Option("--announce", help="Création automatique : annoncée, ouverte six semaines après.")
    ] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Vérifie les traits auprès d'INSi, ou du registre qui le remplace.")
    ] = False,
    paper: Annotated[bool, typer.Option("--paper", help="Avec --verify : une pièce d'identité a été vue.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Crée un profil ; il est non_active jusqu'à « patient activate »."""
    from access_core.profiles import NewProfile
    from vaguemestre.app.administration import announce_profile, open_profile

    if paper and not verify:
        raise Refused("--paper va avec --verify")

    with opened(config) as instance:
        now, delay = instance.clock.now(), timedelta(days=instance.settings.access.life.opening_days)
        new = NewProfile(
            ins=read_ins(instance, ins, oid),
            family=family,
            given=given,
            birth_date=_birth_date(birth_date),
            sex=sex,
            created_at=now,
            email=email,
            opens_at=now + delay if announce else None,
        )
        create = announce_profile if announce else open_profile
        answer = _ask(instance, new) if verify else None

        def work(tx: "Transaction") -> "tuple[Profile, dict[str, object]]":
            added = create(tx, instance.mail_store, new)
            return added, {} if answer is None else _verified(tx, instance, added, answer, paper=paper)

        added, identity = instance.database.write_now(work)
        print_facts({**describe(instance, added), **identity}, as_json=as_json)


@commands.command("verify")
def verify_identity(
    ins: InsText,
    paper: Annotated[bool, typer.Option("--paper", help="Une pièce d'identité a été vue.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Vérifie l'identité d'un patient ; son statut (récupérée, qualifiée) compte dans les décisions."""
    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: find(tx, instance, ins))
        answer = _ask(instance, found)
        facts = instance.database.write_now(lambda tx: _verified(tx, instance, found, answer, paper=paper))
    print_facts(facts, as_json=as_json)


@commands.command()
def show(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Montre un profil."""
    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: find(tx, instance, ins))
        print_facts(describe(instance, found), as_json=as_json)


@commands.command()
def activate(
    ins: InsText, password_stdin: PasswordStdin = False, config: Config = None, as_json: AsJson = False
) -> None:
    """Active un profil : mot de passe et code à usage unique, dont le secret est montré une fois.

    Un mineur représenté s'active sans mot de passe : ses représentants se connectent avec le leur.
    """
    from access_core.activation import activate as activate_profile
    from access_core.authentication.totp import new_secret, provisioning_uri
    from vaguemestre.app.administration import note

    password = new_password(asked=True) if password_stdin else None
    with opened(config) as instance:
        if not instance.settings.instance.patient_domains:
            raise Refused("aucun espace de patient ici : [instance] patient_domains est vide")
        secret, now = new_secret(), instance.clock.now()
        encoded = _encoded(password)

        def work(tx: "Transaction") -> "Profile":
            found = find(tx, instance, ins)
            activation = _activation(tx, instance, found, (encoded, secret, now))
            active = activate_profile(tx, found.id, activation)
            note(tx, "profile_activated", now, profile_id=found.id)
            return active

        active = instance.database.write_now(work)
        uri = provisioning_uri(secret, active.ins.value, "Vaguemestre")
        totp = {"totp_secret": secret, "totp_uri": uri} if encoded else {}
        print_facts({**describe(instance, active), **totp}, as_json=as_json)


@commands.command()
def represent(
    child: Annotated[str, typer.Argument(metavar="CHILD_INS", help="INS de l'enfant.")],
    by: Annotated[str, typer.Option(metavar="INS", help="INS du représentant légal.")],
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Déclare un représentant légal d'un mineur."""
    from access_core.representation import represent as declare
    from vaguemestre.app.administration import note

    with opened(config) as instance:
        now = instance.clock.now()

        def work(tx: "Transaction") -> "Profile":
            minor, representative = find(tx, instance, child), find(tx, instance, by)
            declare(tx, minor.id, representative.id, now=now)
            note(tx, "representative_declared", now, profile_id=minor.id)
            return minor

        print_facts(describe(instance, instance.database.write_now(work)), as_json=as_json)


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


def _encoded(password: str | None) -> str | None:
    from access_core.authentication.passwords import hash_password

    return None if password is None else hash_password(password)


def _activation(
    tx: "Transaction", instance: "Instance", found: "Profile", secrets: tuple[str | None, str, datetime]
) -> "Activation":
    """Return what activating needs; only a minor who is represented does without a password.

    Raises:
        ConfigurationError: no password was given for anybody else.
    """
    from access_core.activation import Activation
    from access_core.authentication.totp import seal_secret
    from access_core.representation import representatives_of

    encoded, secret, now = secrets
    if encoded is None:
        if not representatives_of(tx, found.id, now=now):
            password_from_stdin(asked=False)
        return Activation(activated_at=now)
    sealed = seal_secret(instance.instance_key, found.account_id, secret)
    return Activation(activated_at=now, encoded_password=encoded, sealed_totp=sealed)


def _birth_date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise Refused("--birth-date : écrivez AAAA-MM-JJ") from None


def describe(instance: "Instance", found: "Profile") -> dict[str, object]:
    """Return a profile as data."""
    settings = instance.settings
    domain = (*settings.instance.patient_domains, *settings.smtp.patient_domains_elsewhere, "-")[0]
    return {
        "ins": found.ins.value,
        "address": f"{found.ins.value}@{domain}",
        "family": found.family,
        "given": found.given,
        "birth_date": found.birth_date,
        "sex": found.sex,
        "status": found.status,
        "id": found.id,
    }


def _ask(instance: "Instance", person: "Profile | NewProfile") -> "IdentityAnswer":
    """Ask who has the traits of a person.

    Raises:
        Refused: the service does not answer; nothing was changed.
    """
    from access_core.directories.identities import Traits
    from vaguemestre.app.directories import ask_identity

    traits = Traits(family=person.family, given=person.given, birth_date=person.birth_date, sex=person.sex)
    try:
        return ask_identity(instance, traits)
    except TemporaryFailure as error:
        raise Refused(f"identité non vérifiée, rien n'a changé ; réessayez plus tard ({error})") from None


def _verified(
    tx: "Transaction", instance: "Instance", found: "Profile", answer: "IdentityAnswer", *, paper: bool
) -> dict[str, object]:
    """Keep what the answer says of a profile and return what is then known of her identity."""
    from vaguemestre.app.administration import note
    from vaguemestre.app.directories import keep_identity

    now = instance.clock.now()
    status = keep_identity(tx, found, answer, paper=paper, now=now)
    note(tx, f"identity_{status}", now, profile_id=found.id)
    return {"identity": status}
