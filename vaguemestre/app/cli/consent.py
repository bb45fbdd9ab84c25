"""`vaguemestre consent`: what patients say of consultation and filing, as declared by other software."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli import mailbox, patient
from vaguemestre.app.cli.acting import (
    AsInstead,
    ByProfessional,
    account_of,
    act_as_patient,
    act_as_professional,
    said,
)
from vaguemestre.app.cli.shared import AsJson, Config, opened, print_facts, print_rows

if TYPE_CHECKING:
    from access_core.consent import Authorisation
    from access_core.objections import FilingScope
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

commands = typer.Typer(help="Consentement à la consultation, opposition au dépôt.", no_args_is_help=True)
COLUMNS = ("address", "consent", "level", "since", "until", "blocked", "standing")
FILING_COLUMNS = ("by", "type", "since", "motive")
FiledBy = Annotated[
    str | None, typer.Option("--by", metavar="ADDRESS", help="Documents d'un seul professionnel (défaut : de tous).")
]
FiledType = Annotated[
    str | None, typer.Option("--type", metavar="CODE", help="D'un seul type, code JDV_J07 (défaut : tous).")
]


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


@commands.command("oppose-filing")
def oppose_filing(
    ins: patient.InsText,
    motive: Annotated[str, typer.Option(help="Motif légitime, gardé avec l'opposition.")],
    by: FiledBy = None,
    type_code: FiledType = None,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Enregistre l'opposition du patient au dépôt de documents : d'un professionnel, d'un type, ou de tous."""
    from access_core import rights
    from access_core.acts import Act
    from access_core.objections import FilingObjection

    with opened(config) as instance:
        scope = _filing_scope(instance, by, type_code)
        outcome = act_as_patient(
            instance,
            ins,
            actor,
            Act.WITHDRAW_ACCESS,
            lambda tx, asking: rights.oppose_filing(
                tx, asking, FilingObjection(scope=scope, motive=motive, objected_at=asking.now)
            ),
        )
    print_facts(said(outcome.decision, by=by, type=type_code), as_json=as_json)


@commands.command("allow-filing")
def allow_filing(
    ins: patient.InsText,
    by: FiledBy = None,
    type_code: FiledType = None,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Lève l'opposition enregistrée pour ce professionnel, ce type, ou tous : avec les mêmes options."""
    from access_core import rights
    from access_core.acts import Act

    with opened(config) as instance:
        scope = _filing_scope(instance, by, type_code)
        outcome = act_as_patient(
            instance,
            ins,
            actor,
            Act.UNBLOCK_PROFESSIONAL,
            lambda tx, asking: rights.allow_filing(tx, asking, scope),
        )
    print_facts(said(outcome.decision, lifted=outcome.value), as_json=as_json)


@commands.command("oppositions")
def oppositions(ins: patient.InsText, config: Config = None, as_json: AsJson = False) -> None:
    """Liste les oppositions du patient au dépôt, avec leur motif."""
    from access_core.objections import objections_of
    from access_core.professionals import professional_by_account

    def work(tx: "Transaction") -> list[dict[str, object]]:
        rows: list[dict[str, object]] = []
        for each in objections_of(tx, patient.find(tx, instance, ins).id):
            named = each.scope.professional_id
            found = None if named is None else professional_by_account(tx, named)
            address = None if found is None else found.address
            rows.append({"by": address, "type": each.scope.type_code, "since": each.objected_at, "motive": each.motive})
        return rows

    with opened(config) as instance:
        rows = instance.database.read_now(work)
    print_rows(rows, FILING_COLUMNS, as_json=as_json)


def _filing_scope(instance: "Instance", by: str | None, type_code: str | None) -> "FilingScope":
    from access_core.objections import FilingScope

    return FilingScope(professional_id=None if by is None else account_of(instance, by), type_code=type_code)


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
