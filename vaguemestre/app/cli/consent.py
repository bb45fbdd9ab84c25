"""`vaguemestre consent`: what patients say of consultation, as an establishment's software would declare it."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli import mailbox, patient
from vaguemestre.app.cli.acting import ByProfessional, act_as_professional, said
from vaguemestre.app.cli.shared import AsJson, Config, opened, print_facts, print_rows

if TYPE_CHECKING:
    from access_core.consent import Authorisation
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Consentement à la consultation.", no_args_is_help=True)
COLUMNS = ("address", "consent", "level", "since", "until", "blocked", "standing")


@commands.command()
def record(
    ins: patient.InsText,
    by: ByProfessional,
    collected: Annotated[
        bool, typer.Option("--collected", help="Le professionnel déclare avoir recueilli le consentement explicite.")
    ] = False,
    deposit: Annotated[bool, typer.Option("--deposit", help="Consulter et ajouter des documents.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Enregistre le consentement explicite qu'un professionnel a recueilli, valable un an."""
    from access_core import rights
    from access_core.acts import Act
    from access_core.consent import AccessLevel

    level = AccessLevel.DEPOSER if deposit else AccessLevel.CONSULTER
    with opened(config) as instance:
        outcome = act_as_professional(
            instance,
            ins,
            by,
            Act.GRANT_ACCESS,
            lambda tx, asking: rights.record_consent(tx, asking, level, collected=collected),
        )
    print_facts(said(outcome.decision), as_json=as_json)


@commands.command()
def accept(ins: patient.InsText, by: ByProfessional, config: Config = None, as_json: AsJson = False) -> None:
    """Accepte, au nom du professionnel, l'accès que le patient lui ouvre."""
    from access_core import rights
    from access_core.acts import Act

    with opened(config) as instance:
        outcome = act_as_professional(instance, ins, by, Act.GRANT_ACCESS, rights.accept_grant)
    print_facts(said(outcome.decision), as_json=as_json)


@commands.command()
def refuse(ins: patient.InsText, by: ByProfessional, config: Config = None, as_json: AsJson = False) -> None:
    """Enregistre que le patient s'oppose à la consultation par ce professionnel."""
    from access_core import rights
    from access_core.acts import Act

    with opened(config) as instance:
        outcome = act_as_professional(
            instance,
            ins,
            by,
            Act.WITHDRAW_ACCESS,
            lambda tx, asking: rights.refuse_consultation(tx, asking, rights.own_id(asking)),
        )
    print_facts(said(outcome.decision), as_json=as_json)


@commands.command()
def withdraw(ins: patient.InsText, by: ByProfessional, config: Config = None, as_json: AsJson = False) -> None:
    """Retire l'accès de ce professionnel, qui y renonce ou à qui le patient le reprend."""
    from access_core import rights
    from access_core.acts import Act

    with opened(config) as instance:
        outcome = act_as_professional(
            instance,
            ins,
            by,
            Act.WITHDRAW_ACCESS,
            lambda tx, asking: rights.withdraw_access(tx, asking, rights.own_id(asking)),
        )
    print_facts(said(outcome.decision), as_json=as_json)


@commands.command()
def show(
    ins: patient.InsText,
    by: Annotated[str | None, typer.Option("--by", metavar="ADDRESS", help="Un seul professionnel.")] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Montre le consentement en vigueur pour chaque professionnel connu du patient."""
    with opened(config) as instance:
        rows = instance.database.read_now(lambda tx: _rows(tx, instance, ins, by))
    print_rows(rows, COLUMNS, as_json=as_json)


def _rows(tx: "Transaction", instance: "Instance", ins: str, by: str | None) -> list[dict[str, object]]:
    from access_core.care import in_care
    from access_core.consent import authorisation_of, authorisations_of
    from access_core.professionals import professionals

    found, now = patient.find(tx, instance, ins), instance.clock.now()
    if by is not None:
        one = mailbox.find(tx, by)
        return [_row(tx, (instance, found.id, one.address), authorisation_of(tx, found.id, one.account_id))]
    decided = {each.professional_id: each for each in authorisations_of(tx, found.id)}
    rows = []
    for person in professionals(tx):
        if person.account_id in decided or in_care(tx, found.id, person.account_id, now=now):
            kept = decided.get(person.account_id) or authorisation_of(tx, found.id, person.account_id)
            rows.append(_row(tx, (instance, found.id, person.address), kept))
    return rows


def _row(tx: "Transaction", where: "tuple[Instance, str, str]", kept: "Authorisation") -> dict[str, object]:
    from access_core.care import care_of
    from access_core.consent import consent_in_force

    instance, profile_id, address = where
    now = instance.clock.now()
    care = care_of(tx, profile_id, kept.professional_id, now=now)
    presumed = kept.consent is None and care is not None
    return {
        "address": address,
        "consent": consent_in_force(kept, care, now),
        "level": kept.level,
        "since": kept.consent_at,
        "until": care.presumed_until if presumed and care is not None else kept.consent_until,
        "blocked": kept.blocked,
        "standing": kept.standing,
    }
