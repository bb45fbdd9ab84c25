"""Acts that the operator types for somebody whose identity and wish she checked; the engine decides them all the same.

A patient, representative or carer counts as signed in with two factors, a professional by Pro Santé Connect; the
trace names the person and the operator. A refusal is the command's failure, with its sentence and its code.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeVar

import typer

from vaguemestre.app.cli import mailbox, patient
from vaguemestre.app.cli.shared import Refused, opened

if TYPE_CHECKING:
    from access_core.acts import Act
    from access_core.case_acts import Asking
    from access_core.decision import Decision
    from access_core.performing import Outcome
    from vaguemestre.app.bootstrap import Instance
    from vaguemestre.kernel.database import Transaction

T = TypeVar("T")
Work = Callable[["Transaction", "Asking"], "Outcome[T]"]
AsInstead = Annotated[
    str | None,
    typer.Option("--as", metavar="INS", help="INS du représentant ou de l'aidant qui agit (défaut : le titulaire)."),
]
ByProfessional = Annotated[str, typer.Option("--by", metavar="ADDRESS", help="Adresse du professionnel qui agit.")]
AddressText = Annotated[str, typer.Argument(metavar="ADDRESS", help="Adresse MSSanté du professionnel.")]


def act_as_patient(instance: "Instance", ins: str, actor: str | None, act: "Act", work: "Work[T]") -> "Outcome[T]":
    """Act on the space of INS as its holder, or as the person of the INS ACTOR.

    Raises:
        Refused: the engine says no; the text is its sentence and its code.
    """
    return _settle(instance, instance.database.read_now(lambda tx: patient_asking(tx, instance, ins, actor)), act, work)


def act_as_professional(instance: "Instance", ins: str, address: str, act: "Act", work: "Work[T]") -> "Outcome[T]":
    """Act on the space of INS as the professional at ADDRESS. Raises Refused as `act_as_patient` does."""
    asking = instance.database.read_now(lambda tx: professional_asking(tx, instance, ins, address))
    return _settle(instance, asking, act, work)


def patient_asking(tx: "Transaction", instance: "Instance", ins: str, actor: str | None) -> "Asking":
    """Return who asks on the patient's side, at this instant."""
    from access_core.case_acts import SIGNED_IN, Asking
    from vaguemestre.app.administration import OPERATOR

    return Asking(
        profile=patient.find(tx, instance, ins),
        actor=patient.find(tx, instance, actor or ins),
        session=SIGNED_IN,
        now=instance.clock.now(),
        behalf=OPERATOR,
        rules=instance.settings.access.life,
    )


def professional_asking(tx: "Transaction", instance: "Instance", ins: str, address: str) -> "Asking":
    """Return the professional who asks, at this instant."""
    from access_core.case_acts import BY_CARD, Asking
    from access_core.case_inputs import local_sender
    from vaguemestre.app.administration import OPERATOR

    return Asking(
        profile=patient.find(tx, instance, ins),
        actor=local_sender(mailbox.find(tx, address)),
        session=BY_CARD,
        now=instance.clock.now(),
        behalf=OPERATOR,
        rules=instance.settings.access.life,
    )


def account_of(instance: "Instance", address: str) -> str:
    """Return the account id of a professional mailbox of ours. Raises Refused when there is none."""
    return instance.database.read_now(lambda tx: mailbox.find(tx, address).account_id)


def said(decision: "Decision", **facts: object) -> dict[str, object]:
    """Return what a command prints of a decision, FACTS beside it."""
    return {"decision": decision.verdict, "reason": decision.reason, "obligations": decision.obligations, **facts}


def act_on_professional(
    where: tuple[Path | None, str, str | None],
    address: str,
    act: "Act",
    work: "Callable[[Transaction, Asking, str], Outcome[T]]",
) -> "dict[str, object]":
    """Act as a patient (WHERE: settings file, INS, who acts instead) about the professional at ADDRESS."""
    config, ins, actor = where
    with opened(config) as instance:
        professional_id = account_of(instance, address)
        outcome = act_as_patient(instance, ins, actor, act, lambda tx, asking: work(tx, asking, professional_id))
    return said(outcome.decision)


def _settle(instance: "Instance", asking: "Asking", act: "Act", work: "Work[T]") -> "Outcome[T]":
    from access_core.performing import settle
    from access_core.reasons import REGISTER

    outcome = settle(instance.database, asking, act, lambda tx: work(tx, asking))
    if not outcome.decision.allowed and outcome.value is None:
        entry = REGISTER[outcome.decision.reason]
        raise Refused(f"{entry.sentence} [{entry.shown}]")
    return outcome
