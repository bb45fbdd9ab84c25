"""`vaguemestre patient`, continued: what a patient decides about professionals and about her whole space."""

from typing import TYPE_CHECKING, Annotated

import typer

from vaguemestre.app.cli.acting import (
    AddressText,
    AsInstead,
    ByProfessional,
    act_as_patient,
    act_as_professional,
    act_on_professional,
    said,
)
from vaguemestre.app.cli.patient import InsText, commands
from vaguemestre.app.cli.shared import AsJson, Config, Refused, opened, print_facts

if TYPE_CHECKING:
    from access_core.case_acts import Asking
    from access_core.performing import Outcome
    from access_core.preferences import Preferences
    from vaguemestre.kernel.database import Transaction

Switch = Annotated[bool | None, typer.Option(help="Ouvert ou fermé ; sans l'option, inchangé.")]


@commands.command()
def block(
    ins: InsText,
    address: AddressText,
    actor: AsInstead = None,
    by: Annotated[
        str | None, typer.Option("--by", metavar="ADDRESS", help="Médecin traitant ou administrateur qui bloque.")
    ] = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Bloque un professionnel ; il peut encore écrire et déposer."""
    from access_core import rights
    from access_core.acts import Act
    from vaguemestre.app.cli.acting import account_of

    if by is None:
        facts = act_on_professional((config, ins, actor), address, Act.BLOCK_PROFESSIONAL, rights.block_professional)
        print_facts(facts, as_json=as_json)
        return
    with opened(config) as instance:
        blocked = account_of(instance, address)
        outcome = act_as_professional(
            instance,
            ins,
            by,
            Act.BLOCK_PROFESSIONAL,
            lambda tx, asking: rights.block_professional(tx, asking, blocked),
        )
    print_facts(said(outcome.decision), as_json=as_json)


@commands.command()
def unblock(
    ins: InsText, address: AddressText, actor: AsInstead = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Débloque un professionnel ; il devra recueillir de nouveau l'accord du patient."""
    from access_core import rights
    from access_core.acts import Act

    act, work = Act.UNBLOCK_PROFESSIONAL, rights.unblock_professional
    print_facts(act_on_professional((config, ins, actor), address, act, work), as_json=as_json)


@commands.command()
def grant(
    ins: InsText,
    address: AddressText,
    deposit: Annotated[bool, typer.Option("--deposit", help="Consulter et ajouter des documents.")] = False,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Ouvre l'accès à un professionnel, qui en est averti et doit l'accepter (« consent accept »)."""
    from access_core import rights
    from access_core.acts import Act
    from access_core.consent import AccessLevel

    level = AccessLevel.DEPOSER if deposit else AccessLevel.CONSULTER
    facts = act_on_professional(
        (config, ins, actor),
        address,
        Act.GRANT_ACCESS,
        lambda tx, asking, professional_id: rights.grant_access(tx, asking, professional_id, level),
    )
    print_facts(facts, as_json=as_json)


@commands.command()
def withdraw(
    ins: InsText, address: AddressText, actor: AsInstead = None, config: Config = None, as_json: AsJson = False
) -> None:
    """Reprend l'accès ouvert à un professionnel."""
    from access_core import rights
    from access_core.acts import Act

    facts = act_on_professional((config, ins, actor), address, Act.WITHDRAW_ACCESS, rights.withdraw_access)
    print_facts(facts, as_json=as_json)


@commands.command()
def administrator(
    ins: InsText,
    address: AddressText,
    attending: Annotated[bool, typer.Option("--attending", help="Comme médecin traitant.")] = False,
    remove: Annotated[bool, typer.Option("--remove", help="Retire le titre.")] = False,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Nomme un professionnel administrateur, ou médecin traitant."""
    from access_core import rights
    from access_core.acts import Act
    from access_core.facts import Standing

    named = Standing.MEDECIN_TRAITANT if attending else Standing.ADMINISTRATEUR
    standing = Standing.AUCUN if remove else named
    facts = act_on_professional(
        (config, ins, actor),
        address,
        Act.WITHDRAW_ACCESS if remove else Act.GRANT_ACCESS,
        lambda tx, asking, professional_id: rights.name_standing(tx, asking, professional_id, standing),
    )
    print_facts({**facts, "standing": standing}, as_json=as_json)


@commands.command()
def emergency(
    ins: InsText,
    samu: Switch = None,
    break_glass: Switch = None,
    masked: Switch = None,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Règle l'accès en urgence : SAMU, autres professionnels, documents masqués (seulement avec l'un des deux)."""
    from dataclasses import replace

    from access_core import rights
    from access_core.acts import Act
    from access_core.preferences import preferences_of

    asked = {"samu": samu, "break_glass": break_glass, "masked_documents": masked}
    changes = {name: value for name, value in asked.items() if value is not None}

    def work(tx: "Transaction", asking: "Asking") -> "Outcome[Preferences]":
        wanted = replace(preferences_of(tx, asking.profile.id), **changes)
        if masked and not wanted.consistent().masked_documents:
            raise Refused("les documents masqués ne s'ouvrent en urgence que si le SAMU ou les autres y accèdent")
        return rights.set_emergency(tx, asking, wanted)

    with opened(config) as instance:
        outcome = act_as_patient(instance, ins, actor, Act.GRANT_ACCESS, work)
    print_facts(said(outcome.decision, preferences=outcome.value), as_json=as_json)


@commands.command()
def mask(
    ins: InsText,
    by_default: Annotated[bool, typer.Option("--on/--off", help="Masque tous les documents, ou cesse.")] = True,
    actor: AsInstead = None,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Masque par défaut les documents, présents et à venir, aux professionnels.

    --off rend visibles ceux que ce réglage seul masquait ; ceux que la personne ou l'auteur a masqués le restent.
    """
    from access_core.acts import Act
    from dmp_bridge.record.masking import set_default_masking

    with opened(config) as instance:
        outcome = act_as_patient(
            instance,
            ins,
            actor,
            Act.MASK_DOCUMENT if by_default else Act.UNMASK_DOCUMENT,
            lambda tx, asking: set_default_masking(tx, asking, masked=by_default),
        )
    print_facts(said(outcome.decision, preferences=outcome.value), as_json=as_json)


@commands.command()
def secret(
    ins: InsText,
    by: ByProfessional,
    no_mention: Annotated[
        bool, typer.Option("--no-mention", help="Aucune mention : rien n'est déposé ni écrit.")
    ] = False,
    lift: Annotated[bool, typer.Option("--lift", help="Le mineur accepte que le secret prenne fin.")] = False,
    config: Config = None,
    as_json: AsJson = False,
) -> None:
    """Convient, entre un mineur et un professionnel, du secret à l'égard des représentants légaux."""
    from access_core import rights
    from access_core.acts import Act
    from access_core.secrecy import SecretKind

    kind = SecretKind.TAIRE if no_mention else SecretKind.CACHER

    with opened(config) as instance:
        if lift:
            decision = act_as_professional(instance, ins, by, Act.WITHDRAW_ACCESS, rights.lift_secret).decision
        else:
            agreed = act_as_professional(
                instance,
                ins,
                by,
                Act.FILE_DOCUMENT,
                lambda tx, asking: rights.agree_on_secret(tx, asking, kind),
            )
            decision = agreed.decision
    print_facts(said(decision, secret=None if lift else kind), as_json=as_json)
