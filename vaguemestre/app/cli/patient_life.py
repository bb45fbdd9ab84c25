"""`vaguemestre patient`, continued: the life of a space after its creation."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.acting import AsInstead, act_as_patient, said
from vaguemestre.app.cli.patient import InsText, commands, describe, find
from vaguemestre.app.cli.shared import AsJson, Config, opened, print_facts

if TYPE_CHECKING:
    from access_core.life import Recording
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

ProtectorText = Annotated[str, typer.Option("--by", metavar="INS", help="INS de la personne qui le protège.")]


@commands.command()
def oppose(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Enregistre l'opposition de la personne à son espace, et en donne la preuve."""
    from access_core import life

    with opened(config) as instance:
        proof = instance.database.write_now(lambda tx: life.oppose(tx, find(tx, instance, ins), _recording(instance)))
        facts = {**_now(instance, ins), "proof": proof.id, "statement": proof.statement}
    print_facts(facts, as_json=as_json)


@commands.command()
def suspend(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Suspend un espace (fraude, dysfonctionnement) ; sans objection il est clos six semaines après."""
    from access_core import life

    with opened(config) as instance:
        instance.database.write_now(lambda tx: life.suspend(tx, find(tx, instance, ins), _recording(instance)))
        facts = _now(instance, ins)
    print_facts(facts, as_json=as_json)


@commands.command()
def death(ins: InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Enregistre le décès du titulaire ; l'espace est archivé dix ans."""
    from access_core import life

    with opened(config) as instance:
        instance.database.write_now(lambda tx: life.record_death(tx, find(tx, instance, ins), _recording(instance)))
        facts = _now(instance, ins)
    print_facts(facts, as_json=as_json)


@commands.command()
def protect(ins: InsText, by: ProtectorText, config: Config = None, as_json: AsJson = False) -> None:
    """Enregistre la protection d'un majeur, décidée par le juge, et qui le représente."""
    from access_core import life

    with opened(config) as instance:
        instance.database.write_now(
            lambda tx: life.protect(tx, find(tx, instance, ins), find(tx, instance, by), _recording(instance))
        )
        facts = _protectors(instance, ins)
    print_facts(facts, as_json=as_json)


@commands.command()
def unprotect(ins: InsText, by: ProtectorText, config: Config = None, as_json: AsJson = False) -> None:
    """Enregistre qu'une personne ne protège plus un majeur ; sans autre protecteur, la protection prend fin."""
    from access_core import life

    with opened(config) as instance:
        instance.database.write_now(
            lambda tx: life.unprotect(tx, find(tx, instance, ins), find(tx, instance, by), _recording(instance))
        )
        facts = _protectors(instance, ins)
    print_facts(facts, as_json=as_json)


@commands.command()
def close(
    ins: InsText,
    delete: Annotated[
        bool, typer.Option("--delete", help="Supprime sous trois mois, au lieu d'archiver dix ans.")
    ] = False,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ferme un espace, sur demande écrite du titulaire ou de son représentant."""
    from access_core import life
    from access_core.acts import Act
    from access_core.profiles import ProfileStatus

    with opened(config) as instance:
        found = instance.database.read_now(lambda tx: find(tx, instance, ins))
        facts: dict[str, object] = {}
        if found.status is ProfileStatus.NON_ACTIVE and actor is None:
            instance.database.write_now(
                lambda tx: life.close_unopened(tx, find(tx, instance, ins), _recording(instance), delete=delete)
            )
        else:
            # The operator holds the signed request: it stands for the password.
            asked = life.Closing(confirmed=True, delete=delete)
            outcome = act_as_patient(
                instance, ins, actor, Act.CLOSE_PROFILE, lambda tx, asking: life.close(tx, asking, asked)
            )
            facts = said(outcome.decision)
        facts = {**_now(instance, ins), **facts}
    print_facts(facts, as_json=as_json)


@commands.command()
def reopen(ins: InsText, actor: AsInstead = None, config: Config = None, as_json: AsJson = False) -> None:
    """Rouvre un espace fermé, opposé ou suspendu : avec ses archives, ou vide si elles ont été supprimées."""
    from access_core import life
    from access_core.acts import Act

    with opened(config) as instance:
        store = instance.mail_store
        outcome = act_as_patient(
            instance,
            ins,
            actor,
            Act.REOPEN_PROFILE,
            lambda tx, asking: life.reopen(tx, asking, store.create_mailbox),
        )
        facts = {**_now(instance, ins), **said(outcome.decision)}
    print_facts(facts, as_json=as_json)


def _recording(instance: "Instance") -> "Recording":
    from access_core.life import Recording
    from vaguemestre.app.administration import OPERATOR

    return Recording(by=OPERATOR, now=instance.clock.now(), rules=instance.settings.access.life)


def _protectors(instance: "Instance", ins: str) -> dict[str, object]:
    """Describe the profile, and who represents it now."""
    from access_core.protection import is_protected
    from access_core.representation import representatives_of

    now = instance.clock.now()

    def work(tx: "Transaction") -> dict[str, object]:
        found = find(tx, instance, ins)
        protectors = [each.ins.value for each in representatives_of(tx, found.id, now=now)]
        return {**describe(instance, found), "protected": is_protected(tx, found.id, now=now), "by": protectors}

    return instance.database.read_now(work)


def _now(instance: "Instance", ins: str) -> dict[str, object]:
    """Describe the profile as it now is, and what becomes of what it holds."""
    from access_core.closing import holding_of

    def work(tx: "Transaction") -> dict[str, object]:
        found = find(tx, instance, ins)
        held = holding_of(tx, found.id)
        dates = {"closes_at": held.closes_at, "erase_at": held.erase_at, "erased_at": held.erased_at}
        return {**describe(instance, found), **dates}

    return instance.database.read_now(work)
